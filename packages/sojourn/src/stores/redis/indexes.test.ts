import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { anyRedis, connectTo, redisAtHand } from '../../../../../test/support/redis.ts'
import type { TestClient } from '../../../../../test/support/redis.ts'
import { required } from '../../../../../test/support/require.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { InsertOutcome } from '../../core/store.ts'
import { makeEndMark, makeMark, makeRecord } from '../../testing/index.ts'
import { DAY, HOUR, NOON } from '../../testing/records.ts'
import { RedisStore } from '../redis.ts'
import type { RedisClient } from '../redis.ts'

const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }
const BY_CREATION = { sort: 'createdAt', descending: false, limit: 1_000 } as const

let server: Awaited<ReturnType<typeof anyRedis>>
let client: TestClient
let store: RedisStore
let prefix: string

beforeAll(async () => {
  if (redisAtHand === null) return
  server = await anyRedis()
  client = await connectTo(server.url)
})
beforeEach(async (context) => {
  required(context, 'redis-server', redisAtHand)
  prefix = `${randomUUID()}:`
  store = await RedisStore.open({ client, prefix })
  return () => store.close()
})
afterAll(async () => {
  client?.destroy()
  await server?.close()
})

describe('when the indexes of a user were lost', () => {
  beforeEach(async () => {
    for (let place = 0; place < 5; place += 1) await insert(makeRecord({ userId: 'ada', createdAt: NOON + place }))
    await insert(makeRecord({ userId: 'grace' }))
    await lose('all:user:ada', 'open:user:ada')
  })

  test('ending all of the user misses nobody, and says so of each', async () => {
    const ended = await store.revoke({ userId: 'ada' }, makeEndMark({ at: NOON + HOUR, reason: 'password_change' }), 1)
    expect(ended).toHaveLength(5)
    for (const { id } of ended) {
      expect(await store.get(id)).toMatchObject({ endReason: 'password_change', endsAt: NOON + HOUR })
    }
    expect(await store.events({ type: 'session_ended', limit: 100 })).toHaveLength(5)
    expect(await store.count({ standing: STANDING })).toBe(1)
  })

  test('a list of the user is whole', async () => {
    const listed = await store.list({ ...BY_CREATION, filter: { userId: 'ada' } })
    expect(listed.map(({ createdAt }) => createdAt - NOON)).toEqual([0, 1, 2, 3, 4])
    expect(await store.count({ userId: 'ada', isEnded: false })).toBe(5)
  })

  test('a cap counts the sessions all the same', async () => {
    const cap = { max: 5, onExceed: 'deny', standing: STANDING } as const
    const record = makeRecord({ userId: 'ada' })
    expect(await store.insert(record, { mark: makeMark(), cap })).toEqual({ ok: false, reason: 'limit' })
  })
})

test.each([
  'all:created',
  'all:accessed',
  'all:end',
  'open:created',
  'open:accessed',
  'open:end',
  'open:authenticated',
  'all:name:user-2',
  'users',
  'open:users',
  'names',
  'totals',
])('a list and the figures heal when %s was lost', async (index) => {
  const records = [1, 2, 3].map((place) => makeRecord({ createdAt: NOON + place, userId: `user-${place}` }))
  for (const record of records) await insert(record)
  await store.revoke({ id: records[0]!.id }, makeEndMark(), 1)
  const before = await answers()
  await lose(index)
  expect(await answers()).toEqual(before)
})

test.each(['open:*', 'all:*', '*:*'])(
  'a list, the figures and a cap heal when every index under %s was lost',
  async (names) => {
    const records = [1, 2, 3].map((place) => makeRecord({ createdAt: NOON + place, userId: `user-${place}` }))
    for (const record of records) await insert(record)
    await store.revoke({ id: records[0]!.id }, makeEndMark(), 1)
    const before = await answers()
    const indexes = (await keysLeft()).filter((name) => /^(all|open):|^(users|names)$/.test(name))
    const lost = indexes.filter((name) => names === '*:*' || name.startsWith(names.slice(0, -1)))
    await lose(...lost)
    const cap = { max: 1, onExceed: 'deny', standing: STANDING } as const
    const another = makeRecord({ userId: 'user-3', createdAt: NOON + 9 })
    expect(await store.insert(another, { mark: makeMark(), cap })).toEqual({ ok: false, reason: 'limit' })
    expect(await answers()).toEqual(before)
    await lose(...lost)
    expect(await answers()).toEqual(before)
  },
)

