import { SojournError } from '../../core/errors.ts'
import type { EventRecord, EventType, Mark } from '../../core/events.ts'
import type { Changes, EventQuery } from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { Bindings } from './query.ts'
import { EVENT_READ, decodeEvent, instantText } from './rows.ts'
import type { Value } from './rows.ts'

/** The columns of an event in the order of `encodeEvent`. */
export const EVENT_COLUMNS = 'at, type, session_id, user_id, actor, reason, ip_address, detail'

const TELL = statement(
  'tell',
  `INSERT INTO sojourn_events (${EVENT_COLUMNS})
   VALUES ($1::timestamptz, $2, $3::uuid, $4, $5, $6, $7, $8)`,
)

/**
 * What a reader has seen is a snapshot: everything that had been committed at an instant, whatever order the positions
 * were drawn in. What is new is what another snapshot shows and that one does not; so nothing that commits late is
 * missed, and nobody waits for the long transaction of somebody else. Within a stretch the order is that of the
 * transactions, which is that of causes and effects.
 *
 * It is asked along whether this is a replica, as with sessions: a lease must not go on by a log that lags behind.
 */
const NEW = statement(
  'changes',
  `WITH now AS MATERIALIZED (SELECT coalesce($2::pg_snapshot, pg_current_snapshot()) AS snapshot)
   SELECT now.snapshot::text, pg_is_in_recovery(), pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()),
     told.transaction::text, ${EVENT_READ}
   FROM now LEFT JOIN LATERAL (
     SELECT * FROM sojourn_events
     WHERE (transaction, position) > ($3::xid8, $4::bigint)
       AND NOT pg_visible_in_snapshot(transaction, $1::pg_snapshot)
       AND pg_visible_in_snapshot(transaction, now.snapshot)
     ORDER BY transaction, position LIMIT $5::bigint
   ) AS told ON true
   ORDER BY told.transaction, told.position`,
)
const NOW = statement('now', 'SELECT pg_current_snapshot()::text, pg_is_in_recovery()')
/** A copy in another server brings transactions of the old one along, which may lie ahead of the new one's. */
const SETTLE = {
  text: `
    UPDATE sojourn_events SET transaction = '1'
    WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())`,
}

/** The snapshot in which nothing has happened. */
const NOTHING = '1:1:'
const SNAPSHOT = String.raw`\d{1,20}:\d{1,20}:[\d,]*`
const CURSOR = new RegExp(`^(${SNAPSHOT})(?:;(${SNAPSHOT});(\\d{1,20});(\\d{1,19}))?$`)

/** Whom an event is about. */
export interface About {
  readonly sessionId?: SessionId
  readonly userId: string | null
}

/** Appends an event to the log. */
export async function tell(connection: PostgresConnection, type: EventType, mark: Mark, about: About): Promise<void> {
  await connection.rows(TELL, ...encodeEvent(type, mark, about))
}

/** The values of an event in the order of `EVENT_COLUMNS`. */
export function encodeEvent(type: EventType, mark: Mark, { sessionId, userId }: About): readonly Value[] {
  const { at, actor, reason, ipAddress, detail } = mark
  return [instantText(at), type, sessionId ?? null, userId, actor, reason ?? null, ipAddress ?? null, detail ?? null]
}

/** The lines of a log that came from another server are put in order with what this one will write. */
export async function settleEvents(connection: PostgresConnection): Promise<void> {
  await connection.rows(SETTLE)
}

/** The events after a cursor. */
export async function changesAfter(engine: PostgresEngine, cursor: string | null, limit: number): Promise<Changes> {
  return engine.read((connection) => readOn(engine, connection, cursor, limit))
}

async function readOn(
  engine: PostgresEngine,
  connection: PostgresConnection,
  cursor: string | null,
  limit: number,
): Promise<Changes> {
  if (cursor === 'end') {
    const [snapshot, isReplica] = (await connection.row(NOW)) ?? []
    engine.assertPrimary(isReplica === true)
    return { events: [], cursor: String(snapshot) }
  }
  const start = cursor === null ? { seen: NOTHING, page: null } : readCursor(cursor)
  const most = Math.max(0, limit)
  if (most === 0) return { events: [], cursor: cursor ?? NOTHING }
  const rest = start.page === null ? null : await stretch(engine, connection, start.seen, start.page, most)
  if (rest !== null && rest.events.length === most) return rest
  const seen = start.page?.shown ?? start.seen
  const fresh = await stretch(engine, connection, seen, null, most - (rest?.events.length ?? 0))
  return { events: [...(rest?.events ?? []), ...fresh.events], cursor: fresh.cursor }
}

/** Events that match, newest first. */
export async function findEvents(connection: PostgresConnection, query: EventQuery): Promise<readonly EventRecord[]> {
  const { sessionId, userId, type, since, before, limit } = query
  if (sessionId !== undefined && !isSessionId(sessionId)) return []
  const bindings = new Bindings()
  const conditions = [
    'TRUE',
    ...(sessionId === undefined ? [] : [`session_id = ${bindings.bind(sessionId, 'uuid')}`]),
    ...(userId === undefined ? [] : [`user_id = ${bindings.bind(userId, 'text')}`]),
    ...(type === undefined ? [] : [`type = ANY(${bindings.bind([type].flat(), 'text[]')})`]),
    ...(since === undefined ? [] : [`at >= ${bindings.bind(instantText(since), 'timestamptz')}`]),
    ...(before === undefined ? [] : [`position < ${bindings.bind(before, 'bigint')}`]),
  ]
  const text = `
    SELECT ${EVENT_READ} FROM sojourn_events WHERE ${conditions.join(' AND ')}
    ORDER BY position DESC LIMIT ${bindings.bind(Math.max(0, limit), 'bigint')}`
  return (await connection.rows({ text }, ...bindings.values)).map(decodeEvent)
}

/** How far a reader has come within a stretch that was too long for one answer. */
interface Page {
  /** What will have been seen at its end. */
  readonly shown: string
  readonly transaction: string
  readonly position: string
}

/** What one snapshot shows and another does not, as far as the limit allows. */
async function stretch(
  engine: PostgresEngine,
  connection: PostgresConnection,
  seen: string,
  page: Page | null,
  limit: number,
): Promise<Changes> {
  const [eldest = ''] = seen.split(':')
  const after = page ?? { shown: null, transaction: eldest, position: '0' }
  const rows = await connection.rows(NEW, seen, after.shown, after.transaction, after.position, limit)
  const [shown, isReplica, isAhead] = rows[0] ?? []
  engine.assertPrimary(isReplica === true)
  if (isAhead === true) {
    throw new SojournError(
      'invalid_argument',
      "cursor is of another server, or of this one before it lost what was written last; start again from 'end'",
    )
  }
  const told = rows.filter((row) => row[4] !== null)
  const last = told.at(-1)
  const isPaged = told.length === limit && last !== undefined
  return {
    events: told.map((row) => decodeEvent(row.slice(4))),
    cursor: isPaged ? [seen, shown, last[3], last[4]].join(';') : String(shown),
  }
}

function readCursor(cursor: string): { readonly seen: string; readonly page: Page | null } {
  const [, seen, shown, transaction, position] = CURSOR.exec(cursor) ?? []
  if (seen === undefined) {
    throw new SojournError(
      'invalid_argument',
      `cursor is '${cursor.slice(0, 40)}'; pass back a cursor of this log, null for its beginning, or 'end'`,
    )
  }
  if (shown === undefined || transaction === undefined || position === undefined) return { seen, page: null }
  return { seen, page: { shown, transaction, position } }
}
