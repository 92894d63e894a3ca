import { randomBytes, randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  connectTo,
  connectToCluster,
  redisPath,
  startCluster,
  startRedis,
  until,
} from '../../../../../test/support/redis.ts'
import type { RedisServer, TestClient } from '../../../../../test/support/redis.ts'
import { required } from '../../../../../test/support/require.ts'
import { SUPERSEDED_KEPT } from '../../core/session.ts'
import { assertSameRecord, read } from '../../testing/contract/observe.ts'
import { makeEndMark, makeMark, makeRecord } from '../../testing/index.ts'
import { NOON } from '../../testing/records.ts'
import { RedisStore } from '../redis.ts'
import type { RedisStoreOptions } from '../redis.ts'

let server: RedisServer
let client: TestClient

beforeAll(async () => {
  if (redisPath === null) return
  server = await startRedis()
  client = await connectTo(server.url)
})
beforeEach((context) => {
  required(context, 'redis-server', redisPath)
  return reset
})
afterAll(async () => {
  client?.destroy()
  await server?.close()
})

describe('the settings of the server', () => {
  test('a log that is synced on every write, and nothing thrown away, promise everything', async () => {
    await using opened = await open()
    expect(await opened.store.guarantees()).toEqual({
      engine: expect.stringMatching(/^(?:redis|valkey) \d/),
      survivesProcessKill: true,
      survivesPowerLoss: true,
      revocationBound: 0,
      settings: {
        'maxmemory-policy': 'noeviction',
        appendonly: 'yes',
        appendfsync: 'always',
        cluster: false,
        replicas: 0,
      },
      warnings: [],
    })
  })

  test('a log that is synced each second is taken, and does not promise to survive a loss of power', async () => {
    await set('appendfsync', 'everysec')
    await using opened = await open()
    const { survivesProcessKill, survivesPowerLoss, warnings } = await opened.store.guarantees()
    expect({ survivesProcessKill, survivesPowerLoss }).toEqual({ survivesProcessKill: true, survivesPowerLoss: false })
    expect(warnings).toEqual([expect.stringContaining('appendfsync is everysec')])
  })

  test.each([
    ['appendonly', 'no'],
    ['maxmemory-policy', 'allkeys-lru'],
    ['maxmemory-policy', 'volatile-ttl'],
  ])('%s %s is refused by name, and taken when allowed by that name, with a warning', async (name, value) => {
    await set(name, value)
    await expect(open()).rejects.toMatchObject({ code: 'unsafe_settings', message: expect.stringContaining(name) })
    await using opened = await open({ allowUnsafe: [name] })
    const { survivesProcessKill, survivesPowerLoss, warnings } = await opened.store.guarantees()
    expect({ survivesProcessKill, survivesPowerLoss }).toEqual({ survivesProcessKill: false, survivesPowerLoss: false })
    expect(warnings).toEqual([expect.stringContaining(name)])
  })

  test('a server that does not let its settings be read promises less, and says why', async () => {
    await client.sendCommand(['ACL', 'SETUSER', 'guest', 'on', '>guest', '~*', '+@all', '-config'])
    const guest = await connectTo(server.url.replace('//', '//guest:guest@'))
    await using opened = await open({ client: guest })
    const { survivesPowerLoss, warnings } = await opened.store.guarantees()
    expect(survivesPowerLoss).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('does not say what appendfsync is')])
    guest.destroy()
  })

  test.each(['yes', 'no'])('a replica is refused, whatever is allowed (replica-read-only %s)', async (isReadOnly) => {
    const replica = await startRedis({ replicaof: `127.0.0.1 ${server.port}`, 'replica-read-only': isReadOnly })
    const reader = await connectTo(replica.url)
    const opening = open({ client: reader, allowUnsafe: ['appendonly', 'maxmemory-policy'] })
    await expect(opening).rejects.toMatchObject({ message: expect.stringContaining('is a replica and may be behind') })
    reader.destroy()
    await replica.close()
  })

  test('a server with replicas warns of what a failover may undo', async () => {
    const replica = await startRedis({ replicaof: `127.0.0.1 ${server.port}` })
    await using opened = await open()
    await until(async () => (await opened.store.guarantees()).settings['replicas'] === 1)
    expect((await opened.store.guarantees()).warnings).toEqual([expect.stringContaining('when one takes over')])
    await replica.close()
  })
})

