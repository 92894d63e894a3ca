import type { AttemptChange, AttemptState, AttemptStore } from '../../auth/throttle.ts'
import { assertInstants } from '../kept-record.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresEngine } from './engine.ts'

const READ = statement(
  'attempts',
  'SELECT bucket, count, since, until FROM sojourn_attempts WHERE bucket = ANY($1::text[])',
)
/**
 * The buckets are locked and compared, and if all are as they were read, written. One that is not there cannot be
 * locked: whoever comes second to make it finds it there, and the whole is done again from the start.
 */
const SWAP = statement(
  'swap_attempts',
  `WITH change AS MATERIALIZED (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
      AS change (bucket, from_count, from_since, from_until, to_count, to_since, to_until)),
  held AS MATERIALIZED (
    SELECT bucket, count, since, until FROM sojourn_attempts WHERE bucket = ANY($1::text[]) AND ${IS_PATIENT}
    ORDER BY bucket FOR NO KEY UPDATE),
  verdict AS MATERIALIZED (
    SELECT NOT EXISTS (
      SELECT FROM change LEFT JOIN held ON held.bucket = change.bucket COLLATE "C"
      WHERE (held.count, held.since, held.until) IS DISTINCT FROM (from_count, from_since, from_until)) AS fits),
  cleared AS (
    DELETE FROM sojourn_attempts USING change
    WHERE (SELECT fits FROM verdict) AND sojourn_attempts.bucket = change.bucket AND to_count IS NULL),
  changed AS (
    UPDATE sojourn_attempts SET count = to_count, since = to_since, until = to_until FROM change
    WHERE (SELECT fits FROM verdict) AND sojourn_attempts.bucket = change.bucket
      AND from_count IS NOT NULL AND to_count IS NOT NULL),
  made AS (
    INSERT INTO sojourn_attempts (bucket, count, since, until)
    SELECT bucket, to_count, to_since, to_until FROM change
    WHERE (SELECT fits FROM verdict) AND from_count IS NULL AND to_count IS NOT NULL ORDER BY bucket)
  SELECT fits FROM verdict`,
)
const SWEEP = statement(
  'sweep_attempts',
  `WITH stale AS MATERIALIZED (
    SELECT bucket FROM sojourn_attempts WHERE until < $1::bigint AND since < $1::bigint
    LIMIT $2::bigint FOR UPDATE SKIP LOCKED)
  DELETE FROM sojourn_attempts WHERE bucket IN (SELECT bucket FROM stale) RETURNING 1`,
)

/** Failed attempts in a PostgreSQL store. */
export class PostgresAttempts implements AttemptStore {
  readonly #engine: PostgresEngine

  constructor(engine: PostgresEngine) {
    this.#engine = engine
  }

  async read(buckets: readonly string[]): Promise<readonly (AttemptState | null)[]> {
    const rows = await this.#engine.read((connection) => connection.rows(READ, buckets))
    const found = new Map(
      rows.map(([bucket, count, since, until]) => [
        bucket as string,
        { count: Number(count), since: Number(since), until: Number(until) },
      ]),
    )
    return buckets.map((bucket) => found.get(bucket) ?? null)
  }

  async swap(changes: readonly AttemptChange[]): Promise<boolean> {
    for (const { to } of changes) if (to !== null) assertInstants({ since: to.since, until: to.until })
    const part = (side: 'from' | 'to', name: keyof AttemptState): readonly (number | null)[] =>
      changes.map((change) => change[side]?.[name] ?? null)
    const values = [
      changes.map(({ bucket }) => bucket),
      part('from', 'count'),
      part('from', 'since'),
      part('from', 'until'),
      part('to', 'count'),
      part('to', 'since'),
      part('to', 'until'),
    ]
    const row = await this.#engine.write((connection) => connection.row(SWAP, ...values))
    return row?.[0] === true
  }

  async sweep(before: number, limit: number): Promise<number> {
    return (await this.#engine.write((connection) => connection.rows(SWEEP, before, Math.max(0, limit)))).length
  }
}
