import type { SqliteConnection } from './connection.ts'

/** A wish for a lease. */
export interface LeaseWish {
  readonly name: string
  readonly holder: string
  readonly now: number
  readonly until: number
}

/** Lends a name to whoever has it already, or to anybody while nobody does. To be called in a transaction that may write. */
export function takeLease(database: SqliteConnection, { name, holder, now, until }: LeaseWish): boolean {
  const row = database.row('SELECT holder, until FROM sojourn_leases WHERE name = ?', name)
  if (row === undefined) {
    database.run('INSERT INTO sojourn_leases (name, holder, until) VALUES (?, ?, ?)', name, holder, until)
    return true
  }
  if (row[0] !== holder && now < (row[1] as number)) return false
  database.run('UPDATE sojourn_leases SET holder = ?, until = ? WHERE name = ?', holder, until, name)
  return true
}
