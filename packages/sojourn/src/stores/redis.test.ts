import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  anyRedis,
  connectTo,
  connectToCluster,
  redisAtHand,
  redisPath,
  startCluster,
} from '../../../../test/support/redis.ts'
import type { RedisCluster, TestClient, TestCluster } from '../../../../test/support/redis.ts'
import { required } from '../../../../test/support/require.ts'
import { storeContract } from '../testing/index.ts'
import type { OpenedStore } from '../testing/index.ts'
import { RedisStore } from './redis.ts'

describe('on one server', () => {
  let server: Awaited<ReturnType<typeof anyRedis>>
  let client: TestClient

  beforeAll(async () => {
    if (redisAtHand === null) return
    server = await anyRedis()
    client = await connectTo(server.url)
  })
  beforeEach((context) => void required(context, 'redis-server', redisAtHand))
  afterAll(async () => {
    client?.destroy()
    await server?.close()
  })

  test.each(storeContract)('$name', async ({ run }) => {
    await expect(run(() => open(client))).resolves.toBeUndefined()
  })
})

describe('on a cluster of three masters', () => {
  let cluster: RedisCluster
  let client: TestCluster

  beforeAll(async () => {
    if (redisPath === null) return
    cluster = await startCluster()
    client = await connectToCluster(cluster)
  })
  beforeEach((context) => void required(context, 'redis-server', redisPath))
  afterAll(async () => {
    client?.destroy()
    await cluster?.close()
  })

  test.each(storeContract)('$name', async ({ run }) => {
    await expect(run(() => open(client))).resolves.toBeUndefined()
  })

  test('the time is that of one server, the same for every node', async () => {
    const other = await connectToCluster(cluster)
    const servers = await Promise.all(cluster.servers.map(({ url }) => connectTo(url)))
    const counts = (): Promise<readonly number[]> =>
      Promise.all(servers.map(async (server) => timesAsked(await server.info('commandstats'))))
    const stores = await Promise.all([client, other].map((each) => RedisStore.open({ client: each })))
    const before = await counts()
    const [now, again] = [await stores[0]?.now(), await stores[1]?.now()]
    const asked = (await counts()).map((count, place) => count - (before[place] ?? 0))
    expect(asked.filter((count) => count > 0)).toEqual([2])
    expect(again).toBeGreaterThanOrEqual(now ?? Infinity)
    for (const store of stores) await store.close()
    for (const each of [other, ...servers]) each.destroy()
  })
})

/** How often a server was asked what time it is. */
function timesAsked(info: string): number {
  return Number(/cmdstat_time:calls=(\d+)/.exec(info)?.[1] ?? 0)
}

/** A store with keys of its own. */
async function open(client: TestClient | TestCluster): Promise<OpenedStore> {
  return { store: await RedisStore.open({ client, prefix: `${randomUUID()}:` }) }
}
