import type { Store } from 'sojourn'
import type { ApiKeyStore, UserStore } from 'sojourn/auth'
import type { Cli } from './cli.ts'
import { IN_MEMORY } from './database-url.ts'
import { openDatabase } from './database.ts'

/** What a service keeps its records in. */
export interface OpenedStore {
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
  /** How many steps the schema is at, and how many it is behind. */
  readonly schema: { readonly applied: number; readonly pending: number }
}

/**
 * Opens the database that was named, for the service. With `create` it is made, or brought up to date, where needed;
 * without, one sentence says what to run.
 */
export async function openStore(cli: Cli, { create }: { readonly create: boolean }): Promise<OpenedStore> {
  const { store, path } = await openDatabase(cli, { create })
  return { store, users: store.users, apiKeys: store.apiKeys, schema: await schemaOf(path) }
}

/** A database in memory is not there for anybody else to look at; it was made just now, and is complete. */
async function schemaOf(path: string): Promise<OpenedStore['schema']> {
  const { sqliteMigrations } = await import('sojourn/sqlite')
  const { applied, pending } = sqliteMigrations(path).status()
  return path === IN_MEMORY
    ? { applied: pending.length, pending: 0 }
    : { applied: applied.length, pending: pending.length }
}
