import type { UserRecord } from '../../auth/users.ts'
import { SojournError } from '../../core/errors.ts'
import type { Mark } from '../../core/events.ts'
import type { Standing } from '../../core/policy.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type {
  EndedSession,
  InsertGuard,
  InsertOutcome,
  RevokeTarget,
  SessionCap,
  SessionFilter,
  SessionPatch,
  Touch,
  UpdateMark,
} from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { canonicalUsername } from '../../core/username.ts'
import { joinHashes } from '../joined-hashes.ts'
import { assertInstants } from '../kept-record.ts'
import type { SqliteConnection } from './connection.ts'
import { tell } from './events.ts'
import { selectionOf } from './query.ts'
import { SESSION_COLUMNS, USER_COLUMNS, encodeSession, encodeUser } from './rows.ts'
import type { Value } from './rows.ts'

/** A mark that says why sessions end. */
export type EndMark = Mark & { readonly reason: EndReason }

const INSERT_SESSION = `INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) VALUES (${marks(21)})`
const INSERT_USER = `INSERT INTO sojourn_users (${USER_COLUMNS}) VALUES (${marks(8)})`
const GUARDED_USER = 'SELECT epoch, disabled_at, password_hash, username FROM sojourn_users WHERE id = ?'
const TOUCH = `
  UPDATE sojourn_sessions SET last_accessed = ?, ends_at = min(expires_at, ?)
  WHERE session_id = ? AND end_reason IS NULL AND ends_at + ? > ? AND last_accessed < ?`
const END = `
  UPDATE sojourn_sessions
  SET ends_at = min(ends_at, ?), logged_out_at = min(ends_at, ?), end_reason = ?, ended_by = ?, version = version + 1
  WHERE session_id = ? AND end_reason IS NULL AND ends_at > ? AND last_accessed > ? AND authenticated_at > ?
  RETURNING user_id, username`
/** By these everything stands whose end is not written down. */
const SINCE_EVER: Standing = { endsAfter: -Infinity, accessedAfter: -Infinity, authenticatedAfter: -Infinity }

/** Adds a session, as `Store.insert` promises. Runs inside a transaction. */
export function insertSession(database: SqliteConnection, record: SessionRecord, guard: InsertGuard): InsertOutcome {
  const { mark } = guard
  if (hasSession(database, record.id)) return { ok: false, reason: 'id_taken' }
  const user = database.row(GUARDED_USER, record.userId)
  if (user !== undefined && user[1] !== null) return { ok: false, reason: 'disabled' }
  if (guard.epoch !== undefined && guard.epoch !== (user?.[0] ?? 0)) return { ok: false, reason: 'epoch' }
  const surplus = surplusOf(database, record.userId, guard.cap)
  if (surplus.length > 0 && guard.cap?.onExceed === 'deny') return { ok: false, reason: 'limit' }
  if (user === undefined) insertUserOf(database, record, mark)
  else noteLogin(database, record, mark.at, user[2] === null && user[3] !== canonicalUsername(record.username))
  const evicted = endSessions(database, surplus, {
    at: mark.at,
    actor: 'system',
    reason: 'limit',
    ipAddress: mark.ipAddress,
  })
  database.run(INSERT_SESSION, ...encodeSession(record))
  tell(database, 'session_created', mark, { sessionId: record.id, userId: record.userId })
  return { ok: true, evicted }
}

/** Adds a session that another system began, unless it is there. Runs inside a transaction. */
export function adoptSession(database: SqliteConnection, record: SessionRecord, mark: Mark): boolean {
  if (hasSession(database, record.id)) return false
  database.run(INSERT_SESSION, ...encodeSession(record))
  if (record.endReason === null && record.endsAt > mark.at) {
    tell(database, 'session_created', mark, { sessionId: record.id, userId: record.userId })
  }
  return true
}

/** Adds a user's row. Throws `conflict` when the username belongs to another. Runs inside a transaction. */
export function insertUser(database: SqliteConnection, user: UserRecord): void {
  assertInstants({ createdAt: user.createdAt, disabledAt: user.disabledAt ?? 0, lastLoginAt: user.lastLoginAt ?? 0 })
  const namesake = database.row('SELECT id FROM sojourn_users WHERE username = ?', user.username)?.[0]
  if (namesake !== undefined) {
    throw new SojournError(
      'conflict',
      `username '${user.username}' belongs to user '${String(namesake)}', not to '${user.id}'; ` +
        'give each user a name of their own',
    )
  }
  database.run(INSERT_USER, ...encodeUser(user))
}

