import { SojournError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'

/** The states of the SQL standard and of PostgreSQL that are looked for by name. */
export const STATE = {
  uniqueViolation: '23505',
  serializationFailure: '40001',
  deadlock: '40P01',
  duplicateTable: '42P07',
} as const

type Meaning = readonly [code: ErrorCode, says: string]

/** What a state means, by the state itself or by its class, which is its first two characters. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '22': ['invalid_argument', 'cannot keep a value as it is'],
  '23502': ['invalid_argument', 'cannot keep a value as it is'],
  '23': ['conflict', 'already holds something that contradicts this call'],
  '25006': ['store_unavailable', 'cannot be written; connect to the primary, not to a replica'],
  '28': ['store_unavailable', 'turned the connection down; check the user name and password'],
  '3D': ['store_unavailable', 'does not exist; check its name'],
  '40': ['store_unavailable', 'gave way to other transactions again and again and wrote nothing; try again'],
  '42501': ['store_unavailable', 'does not let this user do it; grant the rights on the tables of sojourn'],
  '42P01': ['schema_missing', "has no tables of sojourn; run 'sojourn migrate'"],
  '42703': ['schema_outdated', "has older tables than this release needs; run 'sojourn migrate'"],
  '53100': ['store_full', 'could not be written because the disk is full; free some space'],
  '53': ['store_unavailable', 'has run out of connections or memory; try again, or raise its limits'],
  '55P03': ['store_unavailable', 'has waited too long for somebody else and wrote nothing; try again'],
  '57014': ['store_unavailable', 'took too long and wrote nothing; try again'],
  '58030': ['store_unavailable', 'could not be read or written; check the disk, nothing was acknowledged'],
  XX001: ['store_corrupt', 'is damaged; restore it from a backup'],
  XX002: ['store_corrupt', 'has a damaged index; run REINDEX, or restore it from a backup'],
}

/** What the server said, as every driver hands it over. */
interface ServerError extends Error {
  readonly code: string
  readonly severity: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
}

/** The state of an error that the server reported, or null for any other. */
export function stateOf(thrown: unknown): string | null {
  return isServerError(thrown) ? thrown.code : null
}

/**
 * Whether the same call may well succeed when it is made again at once: it lost against another, and wrote nothing. A
 * row that is suddenly there is found by looking again.
 */
export function isPassing(thrown: unknown): boolean {
  const state = stateOf(thrown)
  return state === STATE.uniqueViolation || state === STATE.serializationFailure || state === STATE.deadlock
}

/**
 * Whether the connection on which this was thrown may be used again. What the server merely refused leaves it whole. One that
 * leads where we do not want to go is given up: the next may lead elsewhere, and has the settings of that moment.
 */
export function leavesConnectionWhole(thrown: unknown): boolean {
  if (thrown instanceof SojournError) return thrown.code !== 'store_unavailable' && thrown.code !== 'unsafe_settings'
  return isServerError(thrown) && thrown.severity !== 'FATAL' && thrown.severity !== 'PANIC'
}

/** What a failure means to a caller: one sentence with the database, without any value that was sent. */
export function meaningOf(thrown: unknown, place: string, isWrite: boolean): unknown {
  if (thrown instanceof SojournError) return thrown
  // The one text that is parsed on reading is an application's attributes.
  if (thrown instanceof SyntaxError) {
    return new SojournError(
      'store_corrupt',
      `${place} holds attributes of a session that are no JSON; correct them, or delete that session`,
      { cause: thrown },
    )
  }
  if (thrown instanceof TypeError || thrown instanceof RangeError) return thrown
  if (!isServerError(thrown) || !leavesConnectionWhole(thrown)) {
    return new SojournError(
      'store_unavailable',
      `${place} could not be reached, or the connection was lost${isWrite ? `; ${UNKNOWN}` : '; try again'}`,
      { cause: thrown },
    )
  }
  const [code, says] = MEANINGS[thrown.code] ??
    MEANINGS[thrown.code.slice(0, 2)] ?? ['store_unavailable', 'answered with an error']
  return new SojournError(code, `${place} ${says} (postgres: ${thrown.code})`, { cause: causeOf(thrown) })
}

/** The error of a call that got no answer in time. */
export function tooLate(place: string, patience: string, isWrite: boolean): SojournError {
  return new SojournError(
    'store_unavailable',
    `${place} did not answer within ${patience}${isWrite ? `; ${UNKNOWN}` : '; try again'}`,
  )
}

const UNKNOWN = 'whether the write took effect is not known, look before doing it again'

/** Of a value that does not fit the server repeats the value, and of a row the whole row; neither belongs in a log. */
function causeOf(error: ServerError): Error {
  if (!/^2[23]/.test(error.code)) return error
  const { code, severity, table, column, constraint } = error
  return Object.assign(new Error(`state ${code}`), { code, severity, table, column, constraint })
}

function isServerError(thrown: unknown): thrown is ServerError {
  return (
    thrown instanceof Error &&
    'severity' in thrown &&
    typeof thrown.severity === 'string' &&
    'code' in thrown &&
    typeof thrown.code === 'string'
  )
}
