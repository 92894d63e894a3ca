import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { assertOneOf, assertText } from '../core/arguments.ts'
import { SystemClock } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { formatDuration, milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError, shown } from '../core/errors.ts'
import type { Mark } from '../core/events.ts'
import { hashSecret, isSameHash, mintSecret } from '../core/token.ts'
import type { RandomBytes, SecretHash } from '../core/token.ts'

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

/** What anyone may see of a key. Carries no secret and no hash. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly ApiKeyScope[]
  readonly createdAt: Date
  readonly createdBy: string
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
  readonly revokedAt: Date | null
}

/** A key to make. */
export interface NewApiKey {
  /** The program that will use it, as history shows it: 1 to 100 characters that can be seen. */
  readonly name: string
  /** At least one. */
  readonly scopes: readonly ApiKeyScope[]
  /** At most 365 days. Default 90 days. */
  readonly expiresIn?: Duration | undefined
  /** Who makes it, as in `operator:grace`. */
  readonly createdBy: string
}

/**
 * A key and its secret, handed out together and only here. Printing it, logging it or turning it into JSON shows
 * `[redacted]` where the secret is.
 */
export class IssuedApiKey {
  readonly key: ApiKey
  /** `sjk_<id>.<43 characters>`: what the program presents from now on. It is shown this once. */
  readonly secret: string

  constructor(key: ApiKey, secret: string) {
    this.key = key
    this.secret = secret
  }

  toJSON(): object {
    return { key: this.key, secret: '[redacted]' }
  }

  toString(): string {
    return `IssuedApiKey { key: ${this.key.id}, secret: [redacted] }`
  }

  [inspect.custom](): object {
    return this.toJSON()
  }
}

/** Why a key is refused. All look the same over HTTP. */
export type ApiKeyRefusal = 'malformed' | 'unknown' | 'mismatch' | 'revoked' | 'expired'

/** Whether a key that was presented is good. */
export type ApiKeyCheck =
  | { readonly ok: true; readonly key: ApiKey }
  | { readonly ok: false; readonly reason: ApiKeyRefusal }

/** What keys are made of. Only the store is required. */
export interface ApiKeysOptions {
  readonly store: ApiKeyStore
  /** Default: the host's clock, disciplined. */
  readonly clock?: Clock | undefined
  /** Default: the operating system's generator. */
  readonly random?: RandomBytes | undefined
  /** Told when a use could not be noted; the program that used the key does not notice. Default: a process warning. */
  readonly onBackgroundError?: ((error: unknown) => void) | undefined
}

const DEFAULT_LIFETIME = '90d'
const LONGEST_LIFETIME = 365 * 86_400_000
const NAME_LIMIT = 100
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u
const ID = /^[0-9a-f]{16}$/
const PRESENTED = /^sjk_([0-9a-f]{16})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/
/** As many characters as a key has; what is longer is not even looked at. */
const LENGTH = 64
/** How often the use of a key is written down at most, in milliseconds. */
const NOTE_EVERY = 60_000
const ID_DRAWS = 3

/** Keys of programs: each has a name, scopes, an end, and a secret that is shown once and of which only a hash is kept. */
export class ApiKeys {
  readonly #store: ApiKeyStore
  readonly #clock: Clock
  readonly #random: RandomBytes
  readonly #onBackgroundError: (error: unknown) => void
  /** When the use of each key was noted last, by its id. Only keys that exist get in. */
  readonly #notedAt = new Map<string, number>()

  constructor({ store, clock, random, onBackgroundError }: ApiKeysOptions) {
    this.#store = store
    this.#clock = clock ?? new SystemClock()
    this.#random = random ?? randomBytes
    this.#onBackgroundError = onBackgroundError ?? warn
  }

