import type { ApiKeyRecord, ApiKeyScope } from '../../auth/api-keys.ts'
import type { Role, UserRecord } from '../../auth/users.ts'
import { parseAttributes } from '../../core/arguments.ts'
import { SojournError } from '../../core/errors.ts'
import type { EventRecord, EventType } from '../../core/events.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type { EndedSession } from '../../core/store.ts'
import type { SecretHash, SessionId } from '../../core/token.ts'
import { joinHashes, splitHashes } from '../joined-hashes.ts'

/** A row as a driver hands it over: its columns in the order they were asked for. */
export type Row = readonly unknown[]

/** What may be bound to a statement. */
export type Value = string | number | boolean | null | Uint8Array | readonly string[] | readonly (number | null)[]

/** A column and its type. */
type Column = readonly [name: string, type: 'uuid' | 'text' | 'bytea' | 'timestamptz' | 'json' | 'bigint' | 'text[]']

const SESSION: readonly Column[] = [
  ['session_id', 'uuid'],
  ['user_id', 'text'],
  ['username', 'text'],
  ['secret_hash', 'bytea'],
  ['next_hash', 'bytea'],
  ['next_salt', 'bytea'],
  ['previous_hash', 'bytea'],
  ['previous_until', 'timestamptz'],
  ['created_at', 'timestamptz'],
  ['authenticated_at', 'timestamptz'],
  ['last_accessed', 'timestamptz'],
  ['expires_at', 'timestamptz'],
  ['ends_at', 'timestamptz'],
  ['logged_out_at', 'timestamptz'],
  ['end_reason', 'text'],
  ['ended_by', 'text'],
  ['ip_address', 'text'],
  ['user_agent', 'text'],
  ['method', 'text'],
  ['attributes', 'json'],
  ['version', 'bigint'],
]
const USER: readonly Column[] = [
  ['id', 'text'],
  ['username', 'text'],
  ['password_hash', 'text'],
  ['role', 'text'],
  ['epoch', 'bigint'],
  ['disabled_at', 'timestamptz'],
  ['created_at', 'timestamptz'],
  ['last_login_at', 'timestamptz'],
]
const EVENT: readonly Column[] = [
  ['position', 'bigint'],
  ['at', 'timestamptz'],
  ['type', 'text'],
  ['session_id', 'uuid'],
  ['user_id', 'text'],
  ['actor', 'text'],
  ['reason', 'text'],
  ['ip_address', 'text'],
  ['detail', 'text'],
]
const API_KEY: readonly Column[] = [
  ['key_id', 'text'],
  ['name', 'text'],
  ['scopes', 'text[]'],
  ['secret_hash', 'bytea'],
  ['created_at', 'timestamptz'],
  ['created_by', 'text'],
  ['expires_at', 'timestamptz'],
  ['last_used_at', 'timestamptz'],
  ['revoked_at', 'timestamptz'],
]

/** The columns of a session in the order of `encodeSession`, their values as `$1` and on. */
export const SESSION_COLUMNS = namesOf(SESSION)
export const SESSION_VALUES = valuesOf(SESSION)
/** How many values a session has. */
export const SESSION_WIDTH = SESSION.length
/** The same for many sessions in one value of JSON: the fields of each, and the columns again as they are inserted. */
export const SESSION_FIELDS = SESSION.map(([name, type]) => `${name} ${type === 'json' ? 'text' : type}`).join(', ')
export const SESSION_FROM_FIELDS = SESSION.map(([name, type]) => (type === 'json' ? `${name}::json` : name)).join(', ')

/** What every session has and is no text: numbers and instants of eight bytes each, and then the hash. */
const SESSION_PACK = [
  'int8send(version)',
  ...['created_at', 'authenticated_at', 'last_accessed', 'expires_at', 'ends_at'].map(
    (name) => `timestamptz_send(${name})`,
  ),
  'secret_hash',
].join(' || ')
const SESSION_READING = [
  'session_id',
  SESSION_PACK,
  'user_id',
  'username',
  'ip_address',
  'user_agent',
  'method',
  "nullif(attributes::text, '{}')",
  'end_reason',
  'ended_by',
  asMilliseconds('logged_out_at'),
  'next_hash',
  'next_salt',
  'previous_hash',
  asMilliseconds('previous_until'),
]
/**
 * How a session is read, in the order of `decodeSession`. A driver takes its time over each column that is not null,
 * so seven of them come as one, and what is mostly empty as null.
 */
