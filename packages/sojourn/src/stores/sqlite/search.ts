import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import type { SqliteConnection } from './connection.ts'
import type { SqliteEngine } from './engine.ts'
import { ORDERS, pageOf, selectionOf } from './query.ts'
import { SESSION_READ, decodeSession } from './rows.ts'

/** Rows that are looked at before everybody else has a turn: a millisecond or two. */
const STRETCH = 2_000

/**
 * Whether a filter looks for a text among everybody's sessions. No index helps there, and with a million of them it
 * takes the better part of a second, so it goes on in stretches with everybody else served in between.
 */
export function isSearch({ text, userId, username, ip }: SessionFilter): boolean {
  return text !== undefined && userId === undefined && username === undefined && ip === undefined
}

/** A page of what a search finds. */
export async function findByText(
  engine: SqliteEngine,
  query: ListQuery,
  stretch = STRETCH,
): Promise<readonly SessionRecord[]> {
  const found: SessionRecord[] = []
  let { after } = query
  do {
    const start = { ...query, after, limit: query.limit - found.length }
    const { end, records } = engine.read((database) => {
      const last = endOfStretch(database, start, stretch)
      return { end: last, records: recordsUpTo(database, start, last) }
    })
    found.push(...records)
    after = end
    if (after !== undefined && found.length < query.limit) await nextTurn()
  } while (after !== undefined && found.length < query.limit)
  return found
}

/** How many sessions a search finds. */
export async function countByText(engine: SqliteEngine, filter: SessionFilter, stretch = STRETCH): Promise<number> {
  const { sql, values } = selectionOf(filter)
  const text = `
    SELECT count(*) FILTER (WHERE ${sql}), max(session_id)
    FROM (SELECT rowid, * FROM sojourn_sessions WHERE session_id > ? ORDER BY session_id LIMIT ${stretch})`
  let count = 0
  for (let last: string | null = ''; last !== null; await nextTurn()) {
    const from: string = last
    const row = engine.read((database) => database.row(text, ...values, from))
    count += row?.[0] as number
    last = row?.[1] as string | null
  }
  return count
}

type Position = NonNullable<ListQuery['after']>

/** The last row of the stretch that begins behind a position; undefined where the table ends before that. */
function endOfStretch(database: SqliteConnection, query: ListQuery, stretch: number): Position | undefined {
  const { sql, values } = pageOf({ ...query, filter: {}, limit: 1 })
  const columns = `${ORDERS[query.sort]}, session_id`
  const row = database.row(`SELECT ${columns} FROM sojourn_sessions WHERE ${sql} OFFSET ${stretch - 1}`, ...values)
  return row === undefined ? undefined : { value: row[0] as number, id: row[1] as SessionId }
}

function recordsUpTo(database: SqliteConnection, query: ListQuery, end: Position | undefined): SessionRecord[] {
  const { sql, values } = pageOf(query)
  const within = `(${ORDERS[query.sort]}, session_id) ${query.descending ? '>=' : '<='} (?, ?) AND`
  const bounds = end === undefined ? [] : [end.value, end.id]
  const text = `SELECT ${SESSION_READ} FROM sojourn_sessions WHERE ${end === undefined ? '' : within} ${sql}`
  return database.rows(text, ...bounds, ...values).map(decodeSession)
}
