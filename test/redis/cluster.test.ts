import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { Keys } from '../../packages/sojourn/src/stores/redis/keys.ts'
import { makeEndMark, makeMark, makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { DAY, NOON } from '../../packages/sojourn/src/testing/records.ts'
import { connectTo, connectToCluster, redisPath, startCluster, until } from '../support/redis.ts'
import type { RedisCluster, TestClient, TestCluster } from '../support/redis.ts'
import { required } from '../support/require.ts'

const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }

let cluster: RedisCluster
let client: TestCluster
let prefix: string
let store: RedisStore

beforeAll(async () => {
  if (redisPath === null) return
  cluster = await startCluster()
  client = await connectToCluster(cluster)
})
beforeEach(async (context) => {
  required(context, 'redis-server', redisPath)
  prefix = `${randomUUID()}:`
  store = await RedisStore.open({ client, prefix })
  return () => store.close()
})
afterAll(async () => {
  client?.destroy()
  await cluster?.close()
})

test('sessions lie on every master', async () => {
  await signIn(60)
  const counts = await Promise.all(
    cluster.servers.map(async ({ url }) => {
      const master = await connectTo(url)
      const keys = await master.keys(`${prefix}{*}:session:*`)
      master.destroy()
      return keys.length
    }),
  )
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60)
  expect(Math.min(...counts)).toBeGreaterThan(5)
})

test('another node finds a session by its id alone, and sees at once that it ended', async () => {
  const [record] = await signIn(1)
  const other = await RedisStore.open({ client, prefix })
  expect(await other.get(record!.id)).toMatchObject({ id: record!.id, endReason: null })
  await store.revoke({ id: record!.id }, makeEndMark(), 1)
  expect(await other.get(record!.id)).toMatchObject({ endReason: 'revoked' })
  await store.prune(NOON + DAY, 10)
  expect(await other.get(record!.id)).toBeNull()
  await other.close()
})

test('what was forgotten with its user is unknown on every node, and leaves no trace of where it was', async () => {
  const [kept] = await signIn(1)
  const records = Array.from({ length: 3 }, () => makeRecord({ userId: 'ada' }))
  for (const record of records) await store.insert(record, { mark: makeMark() })
  const other = await RedisStore.open({ client, prefix })
  for (const { id } of records) expect(await other.get(id)).toMatchObject({ endReason: null })
  await store.revoke({ userId: 'ada' }, makeEndMark(), 1)
  expect(await store.forget('ada', 2)).toBe(2)
  expect(await store.forget('ada', 2)).toBe(1)
  for (const { id } of records) {
    for (const node of [store, other]) expect(await node.get(id)).toBeNull()
    expect(await client.get(`${prefix}at:{${id}}`)).toBeNull()
  }
  expect(await store.count({})).toBe(1)
  expect(await store.get(kept!.id)).toMatchObject({ endReason: null })
  const late = makeRecord({ userId: 'ada' })
  expect(await other.insert(late, { mark: makeMark(), epoch: 0 })).toEqual({ ok: false, reason: 'epoch' })
  await other.close()
})

test('a login that broke off before it was told where it is leaves nothing that stays', async () => {
  const record = makeRecord()
  const place = `${prefix}at:{${record.id}}`
  await client.set(place, '3', { condition: 'NX', expiration: { type: 'PX', value: 3_600_000 } })
  expect(await store.get(record.id)).toBeNull()
  expect(await client.pTTL(place)).toBeGreaterThan(0)
})

test('a login that was refused can be made again under the same id, by anybody', async () => {
  const { id } = makeRecord()
  const cap = { max: 1, onExceed: 'deny', standing: STANDING } as const
  await store.insert(makeRecord({ userId: 'ada' }), { mark: makeMark() })
  expect(await store.insert(makeRecord({ id, userId: 'ada' }), { mark: makeMark(), cap })).toMatchObject({ ok: false })
  for (let place = 0; place < 20; place += 1) {
    const refused = makeRecord({ id, userId: `user-${place}` })
    expect(await store.insert(refused, { mark: makeMark(), epoch: 7 })).toEqual({ ok: false, reason: 'epoch' })
  }
  expect(await store.insert(makeRecord({ id, userId: 'grace' }), { mark: makeMark() })).toMatchObject({ ok: true })
  expect(await client.pTTL(`${prefix}at:{${id}}`)).toBe(-1)
})

test('of logins of many users under one id at once exactly one is done', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { id } = makeRecord()
    const attempts = Array.from({ length: 12 }, (_, place) => makeRecord({ id, userId: `user-${round}-${place}` }))
    const outcomes = await Promise.all(attempts.map((record) => store.insert(record, { mark: makeMark() })))
    const winners = attempts.filter((_, place) => outcomes[place]?.ok)
    expect(winners).toHaveLength(1)
    expect(await store.get(id)).toMatchObject({ userId: winners[0]?.userId })
  }
})

test('fifty logins at once on two nodes never exceed the cap', async () => {
  const other = await RedisStore.open({ client, prefix })
  const cap = { max: 3, onExceed: 'evict', standing: STANDING } as const
  await Promise.all(
    Array.from({ length: 50 }, async (_, place) => {
      const node = place % 2 === 0 ? store : other
      await node.insert(makeRecord({ userId: 'ada', createdAt: NOON + place }), { mark: makeMark(), cap })
      expect(await node.count({ userId: 'ada', standing: STANDING })).toBeLessThanOrEqual(3)
    }),
  )
  expect(await store.count({ userId: 'ada', standing: STANDING })).toBe(3)
  await other.close()
})

