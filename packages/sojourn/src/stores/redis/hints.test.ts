import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  connectBySentinel,
  connectTo,
  connectToCluster,
  redisPath,
  startCluster,
  startRedis,
  startSentinel,
  until,
  untilAnswered,
} from '../../../../../test/support/redis.ts'
import type { RedisCluster, RedisServer, TestClient } from '../../../../../test/support/redis.ts'
import { required } from '../../../../../test/support/require.ts'
import { StillNode } from '../../../../../test/support/still-node.ts'
import { SessionManager } from '../../index.ts'
import type { SessionId, Token } from '../../index.ts'
import { factCases } from '../../testing/contract/facts.ts'
import { hintCases } from '../../testing/contract/hints.ts'
import { makeMark, makeRecord } from '../../testing/index.ts'
import { NOON } from '../../testing/records.ts'
import { RedisStore } from '../redis.ts'
import type { AnyRedis } from '../redis.ts'

const ADA = { userId: '42', username: 'ada' }
const CAP = {
  max: 1,
  onExceed: 'evict',
  standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 },
} as const

let server: RedisServer
let client: TestClient
let prefix: string
const open: RedisStore[] = []

beforeAll(async () => {
  if (redisPath === null) return
  server = await startRedis()
  client = await connectTo(server.url)
})
beforeEach((context) => {
  required(context, 'redis-server', redisPath)
  prefix = `${randomUUID()}:`
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()))
})
afterAll(async () => {
  client?.destroy()
  await server?.close()
})

test.each([...hintCases, ...factCases])('a store that gives hints is a store: $name', async ({ run }) => {
  await expect(run(async () => ({ store: await opened(client) }))).resolves.toBeUndefined()
})

