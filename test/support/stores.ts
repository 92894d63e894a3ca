import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UserStore } from '../../packages/sojourn/src/auth/users.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import type { OpenedStore } from '../../packages/sojourn/src/testing/index.ts'
import { anyRedis, connectTo, connectToCluster, redisAtHand, redisPath, startCluster } from './redis.ts'
import type { TestClient, TestCluster } from './redis.ts'

/** A store with its users. */
export interface OpenedWithUsers extends OpenedStore {
  readonly users: UserStore
}

/** Every store there is, by the name that tests call it. The first is the one the others are compared with. */
export const STORES = {
  memory: openMemory,
  'sqlite in memory': async () => beside(SqliteStore.open(':memory:')),
  'sqlite in a file': openSqliteFile,
} as const satisfies Record<string, () => Promise<OpenedWithUsers>>

/** Every store that keeps sessions and no users, and what it needs of the machine, for `required`. */
export const SESSION_STORES = {
  redis: { needs: redisAtHand, open: async () => openRedis(await redisClient()) },
  'a cluster of redis': { needs: redisPath, open: async () => openRedis(await redisCluster()) },
} as const satisfies Record<string, { needs: string | null; open: () => Promise<OpenedStore> }>

/** Lets go of the servers that were started for `SESSION_STORES`. */
export async function closeServers(): Promise<void> {
  for (const close of started.splice(0)) await close()
}

const started: (() => Promise<void>)[] = []
let client: Promise<TestClient> | undefined
let cluster: Promise<TestCluster> | undefined

async function redisClient(): Promise<TestClient> {
  client ??= anyRedis().then(async ({ url, close }) => {
    const connected = await connectTo(url)
    started.push(async () => connected.destroy(), close)
    return connected
  })
  return client
}

async function redisCluster(): Promise<TestCluster> {
  cluster ??= startCluster().then(async (servers) => {
    const connected = await connectToCluster(servers)
    started.push(async () => connected.destroy(), servers.close)
    return connected
  })
  return cluster
}

async function openRedis(to: TestClient | TestCluster): Promise<OpenedStore> {
  return { store: await RedisStore.open({ client: to, prefix: `${randomUUID()}:` }) }
}

async function openMemory(): Promise<OpenedWithUsers> {
  return beside(new MemoryStore())
}

async function openSqliteFile(): Promise<OpenedWithUsers> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  const opened = beside(SqliteStore.open(join(folder, 'sessions.db')))
  return { ...opened, cleanUp: () => rm(folder, { recursive: true }) }
}

function beside(store: MemoryStore | SqliteStore): OpenedWithUsers {
  return { store, users: store.users }
}
