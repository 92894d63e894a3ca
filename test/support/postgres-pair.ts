import type { NetConnectOpts } from 'node:net'
import type { PoolConfig } from 'pg'
import { postgresPlace } from './networked-engines.ts'
import type { NetworkedEngine, Place } from './networked-engines.ts'
import { execute, socketOf, startPostgres, startStandby, until } from './postgres.ts'
import type { PostgresServer, ServerProcess } from './postgres.ts'
import { TcpProxy } from './tcp-proxy.ts'

/** How a primary goes: in good order, when all that it has written is with its standby, or at once. */
export type Departure = 'stopped' | 'killed'

/** How a pair is set up. */
export interface PairOptions {
  /** Whether a commit waits for the standby. Default true. */
  readonly isWaitedFor?: boolean | undefined
}

/** A lost connection is made again at once. */
const SETTINGS = ['wal_retrieve_retry_interval=100ms']

/** A primary of PostgreSQL and its standby, and addresses that lead to one of them: what a name in front of a pair is. */
export class PostgresPair implements AsyncDisposable, Pick<NetworkedEngine, 'openNetwork' | 'newPlace'> {
  readonly #first: PostgresServer
  readonly #second: PostgresServer
  /** What the standby hears of its primary by. */
  readonly #line: TcpProxy
  readonly #networks: TcpProxy[] = []

  static async start({ isWaitedFor = true }: PairOptions = {}): Promise<PostgresPair> {
    const first = await startPostgres(SETTINGS)
    const line = await TcpProxy.open(addressOf(first))
    const pair = new PostgresPair(first, await startStandby(line.port, SETTINGS), line)
    if (isWaitedFor) await settle(first.config, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await pair.#isFollowed(isWaitedFor ? 'sync' : 'async')
    return pair
  }

  private constructor(first: PostgresServer, second: PostgresServer, line: TcpProxy) {
    this.#first = first
    this.#second = second
    this.#line = line
  }

  /** Where the first primary is. */
  get primary(): NetConnectOpts {
    return addressOf(this.#first)
  }

  /** Where its standby is, which may be the primary by now. */
  get standby(): NetConnectOpts {
    return addressOf(this.#second)
  }

  /** An address that leads to the primary. */
  async openNetwork(): Promise<TcpProxy> {
    const network = await TcpProxy.open(this.primary)
    this.#networks.push(network)
    return network
  }

  async newPlace(): Promise<Place> {
    return postgresPlace(await this.#first.createDatabase())
  }

  /** Waits until the standby has heard of all that was written until now. */
  async isInStep(): Promise<void> {
    const [now] = await execute(this.#first.config, 'SELECT pg_current_wal_lsn()::text AS written')
    const sql = `SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= '${String(now?.['written'])}'`
    await until(async () => (await execute(this.#first.config, sql)).length > 0, 'the standby to catch up')
  }

  /** From now on the standby hears of nothing, and nobody is told. */
  holdBack(): void {
    this.#line.faults = { blackholes: ['up', 'down'] }
  }

  /** The primary goes; what was on its way to the standby is lost. */
  async depart(how: Departure): Promise<void> {
    const machine = machineOf(this.#first)
    await (how === 'killed' ? machine.kill() : machine.stop())
    this.#line.cut('reset')
  }

  /** From now on all addresses lead to the standby, whatever it is. */
  leadToStandby(): void {
    for (const network of this.#networks) network.leadTo(this.standby)
  }

  /** Makes the standby a primary. */
  async promote(): Promise<void> {
    await execute(this.#second.config, 'SELECT pg_promote()')
  }

  /** The primary goes, and what was its standby takes its place, a moment after everybody was led to it. */
  async failOver(how: Departure): Promise<void> {
    await this.depart(how)
    this.leadToStandby()
    await this.promote()
  }

  /** What was the primary is up again, as the standby of the one that is. */
  async bringBack(): Promise<void> {
    const machine = machineOf(this.#first)
    await machine.start('replica')
    const source = `host=${this.#second.config.host ?? ''} user=postgres`
    await settle(this.#first.config, `ALTER SYSTEM SET primary_conninfo = '${source}'`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#second.close()
    await this.#first.close()
    await this.#line[Symbol.asyncDispose]()
  }

  async #isFollowed(state: 'sync' | 'async'): Promise<void> {
    const sql = `SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = '${state}'`
    await until(async () => (await execute(this.#first.config, sql)).length > 0, 'the standby to follow')
  }
}

function addressOf({ config }: PostgresServer): NetConnectOpts {
  return { path: socketOf(config) }
}

function machineOf({ process }: PostgresServer): ServerProcess {
  if (process === null) throw new Error('this is somebody else’s PostgreSQL')
  return process
}

/** Changes a setting that holds without a start. */
async function settle(config: PoolConfig, sql: string): Promise<void> {
  await execute(config, sql)
  await execute(config, 'SELECT pg_reload_conf()')
}
