import { SojournError } from './errors.ts'

const LIMIT = 254
// Controls, formatting characters (zero width, direction overrides), unassigned and private ones.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u

/**
 * The one form under which a username is stored and compared: NFKC, lower case, no white space around it,
 * so that every spelling of a name is the same account.
 */
export function canonicalUsername(username: string): string {
  return username.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
}

/** What is wrong with a username, as a sentence, or null when it can be used. Checked after normalising. */
export function usernameProblem(username: unknown): string | null {
  if (typeof username !== 'string') return `username is ${typeof username}; give text`
  if (username.length > LIMIT * 4) return `username has ${username.length} characters; give at most ${LIMIT}`
  const canonical = canonicalUsername(username)
  if (canonical === '') return 'username is empty; give at least one character'
  if (canonical.length > LIMIT) return `username has ${canonical.length} characters; give at most ${LIMIT}`
  if (UNPRINTABLE.test(canonical)) return 'username contains characters that cannot be seen; leave them out'
  return null
}

/** Throws `invalid_argument` when a username cannot be used. */
export function assertUsername(username: unknown): asserts username is string {
  const problem = usernameProblem(username)
  if (problem !== null) throw new SojournError('invalid_argument', problem)
}