test('a page over all masters is in one order, and pages show every session once', async () => {
  const records = await signIn(40)
  const seen: string[] = []
  let after: { value: number; id: (typeof records)[number]['id'] } | undefined
  for (;;) {
    const page = await store.list({ filter: {}, sort: 'createdAt', descending: true, after, limit: 7 })
    seen.push(...page.map(({ id }) => id))
    const last = page.at(-1)
    if (last === undefined) break
    after = { value: last.createdAt, id: last.id }
  }
  const expected = records.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
  expect(seen).toEqual(expected.map(({ id }) => id))
})

test('a reader misses nothing of a master whose clock is behind another’s', async () => {
  const keys = new Keys(prefix, true)
  const users = Array.from({ length: 40 }, (_, place) => `user-${place}`)
  const ahead = keys.ofUser(users[0]!)
  const behind = users.find((user) => keys.ofUser(user) !== ahead)!
  await client.xAdd(`${ahead.base}events`, `${8_000_000_000_000_000 + ahead.number}-0`, { at: String(NOON) })
  await store.insert(makeRecord({ userId: users[0]! }), { mark: makeMark() })
  const { cursor, events } = await store.changes(null, 10)
  expect(events).toHaveLength(2)
  const late = makeRecord({ userId: behind })
  await store.insert(late, { mark: makeMark() })
  expect((await store.changes(cursor, 10)).events.map(({ sessionId }) => sessionId)).toEqual([late.id])
})

test('a login is not answered before it can be found', async () => {
  const record = makeRecord()
  await store.insert(record, { mark: makeMark() })
  expect(await client.pTTL(`${prefix}at:{${record.id}}`)).toBe(-1)
})

test('while a slot moves to another master its sessions cannot be told, and never count as unknown', async () => {
  const records = await signIn(40)
  const { slot, from, to } = await moveOf(records[0]!.userId)
  await from.sendCommand(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to)])
  await to.sendCommand(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from)])
  const answers = await Promise.allSettled(records.map(({ id }) => store.get(id)))
  expect(answers[0]).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
  for (const answer of answers) {
    if (answer.status === 'fulfilled') expect(answer.value).toMatchObject({ endReason: null })
    else expect(answer.reason).toMatchObject({ code: 'store_unavailable' })
  }
  const login = store.insert(makeRecord({ userId: records[0]!.userId }), { mark: makeMark() })
  await expect(login).rejects.toMatchObject({ code: 'store_unavailable' })
  // Everything but what cannot be: the keys of the slot go over one by one.
  const host = ['127.0.0.1', new URL(cluster.servers[to.place]!.url).port]
  for (let keys = await keysIn(from, slot); keys.length > 0; keys = await keysIn(from, slot)) {
    await from.sendCommand(['MIGRATE', ...host, '', '0', '5000', 'KEYS', keys[0]!])
    if (keys.length % 7 !== 0) continue
    await expect(store.get(records[0]!.id)).rejects.toMatchObject({ code: 'store_unavailable' })
  }
  for (const master of [to, from]) await master.sendCommand(['CLUSTER', 'SETSLOT', slot, 'NODE', await idOf(to)])
  for (const { id } of records) expect(await store.get(id)).toMatchObject({ id, endReason: null })
  to.destroy()
  from.destroy()
})

test('while a master is away its sessions cannot be told, and never count as ended or unknown', async () => {
  const records = await signIn(30)
  await cluster.servers[2]!.kill()
  const other = await RedisStore.open({ client, prefix, deadline: '1s' }).catch((error: unknown) => error)
  expect(other).toMatchObject({ code: 'store_unavailable' })
  const answers = await Promise.allSettled(records.map(({ id }) => store.get(id)))
  for (const answer of answers) {
    if (answer.status === 'fulfilled') expect(answer.value).toMatchObject({ endReason: null })
    else expect(answer.reason).toMatchObject({ code: 'store_unavailable' })
  }
  expect(answers.some(({ status }) => status === 'rejected')).toBe(true)
  await cluster.servers[2]!.start()
  await until(async () => (await Promise.allSettled(records.map(({ id }) => store.get(id)))).every(isFulfilled))
})

/** The slot that a user's sessions lie in, the master that has it, and another. */
async function moveOf(userId: string) {
  const { base } = new Keys(prefix, true).ofUser(userId)
  const clients = await Promise.all(
    cluster.servers.map(async ({ url }, place) => Object.assign(await connectTo(url), { place })),
  )
  const slot = String(await clients[0]!.sendCommand(['CLUSTER', 'KEYSLOT', base]))
  const held = await Promise.all(clients.map(async (master) => (await keysIn(master, slot)).length))
  const from = clients[held.findIndex((count) => count > 0)]!
  const [to, ...others] = clients.filter((master) => master !== from)
  for (const other of others) other.destroy()
  return { slot, from, to: to! }
}

async function keysIn(master: TestClient, slot: string): Promise<readonly string[]> {
  return master.sendCommand<string[]>(['CLUSTER', 'GETKEYSINSLOT', slot, '1000'])
}

async function idOf(master: TestClient): Promise<string> {
  return master.sendCommand<string>(['CLUSTER', 'MYID'])
}

async function signIn(count: number) {
  const records = Array.from({ length: count }, (_, place) =>
    makeRecord({ userId: `user-${place}`, createdAt: NOON + (place % 4) }),
  )
  await Promise.all(records.map((record) => store.insert(record, { mark: makeMark() })))
  return records
}

function isFulfilled({ status }: PromiseSettledResult<unknown>): boolean {
  return status === 'fulfilled'
}