describe('what cannot be opened', () => {
  test.each<[string, Partial<RedisStoreOptions>, string]>([
    ['no client', { client: {} as never }, 'sendCommand'],
    ['a prefix with braces', { prefix: 'a{b}' }, 'prefix'],
    ['an empty prefix', { prefix: '' }, 'prefix'],
    ['a deadline of nothing', { deadline: 0 }, 'deadline'],
    ['a name that is no setting', { allowUnsafe: ['everything'] }, 'allowUnsafe'],
    ['a renewal key of another length', { renewalKey: randomBytes(16) }, 'renewalKey'],
  ])('%s is an invalid option', async (_, options, name) => {
    await expect(open(options)).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(name),
    })
  })

  test('a client of one server for a server of a cluster is told which client to give', async () => {
    const cluster = await startCluster()
    const single = await connectTo(cluster.servers[0]!.url)
    await expect(open({ client: single })).rejects.toMatchObject({ message: expect.stringContaining('createCluster') })
    const whole = await connectToCluster(cluster)
    await using opened = await open({ client: whole })
    expect((await opened.store.guarantees()).settings).toMatchObject({ cluster: true })
    whole.destroy()
    single.destroy()
    await cluster.close()
  })

  test('keys that are arranged otherwise are left alone', async () => {
    const prefix = `${randomUUID()}:`
    await client.set(`${prefix}layout`, '1 16')
    await expect(open({ prefix })).rejects.toMatchObject({ code: 'store_corrupt' })
    await client.set(`${prefix}layout`, '2 1')
    await expect(open({ prefix })).rejects.toMatchObject({ code: 'schema_newer' })
  })
})

