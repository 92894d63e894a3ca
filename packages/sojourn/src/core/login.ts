import { assertNames, assertText, storedAttributes } from './arguments.ts'
import { keptIp, keptUserAgent } from './device.ts'
import type { DeviceInput } from './device.ts'
import type { Policy } from './policy.ts'
import type { Attributes, SessionRecord } from './session.ts'
import { hashSecret } from './token.ts'
import type { SessionId } from './token.ts'
import { assertUsername } from './username.ts'

/** A login, as whoever checked it tells it. */
export interface NewSession {
  /** The application's own id of the user, 1 to 255 characters. */
  readonly userId: string
  readonly username: string
  readonly device?: DeviceInput | undefined
  /** How the user signed in, as in `password` or `passkey`. */
  readonly method?: string | undefined
  readonly attributes?: Attributes | undefined
  /** `epoch(userId)` as read before the credentials were checked: if the user was signed out everywhere since, nothing is created. */
  readonly epoch?: number | undefined
}

/** Throws `invalid_argument` when a login says something that cannot be stored as it is. */
export function assertLogin(login: NewSession): void {
  assertNames(login, 'login', ['userId', 'username', 'device', 'method', 'attributes', 'epoch'])
  assertText(login.userId, 'userId')
  assertUsername(login.username)
  if (login.method !== undefined) assertText(login.method, 'method')
}

/** The record of a session that begins now. */
export function newRecord(
  id: SessionId,
  secret: string,
  login: NewSession,
  now: number,
  policy: Policy,
): SessionRecord {
  const expiresAt = now + policy.absoluteLifetime
  return {
    id,
    userId: login.userId,
    username: login.username,
    secretHash: hashSecret(secret),
    nextHash: null,
    nextSalt: null,
    previousHashes: [],
    previousUntil: null,
    createdAt: now,
    authenticatedAt: now,
    lastAccessedAt: now,
    expiresAt,
    endsAt: Math.min(expiresAt, now + policy.idleTimeout),
    loggedOutAt: null,
    endReason: null,
    endedBy: null,
    ipAddress: keptIp(login.device?.ip),
    userAgent: keptUserAgent(login.device?.userAgent),
    method: login.method ?? null,
    attributes: storedAttributes(login.attributes),
    version: 1,
  }
}