/** Notes that a session was used, as `Store.touch` promises. */
export function touchSession(database: SqliteConnection, { id, at, endsAt, allowance }: Touch): boolean {
  return database.run(TOUCH, at, endsAt, id, allowance, at, at) > 0
}

/** Changes a session, as `Store.update` promises. Runs inside a transaction. */
export function updateSession(
  database: SqliteConnection,
  id: SessionId,
  version: number,
  patch: SessionPatch,
  mark: UpdateMark,
): boolean {
  const changes = encodePatch(patch)
  const set = ['version = version + 1', ...changes.map(([assignment]) => assignment)].join(', ')
  const userId = database.row(
    `UPDATE sojourn_sessions SET ${set}
     WHERE session_id = ? AND version = ? AND end_reason IS NULL AND ends_at + ? > ? RETURNING user_id`,
    ...changes.map(([, value]) => value),
    id,
    version,
    mark.allowance ?? 0,
    mark.at,
  )?.[0]
  if (userId === undefined) return false
  if (mark.event !== undefined) tell(database, mark.event, mark, { sessionId: id, userId: userId as string })
  return true
}

/** Ends sessions that have no end reason yet, with an event each. Answers with those it ended. Runs inside a transaction. */
export function endSessions(
  database: SqliteConnection,
  ids: readonly SessionId[],
  mark: EndMark,
  {
    standing = SINCE_EVER,
    limit = Infinity,
  }: { readonly standing?: Standing | undefined; readonly limit?: number } = {},
): readonly EndedSession[] {
  const { endsAfter, accessedAfter, authenticatedAfter } = standing
  const ended: EndedSession[] = []
  for (const id of ids) {
    if (ended.length >= limit) break
    const how = [mark.at, mark.at, mark.reason, mark.actor]
    const row = database.row(END, ...how, id, endsAfter, accessedAfter, authenticatedAfter)
    if (row === undefined) continue
    const userId = row[0] as string
    tell(database, 'session_ended', mark, { sessionId: id, userId })
    ended.push({ id, userId, username: row[1] as string })
  }
  return ended
}

/** Ends what is meant, as `Store.revoke` promises. Runs inside a transaction. */
export function revokeSessions(
  database: SqliteConnection,
  target: RevokeTarget,
  mark: EndMark,
  limit: number,
): readonly EndedSession[] {
  if ('userId' in target) return revokeUser(database, target.userId, target.except, mark)
  if ('where' in target) return endSessions(database, unendedWhere(database, target.where, limit), mark)
  const { standing } = target
  return endSessions(database, 'id' in target ? [target.id] : target.ids, mark, { standing, limit })
}

/** The sessions of a user that have no end reason, but for one. */
export function unendedOfUser(database: SqliteConnection, userId: string, except?: SessionId): readonly SessionId[] {
  return database
    .rows('SELECT session_id FROM sojourn_sessions WHERE user_id = ? AND end_reason IS NULL', userId)
    .map(([id]) => id as SessionId)
    .filter((id) => id !== except)
}

/** Deletes what ended long ago, as `Store.prune` promises, and answers with the ids. Runs inside a transaction. */
export function pruneSessions(database: SqliteConnection, before: number, limit: number): readonly SessionId[] {
  const pruned = database.rows(
    `DELETE FROM sojourn_sessions WHERE session_id IN (
       SELECT session_id FROM sojourn_sessions WHERE ends_at < ? ORDER BY ends_at LIMIT ?) RETURNING session_id`,
    before,
    limit,
  )
  return pruned.map(([id]) => id as SessionId)
}

/** Deletes ended sessions of a user, as `Store.forget` promises, and answers with the ids. Runs inside a transaction. */
export function forgetSessions(database: SqliteConnection, userId: string, limit: number): readonly SessionId[] {
  const forgotten = database.rows(
    `DELETE FROM sojourn_sessions WHERE session_id IN (
       SELECT session_id FROM sojourn_sessions WHERE user_id = ? AND end_reason IS NOT NULL LIMIT ?) RETURNING session_id`,
    userId,
    limit,
  )
  return forgotten.map(([id]) => id as SessionId)
}

function hasSession(database: SqliteConnection, id: SessionId): boolean {
  return database.row('SELECT 1 FROM sojourn_sessions WHERE session_id = ?', id) !== undefined
}