describe('what is kept', () => {
  test('a record is kept to the byte, for this store and the next', async () => {
    const prefix = `${randomUUID()}:`
    const record = makeRecord({
      userId: 'Ünïcode \u{1f511}',
      username: 'ada',
      nextHash: randomBytes(32),
      nextSalt: randomBytes(32),
      previousHashes: Array.from({ length: SUPERSEDED_KEPT }, () => randomBytes(32)),
      previousUntil: -1,
      expiresAt: Number.MAX_SAFE_INTEGER,
      endsAt: -5_000_000_000,
      userAgent: 'before\0after \ufeff é',
      attributes: { nested: [{ __proto__: null, text: '\u2028', half: '\ud800' }], number: -0.5, none: null },
      version: 70_000,
    })
    await using opened = await open({ prefix })
    await opened.store.insert(record, { mark: makeMark() })
    await using again = await open({ prefix })
    for (const { store } of [opened, again]) assertSameRecord(await read(store, record.id), record)
  })

  test('a session that somebody has spoilt is an error of the store, and no answer', async () => {
    await using opened = await open()
    const record = makeRecord()
    await opened.store.insert(record, { mark: makeMark() })
    for (const rubbish of ['rubbish', Buffer.of(0x92, 1, 2).toString('latin1')]) {
      await client.set(`${opened.prefix}session:${record.id}`, rubbish)
      await expect(opened.store.get(record.id)).rejects.toMatchObject({ code: 'store_corrupt' })
    }
    await client.del(`${opened.prefix}session:${record.id}`)
    await client.lPush(`${opened.prefix}session:${record.id}`, 'a list')
    await expect(opened.store.get(record.id)).rejects.toMatchObject({ code: 'store_corrupt' })
  })

  test('a session that cannot be read is nobody else’s trouble', async () => {
    await using opened = await open()
    const records = Array.from({ length: 5 }, () => makeRecord())
    for (const record of records) await opened.store.insert(record, { mark: makeMark() })
    const [spoilt, ...others] = records
    await client.set(`${opened.prefix}session:${spoilt!.id}`, 'rubbish')
    const answers = await Promise.allSettled(records.map(({ id }) => opened.store.get(id)))
    expect(answers[0]).toMatchObject({ status: 'rejected', reason: { code: 'store_corrupt' } })
    for (const [place, { id }] of others.entries()) expect(answers[place + 1]).toMatchObject({ value: { id } })
  })

  test('reads that come together share a round trip', async () => {
    await using opened = await open()
    const records = Array.from({ length: 100 }, () => makeRecord())
    await Promise.all(records.map((record) => opened.store.insert(record, { mark: makeMark() })))
    const before = await scriptsRun()
    const found = await Promise.all(records.map(({ id }) => opened.store.get(id)))
    expect(found.map((record) => record?.id)).toEqual(records.map(({ id }) => id))
    // The watch may have looked meanwhile.
    expect((await scriptsRun()) - before).toBeLessThanOrEqual(3)
  })

  test('a client of the older protocol gets the same answers', async () => {
    const older = createClient({ url: server.url, RESP: 2 })
    await older.connect()
    const prefix = `${randomUUID()}:`
    await using opened = await open({ client: older, prefix })
    await using newer = await open({ prefix })
    const records = [
      makeRecord({ attributes: { a: 'ü' } }),
      makeRecord({ userId: 'user-2', nextHash: randomBytes(32) }),
    ]
    for (const record of records) await opened.store.insert(record, { mark: makeMark() })
    await opened.store.revoke({ userId: 'user-2' }, makeEndMark(), 1)
    const answers = ({ store }: Opened): Promise<unknown> =>
      Promise.all([
        store.get(records[0]!.id),
        store.get(makeRecord().id),
        store.list({ filter: {}, sort: 'createdAt', descending: true, limit: 9 }),
        store.events({ limit: 9 }),
        store.changes(null, 9),
        store.stats({ endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 }, 0),
        store.guarantees(),
      ])
    expect(await answers(opened)).toEqual(await answers(newer))
    older.destroy()
  })

  test('the record of another session is never answered', async () => {
    await using opened = await open()
    const [mine, theirs] = [makeRecord(), makeRecord({ userId: 'user-2' })]
    for (const record of [mine, theirs]) await opened.store.insert(record, { mark: makeMark() })
    await client.copy(`${opened.prefix}session:${theirs.id}`, `${opened.prefix}session:${mine.id}`, { REPLACE: true })
    await expect(opened.store.get(mine.id)).rejects.toMatchObject({ code: 'store_corrupt' })
  })

  test('a server that has forgotten the scripts is taught them again', async () => {
    await using opened = await open()
    await client.scriptFlush()
    const record = makeRecord()
    expect(await opened.store.insert(record, { mark: makeMark() })).toMatchObject({ ok: true })
    expect(await opened.store.get(record.id)).toMatchObject({ id: record.id })
  })

  test('where memory is full nobody can sign in, and everybody can be seen and ended', async () => {
    await using opened = await open()
    const [first, second] = [makeRecord(), makeRecord()]
    for (const record of [first, second]) await opened.store.insert(record, { mark: makeMark() })
    await set('maxmemory', '1')
    await expect(opened.store.insert(makeRecord(), { mark: makeMark() })).rejects.toMatchObject({ code: 'store_full' })
    expect(await opened.store.get(first.id)).toMatchObject({ endReason: null })
    expect(await opened.store.revoke({ id: first.id }, makeEndMark(), 1)).toHaveLength(1)
    expect(await opened.store.revoke({ userId: 'user-1' }, makeEndMark(), 1)).toHaveLength(1)
    expect(await opened.store.prune(NOON + 1, 10)).toMatchObject({ sessions: 2 })
  })

  test('the renewal key is the one that was given, and none otherwise', async () => {
    const renewalKey = randomBytes(32)
    await using given = await open({ renewalKey })
    await using left = await open()
    expect(Buffer.from((await given.store.renewalKey())!)).toEqual(renewalKey)
    expect(await left.store.renewalKey()).toBeNull()
  })

  test('closing lets go of nothing that is the user’s', async () => {
    const { store } = await open()
    await store.close()
    expect(await client.ping()).toBe('PONG')
  })
})

interface Opened extends AsyncDisposable {
  readonly store: RedisStore
  readonly prefix: string
}

async function open(options: Partial<RedisStoreOptions> = {}): Promise<Opened> {
  const prefix = options.prefix ?? `${randomUUID()}:`
  const store = await RedisStore.open({ client, ...options, prefix })
  return { store, prefix, [Symbol.asyncDispose]: () => store.close() }
}

async function scriptsRun(): Promise<number> {
  const info = await client.info('commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1])
}

async function set(name: string, value: string): Promise<void> {
  await client.configSet(name, value)
}

async function reset(): Promise<void> {
  if (client === undefined) return
  await set('maxmemory', '0')
  await set('maxmemory-policy', 'noeviction')
  await set('appendfsync', 'always')
  await set('appendonly', 'yes')
}