  /** Makes a key. Rejects with `invalid_argument` for a name, scopes or a lifetime that no key can have. */
  async create({ name, scopes, expiresIn = DEFAULT_LIFETIME, createdBy }: NewApiKey): Promise<IssuedApiKey> {
    const now = this.#clock.now()
    assertText(createdBy, 'createdBy')
    const checked = {
      name: checkedName(name),
      scopes: checkedScopes(scopes),
      expiresAt: now + checkedLifetime(expiresIn),
    }
    for (let draw = 0; draw < ID_DRAWS; draw += 1) {
      const id = Buffer.from(this.#random(8)).toString('hex')
      const secret = mintSecret(this.#random)
      const record: ApiKeyRecord = {
        id,
        ...checked,
        secretHash: hashSecret(secret),
        createdAt: now,
        createdBy,
        lastUsedAt: null,
        revokedAt: null,
      }
      const mark = { at: now, actor: createdBy, detail: checked.name }
      if (await this.#store.add(record, mark)) return new IssuedApiKey(viewApiKey(record), `sjk_${id}.${secret}`)
    }
    throw new SojournError(
      'conflict',
      `${ID_DRAWS} ids in a row were taken; the random generator of this host repeats itself`,
    )
  }

  /**
   * Says whether a key is good, and notes its use, at most once a minute. What has not the form of a key is refused
   * without asking the store. Rejects when the store fails.
   */
  async check(presented: unknown): Promise<ApiKeyCheck> {
    const parts = typeof presented === 'string' && presented.length === LENGTH ? PRESENTED.exec(presented) : null
    const [, id, secret] = parts ?? []
    if (id === undefined || secret === undefined) return { ok: false, reason: 'malformed' }
    const hash = hashSecret(secret)
    const record = await this.#store.byId(id)
    if (record === null) return { ok: false, reason: 'unknown' }
    if (!isSameHash(record.secretHash, hash)) return { ok: false, reason: 'mismatch' }
    const now = this.#clock.now()
    const end = endOf(record, now)
    if (end !== null) return { ok: false, reason: end }
    await this.#note(record, now)
    return { ok: true, key: viewApiKey(record) }
  }

  /** Whether a key that was good still is. Is no use of it. Rejects when the store fails. */
  async isGood(id: string): Promise<boolean> {
    const record = await this.#store.byId(id)
    return record !== null && endOf(record, this.#clock.now()) === null
  }

  /** Every key, newest first. */
  async list(): Promise<readonly ApiKey[]> {
    return (await this.#store.list()).map(viewApiKey)
  }

  /** What is known of a key, or null. */
  async get(id: string): Promise<ApiKey | null> {
    if (!ID.test(id)) return null
    const record = await this.#store.byId(id)
    return record === null ? null : viewApiKey(record)
  }

  /** Revokes a key for ever. Answers whether this very call did. */
  async revoke(id: string, { actor = 'system' }: { readonly actor?: string | undefined } = {}): Promise<boolean> {
    assertText(actor, 'actor')
    return ID.test(id) && this.#store.revoke(id, { at: this.#clock.now(), actor })
  }

  async #note({ id, lastUsedAt }: ApiKeyRecord, now: number): Promise<void> {
    if (now - Math.max(lastUsedAt ?? 0, this.#notedAt.get(id) ?? 0) < NOTE_EVERY) return
    this.#notedAt.set(id, now)
    try {
      await this.#store.noteUse(id, now)
    } catch (error) {
      this.#onBackgroundError(error)
    }
  }
}

/** The public view of a key. */
function viewApiKey(record: ApiKeyRecord): ApiKey {
  return {
    id: record.id,
    name: record.name,
    scopes: record.scopes,
    createdAt: new Date(record.createdAt),
    createdBy: record.createdBy,
    expiresAt: new Date(record.expiresAt),
    lastUsedAt: record.lastUsedAt === null ? null : new Date(record.lastUsedAt),
    revokedAt: record.revokedAt === null ? null : new Date(record.revokedAt),
  }
}

function endOf({ revokedAt, expiresAt }: ApiKeyRecord, now: number): 'revoked' | 'expired' | null {
  if (revokedAt !== null) return 'revoked'
  return now >= expiresAt ? 'expired' : null
}

function checkedName(name: unknown): string {
  assertText(name, 'name')
  const trimmed = name.trim()
  if (trimmed === '' || trimmed.length > NAME_LIMIT || UNPRINTABLE.test(trimmed)) {
    throw new SojournError(
      'invalid_argument',
      `name is ${shown(name)}; give 1 to ${NAME_LIMIT} characters that can be seen, such as 'nightly report'`,
    )
  }
  return trimmed
}

function checkedScopes(scopes: unknown): readonly ApiKeyScope[] {
  if (!Array.isArray(scopes) || scopes.length === 0) {
    throw new SojournError(
      'invalid_argument',
      `scopes is ${shown(scopes)}; give at least one of ${API_KEY_SCOPES.join(', ')}`,
    )
  }
  for (const scope of scopes) assertOneOf(scope, 'scopes', API_KEY_SCOPES)
  return API_KEY_SCOPES.filter((scope) => scopes.includes(scope))
}

function checkedLifetime(expiresIn: Duration): number {
  const span = milliseconds(expiresIn, 'expiresIn')
  if (span <= LONGEST_LIFETIME) return span
  throw new SojournError(
    'invalid_argument',
    `expiresIn is ${shown(expiresIn)}; a key is good for ${formatDuration(LONGEST_LIFETIME)} at most`,
  )
}

function warn(error: unknown): void {
  process.emitWarning(`the use of an API key could not be noted: ${String(error)}`, 'SojournWarning')
}
