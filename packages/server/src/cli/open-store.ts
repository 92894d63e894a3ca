import type { Store } from 'sojourn'
import type { ApiKeyStore, UserStore } from 'sojourn/auth'
import type { Cli } from './cli.ts'
import { openDatabase } from './database.ts'

/** What a service keeps its records in. */
export interface OpenedStore {
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
}

/**
 * Opens the database that was named, for the service. With `create` it is made, or brought up to date, where needed;
 * without, one sentence says what to run.
 */
export async function openStore(cli: Cli, { create }: { readonly create: boolean }): Promise<OpenedStore> {
  const { store } = await openDatabase(cli, { create })
  // At the merge: `store.apiKeys`, and the class below goes.
  const { apiKeys = new NoApiKeys() } = store as { readonly apiKeys?: ApiKeyStore }
  return { store, users: store.users, apiKeys }
}

/** Stands in for keys until a store keeps them. */
export class NoApiKeys implements ApiKeyStore {
  async add(): Promise<boolean> {
    return false
  }

  async byId(): Promise<null> {
    return null
  }

  async list(): Promise<readonly []> {
    return []
  }

  async revoke(): Promise<boolean> {
    return false
  }

  async noteUse(): Promise<void> {}
}
