import type { CachedStore } from 'sojourn/cached'
import type { Duration, Store } from 'sojourn'
import type { ApiKeyStore, UserStore } from 'sojourn/auth'
import type { MigrationResult, MigrationStatus } from 'sojourn/sqlite'

/** A place where a program finds the name of a database, as a person calls it. */
export type DatabaseSource =
  | '--database'
  | '$SOJOURN_DATABASE_URL'
  | '--users'
  | '$SOJOURN_USERS_URL'
  | '--config'
  | 'default'

/** A database as it was named, and where. The URL may have a password in it: it is shown to nobody. */
export interface NamedDatabase {
  readonly url: string
  readonly source: DatabaseSource
}

/** A database that was named, not looked at yet. Whatever kind it is, it is used in the same way. */
export interface Engine {
  readonly kind: 'sqlite' | 'postgres' | 'redis'
  /** What messages and results call it: a path, or a URL without its password and its settings. */
  readonly place: string
  /** Fails with one sentence where it can be seen without connecting that there is nothing. */
  assertThere(): void
  /** Opens it. Fails with one sentence for everything that can be wrong with it. */
  open(options: EngineOptions): Promise<OpenedEngine>
  /** Our tables in it; with sessions in Redis, those of the users beside them. */
  migrations(): Promise<EngineMigrations>
  /** How much room it takes; null where that cannot be told. */
  bytes(): Promise<number | null>
}

/** How an engine is opened. */
export interface EngineOptions {
  /** Make the database and our tables, or bring them up to date, where needed. */
  readonly create: boolean
  /** How long this process may answer from its own memory. Default: not at all. */
  readonly lease?: Duration | null | undefined
  /** How long one call may take before it counts as unanswered, unless the URL says otherwise. */
  readonly deadline: Duration
}

/** What an engine keeps. */
export interface OpenedEngine {
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
  /** The memory in front of the store, which is the store then; null where every read goes to the engine. */
  readonly memory: CachedStore | null
  /** Closes the store, and whatever was opened for it. */
  close(): Promise<void>
}

/** Our tables: what is applied, what is to come, and the way there and back. */
export interface EngineMigrations {
  /** The database that has the tables. */
  readonly place: string
  /** What a person ought to know besides; null when there is nothing. */
  readonly remark: string | null
  status(): Promise<MigrationStatus & { readonly exists: boolean }>
  up(): Promise<MigrationResult>
  down(): Promise<MigrationResult>
  print(): Promise<string>
  close(): Promise<void>
}

/** The memory of a process in front of a store, where there is to be one. */
export async function withMemory<Inner extends Store>(
  store: Inner,
  lease: Duration | null | undefined,
): Promise<CachedStore<Inner> | null> {
  if (lease === null || lease === undefined) return null
  const { cached } = await import('sojourn/cached')
  return cached(store, { lease })
}
