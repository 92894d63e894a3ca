/**
 * What the routes below `/admin` answer, as JSON has it: instants are ISO 8601, UTC. The service's OpenAPI document says the
 * same; a test holds the two together.
 */

/** How a session ended. */
export type EndReason =
  | 'logout'
  | 'revoked'
  | 'password_change'
  | 'user_disabled'
  | 'user_deleted'
  | 'limit'
  | 'idle'
  | 'expired'
  | 'token_reuse'
  | 'epoch'
  | 'cleanup'
  | 'adopted_elsewhere'

/** What a line of history tells. */
export type EventType =
  | 'session_created'
  | 'session_renewed'
  | 'session_ended'
  | 'user_sessions_ended'
  | 'user_created'
  | 'user_adopted'
  | 'user_deleted'
  | 'user_disabled'
  | 'user_enabled'
  | 'role_changed'
  | 'password_changed'
  | 'login_failed'
  | 'key_created'
  | 'key_revoked'

/** The device of a session, as it presented itself when its user signed in. */
export interface Device {
  readonly ip: string | null
  readonly userAgent: string | null
  readonly label: string
}

/** A session as operators see it. */
export interface AdminSession {
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly createdAt: string
  readonly authenticatedAt: string
  readonly lastAccessedAt: string
  readonly expiresAt: string
  readonly endsAt: string
  readonly isActive: boolean
  readonly loggedOutAt: string | null
  readonly endReason: EndReason | null
  readonly endedBy: string | null
  readonly device: Device
  readonly method: string | null
  readonly attributes: Readonly<Record<string, unknown>>
}

/** One line of history. `username` is the present name of the user, or null where none is known. */
export interface AuditEvent {
  readonly position: number
  readonly at: string
  readonly type: EventType
  readonly sessionId: string | null
  readonly userId: string | null
  readonly username: string | null
  readonly actor: string
  readonly reason: EndReason | null
  readonly ipAddress: string | null
  readonly detail: string | null
}

/** A user as operators see them. */
export interface AdminUser {
  readonly id: string
  readonly username: string
  readonly role: 'user' | 'operator'
  readonly isDisabled: boolean
  readonly createdAt: string
  readonly lastLoginAt: string | null
  readonly activeSessions: number
}

/** Logins of one hour. */
export interface LoginPoint {
  readonly at: string
  readonly logins: number
  readonly failed: number
}

/** How many of the whole go by this name. */
export interface Share {
  readonly name: string
  readonly count: number
}

/** The installation at a glance. */
export interface Overview {
  readonly total: number
  readonly active: number
  readonly createdToday: number
  readonly usersOnline: number
  /** Hour by hour over the last 24, oldest first. */
  readonly series: { readonly points: readonly LoginPoint[] }
  /** How many sessions, the last used, the shares below are of. */
  readonly sample: number
  readonly browsers: readonly Share[]
  readonly systems: readonly Share[]
}

/** What the store promises. */
export interface Guarantees {
  readonly engine: string
  readonly survivesProcessKill: boolean
  readonly survivesPowerLoss: boolean
  readonly revocationBound: number
  readonly settings: Readonly<Record<string, string | number | boolean>>
  readonly warnings: readonly string[]
}

/** How long one operation of the store takes, in seconds. */
export interface StoreLatency {
  readonly operation: string
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Whether the installation keeps what it promises. */
export interface Health {
  readonly version: string
  readonly startedAt: string
  readonly engine: string
  readonly guarantees: Guarantees
  readonly schema: { readonly applied: number; readonly pending: number }
  readonly store: readonly StoreLatency[]
  /** In seconds. */
  readonly eventLoop: { readonly p50: number; readonly p99: number }
  readonly connections: { readonly streams: number }
  readonly cleanup: {
    readonly lastRunAt: string | null
    readonly lastResult: { readonly ended: number; readonly pruned: number } | null
    /** In seconds. */
    readonly every: number
    readonly overdue: number
  }
}

/** What a key may do. */
export type Scope = 'read' | 'revoke' | 'manage'

/** A key of a program, without its secret. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAt: string
  readonly createdBy: string
  readonly expiresAt: string
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}
