import { resolve } from 'node:path'
import { wrongUsage } from './failure.ts'

/** Where `sojourn` looks when nothing is said. */
export const DEFAULT_DATABASE_URL = 'sqlite:./sojourn.db'

/** The path that SQLite knows a database in memory by. */
export const IN_MEMORY = ':memory:'

const SCHEME = /^([a-z][a-z0-9+.-]+):/i

/** The file a database URL names, as an absolute path, or `:memory:`. Takes `sqlite:./x.db`, `sqlite:///abs/x.db`, `sqlite::memory:` and plain paths. */
export function databasePath(url: string): string {
  if (url === '' || url.includes('\0'))
    throw wrongUsage(`the database URL is empty; give one such as '${DEFAULT_DATABASE_URL}'`)
  if (url === IN_MEMORY) return IN_MEMORY
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return resolve(url)
  if (scheme !== 'sqlite') {
    throw wrongUsage(
      `databases of the kind '${scheme}:' are not known to this release; give a file such as '${DEFAULT_DATABASE_URL}'`,
    )
  }
  const path = url.slice('sqlite:'.length).replace(/^\/\//, '')
  if (path === IN_MEMORY) return IN_MEMORY
  if (path === '') throw wrongUsage(`the database URL names no file; give one such as '${DEFAULT_DATABASE_URL}'`)
  if (path.includes('?'))
    throw wrongUsage("the database URL has settings after '?', which are not understood; give the file alone")
  return resolve(path)
}
