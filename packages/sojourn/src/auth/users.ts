import type { Mark } from '../core/events.ts'
import type { SessionRecord } from '../core/session.ts'
import type { EndedSession } from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import type { AttemptStore } from './throttle.ts'

/** What a user may do: an operator may see and end other people's sessions. */
export type Role = 'user' | 'operator'

/**
 * The epoch of a user with a password here when they are new. Above that of a user nobody knows, which is 0: when a
 * user is deleted while a login is under way, the login is refused and does not bring them back.
 */
export const FIRST_EPOCH = 1

/** A user as a store keeps it. Instants are milliseconds since 1970, UTC. */
export interface UserRecord {
  readonly id: string
  /** In its canonical form. */
  readonly username: string
  /** A PHC or bcrypt string; null where the host keeps passwords. */
  readonly passwordHash: string | null
  readonly role: Role
  /** Raised whenever everything issued before must die. */
  readonly epoch: number
  readonly disabledAt: number | null
  readonly createdAt: number
  readonly lastLoginAt: number | null
}

/** What anyone may see of a user. */
export interface User {
  readonly id: string
  readonly username: string
  readonly role: Role
  readonly isDisabled: boolean
  readonly createdAt: Date
  readonly lastLoginAt: Date | null
}

/** A user and the sessions that come along from another system. */
export interface AdoptedUser {
  readonly user: UserRecord
  readonly sessions: readonly SessionRecord[]
}

/** How much of what was offered was not there yet. */
export interface AdoptionCount {
  readonly users: number
  readonly sessions: number
}

/** Whether a user was changed, and which sessions that ended. */
export interface UserChange {
  readonly isChanged: boolean
  readonly ended: readonly EndedSession[]
}

/**
 * Where users live, beside their sessions in the same store. What takes authority away ends the sessions in the
 * same transaction, raises the epoch and writes the events, so nothing that is under way survives it.
 */
export interface UserStore {
  /** Failed attempts, as durable as the users. */
  readonly attempts: AttemptStore

  /** Adds a user and a `user_created` event. Answers false, and changes nothing, if the id or username is taken. */
  add(user: UserRecord, mark: Mark): Promise<boolean>

  /** The user with this id, or null. */
  byId(id: string): Promise<UserRecord | null>

  /** The user with this canonical username, or null. */
  byUsername(username: string): Promise<UserRecord | null>

  /** Users that match, in the order of their usernames, after the one given, at most `limit`. */
  list(after: string | null, limit: number, filter?: UserFilter): Promise<readonly UserRecord[]>

  /** How many users there are. */
  count(): Promise<number>

  /** Replaces the hash by a stronger one of the same password, if it is still `from`. No session ends. */
  rehash(id: string, from: string, to: string): Promise<boolean>

  /**
   * Sets a password if the hash is still `from` (undefined: whatever it is), raises the epoch, ends the user's
   * sessions except one with reason `password_change`, and writes a `password_changed` event.
   */
  setPassword(id: string, change: PasswordChange, mark: Mark): Promise<UserChange>

  /** Disables a user: raises the epoch, ends all sessions with reason `user_disabled`, writes a `user_disabled` event. */
  disable(id: string, mark: Mark): Promise<UserChange>

  /** Enables a disabled user and writes a `user_enabled` event. Ended sessions stay ended. */
  enable(id: string, mark: Mark): Promise<boolean>

  /** Sets a role, ends all sessions with reason `revoked` when it takes authority away, writes a `role_changed` event. */
  setRole(id: string, role: Role, mark: Mark): Promise<UserChange>

  /** Deletes a user with all sessions, keeping one `user_deleted` event. Answers false if there is none. */
  remove(id: string, mark: Mark): Promise<boolean>

  /** Writes a `login_failed` event. */
  noteFailedLogin(userId: string | null, mark: Mark): Promise<void>

  /**
   * Where sessions are kept by another engine: whether a login that was decided on this very record, as it was read, still
   * stands now that its session is made. Left out where an insert of a session sees the user in its own transaction.
   */
  confirm?(user: UserRecord): Promise<boolean>

  /**
   * Adds users and sessions that are not there yet, each user with its sessions in one transaction, with a
   * `user_adopted` event for each new user and a `session_created` event for each new session that stands.
   * Whatever is there already is left exactly as it is. A session that stands is added only while its user here is
   * enabled and still has the epoch of `user`: whoever was signed out everywhere meanwhile stays signed out.
   */
  adopt(batch: readonly AdoptedUser[], mark: Mark): Promise<AdoptionCount>
}

/** Which users are meant. Everything given must hold; nothing given means all. */
export interface UserFilter {
  /** Appears in the username, which is canonical; `%` and `_` are letters like any other. */
  readonly text?: string | undefined
  readonly role?: Role | undefined
  readonly isDisabled?: boolean | undefined
}

/** From which hash to which, and which session goes on. */
export interface PasswordChange {
  readonly from?: string | undefined
  readonly to: string
  readonly except?: SessionId | undefined
}

/** The public view of a user. */
export function viewUser(record: UserRecord): User {
  return {
    id: record.id,
    username: record.username,
    role: record.role,
    isDisabled: record.disabledAt !== null,
    createdAt: new Date(record.createdAt),
    lastLoginAt: record.lastLoginAt === null ? null : new Date(record.lastLoginAt),
  }
}
