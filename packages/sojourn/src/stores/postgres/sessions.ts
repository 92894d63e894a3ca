import type { EventType, Mark } from '../../core/events.ts'
import type { Pruned, SessionPatch, Touch, UpdateMark } from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { joinHashes } from '../joined-hashes.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { EVENT_COLUMNS, encodeEvent } from './events.ts'
import { Bindings } from './query.ts'
import { HAS_NOT_ENDED, instantText, optionalInstantText } from './rows.ts'
import type { Value } from './rows.ts'

const TOUCH = statement(
  'touch',
  `WITH note AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
      AS note (id, used_at, ends, due)),
  held AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions WHERE session_id = ANY($1::uuid[]) AND ${IS_PATIENT}
    ORDER BY session_id FOR NO KEY UPDATE),
  touched AS (
    UPDATE sojourn_sessions SET last_accessed = used_at, ends_at = least(expires_at, ends)
    FROM note JOIN held ON held.session_id = note.id
    WHERE sojourn_sessions.session_id = note.id AND ${HAS_NOT_ENDED} AND ends_at > due AND last_accessed < used_at
    RETURNING 1)
  SELECT count(*) FROM touched`,
)
const PRUNE = statement(
  'prune',
  `WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(6120447305) AS is_mine),
  old AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions WHERE (SELECT is_mine FROM turn) AND ends_at < $1::timestamptz
    ORDER BY ends_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
  pruned AS (
    DELETE FROM sojourn_sessions WHERE session_id IN (SELECT session_id FROM old) RETURNING 1),
  old_lines AS MATERIALIZED (
    SELECT position FROM sojourn_events WHERE (SELECT is_mine FROM turn) AND at < $1::timestamptz
    ORDER BY at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
  forgotten AS (DELETE FROM sojourn_events WHERE position IN (SELECT position FROM old_lines) RETURNING 1)
  SELECT (SELECT count(*) FROM pruned), (SELECT count(*) FROM forgotten)`,
)
/** What is in other hands is waited for: a record that was passed over would stay. */
const FORGET = statement(
  'forget',
  `WITH ended AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions WHERE user_id = $1 AND end_reason IS NOT NULL AND ${IS_PATIENT}
    ORDER BY created_at, session_id LIMIT $2::bigint FOR UPDATE),
  forgotten AS (
    DELETE FROM sojourn_sessions WHERE session_id IN (SELECT session_id FROM ended) RETURNING 1)
  SELECT count(*) FROM forgotten`,
)

/** Notes uses, as `Store.touch` promises. Several of one session take effect one after the other. */
export async function touchSessions(engine: PostgresEngine, batch: readonly Touch[]): Promise<number> {
  let count = 0
  for (const notes of roundsOf(batch.filter(({ id }) => isSessionId(id)))) {
    const values = [
      notes.map(({ id }) => id),
      notes.map(({ at }) => instantText(at)),
      notes.map(({ endsAt }) => instantText(endsAt)),
      notes.map(({ at, allowance }) => instantText(at - allowance)),
    ]
    const [touched] = await engine.write((connection) => connection.rows(TOUCH, ...values))
    count += Number(touched?.[0])
  }
  return count
}

/** Changes a session, as `Store.update` promises. */
export async function updateSession(
  engine: PostgresEngine,
  id: SessionId,
  version: number,
  patch: SessionPatch,
  mark: UpdateMark,
): Promise<boolean> {
  if (!isSessionId(id)) return false
  const bindings = new Bindings()
  const changes = ['version = version + 1', ...assignmentsOf(patch, bindings)]
  const bind = (value: Value, type: string): string => bindings.bind(value, type)
  const text = `
    WITH changed AS (
      UPDATE sojourn_sessions SET ${changes.join(', ')}
      WHERE session_id = ${bind(id, 'uuid')} AND version = ${bind(version, 'bigint')} AND ${HAS_NOT_ENDED} AND ${IS_PATIENT}
        AND ends_at > ${bind(instantText(mark.at - (mark.allowance ?? 0)), 'timestamptz')}
      RETURNING session_id, user_id)
    ${mark.event === undefined ? '' : `, told AS (${tellOfChange(mark.event, mark, bindings)})`}
    SELECT 1 FROM changed`
  const change = statement('update', text)
  return (await engine.write((connection) => connection.rows(change, ...bindings.values))).length > 0
}

/** Deletes what ended long ago, as `Store.prune` promises: nothing while another node is at it. */
export async function pruneSessions(engine: PostgresEngine, before: number, limit: number): Promise<Pruned> {
  const row = await engine.write((connection) => connection.row(PRUNE, instantText(before), Math.max(0, limit)))
  return { sessions: Number(row?.[0]), events: Number(row?.[1]) }
}

/** Deletes ended sessions of a user, as `Store.forget` promises. */
export async function forgetSessions(engine: PostgresEngine, userId: string, limit: number): Promise<number> {
  const row = await engine.write((connection) => connection.row(FORGET, userId, Math.max(0, limit)))
  return Number(row?.[0])
}

function tellOfChange(event: EventType, mark: Mark, bindings: Bindings): string {
  const [at, type, , , actor, reason, ip, detail] = encodeEvent(event, mark, { userId: null })
  const text = (value: Value | undefined): string => bindings.bind(value ?? null, 'text')
  return `
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT ${bindings.bind(at ?? null, 'timestamptz')}, ${text(type)}, session_id, user_id, ${text(actor)},
      ${text(reason)}, ${text(ip)}, ${text(detail)}
    FROM changed`
}

function assignmentsOf(patch: SessionPatch, bindings: Bindings): readonly string[] {
  const assignments: readonly (readonly [
    assignment: (value: string) => string,
    type: string,
    value: Value | undefined,
  ])[] = [
    [(value) => `secret_hash = ${value}`, 'bytea', patch.secretHash],
    [(value) => `next_hash = ${value}`, 'bytea', patch.nextHash],
    [(value) => `next_salt = ${value}`, 'bytea', patch.nextSalt],
    [(value) => `previous_hash = ${value}`, 'bytea', encoded(patch.previousHashes, joinHashes)],
    [(value) => `previous_until = ${value}`, 'timestamptz', encoded(patch.previousUntil, optionalInstantText)],
    [(value) => `authenticated_at = ${value}`, 'timestamptz', encoded(patch.authenticatedAt, instantText)],
    [
      (value) => `last_accessed = greatest(last_accessed, ${value})`,
      'timestamptz',
      encoded(patch.lastAccessedAt, instantText),
    ],
    [(value) => `expires_at = ${value}`, 'timestamptz', encoded(patch.expiresAt, instantText)],
    [(value) => `ends_at = ${value}`, 'timestamptz', encoded(patch.endsAt, instantText)],
    [(value) => `attributes = ${value}`, 'json', encoded(patch.attributes, (attributes) => JSON.stringify(attributes))],
    [(value) => `method = ${value}`, 'text', patch.method],
  ]
  return assignments.flatMap(([assignment, type, value]) =>
    value === undefined ? [] : [assignment(bindings.bind(value, type))],
  )
}

function encoded<T, Encoded>(value: T | undefined, encode: (value: T) => Encoded): Encoded | undefined {
  return value === undefined ? undefined : encode(value)
}

/** Notes in rounds of which none names a session twice. */
function roundsOf(batch: readonly Touch[]): readonly (readonly Touch[])[] {
  const rounds: Touch[][] = []
  const seen = new Map<SessionId, number>()
  for (const note of batch) {
    const round = seen.get(note.id) ?? 0
    seen.set(note.id, round + 1)
    ;(rounds[round] ??= []).push(note)
  }
  return rounds
}
