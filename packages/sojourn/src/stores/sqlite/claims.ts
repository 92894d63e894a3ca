import type { SqliteConnection } from './connection.ts'

/** Who wants a name, and for how long. */
export interface Claimant {
  readonly name: string
  readonly holder: string
  readonly now: number
  readonly until: number
}

/** Lends a name to whoever has it already, or to anybody while nobody does. To be called in a transaction that may write. */
export function takeClaim(database: SqliteConnection, { name, holder, now, until }: Claimant): boolean {
  const row = database.row('SELECT holder, until FROM sojourn_claims WHERE name = ?', name)
  if (row === undefined) {
    database.run('INSERT INTO sojourn_claims (name, holder, until) VALUES (?, ?, ?)', name, holder, until)
    return true
  }
  if (row[0] !== holder && now < (row[1] as number)) return false
  database.run('UPDATE sojourn_claims SET holder = ?, until = ? WHERE name = ?', holder, until, name)
  return true
}