function insertUserOf(database: SqliteConnection, record: SessionRecord, mark: Mark): void {
  const username = canonicalUsername(record.username)
  takeLabel(database, username, record.userId)
  insertUser(database, {
    id: record.userId,
    username,
    passwordHash: null,
    role: 'user',
    epoch: 0,
    disabledAt: null,
    createdAt: mark.at,
    lastLoginAt: mark.at,
  })
}

function noteLogin(
  database: SqliteConnection,
  { userId, username }: SessionRecord,
  at: number,
  isNewLabel: boolean,
): void {
  database.run('UPDATE sojourn_users SET last_login_at = max(ifnull(last_login_at, 0), ?) WHERE id = ?', at, userId)
  const label = canonicalUsername(username)
  if (isNewLabel && takeLabel(database, label, userId)) rename(database, userId, label)
}

/** Makes a username available to a user whose name is only a label, where its holder's is one, too. Answers whether it is. */
function takeLabel(database: SqliteConnection, username: string, userId: string): boolean {
  const holder = database.row('SELECT id, password_hash FROM sojourn_users WHERE username = ?', username)
  if (holder === undefined || holder[0] === userId) return true
  if (holder[1] !== null) return false
  rename(database, String(holder[0]), `${username} (${String(holder[0])})`)
  return true
}

function rename(database: SqliteConnection, userId: string, username: string): void {
  database.run('UPDATE sojourn_users SET username = ? WHERE id = ?', username, userId)
}

/** The standing sessions that must end so that one more fits, the least recently used first. */
function surplusOf(database: SqliteConnection, userId: string, cap: SessionCap | undefined): readonly SessionId[] {
  if (cap === undefined) return []
  const { sql, values } = selectionOf({ userId, standing: cap.standing })
  const standing = database.rows(
    `SELECT session_id FROM sojourn_sessions WHERE ${sql} ORDER BY last_accessed, session_id`,
    ...values,
  )
  return standing.slice(0, Math.max(0, standing.length - cap.max + 1)).map(([id]) => id as SessionId)
}

function revokeUser(
  database: SqliteConnection,
  userId: string,
  except: SessionId | undefined,
  mark: EndMark,
): readonly EndedSession[] {
  if (database.run('UPDATE sojourn_users SET epoch = epoch + 1 WHERE id = ?', userId) === 0) return []
  const ended = endSessions(database, unendedOfUser(database, userId, except), mark)
  tell(database, 'user_sessions_ended', mark, { userId })
  return ended
}

/** In the order of the rows, so that neighbours are changed one after the other. */
function unendedWhere(database: SqliteConnection, where: SessionFilter, limit: number): readonly SessionId[] {
  const { sql, values } = selectionOf({ ...where, isEnded: where.isEnded ?? false })
  return database
    .rows(
      `SELECT session_id FROM (
         SELECT rowid AS place, session_id FROM sojourn_sessions WHERE end_reason IS NULL AND ${sql} LIMIT ?)
       ORDER BY place`,
      ...values,
      Math.max(0, limit),
    )
    .map(([id]) => id as SessionId)
}

function encodePatch(patch: SessionPatch): readonly (readonly [assignment: string, value: Value])[] {
  const { previousUntil, authenticatedAt = 0, lastAccessedAt = 0, expiresAt = 0, endsAt = 0 } = patch
  assertInstants({ previousUntil: previousUntil ?? 0, authenticatedAt, lastAccessedAt, expiresAt, endsAt })
  const assignments: readonly (readonly [assignment: string, value: Value | undefined])[] = [
    ['secret_hash = ?', patch.secretHash],
    ['next_hash = ?', patch.nextHash],
    ['next_salt = ?', patch.nextSalt],
    ['previous_hash = ?', patch.previousHashes === undefined ? undefined : joinHashes(patch.previousHashes)],
    ['previous_until = ?', patch.previousUntil],
    ['authenticated_at = ?', patch.authenticatedAt],
    ['last_accessed = max(last_accessed, ?)', patch.lastAccessedAt],
    ['expires_at = ?', patch.expiresAt],
    ['ends_at = ?', patch.endsAt],
    ['attributes = ?', patch.attributes === undefined ? undefined : JSON.stringify(patch.attributes)],
    ['method = ?', patch.method],
  ]
  return assignments.flatMap(([assignment, value]) => (value === undefined ? [] : [[assignment, value] as const]))
}

function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ')
}
