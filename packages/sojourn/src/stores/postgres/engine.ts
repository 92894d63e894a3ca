import { SojournError } from '../../core/errors.ts'
import { formatDuration } from '../../core/duration.ts'
import { PostgresConnection } from './connection.ts'
import { isPassing, leavesConnectionWhole, meaningOf, tooLate } from './errors.ts'
import type { PostgresClient, PostgresPool } from './pool.ts'
import { assertSafe, probe } from './settings.ts'
import type { Probe } from './settings.ts'

/** How an engine treats its connections. */
export interface EngineOptions {
  /** Milliseconds after which a call is given up. */
  readonly deadline: number
  /** Whether connections remember statements. */
  readonly prepare: boolean
  readonly allowUnsafe: readonly string[]
  /** Whether the pool ends with the engine. */
  readonly endsPool: boolean
}

/** Something to be done on a connection. It may be done again from the start, so its only effect is on the database. */
export type Work<T> = (connection: PostgresConnection) => Promise<T>

interface Call {
  client: PostgresClient | null
  isOver: boolean
  /** Whether the connection stays with the caller. */
  isTaken: boolean
}

/** What is done on a connection, by whoever may keep it. */
type Deed<T> = (connection: PostgresConnection, call: Call) => Promise<T>

/** How often a call is made in all when it loses against others. */
const TRIES = 5

/**
 * What sessions and users share: the pool, and how a call is made on it. No call lasts longer than the deadline; one
 * that does destroys its connection, so that its late answer can reach nobody.
 */
export class PostgresEngine {
  readonly #pool: PostgresPool
  readonly #options: EngineOptions
  /** Connections that have said where they lead to. */
  readonly #known = new WeakSet<PostgresClient>()
  readonly #pending = new Set<Promise<unknown>>()
  #place = 'the database'
  /** Whether any connection has led to a database that can be used. */
  #hasMet = false
  #closing: Promise<void> | null = null

  constructor(pool: PostgresPool, options: EngineOptions) {
    this.#pool = pool
    this.#options = options
    // Without a listener the loss of an idle connection would end the process; the pool replaces it by itself.
    pool.on?.('error', ignore)
    pool.on?.('connect', hearErrors)
  }

  /** What messages call the database. */
  get place(): string {
    return this.#place
  }

  /** Throws where a replica was asked that was not allowed by name. */
  assertPrimary(isReplica: boolean): void {
    if (!isReplica || this.#options.allowUnsafe.includes('pg_is_in_recovery')) return
    throw new SojournError(
      'store_unavailable',
      `${this.#place} is a replica, which may not know yet what has ended; connect to the primary`,
    )
  }

  /** Answers from what is committed. */
  async read<T>(work: Work<T>): Promise<T> {
    return this.#call(work, false)
  }

  /** Makes one statement, which is a transaction of its own. */
  async write<T>(work: Work<T>): Promise<T> {
    return this.#call(work, true)
  }

  /** Makes several statements in one transaction, of which each sees what was committed before it. */
  async transact<T>(work: Work<T>): Promise<T> {
    return this.#call((connection) => inTransaction(connection, this.#options.deadline, work), true)
  }

  /** Takes a connection out of the pool on which something is done first. It is the caller's, who destroys it in the end. */
  async take(work: Work<unknown>): Promise<PostgresClient> {
    return this.#call(async (connection, call) => {
      await work(connection)
      call.isTaken = true
      return call.client!
    }, false)
  }

  /** The settings of the database as they are now. */
  async probe(): Promise<Probe> {
    return this.read(probe)
  }

  assertOpen(): void {
    if (this.#closing === null) return
    throw new SojournError('closed', `the store on ${this.#place} was closed; open a new one`)
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#pending)
    if (this.#options.endsPool) await this.#pool.end?.()
    this.#pool.removeListener?.('error', ignore)
    this.#pool.removeListener?.('connect', hearErrors)
  }

  async #call<T>(work: Deed<T>, isWrite: boolean): Promise<T> {
    this.assertOpen()
    const call = this.#bounded(work, isWrite)
    this.#pending.add(call)
    try {
      return await call
    } catch (error) {
      throw meaningOf(error, this.#place, isWrite)
    } finally {
      this.#pending.delete(call)
    }
  }

  #bounded<T>(work: Deed<T>, isWrite: boolean): Promise<T> {
    const call: Call = { client: null, isOver: false, isTaken: false }
    const { deadline } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const timer = setTimeout(() => {
      call.isOver = true
      call.client?.release(true)
      reject(tooLate(this.#place, formatDuration(deadline), isWrite))
    }, deadline)
    this.#persist(call, work)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
    return promise
  }

  async #persist<T>(call: Call, work: Deed<T>): Promise<T> {
    for (let left = TRIES; ; left -= 1) {
      try {
        return await this.#attempt(call, work)
      } catch (error) {
        if (call.isOver || left === 1 || !isPassing(error)) throw error
      }
    }
  }

  async #attempt<T>(call: Call, work: Deed<T>): Promise<T> {
    const client = await this.#pool.connect()
    if (call.isOver) {
      client.release()
      throw new Error('nobody waits for this connection any more')
    }
    call.client = client
    client.on?.('error', ignore)
    let isWhole = true
    try {
      const connection = new PostgresConnection(client, this.#options)
      if (!this.#known.has(client)) await this.#meet(client, connection)
      return await work(connection, call)
    } catch (error) {
      isWhole = leavesConnectionWhole(error)
      throw error
    } finally {
      call.client = null
      if (!call.isOver && !call.isTaken) {
        client.removeListener?.('error', ignore)
        client.release(!isWhole)
      }
    }
  }

  /** After a failover a new connection may lead to another server, or to one that is not the primary yet. */
  async #meet(client: PostgresClient, connection: PostgresConnection): Promise<void> {
    let found = await probe(connection)
    // A transaction that began on a replica only reads to its end, though that has been promoted meanwhile.
    if (cannotWrite(found) && !isInRecovery(found)) found = await probe(connection)
    // At first that is a mistake to be put right; later another server may be the primary in a moment.
    if (this.#hasMet) this.assertPrimary(isInRecovery(found))
    assertSafe(found, this.#options.allowUnsafe)
    this.#place = found.place
    this.#known.add(client)
    this.#hasMet = true
  }
}

function isInRecovery({ settings }: Probe): boolean {
  return settings['pg_is_in_recovery'] === true
}

function cannotWrite({ settings }: Probe): boolean {
  return settings['transaction_read_only'] === 'on'
}

/** The server ends what its client has left behind, so that nobody's lock outlives the deadline for long. */
async function inTransaction<T>(connection: PostgresConnection, deadline: number, work: Work<T>): Promise<T> {
  await connection.exec(
    `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
     SET LOCAL statement_timeout = ${deadline};
     SET LOCAL idle_in_transaction_session_timeout = ${deadline}`,
  )
  try {
    const result = await work(connection)
    await connection.exec('COMMIT')
    return result
  } catch (error) {
    // If this fails, too, the connection is lost, and the server rolls back by itself.
    if (leavesConnectionWhole(error)) await connection.exec('ROLLBACK')
    throw error
  }
}

/**
 * A server may end a connection in the same breath in which it accepts it. Whoever waits for the connection hears of it only a
 * moment later, and until then the error of which nobody hears would end the process.
 */
function hearErrors(client: PostgresClient): void {
  client.on?.('error', ignore)
  // What came with the welcome has been read by then, and whoever waits is woken after that.
  process.nextTick(() => client.removeListener?.('error', ignore))
}

function ignore(): void {}
