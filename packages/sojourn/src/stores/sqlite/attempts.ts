import type { AttemptChange, AttemptState, AttemptStore } from '../../auth/throttle.ts'
import { assertInstants } from '../kept-record.ts'
import type { SqliteConnection } from './connection.ts'
import type { SqliteEngine } from './engine.ts'

/** Failed attempts in an SQLite store. */
export class SqliteAttempts implements AttemptStore {
  readonly #engine: SqliteEngine

  constructor(engine: SqliteEngine) {
    this.#engine = engine
  }

  async read(buckets: readonly string[]): Promise<readonly (AttemptState | null)[]> {
    return this.#engine.read((database) => buckets.map((bucket) => attemptsIn(database, bucket)))
  }

  async swap(changes: readonly AttemptChange[]): Promise<boolean> {
    return this.#engine.write((database) => {
      if (!changes.every(({ bucket, from }) => isSame(attemptsIn(database, bucket), from))) return false
      for (const change of changes) writeAttempts(database, change)
      return true
    })
  }

  async sweep(before: number, limit: number): Promise<number> {
    return this.#engine.write((database) =>
      database.run(
        `DELETE FROM sojourn_attempts WHERE bucket IN (
           SELECT bucket FROM sojourn_attempts WHERE until < ? AND since < ? LIMIT ?)`,
        before,
        before,
        Math.max(0, limit),
      ),
    )
  }
}

function attemptsIn(database: SqliteConnection, bucket: string): AttemptState | null {
  const row = database.row('SELECT count, since, until FROM sojourn_attempts WHERE bucket = ?', bucket)
  return row === undefined ? null : { count: row[0] as number, since: row[1] as number, until: row[2] as number }
}

function writeAttempts(database: SqliteConnection, { bucket, from, to }: AttemptChange): void {
  if (to !== null) assertInstants({ since: to.since, until: to.until })
  if (to === null) {
    database.run('DELETE FROM sojourn_attempts WHERE bucket = ?', bucket)
  } else if (from === null) {
    const sql = 'INSERT INTO sojourn_attempts (bucket, count, since, until) VALUES (?, ?, ?, ?)'
    database.run(sql, bucket, to.count, to.since, to.until)
  } else {
    const sql = 'UPDATE sojourn_attempts SET count = ?, since = ?, until = ? WHERE bucket = ?'
    database.run(sql, to.count, to.since, to.until, bucket)
  }
}

function isSame(a: AttemptState | null, b: AttemptState | null): boolean {
  if (a === null || b === null) return a === b
  return a.count === b.count && a.since === b.since && a.until === b.until
}
