import { compareFor, isAfter } from '../../core/filter.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type { Mark } from '../../core/events.ts'
import type { EndedSession, ListQuery, SessionFilter } from '../../core/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { packMark } from './marks.ts'
import { pack } from './packing.ts'
import { isInOrder, ordered, selectionOf } from './query.ts'
import type { Selection } from './query.ts'
import { decodeSession } from './records.ts'
import { endedSessions, list, number, placeOf } from './replies.ts'
import type { Place } from './replies.ts'
import { COUNT, END_WHERE, FIND, SIZE } from './scripts/walk.ts'
import type { Script } from './scripts/script.ts'

/** How many sessions one step of a script looks at, so that none holds the engine up for more than a few milliseconds. */
const STEP = 250

/** The records of a list: partition by partition, merged into one order. */
export async function findSessions(
  connection: RedisConnection,
  partitions: readonly Partition[],
  query: ListQuery,
): Promise<readonly SessionRecord[]> {
  const limit = Math.max(0, query.limit)
  if (limit === 0) return []
  if (!isInOrder(query.filter, query.sort)) return sorted(connection, partitions, query, limit)
  const selection = ordered(query.filter, query.sort)
  const sources = partitions.map((partition) => new Source(connection, partition, selection, query))
  const share = Math.min(limit, Math.ceil(limit / sources.length) + 1)
  const compare = compareFor(query)
  const found: SessionRecord[] = []
  while (found.length < limit) {
    await Promise.all(sources.map((source) => source.fill(share)))
    const [next] = sources
      .flatMap((source) => (source.first === undefined ? [] : [{ source, record: source.first }]))
      .toSorted((a, b) => compare(a.record, b.record))
    if (next === undefined) break
    found.push(next.record)
    next.source.drop()
  }
  return found
}

/** How many sessions a filter means. */
export async function countSessions(
  connection: RedisConnection,
  partitions: readonly Partition[],
  filter: SessionFilter,
): Promise<number> {
  const selection = selectionOf(filter)
  const counts = await Promise.all(
    partitions.map((partition) =>
      selection.isExact ? sizeOf(connection, partition, selection) : countIn(connection, partition, selection),
    ),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Ends sessions that a filter means, at most so many. */
export async function endWhere(
  connection: RedisConnection,
  partitions: readonly Partition[],
  filter: SessionFilter,
  mark: Mark & { readonly reason: EndReason },
  limit: number,
): Promise<readonly EndedSession[]> {
  if (filter.isEnded === true) return []
  const selection = selectionOf({ ...filter, isEnded: false })
  const ended: EndedSession[] = []
  for (const partition of partitions) {
    let from: Place | null = { value: '', id: '' }
    while (from !== null && ended.length < limit) {
      const wanted = limit - ended.length
      const reply = await step(connection, partition, END_WHERE, selection, { from, wanted }, [packMark(mark)])
      from = placeOf(reply[0])
      ended.push(...endedSessions(reply.slice(1)))
    }
  }
  return ended
}

/** One partition's part of a list, in its order, fetched as it is needed. */
class Source {
  readonly #connection: RedisConnection
  readonly #partition: Partition
  readonly #selection: Selection
  readonly #isDescending: boolean
  #from: Place | null
  #waiting: readonly SessionRecord[] = []

  constructor(connection: RedisConnection, partition: Partition, selection: Selection, query: ListQuery) {
    this.#connection = connection
    this.#partition = partition
    this.#selection = selection
    this.#isDescending = query.descending
    this.#from = { value: query.after === undefined ? '' : String(query.after.value), id: query.after?.id ?? '' }
  }

  /** The record that comes next, once it has been filled. */
  get first(): SessionRecord | undefined {
    return this.#waiting[0]
  }

  /** Sees to it that there is a next record, if there is any more. */
  async fill(wanted: number): Promise<void> {
    while (this.#waiting.length === 0 && this.#from !== null) {
      const where = { from: this.#from, wanted, isDescending: this.#isDescending }
      const reply = await step(this.#connection, this.#partition, FIND, this.#selection, where)
      this.#from = placeOf(reply[0])
      this.#waiting = reply.slice(1).map(decodeSession)
    }
  }

  /** Goes on to the record after it. */
  drop(): void {
    this.#waiting = this.#waiting.slice(1)
  }

  /** Everything there is. */
  async all(): Promise<readonly SessionRecord[]> {
    const found: SessionRecord[] = []
    for (await this.fill(STEP); this.#waiting.length > 0; await this.fill(STEP)) {
      found.push(...this.#waiting)
      this.#waiting = []
    }
    return found
  }
}

/** A list in an order that no index has: of one user or one name, so all of them are looked at. */
async function sorted(
  connection: RedisConnection,
  partitions: readonly Partition[],
  query: ListQuery,
  limit: number,
): Promise<readonly SessionRecord[]> {
  const whole = { ...query, after: undefined }
  const sources = partitions.map((partition) => new Source(connection, partition, selectionOf(query.filter), whole))
  return (await Promise.all(sources.map((source) => source.all())))
    .flat()
    .filter((record) => isAfter(record, query))
    .toSorted(compareFor(query))
    .slice(0, limit)
}

async function sizeOf(connection: RedisConnection, partition: Partition, selection: Selection): Promise<number> {
  const { index, userId, low, high } = selection
  return connection.withIndexes(partition, selection, async () =>
    number(await connection.run(SIZE, partition, index, userId ?? '', low, high)),
  )
}

async function countIn(connection: RedisConnection, partition: Partition, selection: Selection): Promise<number> {
  let count = 0
  let from: Place | null = { value: '', id: '' }
  while (from !== null) {
    const reply = await step(connection, partition, COUNT, selection, { from, wanted: STEP })
    from = placeOf(reply[0])
    count += number(reply[1])
  }
  return count
}

async function step(
  connection: RedisConnection,
  partition: Partition,
  script: Script,
  selection: Selection,
  { from, wanted, isDescending = false }: { from: Place; wanted: number; isDescending?: boolean },
  more: readonly Buffer[] = [],
): Promise<readonly unknown[]> {
  const { index, userId, low, high, conditions } = selection
  const direction = isDescending ? '1' : '0'
  return connection.withIndexes(partition, selection, async () =>
    list(
      await connection.run(
        script,
        partition,
        index,
        userId ?? '',
        direction,
        low,
        high,
        from.value,
        from.id,
        pack(conditions),
        STEP,
        wanted,
        ...more,
      ),
    ),
  )
}