describe('a node whose timers stand still', () => {
  test('refuses what another has ended, once it was told', async () => {
    const [node, other] = await twoNodes(client)
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test('is told by a process that has no memory, and by one that ends right after', async () => {
    const [node] = await twoNodes(client)
    const command = await opened(client)
    const { token, id } = await signIn({ sessions: new SessionManager({ store: command }) })
    await node.warmUp(token)
    await new SessionManager({ store: command }).revoke({ id })
    await command.close()
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test.each<[string, (other: StillNode<RedisStore>, id: SessionId) => Promise<unknown>]>([
    ['have other secrets', ({ sessions }, id) => sessions.reauthenticated(id)],
    ['are all ended', ({ sessions }) => sessions.revoke({ userId: ADA.userId })],
    ['are ended by a filter', ({ sessions }) => sessions.revoke({ where: { username: ADA.username } })],
    [
      'give way to a login beyond the cap',
      ({ store }) => store.insert(makeRecord({ ...ADA, createdAt: NOON + 1 }), { mark: makeMark(), cap: CAP }),
    ],
  ])('is told when sessions elsewhere %s', async (_, deed) => {
    const [node, other] = await twoNodes(client)
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { invalidations } = node.store.figures()
    await deed(other, id)
    await until(async () => node.store.figures().invalidations > invalidations)
  })

  test('is told of an end and of nothing else: of no login, nor of what another prefix or database keeps', async () => {
    const [node, other] = await twoNodes(client)
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { hints } = node
    const elsewhere = await connectTo(`${server.url}/1`)
    for (const stranger of [
      await RedisStore.open({ client: elsewhere, prefix, hints: true }),
      await RedisStore.open({ client, prefix: `${randomUUID()}:`, hints: true }),
    ]) {
      const sessions = new SessionManager({ store: stranger })
      await sessions.revoke({ id: (await sessions.create(ADA)).session.id })
      await stranger.close()
    }
    elsewhere.destroy()
    for (let turn = 0; turn < 5; turn += 1) await other.sessions.create(ADA)
    await other.sessions.revoke({ id })
    await node.untilRefused(token)
    expect(node.hints).toBe(hints + 1)
  })
})

describe('T11: the bound holds', () => {
  test('when who listens is thrown out, and hints come again after that', async () => {
    const [node, other] = await twoNodes(client)
    const [first, second] = [await signIn(other), await signIn(other)]
    await node.warmUp(first.token, second.token)
    const { hints } = node
    await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await other.sessions.revoke({ id: first.id })
    node.pass(1_000)
    expect(await node.verdict(first.token)).toBe('ended')

    await node.untilHinted(hints)
    await node.warmUp(second.token)
    await other.sessions.revoke({ id: second.id })
    expect(await node.untilRefused(second.token)).toBe('ended')
  })

  test('when the server was away, and hints come again after that', async () => {
    const [node, other] = await twoNodes(client)
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { hints } = node
    await server.kill()
    await server.start()
    await untilAnswered(client)
    await node.untilHinted(hints)
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test('where nobody may speak: an end is acknowledged all the same', async () => {
    await client.sendCommand(['ACL', 'SETUSER', 'mute', 'on', '>mute', '~*', '&*', '+@all', '-publish'])
    const mute = await connectTo(server.url.replace('//', '//mute:mute@'))
    const [node, other] = [new StillNode(await opened(client)), new StillNode(await opened(mute))]
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { hints } = node
    expect(await other.sessions.revoke({ id })).toMatchObject({ count: 1 })
    await other.store.close()
    mute.destroy()
    node.pass(1_000)
    expect([await node.verdict(token), node.hints]).toEqual(['ended', hints])
  })

  test('where nobody may listen', async () => {
    await client.sendCommand(['ACL', 'SETUSER', 'deaf', 'on', '>deaf', '~*', '&*', '+@all', '-subscribe'])
    const deaf = await connectTo(server.url.replace('//', '//deaf:deaf@'))
    const [node, other] = [new StillNode(await opened(deaf)), new StillNode(await opened(client))]
    const { token, id } = await signIn(other)
    await node.store.pull()
    for (let turn = 0; turn < 2; turn += 1) expect(await node.verdict(token)).toBe('stands')
    await other.sessions.revoke({ id })
    node.pass(1_000)
    expect([await node.verdict(token), node.hints]).toEqual(['ended', 0])
    await node.store.close()
    deaf.destroy()
  })
})

test('the connection of who listens is taken when memory is first asked, and given back when the store is closed', async () => {
  const store = await opened(client)
  expect(await subscribers()).toBe(0)
  const node = new StillNode(store)
  await node.warmUp()
  expect(await subscribers()).toBe(1)
  await node.store.close()
  await until(async () => (await subscribers()) === 0)
})

test('a client that can neither subscribe nor be doubled gives no hints', async () => {
  const plain = { sendCommand: client.sendCommand.bind(client) } as AnyRedis
  await expect(RedisStore.open({ client: plain, hints: true })).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining('leave hints out'),
  })
})

test('by sentinels a node is told as well, and after a failover again', async () => {
  const primary = await startRedis()
  const replica = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` })
  const sentinel = await startSentinel(primary)
  const clients = [await connectBySentinel(sentinel.port), await connectBySentinel(sentinel.port)] as const
  try {
    const [node, other] = [new StillNode(await opened(clients[0])), new StillNode(await opened(clients[1]))]
    const [first, second] = [await signIn(other), await signIn(other)]
    await node.warmUp(first.token, second.token)
    await other.sessions.revoke({ id: first.id })
    expect(await node.untilRefused(first.token)).toBe('ended')

    const { hints } = node
    // Until the replica has heard of both logins, a failover may lose them, or not come at all. WAIT is about what the very
    // connection wrote: it has to write something after them.
    const direct = await connectTo(primary.url)
    await direct.set('written after the logins', '')
    await until(async () => Number(await direct.sendCommand(['WAIT', '1', '1000'])) === 1)
    direct.destroy()
    await primary.kill()
    await node.untilHinted(hints)
    await until(async () => (await other.verdict(second.token)) === 'stands')
    await node.warmUp(second.token)
    await other.sessions.revoke({ id: second.id })
    expect(await node.untilRefused(second.token)).toBe('ended')
  } finally {
    await Promise.all(open.splice(0).map((store) => store.close()))
    for (const each of clients) await each.destroy()
    await Promise.all([sentinel, primary, replica].map((each) => each.close()))
  }
})

describe('in a cluster', () => {
  let cluster: RedisCluster

  beforeAll(async () => {
    if (redisPath !== null) cluster = await startCluster()
  })
  afterAll(async () => cluster?.close())

  test('a node is told, whichever server it listens to, and again after that was lost', async () => {
    const clients = [await connectToCluster(cluster), await connectToCluster(cluster)] as const
    const servers = await Promise.all(cluster.servers.map(({ url }) => connectTo(url)))
    const [node, other] = [new StillNode(await opened(clients[0])), new StillNode(await opened(clients[1]))]
    const [first, second] = [await signIn(other), await signIn(other)]
    await node.warmUp(first.token, second.token)
    await other.sessions.revoke({ id: first.id })
    expect(await node.untilRefused(first.token)).toBe('ended')

    const { hints } = node
    for (const each of servers) await each.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await node.untilHinted(hints)
    await node.warmUp(second.token)
    await other.sessions.revoke({ id: second.id })
    expect(await node.untilRefused(second.token)).toBe('ended')

    await node.store.close()
    const listeners = async (): Promise<number> => {
      const lists = await Promise.all(servers.map((each) => each.sendCommand(['CLIENT', 'LIST', 'TYPE', 'pubsub'])))
      return lists.filter((list) => String(list).includes('id=')).length
    }
    await until(async () => (await listeners()) === 0)
    for (const each of [...clients, ...servers]) each.destroy()
  })
})

async function opened(on: AnyRedis): Promise<RedisStore> {
  const store = await RedisStore.open({ client: on, prefix, hints: true, deadline: '20s' })
  open.push(store)
  return store
}

/** Two on the same keys. */
async function twoNodes(on: AnyRedis): Promise<readonly [StillNode<RedisStore>, StillNode<RedisStore>]> {
  return [new StillNode(await opened(on)), new StillNode(await opened(on))]
}

async function signIn({
  sessions,
}: {
  readonly sessions: SessionManager
}): Promise<{ readonly token: Token; readonly id: SessionId }> {
  const { token, session } = await sessions.create(ADA)
  return { token, id: session.id }
}

/** How many listen on the channel of these keys. */
async function subscribers(): Promise<number> {
  const reply = await client.sendCommand(['PUBSUB', 'NUMSUB', `${prefix}hints:0`])
  return Number(Array.isArray(reply) ? reply[1] : Object.values(Object(reply) as object)[0])
}
