import { SojournError } from '../../core/errors.ts'
import type { EventRecord, EventType, Mark } from '../../core/events.ts'
import type { Changes, EventQuery } from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { Bindings } from './query.ts'
import { EVENT_READ, asMilliseconds, decodeEvent, instantText } from './rows.ts'
import type { Row, Value } from './rows.ts'

/** The columns of an event in the order of `encodeEvent`. */
export const EVENT_COLUMNS = 'at, type, session_id, user_id, actor, reason, ip_address, detail'

const TELL = statement(
  'tell',
  `INSERT INTO sojourn_events (${EVENT_COLUMNS})
   VALUES ($1::timestamptz, $2, $3::uuid, $4, $5, $6, $7, $8)`,
)

/** A line is lost that is not there, though older ones are: those who clean up begin with the oldest. */
const IS_LOST = `
  $6::xid8 IS NOT NULL
    AND NOT EXISTS (
      SELECT FROM sojourn_events
      WHERE transaction = $6::xid8 AND position = $7::bigint AND ${asMilliseconds('at')} = $8::bigint)
    AND coalesce((SELECT ${asMilliseconds('min(at)')} FROM sojourn_events) <= $8::bigint, true)`
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
  `WITH now AS MATERIALIZED (
     SELECT coalesce($2::pg_snapshot, pg_current_snapshot()) AS snapshot, pg_is_in_recovery() AS is_replica,
       pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) OR ${IS_LOST} AS is_lost)
   SELECT now.snapshot::text, is_replica, is_lost, told.transaction::text, ${EVENT_READ}
   FROM now LEFT JOIN LATERAL (
     SELECT * FROM sojourn_events
     WHERE (transaction, position) > ($3::xid8, $4::bigint)
       AND NOT pg_visible_in_snapshot(transaction, $1::pg_snapshot)
       AND pg_visible_in_snapshot(transaction, now.snapshot)
     ORDER BY transaction, position LIMIT $5::bigint
   ) AS told ON true
   ORDER BY told.transaction, told.position`,
)
const NOW = statement(
  'now',
  `SELECT pg_current_snapshot()::text, pg_is_in_recovery(), last.transaction::text, position, ${asMilliseconds('at')}
   FROM (SELECT) AS here LEFT JOIN LATERAL (
     SELECT * FROM sojourn_events ORDER BY transaction DESC, position DESC LIMIT 1) AS last ON true`,
)
/** A copy in another server brings transactions of the old one along, which may lie ahead of the new one's. */
const SETTLE = {
  text: `
    UPDATE sojourn_events SET transaction = '1'
    WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())`,
}

/** The snapshot in which nothing has happened. */
const NOTHING = '1:1:'
const SNAPSHOT = String.raw`\d{1,20}:\d{1,20}:[\d,]*`
const LINE = String.raw`(\d{1,20})\.(\d{1,19})\.(-?\d{1,16})`
const CURSOR = new RegExp(`^(${SNAPSHOT})(?:;${LINE}(?:;(${SNAPSHOT});${LINE})?)?$`)

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
  const { events, place } = await engine.read((connection) => readOn(engine, connection, cursor, limit))
  return { events, cursor: cursorOf(place) }
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

/** A line of the log as a reader remembers it. A server that takes over may give out its transaction and position again, later. */
interface Line {
  readonly transaction: string
  readonly position: string
  /** In milliseconds. */
  readonly at: string
}

/** How far a reader has come. */
interface Place {
  /** What it has seen all of. */
  readonly seen: string
  /** The last line it has seen; null before the first. */
  readonly last: Line | null
  /** Within a stretch that was too long for one answer: what will have been seen at its end, and the line it has come to. */
  readonly page: { readonly shown: string; readonly line: Line } | null
}

interface Told {
  readonly events: readonly EventRecord[]
  /** Where to go on from. */
  readonly place: Place
}

const BEGINNING: Place = { seen: NOTHING, last: null, page: null }

