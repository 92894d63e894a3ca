import { beforeEach, expect, test } from 'vitest'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { makeEndMark, makeMark, makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { NOON } from '../../packages/sojourn/src/testing/records.ts'
import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import {
  connectBySentinel,
  connectTo,
  redisPath,
  startRedis,
  startSentinel,
  until,
  untilAnswered,
} from '../support/redis.ts'
import type { RedisServer, TestClient } from '../support/redis.ts'
import { figure, found } from '../support/proof.ts'
import { startRelay } from '../support/relay.ts'
import { required } from '../support/require.ts'

/** How many failovers; others by `SOJOURN_FAILOVERS=150`. */
const FAILOVERS = Number(process.env['SOJOURN_FAILOVERS'] ?? 2)
const LONG = { timeout: 60_000 + FAILOVERS * 10_000 }

beforeEach((context) => void required(context, 'redis-server', redisPath))

test('a failover brings back a session that ended just before, where nobody is left who knows', LONG, async () => {
  for (let turn = 0; turn < FAILOVERS; turn += 1) {
    await using pair = await Pair.start()
    const record = await pair.signIn('ada')
    await pair.cut()
    const first = await pair.node()
    await first.store.revoke({ id: record.id }, makeEndMark(), 1)
    expect(await first.store.get(record.id)).toMatchObject({ endReason: 'revoked' })
    await first.close()
    await pair.failOver()
    const second = await pair.node()
    expect(await second.store.get(record.id)).toMatchObject({ endReason: null })
  }
  found({
    claim: 'Redis, no promise: a failover to a server that had not heard of an end, and no node left that had',
    tried: `${figure(FAILOVERS)} failovers`,
    found: `${figure(FAILOVERS)} logouts undone, as the guarantees of the store say`,
  })
})

test('a failover that a node survives leaves nothing undone', LONG, async () => {
  const spans: number[] = []
  for (let turn = 0; turn < FAILOVERS; turn += 1) {
    await using pair = await Pair.start()
    const record = await pair.signIn('ada')
    await pair.cut()
    const node = await pair.node()
    await node.store.revoke({ id: record.id }, makeEndMark(), 1)
    await pair.failOver()
    const started = performance.now()
    const witness = await pair.node()
    await until(async () => (await witness.store.get(record.id))?.endReason !== null)
    spans.push(performance.now() - started)
  }
  found({
    claim: 'Redis: the same where a node has survived that knew of the end',
    tried: `${figure(FAILOVERS)} failovers`,
    found: `0 logouts left undone, ended again within ${figure(Math.ceil(Math.max(...spans)))} ms`,
  })
})

test('the node that ended a session never sees it standing again', async () => {
  await using pair = await Pair.start()
  const record = await pair.signIn('ada')
  await pair.cut()
  const node = await pair.node()
  await node.store.revoke({ id: record.id }, makeEndMark({ reason: 'logout' }), 1)
  await pair.failOver()
  await untilAnswered(node.client)
  expect(await node.store.get(record.id)).toMatchObject({ endReason: 'logout' })
})

test('the node that ended a session and forgot it never sees it standing again either', async () => {
  await using pair = await Pair.start()
  const record = await pair.signIn('ada')
  await pair.cut()
  const node = await pair.node()
  await node.store.revoke({ id: record.id }, makeEndMark({ reason: 'logout' }), 1)
  expect(await node.store.forget('ada', 9)).toBe(1)
  expect(await node.store.get(record.id)).toBeNull()
  await pair.failOver()
  await untilAnswered(node.client)
  expect(await node.store.get(record.id)).toMatchObject({ endReason: 'logout' })
})

test('a surviving node ends again what the new primary had not heard of, for everybody', async () => {
  await using pair = await Pair.start()
  const [one, two, spared, other] = [
    await pair.signIn('ada'),
    await pair.signIn('grace'),
    await pair.signIn('grace'),
    await pair.signIn('linus'),
  ]
  await pair.cut()
  const node = await pair.node()
  await node.store.revoke({ id: one.id }, makeEndMark({ reason: 'logout', at: NOON + 5 }), 1)
  await node.store.revoke({ userId: 'grace', except: spared.id }, makeEndMark({ reason: 'password_change' }), 1)
  await pair.failOver()
  const witness = await pair.node()
  await until(async () => (await witness.store.get(one.id))?.endReason !== null)
  await until(async () => (await witness.store.epoch('grace')) === 1)
  expect(await witness.store.get(one.id)).toMatchObject({ endReason: 'logout', endsAt: NOON + 5 })
  expect(await witness.store.get(two.id)).toMatchObject({ endReason: 'password_change' })
  expect(await witness.store.get(spared.id)).toMatchObject({ endReason: null })
  expect(await witness.store.get(other.id)).toMatchObject({ endReason: null })
  expect(await witness.store.events({ sessionId: one.id, type: 'session_ended', limit: 9 })).toHaveLength(1)
})

test('a node that only heard of an end makes it again, too', async () => {
  await using pair = await Pair.start()
  const record = await pair.signIn('ada')
  await pair.cut()
  const [actor, listener] = [await pair.node(), await pair.node()]
  await actor.store.revoke({ id: record.id }, makeEndMark({ reason: 'token_reuse' }), 1)
  await listener.store.changes(null, 100)
  await actor.close()
  await pair.failOver()
  const witness = await pair.node()
  await until(async () => (await witness.store.get(record.id))?.endReason === 'token_reuse')
})

test('positions of the history are not given out twice by a server that takes over', async () => {
  await using pair = await Pair.start()
  await pair.signIn('ada')
  await pair.cut()
  const node = await pair.node()
  const lost = makeRecord({ userId: 'ada' })
  await node.store.insert(lost, { mark: makeMark() })
  const { cursor } = await node.store.changes('end', 1)
  await pair.failOver()
  await untilAnswered(node.client)
  const record = makeRecord({ userId: 'ada' })
  await node.store.insert(record, { mark: makeMark() })
  const { events } = await node.store.changes(cursor, 10)
  expect(events.map(({ sessionId }) => sessionId)).toEqual([record.id])
})

test('a primary that has become a replica judges no session any more', async () => {
  await using pair = await Pair.start()
  const record = await pair.signIn('ada')
  const node = await pair.node()
  expect(await node.store.get(record.id)).not.toBeNull()
  const admin = await connectTo(pair.primary.url)
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', String(pair.replica.port)])
  await expect(node.store.get(record.id)).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(node.store.epoch('ada')).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(node.store.count({})).rejects.toMatchObject({ code: 'store_unavailable' })
  admin.destroy()
})

test('where sentinels choose the primary, a node goes on with the new one, and what had ended stays ended', async () => {
  await using pair = await Pair.start()
  const [ended, standing] = [await pair.signIn('ada'), await pair.signIn('grace')]
  const sentinel = await startSentinel(pair.primary)
  const client = await connectBySentinel(sentinel.port)
  const store = await RedisStore.open({ client, deadline: '1s' })
  await store.revoke({ id: ended.id }, makeEndMark({ reason: 'logout' }), 1)
  await pair.primary.kill()
  await until(async () => (await store.get(standing.id).catch(() => null)) !== null)
  expect(await store.get(standing.id)).toMatchObject({ endReason: null })
  expect(await store.get(ended.id)).toMatchObject({ endReason: 'logout' })
  await store.close()
  await client.destroy()
  await sentinel.close()
})

interface Node {
  readonly store: RedisStore
  readonly client: TestClient
  close(): Promise<void>
}

/** A primary, its replica, and an address in front of them. */
class Pair implements AsyncDisposable {
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly #relay: Awaited<ReturnType<typeof startRelay>>
  readonly #nodes: Node[] = []

  static async start(): Promise<Pair> {
    const primary = await startRedis()
    const replica = await startRedis({ replicaof: `127.0.0.1 ${primary.port}` })
    return new Pair(primary, replica, await startRelay(primary.port))
  }

  private constructor(primary: RedisServer, replica: RedisServer, relay: Awaited<ReturnType<typeof startRelay>>) {
    this.primary = primary
    this.replica = replica
    this.#relay = relay
  }

  async node(): Promise<Node> {
    const client = await connectTo(this.#relay.url)
    const store = await RedisStore.open({ client })
    const close = async (): Promise<void> => {
      await store.close()
      if (client.isOpen) client.destroy()
    }
    const node = { store, client, close }
    this.#nodes.push(node)
    return node
  }

  /** A login that the replica has heard of. */
  async signIn(userId: string): Promise<SessionRecord> {
    const { store, close } = await this.node()
    const record = makeRecord({ userId })
    await store.insert(record, { mark: makeMark() })
    await close()
    const reader = await connectTo(this.replica.url)
    await until(async () => (await reader.exists(`sojourn:session:${record.id}`)) === 1)
    reader.destroy()
    return record
  }

  /** From now on the replica hears of nothing. */
  async cut(): Promise<void> {
    const admin = await connectTo(this.replica.url)
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    admin.destroy()
  }

  /** The primary is gone, and the address leads to what was the replica. */
  async failOver(): Promise<void> {
    await this.primary.kill()
    this.#relay.leadTo(this.replica.port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await node.close()
    await this.#relay.close()
    await this.primary.close()
    await this.replica.close()
  }
}