export const SESSION_READ = SESSION_READING.join(', ')
/** How many columns that is. */
export const SESSION_READ_WIDTH = SESSION_READING.length

/** The columns of a user in the same way, and how to read them, … */
export const USER_COLUMNS = namesOf(USER)
export const USER_VALUES = valuesOf(USER)
export const USER_READ = readingOf(USER)

/** … of a key … */
export const API_KEY_COLUMNS = namesOf(API_KEY)
export const API_KEY_VALUES = valuesOf(API_KEY)
export const API_KEY_READ = readingOf(API_KEY)

/** … and of an event, which is never written with its position. */
export const EVENT_READ = readingOf(EVENT)

/**
 * Of a session that is found by its id: it has no end reason. Said in a way in which no index says it: in tables that were never
 * analysed the planner would rather walk through an index of all sessions that have none than look for the id.
 */
export const HAS_NOT_ENDED = "coalesce(end_reason, '') = ''"

/** SQL for an instant as whole milliseconds, whatever the driver makes of dates. */
export function asMilliseconds(instant: string): string {
  return `(extract(epoch FROM ${instant}) * 1000)::bigint`
}

/**
 * An instant as text that PostgreSQL reads back to the very millisecond; no fraction of a second ever is a floating
 * point number. Throws `invalid_argument` for what is no instant.
 */
export function instantText(instant: number): string {
  const date = new Date(instant)
  if (Number.isNaN(date.getTime()) || date.getTime() !== instant) {
    throw new SojournError('invalid_argument', `${instant} is no instant; give whole milliseconds since 1970`)
  }
  const year = date.getUTCFullYear()
  // Sign, digits and dash of the year, which is written in three ways.
  const rest = date.toISOString().replace(/^[+-]?\d+-/, '')
  return year > 0 ? `${String(year).padStart(4, '0')}-${rest}` : `${String(1 - year).padStart(4, '0')}-${rest} BC`
}

/** The same for an instant that may not be set. */
export function optionalInstantText(instant: number | null): string | null {
  return instant === null ? null : instantText(instant)
}