describe('when the key of a user was lost, who has sessions', () => {
  beforeEach(async () => {
    await insert(makeRecord({ userId: 'ada' }))
    await store.revoke({ userId: 'ada' }, makeEndMark(), 1)
    for (let place = 0; place < 2; place += 1) await insert(makeRecord({ userId: 'ada', createdAt: NOON + place }))
    await lose('user:ada')
  })

  test('ending all of the user misses nobody', async () => {
    expect(await store.revoke({ userId: 'ada' }, makeEndMark(), 1)).toHaveLength(2)
    expect(await store.count({ userId: 'ada', isEnded: false })).toBe(0)
  })

  test('nor does it when nothing is left by which one could know that they have any', async () => {
    await lose('all:user:ada', 'open:user:ada', 'users', 'open:users')
    expect(await store.revoke({ userId: 'ada' }, makeEndMark(), 1)).toHaveLength(2)
  })

  test('nor when somebody has signed in since', async () => {
    await lose('all:user:ada', 'open:user:ada', 'users', 'open:users')
    await insert(makeRecord({ userId: 'ada', createdAt: NOON + 2 }))
    expect(await store.revoke({ userId: 'ada' }, makeEndMark(), 1)).toHaveLength(3)
  })

  test('it is made again by a login, under the epoch that all have heard of', async () => {
    const epoch = await store.epoch('ada')
    expect(epoch).toBe(1)
    const late = makeRecord({ userId: 'ada', createdAt: NOON + 2 })
    expect(await store.insert(late, { mark: makeMark(), epoch })).toMatchObject({ ok: true })
    expect(await store.revoke({ userId: 'ada' }, makeEndMark(), 1)).toHaveLength(3)
    expect(await store.insert(makeRecord({ userId: 'ada' }), { mark: makeMark(), epoch })).toMatchObject({ ok: false })
  })
})

describe('when indexes were lost and somebody has signed in since', () => {
  const NAMES = `all:created all:accessed all:end all:user:user-2 all:name:user-2 users names totals open:users
    open:created open:accessed open:end open:authenticated open:user:user-2`.split(/\s+/)
  const INDEX = /^(?:all|open):|^(?:users|names|totals)$/

  test('a list and the figures heal, whichever two it were', async () => {
    await signInThree()
    const pairs = NAMES.flatMap((one, place) => NAMES.slice(place).map((other) => new Set([one, other])))
    for (const [place, pair] of pairs.entries()) {
      await lose(...pair)
      await insert(makeRecord({ userId: 'user-2', createdAt: NOON + 10 + place }))
      expect(await ids({ userId: 'user-2' }), [...pair].join(' and ')).toHaveLength(2 + place)
      expect(await ids({ username: 'user-2' }), [...pair].join(' and ')).toHaveLength(2 + place)
      expect(await store.stats(STANDING, 0), [...pair].join(' and ')).toMatchObject({
        total: 4 + place,
        usersOnline: 2,
      })
    }
  })

  test('and when all were', async () => {
    await signInThree()
    const before = await ids({})
    await lose(...(await keysLeft()).filter((name) => INDEX.test(name)))
    const another = makeRecord({ userId: 'user-2', createdAt: NOON + 9 })
    await insert(another)
    expect(await store.revoke({ where: { username: 'user-2' } }, makeEndMark(), 9)).toHaveLength(2)
    expect(await ids({})).toEqual([...before, another.id])
    expect(await store.stats(STANDING, 0)).toMatchObject({ total: 4, active: 1 })
  })
})

describe('indexes that are lost while others are made again', () => {
  test.each([
    { lost: ['open:user:user-2', 'open:users'] },
    { lost: ['all:user:user-2', 'users'] },
    { lost: ['all:name:user-2', 'names'] },
    { lost: ['all:created', 'all:accessed', 'all:end', 'all:user:user-2', 'users', 'names', 'totals'] },
  ])('are made again as well, whenever it is: $lost', async ({ lost }) => {
    await signInThree()
    const before = await answers()
    let left = Infinity
    const watched = {
      async sendCommand(...call: Parameters<RedisClient['sendCommand']>) {
        left -= 1
        if (left === 0) await client.sendCommand(['DEL', ...lost.map((name) => prefix + name)])
        return client.sendCommand(...call)
      },
    }
    const mending = await RedisStore.open({ client: watched, prefix })
    let turn = 0
    for (left = 0; left <= 0;) {
      turn += 1
      await lose('open:created')
      left = turn
      await mending.list({ ...BY_CREATION, filter: {} })
      expect(await answers(), `lost before call ${turn}`).toEqual(before)
    }
    expect(turn).toBeGreaterThan(6)
    await mending.close()
  })
})

