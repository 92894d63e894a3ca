import type { SQLOutputValue } from 'node:sqlite'
import type { ApiKeyRecord, ApiKeyScope } from '../../auth/api-keys.ts'
import type { UserRecord, Role } from '../../auth/users.ts'
import { parseAttributes } from '../../core/arguments.ts'
import type { EventType, EventRecord } from '../../core/events.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type { SecretHash, SessionId } from '../../core/token.ts'
import { joinHashes, splitHashes } from '../joined-hashes.ts'

/** A row as SQLite hands it over: its columns in the order they were asked for. */
export type Row = readonly SQLOutputValue[]

/** The columns of a session in the order of `encodeSession`. */
export const SESSION_COLUMNS =
  'session_id, user_id, username, secret_hash, next_hash, next_salt, previous_hash, previous_until, created_at, ' +
  'authenticated_at, last_accessed, expires_at, ends_at, logged_out_at, end_reason, ended_by, ip_address, ' +
  'user_agent, method, attributes, version'

/**
 * The same to be read by `decodeSession`. The one hash that every record has comes as text: an `ArrayBuffer` of its
 * own would cost more than all other columns but the user agent, to make and to collect.
 */
export const SESSION_READ = SESSION_COLUMNS.replace('secret_hash', 'hex(secret_hash)')

/** The columns of a user in the order of `decodeUser` and `encodeUser`. */
export const USER_COLUMNS = 'id, username, password_hash, role, epoch, disabled_at, created_at, last_login_at'

/** The columns of an event in the order of `decodeEvent`. */
export const EVENT_COLUMNS = 'position, at, type, session_id, user_id, actor, reason, ip_address, detail'

/** The columns of a key in the order of `decodeApiKey` and `encodeApiKey`. */
export const API_KEY_COLUMNS =
  'key_id, name, scopes, secret_hash, created_at, created_by, expires_at, last_used_at, revoked_at'

/** A session from its row, frozen. */
export function decodeSession(row: Row): SessionRecord {
  return Object.freeze({
    id: row[0] as SessionId,
    userId: row[1] as string,
    username: row[2] as string,
    secretHash: Buffer.from(row[3] as string, 'hex'),
    nextHash: row[4] as SecretHash | null,
    nextSalt: row[5] as Uint8Array | null,
    previousHashes: splitHashes(row[6] as Uint8Array | null),
    previousUntil: row[7] as number | null,
    createdAt: row[8] as number,
    authenticatedAt: row[9] as number,
    lastAccessedAt: row[10] as number,
    expiresAt: row[11] as number,
    endsAt: row[12] as number,
    loggedOutAt: row[13] as number | null,
    endReason: row[14] as EndReason | null,
    endedBy: row[15] as string | null,
    ipAddress: row[16] as string | null,
    userAgent: row[17] as string | null,
    method: row[18] as string | null,
    attributes: parseAttributes(row[19] as string),
    version: row[20] as number,
  })
}

/** The values of a session in the order of `SESSION_COLUMNS`. */
export function encodeSession(record: SessionRecord): readonly Value[] {
  return [
    record.id,
    record.userId,
    record.username,
    record.secretHash,
    record.nextHash,
    record.nextSalt,
    joinHashes(record.previousHashes),
    record.previousUntil,
    record.createdAt,
    record.authenticatedAt,
    record.lastAccessedAt,
    record.expiresAt,
    record.endsAt,
    record.loggedOutAt,
    record.endReason,
    record.endedBy,
    record.ipAddress,
    record.userAgent,
    record.method,
    JSON.stringify(record.attributes),
    record.version,
  ]
}

/** What may be bound to a statement. No plain objects: SQLite's binding would take the first one for named parameters. */
export type Value = string | number | null | Uint8Array

/** A user from its row, frozen. */
export function decodeUser(row: Row): UserRecord {
  return Object.freeze({
    id: row[0] as string,
    username: row[1] as string,
    passwordHash: row[2] as string | null,
    role: row[3] as Role,
    epoch: row[4] as number,
    disabledAt: row[5] as number | null,
    createdAt: row[6] as number,
    lastLoginAt: row[7] as number | null,
  })
}

/** The values of a user in the order of `USER_COLUMNS`. */
export function encodeUser(user: UserRecord): readonly Value[] {
  const { id, username, passwordHash, role, epoch, disabledAt, createdAt, lastLoginAt } = user
  return [id, username, passwordHash, role, epoch, disabledAt, createdAt, lastLoginAt]
}

/** An event from its row, frozen. */
export function decodeEvent(row: Row): EventRecord {
  return Object.freeze({
    position: row[0] as number,
    at: row[1] as number,
    type: row[2] as EventType,
    sessionId: row[3] as SessionId | null,
    userId: row[4] as string | null,
    actor: row[5] as string,
    reason: row[6] as EndReason | null,
    ipAddress: row[7] as string | null,
    detail: row[8] as string | null,
  })
}

/** A key from its row, frozen. */
export function decodeApiKey(row: Row): ApiKeyRecord {
  return Object.freeze({
    id: row[0] as string,
    name: row[1] as string,
    scopes: Object.freeze((row[2] as string).split(' ') as ApiKeyScope[]),
    secretHash: row[3] as SecretHash,
    createdAt: row[4] as number,
    createdBy: row[5] as string,
    expiresAt: row[6] as number,
    lastUsedAt: row[7] as number | null,
    revokedAt: row[8] as number | null,
  })
}

/** The values of a key in the order of `API_KEY_COLUMNS`. */
export function encodeApiKey(key: ApiKeyRecord): readonly Value[] {
  const { id, name, scopes, secretHash, createdAt, createdBy, expiresAt, lastUsedAt, revokedAt } = key
  return [id, name, scopes.join(' '), secretHash, createdAt, createdBy, expiresAt, lastUsedAt, revokedAt]
}
