import type { Store } from 'sojourn'
import type { RedisClient, RedisCluster } from 'sojourn/redis'
import type { RedisUrl } from '../database-url.ts'
import { millisecondsOf } from '../../service/settings.ts'
import { failed, wrongUsage } from '../failure.ts'
import { withMemory } from './engine.ts'
import type { Engine, EngineMigrations, EngineOptions, OpenedEngine } from './engine.ts'
import { namesIn } from './names.ts'
import { reasonOf } from './reason.ts'
import { renewing } from './renewing.ts'
import { isOn } from './switches.ts'

/** A client that is connected, and what it is asked for besides sessions. */
interface Connected {
  readonly client: RedisClient | RedisCluster
  /** Bytes of memory in use; null in a cluster, of which no server knows the whole. */
  bytes(): Promise<number | null>
  destroy(): void
}

/** What both kinds of client have in common here. */
interface AnyClient {
  connect(): Promise<unknown>
  destroy(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** How long a connection may take, in milliseconds, and an answer where nothing else is said. */
const PATIENCE = 5_000
/** The longest pause before the next try to connect again, in milliseconds. */
const LONGEST_PAUSE = 1_000
/** The variable by which the client of Redis itself is given a password. */
const PASSWORD = 'REDISCLI_AUTH'

/** Sessions in Redis or Valkey; users and keys in an SQL database beside it. */
export class RedisEngine implements Engine {
  readonly kind = 'redis'
  readonly place: string
  /** Keeps the users. */
  readonly beside: Engine
  readonly #url: RedisUrl
  readonly #password: string | null
  readonly #hints: boolean

  constructor(url: RedisUrl, beside: Engine, env: NodeJS.ProcessEnv) {
    this.place = url.place
    this.beside = beside
    this.#url = url
    this.#password = url.password ?? env[PASSWORD] ?? null
    this.#hints = isOn(url, 'hints', false)
  }

  assertThere(): void {
    this.beside.assertThere()
  }

  async open({ create, lease, deadline }: EngineOptions): Promise<OpenedEngine> {
    const { settings } = this.#url
    const patience = settings['deadline'] ?? deadline
    const [{ RedisStore }, { SessionsBeside, UsersBeside }] = await Promise.all([
      import('sojourn/redis'),
      import('sojourn/auth'),
    ])
    const beside = await this.beside.open({ create, deadline })
    let connected: Connected | null = null
    try {
      connected = await this.#connect(millisecondsOf(patience) ?? PATIENCE)
      const store = await RedisStore.open({
        client: connected.client,
        deadline: patience,
        prefix: settings['prefix'],
        hints: this.#hints,
        allowUnsafe: namesIn(settings['allow-unsafe']),
      })
      const memory = await withMemory(store, lease)
      const sessions = new SessionsBeside<Store>(memory ?? store, beside.store)
      const close = closing(connected, [store, beside])
      return { store: sessions, users: new UsersBeside(beside.users, sessions), apiKeys: beside.apiKeys, memory, close }
    } catch (error) {
      connected?.destroy()
      await beside.close()
      throw error
    }
  }

  async migrations(): Promise<EngineMigrations> {
    const migrations = await this.beside.migrations()
    const remark = `the sessions in ${this.place} need no tables; ${this.beside.place} has those of the users`
    return { ...migrations, remark }
  }

  /** What the server has in memory, whoever put it there. */
  async bytes(): Promise<number | null> {
    try {
      const connected = await this.#connect()
      try {
        return await connected.bytes()
      } finally {
        connected.destroy()
      }
    } catch {
      // Why it cannot be reached is told by whoever opens it.
      return null
    }
  }

  /** `patience` is how long one server may take to answer before it is connected to anew. */
  async #connect(patience = PATIENCE): Promise<Connected> {
    const { createClient, createCluster } = await import('redis')
    const { isCluster, isEncrypted, nodes, number, username } = this.#url
    let isConnected = false
    // Until the first contact a failure is told at once; from then on a lost server is waited for as long as it takes.
    const reconnectStrategy = (retries: number): number | Error =>
      isConnected ? Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_PAUSE) : new Error('not connected')
    const scheme = isEncrypted ? 'rediss' : 'redis'
    const shared = {
      ...(username === null ? {} : { username }),
      ...(this.#password === null ? {} : { password: this.#password }),
      disableOfflineQueue: true,
      socket: { reconnectStrategy, connectTimeout: PATIENCE },
    }
    if (isCluster) {
      const rootNodes = nodes.map((node) => ({ url: `${scheme}://${node}` }))
      const tls = isEncrypted ? { socket: { ...shared.socket, tls: true as const } } : {}
      const cluster = createCluster({ rootNodes, defaults: { ...shared, ...tls } })
      await this.#reach(cluster)
      isConnected = true
      return { client: cluster, bytes: async () => null, destroy: () => cluster.destroy() }
    }
    const client = createClient({ url: `${scheme}://${nodes.join()}`, database: number, ...shared })
    await this.#reach(client)
    isConnected = true
    const info = (section: string): Promise<string> => client.sendCommand<string>(['INFO', section])
    // Where it may not be asked, the store says in one sentence what it is not allowed to do.
    if (/^cluster_enabled:1/m.test(await info('cluster').catch(() => ''))) {
      client.destroy()
      throw wrongUsage(`'${this.place}' is a server of a cluster; begin its URL with ${scheme}+cluster://`)
    }
    const bytes = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await info('memory'))?.[1])
    return { client: renewing(client, patience), bytes, destroy: () => client.destroy() }
  }

  async #reach(client: AnyClient): Promise<void> {
    let last: unknown = null
    client.on('error', (error) => (last = error))
    try {
      await client.connect()
    } catch (error) {
      const reason = last ?? error
      client.destroy()
      throw failed(
        'store_unavailable',
        `'${this.place}' cannot be used (${reasonOf(reason)}); check that it is there and lets this user in`,
      )
    }
  }
}

/** The stores first: they finish what is under way. */
function closing(connected: Connected, stores: readonly { close(): Promise<void> }[]): () => Promise<void> {
  let closed: Promise<void> | null = null
  const close = async (): Promise<void> => {
    try {
      await Promise.all(stores.map((store) => store.close()))
    } finally {
      connected.destroy()
    }
  }
  return () => (closed ??= close())
}