test('who stops while making indexes again, at any moment, leaves it to whoever comes next', async () => {
  const records = await signInThree()
  const lost = ['open:user:user-2', 'open:users', 'all:name:user-2', 'names']
  let left = Infinity
  const watched = {
    async sendCommand(...call: Parameters<RedisClient['sendCommand']>) {
      left -= 1
      if (left < 0) throw new Error('this node is no more')
      return client.sendCommand(...call)
    },
  }
  const dying = await RedisStore.open({ client: watched, prefix })
  let turn = 0
  for (let isDead = true; isDead; turn += 1) {
    await lose(...lost)
    // Or it would show by itself that there are sessions and no names.
    await insert(makeRecord({ userId: 'somebody' }))
    left = turn
    isDead = await dying.list({ ...BY_CREATION, filter: {} }).then(
      () => false,
      () => true,
    )
    left = Infinity
    expect(await ids({ username: 'user-2' }), `stopped after ${turn} calls`).toEqual([records[1]!.id])
    expect(await store.count({ userId: 'user-2', isEnded: false }), `stopped after ${turn} calls`).toBe(1)
  }
  expect(turn).toBeGreaterThan(6)
  await dying.close()
})

describe('what is in some indexes and no session', () => {
  const STRAY = randomUUID()

  test.each([
    { where: ['all:created'] },
    { where: ['all:accessed', 'all:end'] },
    { where: ['open:created', 'open:end'] },
    { where: ['open:accessed'] },
    { where: ['open:authenticated', 'all:user:user-2'] },
    { where: ['all:created', 'all:user:nobody'] },
    { where: ['all:end', 'open:user:user-3', 'all:name:nobody'] },
    { where: ['all:created', 'users'] },
    { where: ['open:end', 'open:users', 'names'] },
  ])('is taken out again, and lists and figures are as before: $where', async ({ where }) => {
    await signInThree()
    const before = await answers()
    for (const index of where) await stray(index, /s$/.test(index) ? 'nobody' : STRAY)
    expect(await answers()).toEqual(before)
    for (const index of where) expect(await client.zScore(prefix + index, STRAY)).toBeNull()
  })

  test('does not keep anybody from signing in under a cap', async () => {
    await signInThree()
    await stray('open:user:user-3', STRAY)
    await stray('open:created', STRAY)
    const cap = { max: 2, onExceed: 'deny', standing: STANDING } as const
    const second = makeRecord({ userId: 'user-3', createdAt: NOON + 9 })
    expect(await store.insert(second, { mark: makeMark(), cap })).toEqual({ ok: true, evicted: [] })
    const third = makeRecord({ userId: 'user-3', createdAt: NOON + 9 })
    expect(await store.insert(third, { mark: makeMark(), cap })).toEqual({ ok: false, reason: 'limit' })
  })

  test('is taken out when nobody is left', async () => {
    const record = makeRecord({ userId: 'ada' })
    await insert(record)
    await lose(`session:${record.id}`)
    expect(await ids({})).toEqual([])
    expect(await store.stats(STANDING, 0)).toMatchObject({ total: 0, active: 0, usersOnline: 0, mostActive: null })
    expect(await store.list({ ...BY_CREATION, filter: { userId: 'ada' } })).toEqual([])
  })

  test('is no open session when it has ended, and no more counted as one once a list has met it', async () => {
    const [ended] = await signInThree()
    for (const index of ['open:created', 'open:accessed', 'open:end', 'open:authenticated', 'open:user:user-1']) {
      await stray(index, ended!.id)
    }
    await client.zIncrBy(`${prefix}open:users`, 1, 'user-1')
    expect(await ids({ isEnded: false })).toHaveLength(2)
    expect(await store.count({ isEnded: false })).toBe(2)
    expect(await store.stats(STANDING, 0)).toMatchObject({ total: 3, active: 2, usersOnline: 2 })
  })

  test('is looked for once, however many ask meanwhile', async () => {
    await signInThree()
    const before = await answers()
    await lose('all:created')
    await stray('open:end', STRAY)
    const scans = async (): Promise<number> =>
      Number(/cmdstat_scan:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
    await store.count({ username: 'nobody' })
    const once = await scans()
    await lose('all:created')
    await stray('open:end', STRAY)
    const all = await Promise.all(Array.from({ length: 20 }, () => ids({})))
    expect(await scans()).toBeLessThanOrEqual(2 * once)
    for (const each of all) expect(each).toHaveLength(3)
    expect(await answers()).toEqual(before)
  })

  async function stray(index: string, member: string): Promise<void> {
    await client.zAdd(prefix + index, { score: NOON, value: member })
  }

  /** Of whom the first has ended. */
})

test('a session whose user’s epoch was raised has ended, though the one who raised it stopped half-way', async () => {
  const record = makeRecord({ userId: 'ada' })
  await insert(record)
  const half = ['epoch', '1', 'raised_at', String(NOON + 7), 'raised_by', 'ops:grace', 'reason', 'revoked']
  await client.sendCommand(['HSET', `${prefix}user:ada`, ...half])
  const end = { endReason: 'revoked', endedBy: 'ops:grace', endsAt: NOON + 7, loggedOutAt: NOON + 7 }
  expect(await store.touch([{ id: record.id, at: NOON + 8, endsAt: NOON + DAY, allowance: 0 }])).toBe(0)
  expect(await store.get(record.id)).toMatchObject(end)
  expect(await store.count({ standing: STANDING })).toBe(0)
  expect(await store.events({ type: 'session_ended', limit: 10 })).toMatchObject([
    { sessionId: record.id, at: NOON + 7 },
  ])
})

test('a validation alone sees that the epoch was raised', async () => {
  const record = makeRecord({ userId: 'ada' })
  await insert(record)
  await client.sendCommand([
    'HSET',
    `${prefix}user:ada`,
    'epoch',
    '1',
    'raised_at',
    '5',
    'raised_by',
    'x',
    'reason',
    'logout',
  ])
  expect(await store.get(record.id)).toMatchObject({ endReason: 'logout', endsAt: 5 })
})

test('ending all of a user with more sessions than one step ends leaves none, and spares the one excepted', async () => {
  const records = Array.from({ length: 350 }, (_, place) => makeRecord({ userId: 'ada', createdAt: NOON + place }))
  await Promise.all(records.map(insert))
  const [spared] = records
  const ended = await store.revoke({ userId: 'ada', except: spared!.id }, makeEndMark({ at: NOON + HOUR }), 1)
  expect(new Set(ended.map(({ id }) => id)).size).toBe(349)
  expect(await store.count({ userId: 'ada', isEnded: false })).toBe(1)
  expect(await store.get(spared!.id)).toMatchObject({ endReason: null, version: 1 })
  expect((await store.events({ type: 'user_sessions_ended', limit: 10 })).length).toBe(1)
})

test('an id in the indexes with no session behind it is passed over, and taken out', async () => {
  const [gone, stays] = [makeRecord({ userId: 'ada' }), makeRecord({ userId: 'ada' })]
  await insert(gone)
  await insert(stays)
  await client.sendCommand(['DEL', `${prefix}session:${gone.id}`])
  for (const filter of [{}, { userId: 'ada' }, { username: 'ada' }, { isEnded: false }]) {
    expect((await store.list({ ...BY_CREATION, filter })).map(({ id }) => id)).toEqual([stays.id])
  }
  expect(await store.stats(STANDING, 0)).toMatchObject({ total: 1, active: 1 })
})

test('more sessions than one step looks at are listed, counted and ended', async () => {
  const records = Array.from({ length: 620 }, (_, place) =>
    makeRecord({
      userId: `user-${place % 7}`,
      createdAt: NOON + (place % 3),
      method: place % 2 === 0 ? 'even' : 'odd',
    }),
  )
  await Promise.all(records.map(insert))
  const odd = await store.list({ ...BY_CREATION, descending: true, filter: { method: 'odd' } })
  const expected = records
    .filter(({ method }) => method === 'odd')
    .toSorted(byCreation)
    .toReversed()
  expect(odd.map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
  expect(await store.count({ method: 'even', standing: STANDING })).toBe(310)
  expect(await store.stats({ ...STANDING, accessedAfter: NOON }, NOON + 1)).toMatchObject({
    total: 620,
    active: records.filter(({ createdAt }) => createdAt > NOON).length,
    createdSince: records.filter(({ createdAt }) => createdAt > NOON).length,
    usersOnline: 7,
  })
  expect(await store.revoke({ where: { method: 'odd' } }, makeEndMark(), 1_000)).toHaveLength(310)
  expect(await store.prune(NOON + 30 * DAY, 1_000)).toMatchObject({ sessions: 620 })
  expect(await keysLeft()).toEqual([
    'events',
    'layout',
    'totals',
    ...Array.from({ length: 7 }, (_, place) => `user:user-${place}`),
  ])
})

describe('forgetting ended sessions of a user', () => {
  test('leaves nothing of them but their history, and of everybody else everything', async () => {
    await insert(makeRecord({ userId: 'grace', username: 'ada' }))
    const before = await keysLeft()
    const records = Array.from({ length: 5 }, (_, place) => makeRecord({ userId: 'ada', createdAt: NOON + place }))
    for (const record of records) await insert(record)
    await store.revoke({ userId: 'ada' }, makeEndMark({ at: NOON + HOUR }), 1)
    expect(await store.forget('ada', 100)).toBe(5)
    const lines = records.map(({ id }) => `events:session:${id}`)
    expect(await keysLeft()).toEqual([...before, ...lines, 'events:user:ada', 'user:ada'].toSorted())
    expect(await store.stats(STANDING, 0)).toMatchObject({ total: 1, mostActive: { userId: 'grace', sessions: 1 } })
    expect(await store.events({ userId: 'ada', type: 'session_ended', limit: 100 })).toHaveLength(5)
  })

  test('passes over more that stand than one step looks at', async () => {
    const records = Array.from({ length: 350 }, (_, place) => makeRecord({ userId: 'ada', createdAt: NOON + place }))
    await Promise.all(records.map(insert))
    const ended = records.filter((_, place) => place % 3 === 0 || place > 300).map(({ id }) => id)
    await store.revoke({ ids: ended }, makeEndMark(), 1_000)
    expect(await store.forget('ada', 120)).toBe(120)
    expect(await store.forget('ada', 1_000)).toBe(ended.length - 120)
    expect(await store.forget('ada', 1_000)).toBe(0)
    expect(await ids({ userId: 'ada' })).toEqual(records.map(({ id }) => id).filter((id) => !ended.includes(id)))
    expect(await store.count({ userId: 'ada', isEnded: false })).toBe(350 - ended.length)
  })

  test('misses none when the indexes of the user were lost', async () => {
    const records = Array.from({ length: 5 }, () => makeRecord({ userId: 'ada' }))
    for (const record of records) await insert(record)
    await store.revoke({ ids: records.slice(1).map(({ id }) => id) }, makeEndMark(), 5)
    await lose('all:user:ada', 'users')
    expect(await store.forget('ada', 100)).toBe(4)
    expect(await ids({ userId: 'ada' })).toEqual([records[0]!.id])
    expect(await store.stats(STANDING, 0)).toMatchObject({ total: 1, mostActive: { userId: 'ada', sessions: 1 } })
  })

  test('also meets what a raised epoch has ended and nobody has written down', async () => {
    const record = makeRecord({ userId: 'ada' })
    await insert(record)
    const half = ['epoch', '1', 'raised_at', String(NOON + 7), 'raised_by', 'ops:grace', 'reason', 'user_deleted']
    await client.sendCommand(['HSET', `${prefix}user:ada`, ...half])
    expect(await store.forget('ada', 100)).toBe(1)
    expect(await store.get(record.id)).toBeNull()
    expect(await store.count({})).toBe(0)
    expect(await store.events({ sessionId: record.id, limit: 1 })).toMatchObject([{ reason: 'user_deleted' }])
  })
})

function byCreation(a: SessionRecord, b: SessionRecord): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)
}

