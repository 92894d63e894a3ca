import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { SojournError } from '../../core/errors.ts'
import { companionPath, hasCode, openCompanion } from './files.ts'

const SIZE = 32

/**
 * The renewal key of a database: 32 random bytes in a file beside it, readable by its owner only, made when it
 * is first asked for. Processes that ask at once get the same one.
 */
export function keyBeside(databasePath: string): Uint8Array {
  const path = companionPath(databasePath, '-key')
  try {
    return read(path) ?? make(path, databasePath)
  } catch (error) {
    if (error instanceof SojournError) throw error
    throw new SojournError(
      'store_unavailable',
      `key file '${path}' could not be read or made; check the permissions of the file and its folder`,
      { cause: error },
    )
  }
}

function read(path: string): Uint8Array | null {
  const key = contentOf(path)
  if (key === null || key.length === SIZE) return key
  throw new SojournError(
    'store_corrupt',
    `key file '${path}' has ${key.length} bytes and not ${SIZE}; remove it, then a new one is made`,
  )
}

/** The key is whole before it gets its name, and giving a name replaces nothing: nobody reads half a key, or another one. */
function make(path: string, databasePath: string): Uint8Array {
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  try {
    const file = openCompanion(draft, databasePath, 'wx')
    writeSync(file, randomBytes(SIZE))
    fsyncSync(file)
    closeSync(file)
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const key = read(path)
  if (key === null) throw new Error('it vanished as soon as it was made')
  return key
}

function contentOf(path: string): Uint8Array | null {
  try {
    return Uint8Array.from(readFileSync(path))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}
