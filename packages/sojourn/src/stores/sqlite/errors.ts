import { SojournError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'

/** Primary result codes of SQLite; an extended code carries one of them in its low byte. */
export const RESULT = {
  error: 1,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  constraint: 19,
  notadb: 26,
}

const MEANINGS: Readonly<Record<number, readonly [code: ErrorCode, says: string]>> = {
  [RESULT.busy]: ['store_unavailable', 'is locked by another program; try again, or close what holds it'],
  [RESULT.locked]: ['store_unavailable', 'is locked by another program; try again, or close what holds it'],
  [RESULT.readonly]: [
    'store_unavailable',
    'cannot be written; give this user write permission to the file and its folder',
  ],
  [RESULT.ioerr]: ['store_unavailable', 'could not be read or written; check the disk, nothing was acknowledged'],
  [RESULT.corrupt]: ['store_corrupt', 'is damaged; restore it from a backup'],
  [RESULT.full]: [
    'store_full',
    'could not be written because the disk is full; free some space, ending sessions still works',
  ],
  [RESULT.cantopen]: ['store_unavailable', 'could not be opened; check that the folder exists and may be written'],
  [RESULT.constraint]: ['conflict', 'already holds something that contradicts this call'],
  [RESULT.notadb]: [
    'store_corrupt',
    'is not an SQLite database; give the path of one, or of a file that does not exist yet',
  ],
}

interface SqliteError extends Error {
  readonly errcode: number
}

/** The primary result code of an error that SQLite raised, or null for any other. */
export function resultCode(thrown: unknown): number | null {
  return isSqliteError(thrown) ? thrown.errcode & 0xff : null
}

/** The extended code of a shared memory file for which there is no room. */
const NO_ROOM_FOR_INDEX = 4_874
/** Extended codes of a value that a column does not take: none where one is needed, or of another type. */
const WRONG_VALUES: readonly number[] = [1_299, 3_091]

/** Whether SQLite found no room on the disk. */
export function isOutOfRoom(thrown: unknown): boolean {
  return isSqliteError(thrown) && (thrown.errcode === NO_ROOM_FOR_INDEX || resultCode(thrown) === RESULT.full)
}

/** What a failure of SQLite means to a caller: one sentence with the path. What is no failure of SQLite is handed back as it is. */
export function meaningOf(thrown: unknown, path: string): unknown {
  // The one text that is parsed on reading is an application's attributes.
  if (thrown instanceof SyntaxError) {
    return new SojournError(
      'store_corrupt',
      `database '${path}' holds attributes of a session that are no JSON; correct them, or delete that session`,
      { cause: thrown },
    )
  }
  if (!isSqliteError(thrown)) return thrown
  const { message: detail, errcode } = thrown
  if (WRONG_VALUES.includes(errcode)) {
    return new SojournError('invalid_argument', `a value cannot be kept as it is (sqlite: ${detail})`, {
      cause: thrown,
    })
  }
  const [code, says] =
    MEANINGS[isOutOfRoom(thrown) ? RESULT.full : errcode & 0xff] ??
    (['store_unavailable', 'answered with an error'] as const)
  return new SojournError(code, `database '${path}' ${says} (sqlite: ${detail})`, { cause: thrown })
}

function isSqliteError(thrown: unknown): thrown is SqliteError {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number'
}
