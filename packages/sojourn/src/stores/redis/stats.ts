import type { Standing } from '../../core/policy.ts'
import type { StoreStats } from '../../core/store.ts'
import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { pack } from './packing.ts'
import { list, number, placeOf, text } from './replies.ts'
import type { Place } from './replies.ts'
import { ABSENT, FALLEN, FIGURES } from './scripts/figures.ts'

/** How many sessions or users one step looks at. */
const STEP = 250

/** The figures of an installation. Reads no more sessions than there are open ones that do not stand any more. */
export async function redisStats(
  connection: RedisConnection,
  partitions: readonly Partition[],
  standing: Standing,
  createdSince: number,
): Promise<StoreStats> {
  const parts = await Promise.all(
    partitions.map((partition) => figuresOf(connection, partition, standing, createdSince)),
  )
  const [most] = parts
    .flatMap(({ most: candidate }) => (candidate === null ? [] : [candidate]))
    .toSorted((a, b) => b.sessions - a.sessions || b.createdAt - a.createdAt)
  return {
    total: sum(parts, ({ total }) => total),
    active: sum(parts, ({ active }) => active),
    createdSince: sum(parts, ({ fresh }) => fresh),
    usersOnline: sum(parts, ({ usersOnline }) => usersOnline),
    mostActive: most === undefined ? null : { userId: most.userId, username: most.username, sessions: most.sessions },
  }
}

/** How many sessions stand. */
export async function countStanding(
  connection: RedisConnection,
  partitions: readonly Partition[],
  standing: Standing,
): Promise<number> {
  return sum(
    await Promise.all(partitions.map((partition) => figuresOf(connection, partition, standing, 0))),
    ({ active }) => active,
  )
}

interface Figures {
  readonly total: number
  readonly active: number
  readonly fresh: number
  readonly usersOnline: number
  readonly most: {
    readonly userId: string
    readonly username: string
    readonly createdAt: number
    readonly sessions: number
  } | null
}

async function figuresOf(
  connection: RedisConnection,
  partition: Partition,
  standing: Standing,
  createdSince: number,
): Promise<Figures> {
  return connection.withIndexes(partition, {}, async () => {
    const fallen = await fallenBy(connection, partition, standing)
    const absent = await absentAmong(connection, partition, fallen)
    const [total, open, fresh, users, sessions, most] = list(await connection.run(FIGURES, partition, createdSince))
    const [userId, username, createdAt] = most === undefined || most === null ? [] : list(most).map(text)
    return {
      total: number(total),
      active: number(open) - fallen.size,
      fresh: number(fresh),
      usersOnline: number(users) - absent,
      most:
        userId === undefined || username === undefined
          ? null
          : { userId, username, createdAt: Number(createdAt), sessions: number(sessions) },
    }
  })
}

/** The open sessions that do not stand, each with its user. */
async function fallenBy(
  connection: RedisConnection,
  partition: Partition,
  { endsAfter, accessedAfter, authenticatedAfter }: Standing,
): Promise<ReadonlyMap<string, string>> {
  const fallen = new Map<string, string>()
  const limits = { 'open:end': endsAfter, 'open:accessed': accessedAfter, 'open:authenticated': authenticatedAfter }
  for (const [index, limit] of Object.entries(limits)) {
    let from: Place | null = { value: '', id: '' }
    while (from !== null) {
      const reply = list(await connection.run(FALLEN, partition, index, limit, from.value, from.id, STEP))
      from = placeOf(reply[0])
      for (const [id, user] of reply.slice(1).map((each) => list(each).map(text))) fallen.set(id ?? '', user ?? '')
    }
  }
  return fallen
}

/** How many users have no open session but those. */
async function absentAmong(
  connection: RedisConnection,
  partition: Partition,
  fallen: ReadonlyMap<string, string>,
): Promise<number> {
  const byUser = Map.groupBy(fallen.values(), (user) => user)
  const counts = [...byUser].map(([user, sessions]) => [user, sessions.length] as const)
  let absent = 0
  for (let start = 0; start < counts.length; start += STEP) {
    absent += number(await connection.run(ABSENT, partition, pack(counts.slice(start, start + STEP))))
  }
  return absent
}

function sum<T>(parts: readonly T[], of: (part: T) => number): number {
  return parts.reduce((total, part) => total + of(part), 0)
}
