import type { ApiKeyStore } from '../auth/api-keys.ts'
import type { UserStore } from '../auth/users.ts'
import { patience } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError, shown } from '../core/errors.ts'
import type { EventRecord, Mark } from '../core/events.ts'
import type { Standing } from '../core/policy.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import type {
  Changes,
  EndedSession,
  EventQuery,
  Guarantees,
  InsertGuard,
  InsertOutcome,
  ListQuery,
  Pruned,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import { Hints } from './hints.ts'
import { assertInstants, keptRecord } from './kept-record.ts'
import { assertComplete } from './migrate.ts'
import { PostgresApiKeys } from './postgres/api-keys.ts'
import { statement } from './postgres/connection.ts'
import { PostgresEngine } from './postgres/engine.ts'
import { changesAfter, findEvents, settleEvents } from './postgres/events.ts'
import { postgresGuarantees } from './postgres/guarantees.ts'
import { PostgresHintLine } from './postgres/hint-line.ts'
import { migrateUp, migrationEngine, statusOf } from './postgres/migrations.ts'
import { takeClaim } from './postgres/claims.ts'
import type { PostgresPool } from './postgres/pool.ts'
import { Bindings, pageOf, selectionOf } from './postgres/query.ts'
import { PostgresReads } from './postgres/reads.ts'
import { SESSION_READ, asMilliseconds, decodeSession } from './postgres/rows.ts'
import { PostgresEndings } from './postgres/endings.ts'
import { PostgresLogins } from './postgres/logins.ts'
import { forgetSessions, pruneSessions, touchSessions, updateSession } from './postgres/sessions.ts'
import { postgresStats } from './postgres/stats.ts'
import { PostgresUsers } from './postgres/users.ts'

export { postgresMigrations } from './postgres/migrations.ts'
export type { PostgresMigrations, PostgresMigrationsOptions } from './postgres/migrations.ts'
export { poolOf } from './postgres/pool.ts'
export type {
  PGliteDatabase,
  PostgresClient,
  PostgresNotification,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
} from './postgres/pool.ts'
export type { AppliedStep, MigrationResult, MigrationStatus } from './migrate.ts'

/** Where the database is and how it is used. Anything but the pool has a default when left out. */
export interface PostgresStoreOptions {
  /** A `Pool` of the package `pg`, which may be the application's own, or `poolOf` a PGlite. */
  readonly pool: PostgresPool
  /** Make or upgrade our tables where needed. Default true; false refuses with `schema_missing` or `schema_outdated`. */
  readonly migrate?: boolean | undefined
  /**
   * How long a call may take, waiting for a connection included. One that takes longer rejects with `store_unavailable`
   * and its connection is destroyed. Default 2 s, at most 24 d.
   */
  readonly deadline?: Duration | undefined
  /** Whether connections remember statements. Default true; false for a pooler in transaction mode that cannot. */
  readonly prepare?: boolean | undefined
  /** Names of settings that may be other than the promises need, as in `synchronous_commit`. Default none. */
  readonly allowUnsafe?: readonly string[] | undefined
  /**
   * Tell other processes at once when a session ends or is renewed, or a user loses a right, so that those whose memory may
   * answer (`cached`) learn of it in milliseconds and not within the lease. They are told after the commit, by a statement of
   * its own that nobody waits for, and nothing depends on it. Give it to every process, with such a memory or without. Where
   * there is one it takes one connection of the pool for good, which needs two or more; a pooler in transaction mode lets no
   * hint through. Default false.
   */
  readonly hints?: boolean | undefined
  /** End the pool when the store is closed. Default false: the pool is the caller's. */
  readonly endsPool?: boolean | undefined
}

const DEFAULTS = { deadline: '2s' } as const
/** How long the tables may take to be made or upgraded, in milliseconds. */
const MIGRATION_DEADLINE = 600_000
const EPOCH = statement('epoch', 'SELECT epoch FROM sojourn_users WHERE id = $1')
const NOW = statement('now', `SELECT ${asMilliseconds("date_trunc('milliseconds', clock_timestamp())")}`)
const LATEST = statement(
  'latest_instant',
  `SELECT ${asMilliseconds(
    'greatest((SELECT max(at) FROM sojourn_events), (SELECT max(last_accessed) FROM sojourn_sessions))',
  )}`,
)

/**
 * Keeps sessions and users in a PostgreSQL database, beside an application's own tables if need be. Any number of
 * nodes use it at once: every validation reads the primary, so what one node ends is ended for all of them at once.
 */
export class PostgresStore implements Store {
  /** The users that belong to the sessions. */
  readonly users: UserStore
  /** The keys of programs. */
  readonly apiKeys: ApiKeyStore
  /** There where hints were asked for. */
  readonly listen?: NonNullable<Store['listen']>
  readonly #engine: PostgresEngine
  readonly #reads: PostgresReads
  readonly #logins: PostgresLogins
  readonly #endings: PostgresEndings
  readonly #hints: Hints | null

