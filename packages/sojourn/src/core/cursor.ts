import { SojournError } from './errors.ts'
import type { ListQuery, ListSort } from './store.ts'
import { isSessionId } from './token.ts'

/** Where the next page of a list begins, as text for a URL. It says nothing that the page before did not show. */
export function writeCursor(sort: ListSort, descending: boolean, after: NonNullable<ListQuery['after']>): string {
  return Buffer.from(JSON.stringify([sort, descending, after.value, after.id])).toString('base64url')
}

/** Reads a cursor back. Throws `invalid_argument` for one that was not made for this very order. */
export function readCursor(cursor: string, sort: ListSort, descending: boolean): NonNullable<ListQuery['after']> {
  const parts = parse(cursor)
  if (Array.isArray(parts) && parts.length === 4) {
    const [sortedBy, isDescending, value, id] = parts as unknown[]
    if (sortedBy === sort && isDescending === descending && Number.isSafeInteger(value) && isSessionId(id)) {
      return { value: value as number, id }
    }
  }
  throw new SojournError(
    'invalid_argument',
    'cursor is not one of this list; pass `next` of the page before as it was, with the same sort',
  )
}

function parse(cursor: unknown): unknown {
  if (typeof cursor !== 'string' || cursor.length > 256) return null
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}
