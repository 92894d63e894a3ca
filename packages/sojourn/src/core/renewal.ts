import type { Policy } from './policy.ts'
import { SUPERSEDED_KEPT } from './session.ts'
import type { SessionRecord } from './session.ts'
import type { SessionPatch } from './store.ts'
import { hashSecret, isSameHash, successorSecret } from './token.ts'
import type { SecretHash } from './token.ts'

/** The successor that was handed out and not presented yet, or null if there is none or it was made with another key. */
export function pendingSuccessor(record: SessionRecord, key: Uint8Array): string | null {
  if (record.nextHash === null || record.nextSalt === null) return null
  const secret = successorSecret(key, record.id, record.nextSalt)
  return isSameHash(hashSecret(secret), record.nextHash) ? secret : null
}

/** A new successor and what the record must say of it. */
export function newSuccessor(
  record: SessionRecord,
  key: Uint8Array,
  nextSalt: Uint8Array,
): { readonly secret: string; readonly patch: SessionPatch } {
  const secret = successorSecret(key, record.id, nextSalt)
  return { secret, patch: { nextHash: hashSecret(secret), nextSalt } }
}

/** What changes when the successor is first presented: it becomes the secret, and the old one has until `previousUntil`. */
export function promotion(record: SessionRecord, previousUntil: number): SessionPatch {
  return {
    secretHash: record.nextHash ?? record.secretHash,
    nextHash: null,
    nextSalt: null,
    previousHashes: [record.secretHash, ...record.previousHashes].slice(0, SUPERSEDED_KEPT),
    previousUntil,
  }
}

/**
 * What changes when the user has proved again who they are: a new secret at once, and both clocks of the session begin
 * anew (NIST SP 800-63B-4, section 5.2). Whoever else holds an older secret has no part in the proof, so none of them is
 * accepted any more, not even a successor that was handed out and not presented yet.
 */
export function replacement(record: SessionRecord, secretHash: SecretHash, now: number, policy: Policy) {
  const pending = record.nextHash === null ? [] : [record.nextHash]
  return {
    secretHash,
    nextHash: null,
    nextSalt: null,
    previousHashes: [record.secretHash, ...pending, ...record.previousHashes].slice(0, SUPERSEDED_KEPT),
    previousUntil: now,
    authenticatedAt: now,
    lastAccessedAt: Math.max(record.lastAccessedAt, now),
    expiresAt: now + policy.absoluteLifetime,
    endsAt: now + policy.idleTimeout,
  } satisfies SessionPatch
}