async function readOn(
  engine: PostgresEngine,
  connection: PostgresConnection,
  cursor: string | null,
  limit: number,
): Promise<Told> {
  if (cursor === 'end') return { events: [], place: await endOf(engine, connection) }
  const start = cursor === null ? BEGINNING : placeOf(cursor)
  const most = Math.max(0, limit)
  if (most === 0) return { events: [], place: start }
  const rest = await stretch(engine, connection, start, most)
  if (start.page === null || rest.events.length === most) return rest
  const fresh = await stretch(engine, connection, rest.place, most - rest.events.length)
  return { events: [...rest.events, ...fresh.events], place: fresh.place }
}

async function endOf(engine: PostgresEngine, connection: PostgresConnection): Promise<Place> {
  const [snapshot, isReplica, ...line] = (await connection.row(NOW)) ?? []
  engine.assertPrimary(isReplica === true)
  return seenUpTo(String(snapshot), line[0] === null ? null : lineOf(line))
}

/** What one snapshot shows and another does not, as far as the limit allows. */
async function stretch(
  engine: PostgresEngine,
  connection: PostgresConnection,
  { seen, last, page }: Place,
  limit: number,
): Promise<Told> {
  const [eldest = ''] = seen.split(':')
  const after = page === null ? [null, eldest, '0'] : [page.shown, page.line.transaction, page.line.position]
  const anchor = last === null ? [null, null, null] : [last.transaction, last.position, last.at]
  const rows = await connection.rows(NEW, seen, ...after, limit, ...anchor)
  const [shown, isReplica, isLost] = rows[0] ?? []
  engine.assertPrimary(isReplica === true)
  if (isLost === true) {
    throw new SojournError(
      'invalid_argument',
      "cursor is of another server, or of this one before it lost what was written last; start again from 'end'",
    )
  }
  const told = rows.map((row) => row.slice(3)).filter(([transaction]) => transaction !== null)
  const events = told.map((row) => decodeEvent(row.slice(1)))
  const final = told.at(-1)
  if (final === undefined) return { events, place: seenUpTo(String(shown), last) }
  const line = lineOf(final)
  const latest = last === null || isAfter(line, last) ? line : last
  if (told.length < limit) return { events, place: seenUpTo(String(shown), latest) }
  return { events, place: { seen, last: latest, page: { shown: String(shown), line } } }
}

/**
 * A snapshot, as far as a line vouches for it. Ids of transactions beyond the last that has left a trace on the disk are
 * given out again after a crash: what is written under them then has not been seen, though the snapshot says they were over.
 */
function seenUpTo(snapshot: string, last: Line | null): Place {
  if (last === null) return BEGINNING
  const bound = BigInt(last.transaction) + 1n
  const [, , underWay = ''] = snapshot.split(':')
  const open = underWay.split(',').filter((id) => id !== '' && BigInt(id) < bound)
  return { seen: `${open[0] ?? bound}:${bound}:${open.join(',')}`, last, page: null }
}

function isAfter(line: Line, other: Line): boolean {
  const ahead = BigInt(line.transaction) - BigInt(other.transaction)
  return ahead === 0n ? BigInt(line.position) > BigInt(other.position) : ahead > 0n
}

function lineOf([transaction, position, at]: Row): Line {
  return { transaction: String(transaction), position: String(position), at: String(at) }
}

function cursorOf({ seen, last, page }: Place): string {
  const text = ({ transaction, position, at }: Line): string => `${transaction}.${position}.${at}`
  if (last === null) return seen
  return [seen, text(last), ...(page === null ? [] : [page.shown, text(page.line)])].join(';')
}

function placeOf(cursor: string): Place {
  const [, seen, ...rest] = CURSOR.exec(cursor) ?? []
  if (seen === undefined) {
    throw new SojournError(
      'invalid_argument',
      `cursor is '${cursor.slice(0, 40)}'; pass back a cursor of this log, null for its beginning, or 'end'`,
    )
  }
  const shown = rest[3]
  return {
    seen,
    last: rest[0] === undefined ? null : lineOf(rest.slice(0, 3)),
    page: shown === undefined ? null : { shown, line: lineOf(rest.slice(4)) },
  }
}
