import { decodeEnded } from './rows.ts'
import type { Row } from './rows.ts'
import type { EndedSession } from '../../core/store.ts'
import { IS_PATIENT, statement } from './connection.ts'

/*
 * What a login may do depends on what others have committed until now, and one statement sees only what had been
 * committed when it began. So whoever adds a session, or ends all of a user, first locks the user's row and compares it
 * with the same row as it was when the statement began. If it is the same, nobody has added a session in between, and
 * the statement goes on: one round trip. If not, it does nothing and says `overtaken`; then the lock is taken in a
 * statement of its own, inside a transaction, and the same statement follows. Everyone who adds a session writes the
 * user's row as well, so that the comparison tells.
 *
 * Sessions are locked in the order of their ids, so that two who want the same ones do not wait for each other.
 */

/** A user's row as it was when the statement began, and as it is, locked. */
export const LOCKED_USER = `
  seen AS MATERIALIZED (SELECT xmin AS edition FROM sojourn_users WHERE id = $2),
  held AS MATERIALIZED (
    SELECT xmin AS edition, id, username, password_hash, epoch, disabled_at
    FROM sojourn_users WHERE id = $2 AND ${IS_PATIENT} FOR NO KEY UPDATE)`

/** Locks a user's row, for a statement that was overtaken. */
export const LOCK_USER = statement('lock_user', 'SELECT FROM sojourn_users WHERE id = $1 FOR NO KEY UPDATE')

/** The sessions that a statement ended, from rows that begin with its verdict. */
export function endedOf(rows: readonly Row[]): readonly EndedSession[] {
  return rows.filter((row) => row[1] !== null).map((row) => decodeEnded(row.slice(1)))
}
