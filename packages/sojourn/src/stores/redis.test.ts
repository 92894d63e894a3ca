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
})

/** A store with keys of its own. */
async function open(client: TestClient | TestCluster): Promise<OpenedStore> {
  return { store: await RedisStore.open({ client, prefix: `${randomUUID()}:` }) }
}
