import type { ApiKeyRecord, ApiKeyStore } from '../../auth/api-keys.ts'
import type { Mark } from '../../core/events.ts'
import type { MemoryTables } from './tables.ts'

/** The keys of programs of a memory store. */
export class MemoryApiKeys implements ApiKeyStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async add(key: ApiKeyRecord, mark: Mark): Promise<boolean> {
    this.#tables.assertOpen()
    if (this.#tables.apiKeys.has(key.id)) return false
    this.#keep({ ...key, scopes: Object.freeze([...key.scopes]), secretHash: Uint8Array.from(key.secretHash) })
    this.#tables.tell('key_created', { ...mark, detail: key.name }, { userId: null })
    return true
  }

  async byId(id: string): Promise<ApiKeyRecord | null> {
    this.#tables.assertOpen()
    return this.#tables.apiKeys.get(id) ?? null
  }

  async list(): Promise<readonly ApiKeyRecord[]> {
    this.#tables.assertOpen()
    return [...this.#tables.apiKeys.values()].toSorted(
      (a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
    )
  }

  async revoke(id: string, mark: Mark): Promise<boolean> {
    this.#tables.assertOpen()
    const key = this.#tables.apiKeys.get(id)
    if (key === undefined || key.revokedAt !== null) return false
    this.#keep({ ...key, revokedAt: mark.at })
    this.#tables.tell('key_revoked', { ...mark, detail: key.name }, { userId: null })
    return true
  }

  async noteUse(id: string, at: number): Promise<void> {
    this.#tables.assertOpen()
    const key = this.#tables.apiKeys.get(id)
    if (key === undefined || key.revokedAt !== null || at <= (key.lastUsedAt ?? 0)) return
    this.#keep({ ...key, lastUsedAt: at })
  }

  #keep(key: ApiKeyRecord): void {
    this.#tables.apiKeys.set(key.id, Object.freeze(key))
  }
}
