import { randomBytes } from 'node:crypto'
import type { ApiKeyStore } from '../auth/api-keys.ts'
import type { UserStore } from '../auth/users.ts'
import { patience } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError } from '../core/errors.ts'
import type { Mark, EventRecord } from '../core/events.ts'
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
import { assertInstants, keptRecord } from './kept-record.ts'
import { assertComplete } from './migrate.ts'
import { SqliteApiKeys } from './sqlite/api-keys.ts'
import { SqliteConnection } from './sqlite/connection.ts'
import { SqliteEngine } from './sqlite/engine.ts'
import { changesAfter, findEvents, pruneEvents } from './sqlite/events.ts'
import { assertPath, makeDatabaseFile } from './sqlite/files.ts'
import { sqliteGuarantees } from './sqlite/guarantees.ts'
import { keyBeside } from './sqlite/key.ts'
import { takeClaim } from './sqlite/claims.ts'
import { migrateUp, readStatus } from './sqlite/migrations.ts'
import { pageOf, selectionOf } from './sqlite/query.ts'
import { SESSION_READ, decodeSession } from './sqlite/rows.ts'
import { SqliteSearch, isSearch } from './sqlite/search.ts'
import {
  forgetSessions,
  insertSession,
  pruneSessions,
  revokeSessions,
  touchSession,
  updateSession,
} from './sqlite/sessions.ts'
import { countStanding, sqliteStats } from './sqlite/stats.ts'
import { SqliteUsers } from './sqlite/users.ts'

export { sqliteMigrations } from './sqlite/migrations.ts'
export type { SqliteMigrations, SqliteMigrationsOptions } from './sqlite/migrations.ts'
export type { AppliedStep, MigrationResult, MigrationStatus } from './migrate.ts'

/** How a database is opened. Anything left out has the default. */
export interface SqliteStoreOptions {
  /** Make or upgrade our tables where needed. Default true; false refuses with `schema_missing` or `schema_outdated`. */
  readonly migrate?: boolean | undefined
  /** How long a call waits for another program's lock before it rejects with `store_unavailable`. Default 5 s, at most 24 d. */
  readonly busyTimeout?: Duration | undefined
  /** How many recent records are kept in memory. Default 10,000; 0 for none. */
  readonly cacheEntries?: number | undefined
  /** Refuse to make a file that is not there. Default false. */
  readonly mustExist?: boolean | undefined
  /** Names of settings that may be other than the promises need, as in `sqlite_version`. Default none. */
  readonly allowUnsafe?: readonly string[] | undefined
}

const DEFAULTS = { busyTimeout: '5s', cacheEntries: 10_000 } as const
const GET = `SELECT ${SESSION_READ} FROM sojourn_sessions WHERE session_id = ?`
/**
 * Ends that come of rest. They may wait for room on the disk, and must: while notes of use cannot be written,
 * the records of those who are here look like those of people who have left.
 */
const BY_TIME: ReadonlySet<EndReason> = new Set(['idle', 'expired', 'cleanup'])

/**
 * Keeps sessions and users in one SQLite file, beside an application's own tables if need be. Several processes
 * may use the same file; what one ends is ended for all of them at once.
 */
export class SqliteStore implements Store {
  /** The users that belong to the sessions. */
  readonly users: UserStore
  /** The keys of programs. */
  readonly apiKeys: ApiKeyStore
  readonly #engine: SqliteEngine
  readonly #search: SqliteSearch
  #renewalKey: Uint8Array | null = null

  /**
   * Opens a database file, or `':memory:'`, and makes what is missing: the file (readable by its owner only) and
   * our tables. Throws a `SojournError` with one sentence when it cannot be used.
   */
  static open(path: string, options: SqliteStoreOptions = {}): SqliteStore {
    const migrate = options.migrate ?? true
    const busyTimeout = patience(options.busyTimeout ?? DEFAULTS.busyTimeout, 'busyTimeout')
    const cacheEntries = entries(options.cacheEntries ?? DEFAULTS.cacheEntries)
    const mustExist = options.mustExist === true
    if (!migrate) assertMigrated(path, busyTimeout)
    const connection = new SqliteConnection(path, { busyTimeout, mustExist, allowUnsafe: options.allowUnsafe ?? [] })
    try {
      if (migrate) migrateUp(connection)
      return new SqliteStore(new SqliteEngine(connection, busyTimeout, cacheEntries))
    } catch (error) {
      connection.close()
      throw connection.failure(error)
    }
  }

  private constructor(engine: SqliteEngine) {
    this.#engine = engine
    this.#search = new SqliteSearch(engine)
    this.users = new SqliteUsers(engine)
    this.apiKeys = new SqliteApiKeys(engine)
  }