/** A session from its row, frozen. */
export function decodeSession(row: Row): SessionRecord {
  const pack = row[1] as Uint8Array
  return Object.freeze({
    id: row[0] as SessionId,
    userId: row[2] as string,
    username: row[3] as string,
    secretHash: pack.subarray(48),
    nextHash: row[11] as SecretHash | null,
    nextSalt: row[12] as Uint8Array | null,
    previousHashes: splitHashes(row[13] as Uint8Array | null),
    previousUntil: optionalNumber(row[14]),
    createdAt: instantAt(pack, 8),
    authenticatedAt: instantAt(pack, 16),
    lastAccessedAt: instantAt(pack, 24),
    expiresAt: instantAt(pack, 32),
    endsAt: instantAt(pack, 40),
    loggedOutAt: optionalNumber(row[10]),
    endReason: row[8] as EndReason | null,
    endedBy: row[9] as string | null,
    ipAddress: row[4] as string | null,
    userAgent: row[5] as string | null,
    method: row[6] as string | null,
    attributes: parseAttributes((row[7] as string | null) ?? '{}'),
    version: upperAt(pack, 0) * 2 ** 32 + lowerAt(pack, 4),
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
    optionalInstantText(record.previousUntil),
    instantText(record.createdAt),
    instantText(record.authenticatedAt),
    instantText(record.lastAccessedAt),
    instantText(record.expiresAt),
    instantText(record.endsAt),
    optionalInstantText(record.loggedOutAt),
    record.endReason,
    record.endedBy,
    record.ipAddress,
    record.userAgent,
    record.method,
    JSON.stringify(record.attributes),
    record.version,
  ]
}

/** A session as an object of JSON with `SESSION_FIELDS`. */
export function sessionFields(values: readonly Value[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(SESSION.map(([name], place) => [name, fieldOf(values[place])]))
}

/** A session that a statement ended, from its id, user and username. */
export function decodeEnded([id, userId, username]: Row): EndedSession {
  return { id: id as SessionId, userId: userId as string, username: username as string }
}

/** A user from its row, frozen. */
export function decodeUser(row: Row): UserRecord {
  return Object.freeze({
    id: row[0] as string,
    username: row[1] as string,
    passwordHash: row[2] as string | null,
    role: row[3] as Role,
    epoch: Number(row[4]),
    disabledAt: optionalNumber(row[5]),
    createdAt: Number(row[6]),
    lastLoginAt: optionalNumber(row[7]),
  })
}

/** The values of a user in the order of `USER_COLUMNS`. */
export function encodeUser(user: UserRecord): readonly Value[] {
  return [
    user.id,
    user.username,
    user.passwordHash,
    user.role,
    user.epoch,
    optionalInstantText(user.disabledAt),
    instantText(user.createdAt),
    optionalInstantText(user.lastLoginAt),
  ]
}

/** A key from its row, frozen. */
export function decodeApiKey(row: Row): ApiKeyRecord {
  return Object.freeze({
    id: row[0] as string,
    name: row[1] as string,
    scopes: Object.freeze((row[2] as string).split(' ').filter(Boolean) as ApiKeyScope[]),
    secretHash: row[3] as SecretHash,
    createdAt: Number(row[4]),
    createdBy: row[5] as string,
    expiresAt: Number(row[6]),
    lastUsedAt: optionalNumber(row[7]),
    revokedAt: optionalNumber(row[8]),
  })
}

/** The values of a key in the order of `API_KEY_COLUMNS`. */
export function encodeApiKey(key: ApiKeyRecord): readonly Value[] {
  return [
    key.id,
    key.name,
    key.scopes,
    key.secretHash,
    instantText(key.createdAt),
    key.createdBy,
    instantText(key.expiresAt),
    optionalInstantText(key.lastUsedAt),
    optionalInstantText(key.revokedAt),
  ]
}

/** An event from its row, frozen. */
export function decodeEvent(row: Row): EventRecord {
  return Object.freeze({
    position: Number(row[0]),
    at: Number(row[1]),
    type: row[2] as EventType,
    sessionId: row[3] as SessionId | null,
    userId: row[4] as string | null,
    actor: row[5] as string,
    reason: row[6] as EndReason | null,
    ipAddress: row[7] as string | null,
    detail: row[8] as string | null,
  })
}

function namesOf(columns: readonly Column[]): string {
  return columns.map(([name]) => name).join(', ')
}

function valuesOf(columns: readonly Column[]): string {
  return columns.map(([, type], place) => `$${place + 1}::${type}`).join(', ')
}

/** Nothing is read in a type that drivers or their users turn into objects of their own. */
function readingOf(columns: readonly Column[]): string {
  return columns
    .map(([name, type]) => {
      if (type === 'timestamptz') return asMilliseconds(name)
      if (type === 'text[]') return `array_to_string(${name}, ' ')`
      return type === 'json' ? `${name}::text` : name
    })
    .join(', ')
}

function fieldOf(value: Value | undefined): unknown {
  return value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value
}

/** 2000-01-01, from which PostgreSQL counts. */
const ITS_BEGINNING = 946_684_800_000

/**
 * An instant of eight bytes, which are microseconds. Those of the far future are more than a number can tell apart, so they are divided
 * in two halves: 2^32 is 4,294,967 thousands and 296.
 */
function instantAt(bytes: Uint8Array, place: number): number {
  const upper = upperAt(bytes, place)
  return ITS_BEGINNING + upper * 4_294_967 + Math.round((upper * 296 + lowerAt(bytes, place + 4)) / 1_000)
}

/** Four bytes as a number with its sign. */
function upperAt(bytes: Uint8Array, place: number): number {
  return (bytes[place]! << 24) | (bytes[place + 1]! << 16) | (bytes[place + 2]! << 8) | bytes[place + 3]!
}

/** Four bytes as a number from 0. */
function lowerAt(bytes: Uint8Array, place: number): number {
  return upperAt(bytes, place) >>> 0
}

function optionalNumber(value: unknown): number | null {
  return value === null ? null : Number(value)
}
