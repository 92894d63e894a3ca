import { SojournError } from '../../core/errors.ts'
import type { EventType, Mark, EventRecord } from '../../core/events.ts'
import type { Changes, EventQuery } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { assertInstants } from '../kept-record.ts'
import type { SqliteConnection } from './connection.ts'
import type { Condition } from './query.ts'
import { EVENT_COLUMNS, decodeEvent } from './rows.ts'
import type { Value } from './rows.ts'

const INSERT =
  'INSERT INTO sojourn_events (at, type, session_id, user_id, actor, reason, ip_address, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'

// Written `+position`, or SQLite would look for the smallest from the beginning of the log on.
const FIRST_SINCE = 'SELECT min(+position) FROM sojourn_events WHERE at >= ?'

/** Whom an event is about. */
export interface About {
  readonly sessionId?: SessionId
  readonly userId: string | null
}

/** Appends an event to the log. */
export function tell(database: SqliteConnection, type: EventType, mark: Mark, about: About): void {
  const { at, actor, reason, ipAddress, detail } = mark
  assertInstants({ at })
  const { sessionId, userId } = about
  database.run(INSERT, at, type, sessionId ?? null, userId, actor, reason ?? null, ipAddress ?? null, detail ?? null)
}

/** The events after a cursor. One writer at a time commits, so positions appear in their order and none appears late. */
export function changesAfter(database: SqliteConnection, cursor: string | null, limit: number): Changes {
  if (cursor === 'end') return { events: [], cursor: String(lastPosition(database)) }
  const position = cursor === null ? 0 : readPosition(cursor)
  const events = database
    .rows(
      `SELECT ${EVENT_COLUMNS} FROM sojourn_events WHERE position > ? ORDER BY position LIMIT ?`,
      position,
      Math.max(0, limit),
    )
    .map(decodeEvent)
  return { events, cursor: String(events.at(-1)?.position ?? position) }
}

/** Events that match, newest first. */
export function findEvents(database: SqliteConnection, { type, ...query }: EventQuery): readonly EventRecord[] {
  const { sql, values } = typeof type === 'object' ? eventsOfTypes(query, type) : eventsOf(query, type)
  return database.rows(sql, ...values).map(decodeEvent)
}

/** Of each type so many, by its own index; of these the newest. */
function eventsOfTypes(query: Omit<EventQuery, 'type'>, types: readonly EventType[]): Condition {
  if (types.length === 0) return { sql: `SELECT ${EVENT_COLUMNS} FROM sojourn_events WHERE FALSE`, values: [] }
  const each = [...new Set(types)].map((type) => eventsOf(query, type))
  const all = each.map(({ sql }) => `SELECT * FROM (${sql})`).join(' UNION ALL ')
  return {
    sql: `SELECT * FROM (${all}) ORDER BY position DESC LIMIT ?`,
    values: [...each.flatMap(({ values }) => values), Math.max(0, query.limit)],
  }
}

function eventsOf(query: Omit<EventQuery, 'type'>, type: EventType | undefined): Condition {
  const { sessionId, userId, since, before } = query
  const isNarrow = sessionId !== undefined || userId !== undefined
  const wanted: readonly (readonly [condition: string, value: Value | undefined])[] = [
    ['session_id = ?', sessionId],
    [sessionId === undefined ? 'user_id = ?' : '+user_id = ?', userId],
    [isNarrow ? '+type = ?' : 'type = ?', type],
    ['+at >= ?', since],
    // Where the log begins to matter, from an index alone: or what is rare would be looked for in all of it.
    [`position >= (${FIRST_SINCE})`, isNarrow ? undefined : since],
    ['position < ?', before],
  ]
  const given = wanted.filter(([, value]) => value !== undefined)
  const where = ['TRUE', ...given.map(([condition]) => condition)].join(' AND ')
  return {
    sql: `SELECT ${EVENT_COLUMNS} FROM sojourn_events WHERE ${where} ORDER BY position DESC LIMIT ?`,
    values: [...given.map(([, value]) => value!), Math.max(0, query.limit)],
  }
}

/** Deletes the oldest lines, at most so many. The newest line always stays, so that no position is given out twice. */
export function pruneEvents(database: SqliteConnection, before: number, limit: number): number {
  return database.run(
    `DELETE FROM sojourn_events WHERE position IN (
       SELECT position FROM sojourn_events
       WHERE at < ? AND +position < (SELECT max(position) FROM sojourn_events) ORDER BY at LIMIT ?)`,
    before,
    limit,
  )
}

function lastPosition(database: SqliteConnection): number {
  return (database.row('SELECT max(position) FROM sojourn_events')?.[0] as number | null) ?? 0
}

function readPosition(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new SojournError(
    'invalid_argument',
    `cursor is '${cursor.slice(0, 40)}'; pass back a cursor of this log, null for its beginning, or 'end'`,
  )
}
