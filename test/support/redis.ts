import { spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { createClient, createCluster, createSentinel } from 'redis'
import type { Host } from './network-namespaces.ts'

/** A server that is there already, for what needs no server of its own. */
const URL_GIVEN = process.env['SOJOURN_TEST_REDIS_URL']
/** Nobody, who may do nothing. */
const NOBODY = 65_534
const PATIENCE = 25_000

/** What was started and has not ended; a test that fails half-way leaves no server behind. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Where redis-server is, for `required`; null where the machine has none. */
export const redisPath =
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => ['redis-server', 'valkey-server'].map((name) => join(folder, name)))
    .find((path) => existsSync(path)) ?? null

/** What speaks to one server, in these tests: fails at once while it is away, and never gives up. */
export type TestClient = Awaited<ReturnType<typeof connectTo>>

/** What speaks to a cluster, in these tests. */
export type TestCluster = Awaited<ReturnType<typeof connectToCluster>>

/** A server of one's own. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Where everything is that it writes. */
  readonly folder: string
  /** Sends a signal to its process. */
  signal(name: NodeJS.Signals): void
  /** Kills it as a crash would, and waits until it is gone. */
  kill(): Promise<void>
  /** Starts it again on what it left on disk. */
  start(): Promise<void>
  /** Kills it and takes away its folder. */
  close(): Promise<void>
}

/** A server to keep sessions in, under a prefix of one's own: the one given by URL, or one that is started. */
export async function anyRedis(): Promise<Pick<RedisServer, 'url' | 'close'>> {
  return URL_GIVEN === undefined ? startRedis() : { url: URL_GIVEN, close: async () => {} }
}

/** Whether there is a server for `anyRedis`, for `required`. */
export const redisAtHand = URL_GIVEN ?? redisPath

/**
 * Starts a server on the loopback address, or on a host of its own, with everything it writes in a temporary folder, the
 * log synced on every write.
 */
export async function startRedis(settings: Readonly<Record<string, string>> = {}, host?: Host): Promise<RedisServer> {
  if (redisPath === null) throw new Error('there is no redis-server on the PATH; ask `required` first')
  const [port, busPort] = await freePorts(2)
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-redis-'))
  const data = join(folder, 'data')
  await mkdir(data)
  const isRoot = process.getuid?.() === 0
  for (const each of isRoot ? [folder, data] : []) await chown(each, NOBODY, NOBODY)
  const given = {
    port: String(port),
    bind: host?.address ?? '127.0.0.1',
    'protected-mode': host === undefined ? 'yes' : 'no',
    dir: data,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'repl-diskless-sync-delay': '0',
    ...(settings['cluster-enabled'] === undefined ? {} : { 'cluster-port': String(busPort) }),
    ...settings,
  }
  const nobody = isRoot ? { uid: NOBODY, gid: NOBODY } : null
  const settingWords = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
  const [command, ...words] = [...(host?.under(nobody) ?? []), redisPath, ...settingWords]
  // Whoever goes to another host first becomes somebody else there.
  const user = host === undefined ? nobody : null
  let child: ChildProcess
  const start = async (): Promise<void> => {
    child = run(command!, words, { cwd: data, stdio: ['ignore', 'pipe', 'pipe'], ...user })
    let said = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text))
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`redis-server did not start: ${said.slice(-2_000)}`)
      return said.includes('Ready to accept connections')
    })
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  await start()
  return {
    url: `redis://${given.bind}:${port}`,
    port: port ?? 0,
    folder,
    signal: (name) => void child.kill(name),
    kill,
    start,
    close: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A cluster of three masters, each with a third of the slots. */
export interface RedisCluster {
  readonly servers: readonly RedisServer[]
  close(): Promise<void>
}

/** Starts a cluster of three masters and waits until each says that all is well. */
export async function startCluster(): Promise<RedisCluster> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '5000', appendonly: 'yes' }
  const servers = [await startRedis(settings), await startRedis(settings), await startRedis(settings)]
  const clients = await Promise.all(servers.map(({ url }) => connectTo(url)))
  const share = Math.ceil(16_384 / servers.length)
  for (const [place, client] of clients.entries()) {
    const range = [String(place * share), String(Math.min(16_383, (place + 1) * share - 1))]
    await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', ...range])
    await client.sendCommand(['CLUSTER', 'SET-CONFIG-EPOCH', String(place + 1)])
  }
  const [first, ...others] = servers
  for (const client of clients.slice(1)) {
    await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(first?.port), await busPortOf(clients[0])])
  }
  await until(async () => {
    const infos = await Promise.all(clients.map((client) => client.sendCommand(['CLUSTER', 'INFO'])))
    const isWell = (info: unknown): boolean =>
      /cluster_state:ok/.test(String(info)) && String(info).includes(`cluster_known_nodes:${others.length + 1}`)
    return infos.every(isWell)
  })
  for (const client of clients) client.destroy()
  return {
    servers,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** Starts a sentinel that watches a primary and lets a replica take over after half a second. */
export async function startSentinel(primary: RedisServer): Promise<{ readonly port: number; close(): Promise<void> }> {
  if (redisPath === null) throw new Error('there is no redis-server on the PATH; ask `required` first')
  const [port] = await freePorts(1)
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-sentinel-'))
  const path = join(folder, 'sentinel.conf')
  await writeFile(
    path,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor pair 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds pair 500',
      'sentinel failover-timeout pair 5000',
    ].join('\n'),
  )
  const isRoot = process.getuid?.() === 0
  for (const each of isRoot ? [folder, path] : []) await chown(each, NOBODY, NOBODY)
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  const child = run(redisPath, [path, '--sentinel'], { cwd: folder, stdio: 'ignore', ...user })
  const client = await connectTo(`redis://127.0.0.1:${port}`)
  await until(async () => JSON.stringify(await client.sendCommand(['SENTINEL', 'REPLICAS', 'pair'])) !== '[]')
  client.destroy()
  return {
    port: port ?? 0,
    close: async () => {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Connects to whichever server a sentinel calls the primary. */
export async function connectBySentinel(port: number) {
  const client = createSentinel({
    name: 'pair',
    sentinelRootNodes: [{ host: '127.0.0.1', port }],
    nodeClientOptions: { disableOfflineQueue: true },
  })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Connects to one server. */
export async function connectTo(url: string) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: () => 50, connectTimeout: 2_000 },
  })
  // While the server is away; the call that needs it says so itself.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Connects to a cluster. */
export async function connectToCluster({ servers }: RedisCluster) {
  const cluster = createCluster({ rootNodes: servers.map(({ url }) => ({ url })) })
  cluster.on('error', () => {})
  await cluster.connect()
  return cluster
}

/** Waits until a client has its server back. */
export async function untilAnswered(client: TestClient): Promise<void> {
  await until(async () => (await client.ping().catch(() => null)) === 'PONG')
}

/** Waits until a condition holds. Rejects when it takes longer than anything here should. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(PATIENCE)
  while (!(await condition())) {
    if (deadline.aborted) throw new Error(`not within ${PATIENCE} ms: ${condition.toString()}`)
    await later(20)
  }
}

function run(path: string, words: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(path, words, options)
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

async function busPortOf(client: TestClient | undefined): Promise<string> {
  const reply = await client?.sendCommand(['CONFIG', 'GET', 'cluster-port'])
  return String(Array.isArray(reply) ? reply[1] : Object.values(Object(reply) as object)[0])
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
