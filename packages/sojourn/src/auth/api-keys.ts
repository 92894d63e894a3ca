import type { Clock } from '../core/clock.ts'
import type { Mark } from '../core/events.ts'
import type { SecretHash } from '../core/token.ts'

/** What a key may do: see, end sessions, or change users and keys. None includes another. */
export const API_KEY_SCOPES = ['read', 'revoke', 'manage'] as const

/** One of `API_KEY_SCOPES`. */
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number]

/** A key of a program as a store keeps it. Instants are milliseconds since 1970, UTC. */
export interface ApiKeyRecord {
  /** 16 lower-case hexadecimal characters; safe in logs and lists. */
  readonly id: string
  readonly name: string
  readonly scopes: readonly ApiKeyScope[]
  /** SHA-256 of the secret; the secret itself is not kept. */
  readonly secretHash: SecretHash
  readonly createdAt: number
  /** Who made it, as in `operator:grace`. */
  readonly createdBy: string
  readonly expiresAt: number
  readonly lastUsedAt: number | null
  readonly revokedAt: number | null
}

/** Where keys of programs are kept. Nothing but `add` makes one. */
export interface ApiKeyStore {
  /** Adds a key and a `key_created` event whose `detail` is the key's name. Answers false, and changes nothing, if the id is taken. */
  add(key: ApiKeyRecord, mark: Mark): Promise<boolean>

  /** The key with this id, or null. */
  byId(id: string): Promise<ApiKeyRecord | null>

  /** Every key, newest first. */
  list(): Promise<readonly ApiKeyRecord[]>

  /** Revokes a key that is not revoked yet, with a `key_revoked` event whose `detail` is the key's name. Answers whether it did. */
  revoke(id: string, mark: Mark): Promise<boolean>

  /** Notes a use, forwards only, and only of a key that is not revoked. Writes no event. */
  noteUse(id: string, at: number): Promise<void>
}

/** Keys of programs: each has a name, scopes, an end, and a secret that is shown once. */
export class ApiKeys {
  readonly store: ApiKeyStore

  constructor({ store }: { readonly store: ApiKeyStore; readonly clock?: Clock | undefined }) {
    this.store = store
  }
}
