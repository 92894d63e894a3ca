import { closeSync, existsSync, fchownSync, openSync, realpathSync, statSync } from 'node:fs'
import { SojournError } from '../../core/errors.ts'

/** The path that stands for a database in the memory of this process. */
export const IN_MEMORY = ':memory:'

/** Throws `invalid_option` unless the path is one of a file, or `':memory:'`. */
export function assertPath(path: unknown): asserts path is string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0') && !path.startsWith('file:')) return
  throw new SojournError(
    'invalid_option',
    `the path of the database is '${String(path)}'; give the path of a file, without 'file:', or ':memory:'`,
  )
}

/** Makes a new file readable by its owner only, before SQLite opens it; what SQLite puts beside it takes over the mode. */
export function makeDatabaseFile(path: string, mustExist: boolean): void {
  if (path === IN_MEMORY || existsSync(path)) return
  if (mustExist) {
    throw new SojournError(
      'store_unavailable',
      `there is no database '${path}'; check the path, or run 'sojourn migrate' to make it`,
    )
  }
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    throw new SojournError(
      'store_unavailable',
      `database '${path}' could not be created; check that its folder exists and may be written`,
      { cause: error },
    )
  }
}

/** The path of a file beside a database. However the database is reached, it is the same file. */
export function companionPath(path: string, suffix: '-ballast' | '-key' | '-shm'): string {
  return `${realpathSync(path)}${suffix}`
}

/**
 * Opens a companion and makes it if need be. It is for whoever may write the database and for nobody else, also
 * when root is the first to need it.
 */
export function openCompanion(path: string, databasePath: string, flags: 'a' | 'wx'): number {
  const { mode, uid, gid } = statSync(databasePath)
  const file = openSync(path, flags, (mode & 0o020) === 0 ? 0o600 : 0o660)
  if (process.getuid?.() === 0) fchownSync(file, uid, gid)
  return file
}

/** The permission bits of a file as a person writes them, as in `0600`. */
export function fileMode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8).padStart(4, '0')
}

/** Whether an error of the file system has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}
