import { hash, randomBytes, createHmac, timingSafeEqual } from 'node:crypto'

declare const idBrand: unique symbol
declare const tokenBrand: unique symbol

/** The public handle of a session: a UUID, safe in logs, URLs and pages. It is no credential. */
export type SessionId = string & { readonly [idBrand]: true }

/**
 * What the client holds: `<id>.<secret>`. Shown once, when it is made; never stored, listed or logged.
 * A type of its own, so that an id cannot be passed where a token is asked for by mistake, nor the reverse.
 */
export type Token = string & { readonly [tokenBrand]: true }

/** A SHA-256 of a secret, 32 bytes: all that is kept of it. */
export type SecretHash = Uint8Array

/** Fills so many bytes from a generator fit for secrets. */
export type RandomBytes = (size: number) => Uint8Array

/** A token taken apart: which session it names, and the hash of the secret it proves it with. */
export interface PresentedToken {
  readonly id: SessionId
  readonly hash: SecretHash
}

const SECRET_BYTES = 32
const HASH_BYTES = 32
/** Room for the two hashes that are being compared. */
const ONE = new Uint8Array(HASH_BYTES)
const OTHER = new Uint8Array(HASH_BYTES)
const SECRET_LENGTH = 43
const ID_LENGTH = 36
const TOKEN_LENGTH = ID_LENGTH + 1 + SECRET_LENGTH
// Version 7 is ours, version 8 an adopted one that has been renewed.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
// 43 characters carry 258 bits; the last one must leave the two spare bits zero, or one secret had four spellings.
const SECRET = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
const ADOPTED_ID_DOMAIN = 'sojourn/adopted-session-id/v1:'
const SUCCESSOR_DOMAIN = 'sojourn/successor/v1:'

/** 32 random bytes of the operating system as 43 URL-safe characters (RFC 4648, section 5, no padding). */
export function mintSecret(random: RandomBytes = randomBytes): string {
  return encodeSecret(random(SECRET_BYTES))
}

/** A fresh id: a UUIDv7 (RFC 9562, section 5.7), so that records are written and pruned in order of time. */
export function mintSessionId(now: number, random: RandomBytes = randomBytes): SessionId {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes.set(random(10), 6)
  return uuid(bytes, 0x70)
}

/** The token of an id and a secret. */
export function joinToken(id: SessionId, secret: string): Token {
  return `${id}.${secret}` as Token
}

/**
 * Takes a presented value apart, or answers null for anything that no client of ours can hold. Exact length,
 * exact alphabet, canonical encoding: rubbish costs no store call. A 43-character value without a dot is a
 * token adopted from another system; its id follows from it, so it needs no second index.
 */
export function parseToken(presented: unknown): PresentedToken | null {
  if (typeof presented !== 'string') return null
  if (presented.length === TOKEN_LENGTH) {
    if (presented.charCodeAt(ID_LENGTH) !== 0x2e) return null
    const id = presented.slice(0, ID_LENGTH)
    const secret = presented.slice(ID_LENGTH + 1)
    if (!UUID.test(id) || !SECRET.test(secret)) return null
    return { id: id as SessionId, hash: hashSecret(secret) }
  }
  if (presented.length === SECRET_LENGTH && SECRET.test(presented)) {
    return { id: adoptedId(presented), hash: hashSecret(presented) }
  }
  return null
}

/** Whether a value has the form of a session id. Says nothing about whether the session exists. */
export function isSessionId(value: unknown): value is SessionId {
  return typeof value === 'string' && value.length === ID_LENGTH && UUID.test(value)
}

/** What is kept of a secret. The text is hashed, not the bytes it encodes, so every spelling is its own secret. */
export function hashSecret(secret: string): SecretHash {
  // Byte for byte the same as asking for a buffer, in a quarter of the time; every validation waits for this.
  const characters = hash('sha256', secret, 'binary')
  const bytes = new Uint8Array(HASH_BYTES)
  for (let place = 0; place < HASH_BYTES; place += 1) bytes[place] = characters.charCodeAt(place)
  return bytes
}

/** Whether two hashes are the same, in a time that does not depend on where they differ. */
export function isSameHash(a: SecretHash, b: SecretHash): boolean {
  if (a.length !== HASH_BYTES || b.length !== HASH_BYTES) return false
  // Handed over where they lie, small arrays would first be moved out of the heap.
  ONE.set(a)
  OTHER.set(b)
  return timingSafeEqual(ONE, OTHER)
}

/** The id of a session adopted under the token its client already holds. The token cannot be found from it. */
export function adoptedId(token: string): SessionId {
  return uuid(Buffer.from(hash('sha256', ADOPTED_ID_DOMAIN + token, 'buffer').subarray(0, 16)), 0x80)
}

/**
 * The secret that follows in a renewal. Whoever holds the key computes the same successor from the same salt,
 * so a client whose answer was lost is handed the same one again; without the key a stored salt tells nothing.
 */
export function successorSecret(key: Uint8Array, id: SessionId, salt: Uint8Array): string {
  return encodeSecret(createHmac('sha256', key).update(SUCCESSOR_DOMAIN).update(id).update(salt).digest())
}

function encodeSecret(bytes: Uint8Array): string {
  if (bytes.length !== SECRET_BYTES) throw new RangeError(`a secret is ${SECRET_BYTES} bytes, not ${bytes.length}`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

function uuid(bytes: Buffer, version: number): SessionId {
  bytes[6] = (bytes[6]! & 0x0f) | version
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as SessionId
}
