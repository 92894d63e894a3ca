import { SojournError } from '../../core/errors.ts'
import type { EventRecord, EventType } from '../../core/events.ts'
import type { EndReason } from '../../core/session.ts'
import type { Changes, EventQuery } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { list, text } from './replies.ts'
import { CHANGES, EVENTS, POSITION } from './scripts/history.ts'

/** How many events one step of a script looks at. */
const STEP = 500

/**
 * The events after a cursor. A cursor names a position in each partition. In a partition one script at a time commits,
 * so its positions appear in their order and none appears late; between partitions nothing needs to.
 */
export async function changesAfter(
  connection: RedisConnection,
  partitions: readonly Partition[],
  cursor: string | null,
  limit: number,
): Promise<Changes> {
  if (cursor === 'end') {
    const ends = await Promise.all(partitions.map((partition) => connection.run(POSITION, partition)))
    return { events: [], cursor: ends.map(text).join('.') }
  }
  const positions = cursor === null ? partitions.map(() => '0') : readCursor(cursor, partitions.length)
  if (limit <= 0) return { events: [], cursor: positions.join('.') }
  const stretches = await Promise.all(
    partitions.map((partition, place) => connection.run(CHANGES, partition, positions[place] ?? '0', limit)),
  )
  const events = stretches
    .flatMap((stretch, place) => list(stretch).map((entry) => ({ place, event: decodeEvent(entry) })))
    .toSorted((a, b) => a.event.position - b.event.position)
    .slice(0, limit)
  for (const { place, event } of events) positions[place] = String(event.position)
  return { events: events.map(({ event }) => event), cursor: positions.join('.') }
}

/** Events that match, newest first. */
export async function findEvents(
  connection: RedisConnection,
  partitions: readonly Partition[],
  query: EventQuery,
): Promise<readonly EventRecord[]> {
  const limit = Math.max(0, query.limit)
  if (limit === 0) return []
  const found = await Promise.all(partitions.map((partition) => eventsIn(connection, partition, query, limit)))
  return found
    .flat()
    .toSorted((a, b) => b.position - a.position)
    .slice(0, limit)
}

async function eventsIn(
  connection: RedisConnection,
  partition: Partition,
  { sessionId, userId, type, since, before }: EventQuery,
  limit: number,
): Promise<readonly EventRecord[]> {
  const index =
    sessionId !== undefined ? `events:session:${sessionId}` : userId !== undefined ? `events:user:${userId}` : ''
  const types = type === undefined ? '' : `,${[type].flat().join()},`
  const conditions = [userId ?? '', types, since === undefined ? '' : String(since)]
  const found: EventRecord[] = []
  let from: string | null = before === undefined ? '' : String(before)
  while (from !== null && found.length < limit) {
    const wanted = limit - found.length
    const reply = list(await connection.run(EVENTS, partition, index, from, ...conditions, STEP, wanted))
    from = reply[0] === null || reply[0] === undefined ? null : text(reply[0])
    found.push(...reply.slice(1).map(decodeEvent))
  }
  return found
}

function decodeEvent(entry: unknown): EventRecord {
  const [position, fields] = list(entry)
  const values = new Map<string, string>()
  const words = list(fields).map(text)
  for (let place = 0; place < words.length; place += 2) values.set(words[place] ?? '', words[place + 1] ?? '')
  return Object.freeze({
    position: Number.parseInt(text(position), 10),
    at: Number(values.get('at')),
    type: values.get('type') as EventType,
    sessionId: (values.get('session') ?? null) as SessionId | null,
    userId: values.get('user') ?? null,
    actor: values.get('actor') ?? '',
    reason: (values.get('reason') ?? null) as EndReason | null,
    ipAddress: values.get('ip') ?? null,
    detail: values.get('detail') ?? null,
  })
}

function readCursor(cursor: string, length: number): string[] {
  const positions = cursor.split('.')
  if (positions.length === length && positions.every((position) => /^\d{1,16}$/.test(position))) return positions
  throw new SojournError(
    'invalid_argument',
    `cursor is '${cursor.slice(0, 40)}'; pass back a cursor of this log, null for its beginning, or 'end'`,
  )
}