  async insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    const kept = keptRecord(record)
    return this.#engine.write((database) => {
      const outcome = insertSession(database, kept, guard)
      if (outcome.ok) for (const { id } of outcome.evicted) this.#engine.cache.drop(id)
      return outcome
    })
  }

  async get(id: SessionId): Promise<SessionRecord | null> {
    const engine = this.#engine
    if (engine.cache.has(id) && (await engine.isCurrentAfterAll())) {
      const cached = engine.cache.get(id)
      if (cached !== undefined) return cached
    }
    return engine.read((database) => {
      const row = database.row(GET, id)
      if (row === undefined) return null
      const record = decodeSession(row)
      engine.cache.keep(record)
      return record
    })
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    for (const { at, endsAt, allowance } of batch) assertInstants({ at, endsAt, allowance })
    return this.#engine.write((database) => {
      let count = 0
      for (const touch of batch) {
        if (!touchSession(database, touch)) continue
        this.#engine.cache.drop(touch.id)
        count += 1
      }
      return count
    })
  }

  async update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    return this.#engine.write((database) => {
      this.#engine.cache.drop(id)
      return updateSession(database, id, version, patch, mark)
    })
  }

  async revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    assertInstants({ at: mark.at })
    const work = (database: SqliteConnection): readonly EndedSession[] => {
      const ended = revokeSessions(database, target, mark, limit)
      for (const { id } of ended) this.#engine.cache.drop(id)
      return ended
    }
    return BY_TIME.has(mark.reason) ? this.#engine.write(work) : this.#engine.end(work)
  }

  async list(query: ListQuery): Promise<readonly SessionRecord[]> {
    if (isSearch(query.filter)) return this.#search.find(query)
    const { sql, values } = pageOf(query)
    return this.#engine.read((database) =>
      database.rows(`SELECT ${SESSION_READ} FROM sojourn_sessions WHERE ${sql}`, ...values).map(decodeSession),
    )
  }

  async count(filter: SessionFilter, enough?: number): Promise<number> {
    if (isSearch(filter)) return this.#search.count(filter, enough)
    const { standing, ...others } = filter
    if (standing !== undefined && Object.values(others).every((value) => value === undefined)) {
      return this.#engine.read((database) => countStanding(database, standing))
    }
    const { sql, values } = selectionOf(filter)
    // Without a condition SQLite need not look at the entries of an index to count them.
    const where = sql === 'TRUE' ? '' : ` WHERE ${sql}`
    return this.#engine.read(
      (database) => database.row(`SELECT count(*) FROM sojourn_sessions${where}`, ...values)?.[0] as number,
    )
  }

  async stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.#engine.read((database) => database.snapshot(() => sqliteStats(database, standing, createdSince)))
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    return this.#engine.write((database) => {
      const pruned = pruneSessions(database, before, Math.max(0, limit))
      for (const id of pruned) this.#engine.cache.drop(id)
      return { sessions: pruned.length, events: pruneEvents(database, before, Math.max(0, limit)) }
    })
  }

  async forget(userId: string, limit: number): Promise<number> {
    return this.#engine.write((database) => {
      const forgotten = forgetSessions(database, userId, Math.max(0, limit))
      for (const id of forgotten) this.#engine.cache.drop(id)
      return forgotten.length
    })
  }

  async changes(cursor: string | null, limit: number): Promise<Changes> {
    return this.#engine.read((database) => changesAfter(database, cursor, limit))
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#engine.read((database) => findEvents(database, query))
  }

  async epoch(userId: string): Promise<number> {
    return this.#engine.read(
      (database) => (database.row('SELECT epoch FROM sojourn_users WHERE id = ?', userId)?.[0] as number) ?? 0,
    )
  }

  async latestInstant(): Promise<number> {
    return this.#engine.read((database) => {
      const sql = `SELECT max(ifnull((SELECT max(at) FROM sojourn_events), 0),
                              ifnull((SELECT max(last_accessed) FROM sojourn_sessions), 0))`
      return database.row(sql)?.[0] as number
    })
  }

  async renewalKey(): Promise<Uint8Array> {
    this.#engine.assertOpen()
    const { isInMemory, path } = this.#engine.connection
    this.#renewalKey ??= isInMemory ? randomBytes(32) : keyBeside(path)
    return this.#renewalKey
  }

  async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
    assertInstants({ now, span })
    return this.#engine.write((database) => takeClaim(database, { name, holder, now, until: now + span }))
  }

  async guarantees(): Promise<Guarantees> {
    this.#engine.assertOpen()
    const { connection, ballast } = this.#engine
    return sqliteGuarantees(connection, ballast.isHeld)
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

/** Looks before anything is opened for use, which would change how a foreign database keeps its journal. */
function assertMigrated(path: string, busyTimeout: number): void {
  assertPath(path)
  makeDatabaseFile(path, true)
  assertComplete(readStatus(path, busyTimeout), `database '${path}'`)
}

function entries(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new SojournError(
    'invalid_option',
    `cacheEntries is ${count}; give a whole number, or 0 to keep no records in memory`,
  )
}
