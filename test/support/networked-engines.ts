import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import type { PoolConfig } from 'pg'
import type { Duration } from '../../packages/sojourn/src/index.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import { PostgresStore } from '../../packages/sojourn/src/stores/postgres.ts'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { overriding } from '../faults/support/overriding.ts'
import { execute, openPostgres, postgresPath, socketOf, startPostgres } from './postgres.ts'
import type { Chance } from './chance.ts'
import { connectTo, redisPath, startRedis } from './redis.ts'
import type { RedisServer } from './redis.ts'
import { TcpProxy } from './tcp-proxy.ts'

/** An engine that nodes reach over a network: a server of one's own, as a process that can be stopped and killed. */
export interface NetworkedEngine {
  /** Whether the beginning of what it was writing when it was killed may be done when it starts for the second time since. */
  readonly mayBegin: boolean
  /** A network for one node to reach it through. */
  openNetwork(): Promise<TcpProxy>
  /** A place of its own to keep sessions in. */
  newPlace(): Promise<Place>
  /** Stands still, as on a machine that hangs. */
  hang(): void
  goOn(): void
  /** Gone at once, as with the power of its machine. */
  kill(): Promise<void>
  /** Up again, on what it left on disk. */
  start(): Promise<void>
  /** Deletes some of the indexes beside the sessions, or all. Undefined where the engine keeps them itself. */
  readonly loseIndexes?: (chance: Chance) => Promise<void>
  close(): Promise<void>
}

/** Where several nodes keep their sessions together. */
export interface Place {
  /** A store with a connection of its own, which ends with it, through a port of this machine. */
  connect(port: number, deadline: Duration): Promise<Store>
}

/** What can be started, and what of. */
export interface EngineKind {
  readonly name: string
  /** What the machine must have, for `required`. */
  readonly program: string
  readonly needs: string | null
  /** `isForgetful`: with the setting planted that loses what was acknowledged when the process is killed. */
  readonly start: (options?: { readonly isForgetful?: boolean }) => Promise<NetworkedEngine>
}

export const NETWORKED_ENGINES: readonly EngineKind[] = [
  {
    name: 'PostgreSQL',
    program: 'PostgreSQL of its own',
    needs: process.env['SOJOURN_TEST_POSTGRES_URL'] === undefined ? postgresPath : null,
    start: networkedPostgres,
  },
  { name: 'Redis', program: 'redis-server', needs: redisPath, start: networkedRedis },
]

async function networkedPostgres({ isForgetful = false } = {}): Promise<NetworkedEngine> {
  const server = await startPostgres(isForgetful ? ['synchronous_commit=off', 'wal_writer_delay=10s'] : [])
  const machine = server.process
  if (machine === null) throw new Error('this is somebody else’s PostgreSQL')
  const allowUnsafe = isForgetful ? ['synchronous_commit'] : []
  return {
    mayBegin: false,
    openNetwork: () => TcpProxy.open({ path: socketOf(server.config) }),
    async newPlace() {
      const config = await server.createDatabase()
      if (isForgetful) await keepTables(config, allowUnsafe)
      return postgresPlace(config, allowUnsafe)
    },
    hang: () => machine.pause(),
    goOn: () => machine.resume(),
    kill: () => machine.kill(),
    start: () => machine.start(),
    close: () => server.close(),
  }
}

/** Makes the tables for good. A server that may lose what it has acknowledged loses them as well. */
async function keepTables(config: PoolConfig, allowUnsafe: readonly string[]): Promise<void> {
  const store = await openPostgres(config, { allowUnsafe })
  await store.close()
  await execute(config, 'CHECKPOINT')
}

/** A database, as a place for several nodes. */
export function postgresPlace(config: PoolConfig, allowUnsafe: readonly string[] = []): Place {
  return {
    async connect(port, deadline) {
      const pool = new Pool({ ...config, host: '127.0.0.1', port, max: 10 })
      return PostgresStore.open({ pool, endsPool: true, deadline, allowUnsafe })
    },
  }
}

async function networkedRedis({ isForgetful = false } = {}): Promise<NetworkedEngine> {
  const server = await startRedis(isForgetful ? { appendonly: 'no' } : {})
  const allowUnsafe = isForgetful ? ['appendonly'] : []
  return {
    mayBegin: true,
    openNetwork: () => TcpProxy.open({ port: server.port }),
    async newPlace() {
      const prefix = `${randomUUID()}:`
      return {
        async connect(port, deadline) {
          const client = await connectTo(`redis://127.0.0.1:${port}`)
          const store = await RedisStore.open({ client, prefix, deadline, allowUnsafe })
          const close = async (): Promise<void> => {
            await store.close()
            if (client.isOpen) client.destroy()
          }
          return overriding(store, { close })
        },
      }
    },
    hang: () => server.signal('SIGSTOP'),
    goOn: () => server.signal('SIGCONT'),
    kill: () => server.kill(),
    start: () => server.start(),
    loseIndexes: (chance) => loseIndexes(server, chance),
    close: () => server.close(),
  }
}

/** The keys of sessions and of history are not among them. */
const INDEX = /:(?:(?:all|open):.*|users|names|totals)$/

async function loseIndexes({ url }: RedisServer, chance: Chance): Promise<void> {
  const client = await connectTo(url)
  try {
    const share = chance.pick([10, 50, 100])
    const lost = (await client.keys('*')).filter((key) => INDEX.test(key) && chance.is(share))
    if (lost.length > 0) await client.del(lost)
  } finally {
    client.destroy()
  }
}