  /**
   * Takes a pool of connections and makes what is missing of our tables; nodes that start at once do so one after
   * the other. Rejects with a `SojournError` of one sentence when the database cannot be used.
   */
  static async open(options: PostgresStoreOptions): Promise<PostgresStore> {
    const { pool, migrate = true, prepare = true, allowUnsafe = [], hints = false, endsPool = false } = options
    const deadline = patience(options.deadline ?? DEFAULTS.deadline, 'deadline')
    assertPool(pool)
    if (hints) assertRoomToListen(pool)
    const engine = new PostgresEngine(pool, { deadline, prepare, allowUnsafe, endsPool })
    try {
      const { settings } = await engine.probe()
      const isWritable = settings['transaction_read_only'] === 'off'
      if (migrate && isWritable) await makeTables(pool)
      else assertComplete(await engine.read((connection) => statusOf(connection, engine.place)), engine.place)
      if (isWritable) await engine.write(settleEvents)
      return new PostgresStore(engine, hints ? new Hints(new PostgresHintLine(engine)) : null)
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  private constructor(engine: PostgresEngine, hints: Hints | null) {
    this.#engine = engine
    this.#hints = hints
    this.#reads = new PostgresReads(engine)
    this.#logins = new PostgresLogins(engine)
    this.#endings = new PostgresEndings(engine)
    this.users = new PostgresUsers(engine, () => hints?.give())
    this.apiKeys = new PostgresApiKeys(engine)
    if (hints !== null) this.listen = async (hint) => this.#listen(hints, hint)
  }

  async insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    const outcome = await this.#logins.insert(keptRecord(record), guard)
    if (outcome.ok && outcome.evicted.length > 0) this.#hints?.give()
    return outcome
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return this.#reads.get(id)
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    this.#engine.assertOpen()
    for (const { at, endsAt, allowance } of batch) assertInstants({ at, endsAt, allowance })
    return touchSessions(this.#engine, batch)
  }

  async update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    this.#engine.assertOpen()
    const isChanged = await updateSession(this.#engine, id, version, patch, mark)
    // Of what is not told in the log nobody would find anything there.
    if (isChanged && mark.event !== undefined) this.#hints?.give()
    return isChanged
  }

  async revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    assertInstants({ at: mark.at })
    const ended = await this.#endings.revoke(target, mark, limit)
    if (ended.length > 0) this.#hints?.give()
    return ended
  }

  async list(query: ListQuery): Promise<readonly SessionRecord[]> {
    const bindings = new Bindings()
    const text = `SELECT ${SESSION_READ} FROM sojourn_sessions WHERE ${pageOf(query, bindings)}`
    const rows = await this.#engine.read((connection) => connection.rows({ text }, ...bindings.values))
    return rows.map(decodeSession)
  }

  async count(filter: SessionFilter): Promise<number> {
    const bindings = new Bindings()
    const text = `SELECT count(*) FROM sojourn_sessions WHERE ${selectionOf(filter, bindings)}`
    const row = await this.#engine.read((connection) => connection.row({ text }, ...bindings.values))
    return Number(row?.[0])
  }

  async stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.#engine.read((connection) => postgresStats(connection, standing, createdSince))
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    return pruneSessions(this.#engine, before, limit)
  }

  async forget(userId: string, limit: number): Promise<number> {
    return forgetSessions(this.#engine, userId, limit)
  }

  async changes(cursor: string | null, limit: number): Promise<Changes> {
    return changesAfter(this.#engine, cursor, limit)
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#engine.read((connection) => findEvents(connection, query))
  }

  async epoch(userId: string): Promise<number> {
    const row = await this.#engine.read((connection) => connection.row(EPOCH, userId))
    return Number(row?.[0] ?? 0)
  }

  async latestInstant(): Promise<number> {
    const row = await this.#engine.read((connection) => connection.row(LATEST))
    return Number(row?.[0] ?? 0)
  }

  /** The clock of the primary: after a failover another one, which is why the time a manager goes by never falls. */
  async now(): Promise<number> {
    const row = await this.#engine.read((connection) => connection.row(NOW))
    return Number(row?.[0])
  }

  /** Null: a key in the same database would lie in the same dump as the records. Give the manager a `renewalKey`. */
  async renewalKey(): Promise<null> {
    this.#engine.assertOpen()
    return null
  }

  async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
    assertInstants({ now, span })
    const claimant = { name, holder, now, until: now + span }
    return this.#engine.transact((connection) => takeClaim(connection, claimant))
  }

  async guarantees(): Promise<Guarantees> {
    return postgresGuarantees(await this.#engine.probe())
  }

  async close(): Promise<void> {
    await Promise.all([this.#reads.idle(), this.#logins.idle(), this.#endings.idle()])
    await this.#hints?.close()
    await this.#engine.close()
  }

  async #listen(hints: Hints, hint: () => void): Promise<() => Promise<void>> {
    this.#engine.assertOpen()
    return hints.take(hint)
  }
}

function assertPool(pool: unknown): void {
  if (typeof pool === 'object' && pool !== null && 'connect' in pool && typeof pool.connect === 'function') return
  throw new SojournError(
    'invalid_option',
    `pool is ${shown(pool)}; give a Pool of the package 'pg', or poolOf() a PGlite`,
  )
}

/** Who listens keeps a connection, and with no other every call would wait for it in vain. */
function assertRoomToListen({ options }: PostgresPool): void {
  if ((options?.max ?? 0) > 1) return
  throw new SojournError(
    'invalid_option',
    "hints is true, and whoever listens keeps a connection of the pool; give a Pool of the package 'pg' with a max of 2 or more, or leave hints out",
  )
}

async function makeTables(pool: PostgresPool): Promise<void> {
  const engine = migrationEngine(pool, MIGRATION_DEADLINE)
  try {
    await migrateUp(engine)
  } finally {
    await engine.close()
  }
}
