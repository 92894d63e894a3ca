import { execFile, spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chownSync,
  existsSync,
  globSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client, Pool } from 'pg'
import type { PoolConfig } from 'pg'
import { PostgresStore } from '../../packages/sojourn/src/stores/postgres.ts'
import type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresStoreOptions,
} from '../../packages/sojourn/src/stores/postgres.ts'
import type { Host } from './network-namespaces.ts'
import type { OpenedWithUsers } from './stores.ts'

/** A server that is there already, as a URL of a database whose user may make databases. */
const URL_OF_SERVER = process.env['SOJOURN_TEST_POSTGRES_URL'] ?? null
/** Takes everything out of our tables. */
export const EMPTY =
  'DELETE FROM sojourn_users; DELETE FROM sojourn_events; DELETE FROM sojourn_attempts; DELETE FROM sojourn_api_keys; DELETE FROM sojourn_claims'
/** Enough for every wait in a test; nothing is asserted about time. */
const PATIENCE = 20_000

/** Where PostgreSQL is, for `required`: a URL, or the folder of its programs; null where the machine has none. */
export const postgresPath: string | null = URL_OF_SERVER ?? programs()

/** A PostgreSQL of one's own. */
export interface PostgresServer {
  /** How to reach a new, empty database. */
  createDatabase(): Promise<PoolConfig>
  /** How to reach the database that is there from the start. */
  readonly config: PoolConfig
  /** The process, for tests that stop it; null where the server is somebody else's. */
  readonly process: ServerProcess | null
  close(): Promise<void>
}

/** What can be done to the process of a server. */
export interface ServerProcess {
  /** Every process of the server stands still, as on a machine that hangs. */
  pause(): void
  resume(): void
  /** Gone at once, as with the power of its machine. */
  kill(): Promise<void>
  /** Gone in good order; whoever is connected is thrown out. */
  stop(): Promise<void>
  /** Up again; as a replica it only reads what another server would send. */
  start(role?: Role): Promise<void>
}

/** What a server is at its start. */
export type Role = 'primary' | 'replica'

/**
 * Starts a server, or takes the one that a URL names. Settings are added to the command line, as in `fsync=off`. On a
 * host of its own it listens there, too, on the usual port; its configuration leads to it from this one all the same.
 */
export async function startPostgres(settings: readonly string[] = [], host?: Host): Promise<PostgresServer> {
  if (URL_OF_SERVER !== null && host === undefined)
    return serverAt({ connectionString: URL_OF_SERVER }, null, async () => {})
  const folder = ownFolder()
  const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
  await run('initdb', ['-D', join(folder, 'data'), ...flags], folder)
  return startIn(folder, 'primary', settings, host)
}

/**
 * Starts a copy of a server, which it reaches by a port of this machine and follows from then on. It can only be read, and
 * lags behind, until it is promoted.
 */
export async function startStandby(port: number, settings: readonly string[] = []): Promise<PostgresServer> {
  const folder = ownFolder()
  const source = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres']
  const flags = ['--checkpoint=fast', '--write-recovery-conf', '--no-sync']
  await run('pg_basebackup', [...source, '-D', join(folder, 'data'), ...flags], folder)
  return startIn(folder, 'replica', settings)
}

/** Where a server that was started here takes connections, as a path. */
export function socketOf({ host = '' }: PoolConfig): string {
  return join(host, '.s.PGSQL.5432')
}