async function answers(): Promise<unknown> {
  return {
    all: await ids({}),
    open: await ids({ isEnded: false }),
    named: await ids({ username: 'user-2' }),
    used: (await store.list({ filter: {}, sort: 'lastAccessedAt', descending: true, limit: 9 })).map(({ id }) => id),
    counts: [
      await store.count({}),
      await store.count({ endsBy: NOON }),
      await store.count({ isEnded: false, endsBy: NOON }),
    ],
    stats: await store.stats(STANDING, NOON + 2),
  }
}

async function ids(filter: object): Promise<readonly string[]> {
  return (await store.list({ ...BY_CREATION, filter })).map(({ id }) => id)
}

async function insert(record: SessionRecord): Promise<InsertOutcome> {
  return store.insert(record, { mark: makeMark({ at: record.createdAt }) })
}

/** Of two who have a session and one whose session has ended. */
async function signInThree(): Promise<readonly SessionRecord[]> {
  const records = [1, 2, 3].map((place) => makeRecord({ createdAt: NOON + place, userId: `user-${place}` }))
  for (const record of records) await insert(record)
  await store.revoke({ id: records[0]!.id }, makeEndMark(), 1)
  return records
}

async function lose(...names: readonly string[]): Promise<void> {
  expect(await client.sendCommand(['DEL', ...names.map((name) => prefix + name)])).toBe(names.length)
}

async function keysLeft(): Promise<readonly string[]> {
  const keys = await client.keys(`${prefix}*`)
  return keys.map((key) => key.slice(prefix.length)).toSorted()
}
