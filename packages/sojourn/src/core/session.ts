import { deviceLabel } from './device.ts'
import type { Device } from './device.ts'
import type { SecretHash, SessionId } from './token.ts'

/** Why a session stopped standing. A closed list. */
export const END_REASONS = [
  'logout',
  'revoked',
  'password_change',
  'user_disabled',
  'user_deleted',
  'limit',
  'idle',
  'expired',
  'token_reuse',
  'epoch',
  'cleanup',
  'adopted_elsewhere',
] as const

/** One of `END_REASONS`. */
export type EndReason = (typeof END_REASONS)[number]

/** Values an application keeps with a session: JSON, at most 4 KiB as UTF-8. */
export type Attributes = { readonly [key: string]: Json }

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * A session as a store keeps it. Instants are milliseconds since 1970, UTC. It stands while `now < endsAt`
 * and no `endReason` is set; ending it sets both in one write, so nothing can disagree.
 */
export interface SessionRecord {
  readonly id: SessionId
  readonly userId: string
  readonly username: string
  /** Of the secret that is in use. */
  readonly secretHash: SecretHash
  /** Of the successor that was handed out and has not been presented yet. */
  readonly nextHash: SecretHash | null
  /** What the successor was made from; forgotten as soon as it is presented. */
  readonly nextSalt: Uint8Array | null
  /** Of the secrets before the present one, newest first, at most `SUPERSEDED_KEPT`. */
  readonly previousHashes: readonly SecretHash[]
  /** Until when the newest of them is still accepted. */
  readonly previousUntil: number | null
  readonly createdAt: number
  /** When the user last proved who they are. */
  readonly authenticatedAt: number
  readonly lastAccessedAt: number
  /** The absolute end; use never moves it. */
  readonly expiresAt: number
  /** The end as things stand; use moves it forward, never past `expiresAt`. */
  readonly endsAt: number
  readonly loggedOutAt: number | null
  readonly endReason: EndReason | null
  readonly endedBy: string | null
  readonly ipAddress: string | null
  readonly userAgent: string | null
  /** How the user signed in: `password`, `passkey`, `oauth:github`, … as the application calls it. */
  readonly method: string | null
  readonly attributes: Attributes
  /** Counts the conditional writes; a write names the version it read. */
  readonly version: number
}

/** How many superseded secrets are remembered, so that the reuse of any of them is recognised. */
export const SUPERSEDED_KEPT = 16

/** What anyone may see of a session. Carries no secret and no hash. */
export interface Session {
  readonly id: SessionId
  readonly userId: string
  readonly username: string
  readonly createdAt: Date
  /** When the user last proved who they are; "recent" means this, never the last use. */
  readonly authenticatedAt: Date
  readonly lastAccessedAt: Date
  /** The absolute end, whatever happens. */
  readonly expiresAt: Date
  /** When it ends if it is not used again, or when it ended. */
  readonly endsAt: Date
  readonly isActive: boolean
  readonly loggedOutAt: Date | null
  readonly endReason: EndReason | null
  /** Who ended it: `user`, `system`, or the actor the caller named. */
  readonly endedBy: string | null
  readonly device: Device
  readonly method: string | null
  readonly attributes: Attributes
  /** In a list made for a session's own user: whether this is the session that asked. */
  readonly current?: boolean
}

/** What a use changes about a session. */
export type Use = Pick<SessionRecord, 'lastAccessedAt' | 'endsAt'>

/** The public view of a record, with a use that is not in it yet. `isActive` is the judge's word, not this function's. */
export function viewSession(record: SessionRecord, isActive: boolean, use: Use = record): Session {
  return {
    id: record.id,
    userId: record.userId,
    username: record.username,
    createdAt: new Date(record.createdAt),
    authenticatedAt: new Date(record.authenticatedAt),
    lastAccessedAt: new Date(use.lastAccessedAt),
    expiresAt: new Date(record.expiresAt),
    endsAt: new Date(use.endsAt),
    isActive,
    loggedOutAt: record.loggedOutAt === null ? null : new Date(record.loggedOutAt),
    endReason: record.endReason,
    endedBy: record.endedBy,
    device: { ip: record.ipAddress, userAgent: record.userAgent, label: deviceLabel(record.userAgent) },
    method: record.method,
    attributes: record.attributes,
  }
}