async function startIn(folder: string, role: Role, settings: readonly string[], host?: Host): Promise<PostgresServer> {
  const owner = unprivileged()
  const data = join(folder, 'data')
  const config = { host: folder, user: 'postgres', database: 'postgres' }
  if (host !== undefined) appendFileSync(join(data, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n')
  const given = [
    `listen_addresses=${host?.address ?? ''}`,
    `unix_socket_directories=${folder}`,
    'max_connections=200',
    ...settings,
  ]
  const program = [...(host?.under(owner) ?? []), programOf('postgres'), '-D', data]
  const [command, ...words] = [...program, ...given.flatMap((setting) => ['-c', setting])]
  const serve = (): ChildProcess =>
    spawn(command!, words, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
      // Whoever goes to another host first becomes somebody else there.
      ...(host === undefined ? owner : {}),
    })
  const server = new LocalServer(serve, config, join(data, 'standby.signal'))
  await server.start(role)
  return serverAt(config, server, async () => {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  })
}

/** A store and its pool, which ends with the store. The deadline is long: a busy machine is no failure of the store. */
export async function openPostgres(
  config: PoolConfig,
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresStore> {
  return PostgresStore.open({ pool: new Pool({ max: 10, ...config }), endsPool: true, deadline: '20s', ...options })
}

/** The same with its users, on tables that were emptied. */
export async function openEmptyPostgres(config: PoolConfig): Promise<OpenedWithUsers> {
  await emptyTables(config)
  const store = await openPostgres(config)
  return { store, users: store.users }
}

/** Takes everything out of our tables, which is quicker than to make them. */
export async function emptyTables(config: PoolConfig): Promise<void> {
  await execute(config, EMPTY)
}

/** Runs SQL on a connection of its own. */
export async function execute(config: PoolConfig, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client(config)
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}

/** A pool that tells what was asked of its server: one entry for each round trip. An answer can be held back. */
export function countingPool(
  config: PoolConfig,
  holdBack: (asked: PostgresQuery) => Promise<void> | undefined = () => undefined,
): { readonly pool: PostgresPool; readonly asked: PostgresQuery[] } {
  const pool: PostgresPool = new Pool(config)
  const asked: PostgresQuery[] = []
  const counting = new WeakMap<PostgresClient, PostgresClient>()
  const connect = async (): Promise<PostgresClient> => {
    const client = await pool.connect()
    const query: PostgresClient['query'] = async (asks) => {
      asked.push(asks)
      const answer = await client.query(asks)
      await holdBack(asks)
      return answer
    }
    const known = counting.get(client) ?? { query, release: (destroy?: boolean) => client.release(destroy) }
    counting.set(client, known)
    return known
  }
  return { pool: { connect, end: async () => pool.end?.() }, asked }
}

/** Waits until something holds that the server will do by itself. */
export async function until(holds: () => Promise<boolean>, what: string, patience = PATIENCE): Promise<void> {
  for (let left = patience / 10; left > 0; left -= 1) {
    if (await holds()) return
    await later(10)
  }
  throw new Error(`waited in vain: ${what}`)
}

/** Waits until so many connections of a database wait for a lock. */
export async function untilSomebodyWaits(config: PoolConfig, count = 1): Promise<void> {
  const sql = `
    SELECT count(*)::int AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await until(async () => Number((await execute(config, sql))[0]?.['waiting']) >= count, 'somebody to wait for a lock')
}

function serverAt(config: PoolConfig, process: ServerProcess | null, close: () => Promise<void>): PostgresServer {
  const names: string[] = []
  return {
    config,
    process,
    async createDatabase() {
      const name = `sojourn_${String(globalThis.process.pid)}_${names.length}`
      names.push(name)
      await execute(config, `CREATE DATABASE ${name} TEMPLATE template0`)
      return 'connectionString' in config
        ? { connectionString: Object.assign(new URL(config.connectionString ?? ''), { pathname: `/${name}` }).href }
        : { ...config, database: name }
    },
    async close() {
      if (process === null) for (const name of names) await execute(config, `DROP DATABASE ${name} WITH (FORCE)`)
      await close()
    },
  }
}

class LocalServer implements ServerProcess {
  readonly #run: () => ChildProcess
  readonly #config: PoolConfig
  readonly #signalOfReplica: string
  #child: ChildProcess | null = null

  constructor(run: () => ChildProcess, config: PoolConfig, signalOfReplica: string) {
    this.#run = run
    this.#config = config
    this.#signalOfReplica = signalOfReplica
  }

  async start(role: Role = 'primary'): Promise<void> {
    if (role === 'replica') writeFileSync(this.#signalOfReplica, '')
    else rmSync(this.#signalOfReplica, { force: true })
    let said = ''
    const run = (): ChildProcess => {
      said = ''
      const child = this.#run()
      child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
      return child
    }
    let child = run()
    this.#child = child
    const isUp = async (): Promise<boolean> => {
      if (child.exitCode !== null) {
        // Of one that was killed something may still be dying.
        if (!/pre-existing shared memory block/.test(said)) throw new Error(`PostgreSQL did not start: ${said}`)
        child = run()
        this.#child = child
      }
      return execute(this.#config, 'SELECT 1').then(
        () => true,
        () => false,
      )
    }
    await until(isUp, 'PostgreSQL to start')
  }

  pause(): void {
    this.#signal('SIGSTOP')
  }

  resume(): void {
    this.#signal('SIGCONT')
  }

  async kill(): Promise<void> {
    await this.#end(() => {
      // So that no process is begun for a connection while those that are there are counted.
      this.#signal('SIGSTOP')
      this.#signal('SIGKILL')
    })
  }

  async stop(): Promise<void> {
    await this.#end((child) => child.kill('SIGINT'))
  }

  async #end(how: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    how(child)
    await exit
  }

  /** The server and the processes it has for its connections, which are all in the group it leads. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('PostgreSQL was not started')
    for (const each of [pid, ...childrenOf(pid)]) {
      try {
        process.kill(each, signal)
      } catch (error) {
        // It may have gone by itself since it was counted.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
      }
    }
  }
}

/** A folder of its own for the files of a server. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-postgres-'))
  const owner = unprivileged()
  if (owner !== null) chownSync(folder, owner.uid, owner.gid)
  return folder
}

/** Runs one of its programs to its end. */
async function run(name: string, flags: readonly string[], folder: string): Promise<void> {
  await promisify(execFile)(programOf(name), flags, { cwd: folder, ...unprivileged() })
}

function programOf(name: string): string {
  const folder = programs()
  if (folder === null) throw new Error('there is no PostgreSQL to start')
  // Links may lead to some of them only.
  return join(dirname(realpathSync(join(folder, 'postgres'))), name)
}

function childrenOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
  return stdout.split('\n').filter(Boolean).map(Number)
}

function programs(): string | null {
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    ...globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed(),
  ]
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)))) ?? null
}

/** PostgreSQL and its pooler refuse to be started by root. */
export function unprivileged(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const idOf = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout.trim() || 65_534)
  return { uid: idOf('-u'), gid: idOf('-g') }
}
