import { randomBytes } from 'node:crypto'
import type { ApiKeyRecord } from '../auth/api-keys.ts'
import type { UserRecord } from '../auth/users.ts'
import type { Mark } from '../core/events.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import { mintSessionId } from '../core/token.ts'
import { canonicalUsername } from '../core/username.ts'

/** The instant that everything made here is from unless told otherwise: noon UTC on the first day of 2026. */
export const NOON = Date.UTC(2026, 0, 1, 12)

/** Spans in milliseconds. */
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/**
 * A session record as a login makes it: standing, 24 h idle and 30 days absolute, with a fresh id and a fresh hash.
 * Give only what the test is about; what follows from it (the username from the user, the ends from the instants) does.
 */
export function makeRecord(given: Partial<SessionRecord> = {}): SessionRecord {
  const createdAt = given.createdAt ?? NOON
  const lastAccessedAt = given.lastAccessedAt ?? createdAt
  const expiresAt = given.expiresAt ?? createdAt + 30 * DAY
  const userId = given.userId ?? 'user-1'
  return {
    id: mintSessionId(createdAt),
    userId,
    username: userId,
    secretHash: randomBytes(32),
    nextHash: null,
    nextSalt: null,
    previousHashes: [],
    previousUntil: null,
    createdAt,
    authenticatedAt: createdAt,
    lastAccessedAt,
    expiresAt,
    endsAt: Math.min(expiresAt, lastAccessedAt + DAY),
    loggedOutAt: null,
    endReason: null,
    endedBy: null,
    ipAddress: null,
    userAgent: null,
    method: null,
    attributes: {},
    version: 1,
    ...given,
  }
}

/** A user record: enabled, no operator, never signed in, named like its id. */
export function makeUser(given: Partial<UserRecord> = {}): UserRecord {
  const id = given.id ?? 'user-1'
  return {
    id,
    username: canonicalUsername(id),
    passwordHash: null,
    role: 'user',
    epoch: 0,
    disabledAt: null,
    createdAt: NOON,
    lastLoginAt: null,
    ...given,
  }
}

/** A key record: may read, good for 90 days, made by an operator, never used. */
export function makeApiKey(given: Partial<ApiKeyRecord> = {}): ApiKeyRecord {
  const createdAt = given.createdAt ?? NOON
  return {
    id: randomBytes(8).toString('hex'),
    name: 'nightly report',
    scopes: ['read'],
    secretHash: randomBytes(32),
    createdAt,
    createdBy: 'operator:grace',
    expiresAt: createdAt + 90 * DAY,
    lastUsedAt: null,
    revokedAt: null,
    ...given,
  }
}

/** Who did something and when: by default a user, at noon. */
export function makeMark(given: Partial<Mark> = {}): Mark {
  return { at: NOON, actor: 'user', ...given }
}

/** Who ended something, when and why: by default an operator, at noon, because it was revoked. */
export function makeEndMark(given: Partial<Mark> = {}): Mark & { readonly reason: EndReason } {
  return { at: NOON, actor: 'ops:grace', ...given, reason: given.reason ?? 'revoked' }
}
