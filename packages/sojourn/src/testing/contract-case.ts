import type { ApiKeyStore } from '../auth/api-keys.ts'
import type { UserStore } from '../auth/users.ts'
import type { Store } from '../core/store.ts'

/** A store that a case may do with as it likes. */
export interface OpenedStore {
  readonly store: Store
  /** Left out by a store that keeps no users; the user contract needs it. */
  readonly users?: UserStore | undefined
  /** Left out by a store that keeps no keys; the contract of keys needs it. */
  readonly apiKeys?: ApiKeyStore | undefined
  /** Takes away what opening left behind. Called after the store was closed. */
  readonly cleanUp?: (() => Promise<void>) | undefined
}

/** Opens a fresh, empty store. */
export type OpenStore = () => Promise<OpenedStore>

/**
 * One sentence of a contract and how it is tried. Any test runner can hold it:
 * `for (const { name, run } of storeContract) test(name, () => run(open))`.
 */
export interface ContractCase {
  /** The sentence that holds if `run` fulfils. */
  readonly name: string
  /** Opens a store of its own, tries it and closes it. Rejects with what was expected and what was found. */
  readonly run: (open: OpenStore) => Promise<void>
}

/** A case about sessions. */
export function storeCase(name: string, attempt: (store: Store) => Promise<void>): ContractCase {
  return { name, run: (open) => withOpened(open, ({ store }) => attempt(store)) }
}

/** A case about users and what becomes of their sessions. */
export function userCase(name: string, attempt: (users: UserStore, store: Store) => Promise<void>): ContractCase {
  return {
    name,
    run: (open) =>
      withOpened(open, ({ store, users }) => {
        if (users === undefined) throw new Error('this contract is about users; open a store together with its users')
        return attempt(users, store)
      }),
  }
}

/** A case about the keys of programs. */
export function apiKeyCase(name: string, attempt: (keys: ApiKeyStore, store: Store) => Promise<void>): ContractCase {
  return {
    name,
    run: (open) =>
      withOpened(open, ({ store, apiKeys }) => {
        if (apiKeys === undefined) throw new Error('this contract is about keys; open a store together with its keys')
        return attempt(apiKeys, store)
      }),
  }
}

async function withOpened(open: OpenStore, attempt: (opened: OpenedStore) => Promise<void>): Promise<void> {
  const opened = await open()
  try {
    await attempt(opened)
  } finally {
    await opened.store.close()
    await opened.cleanUp?.()
  }
}
