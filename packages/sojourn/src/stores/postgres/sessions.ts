import type { UserRecord } from '../../auth/users.ts'
import { SojournError } from '../../core/errors.ts'
import type { EventType, Mark } from '../../core/events.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type {
  EndedSession,
  InsertGuard,
  InsertOutcome,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Touch,
  UpdateMark,
} from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { canonicalUsername } from '../../core/username.ts'
import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { EVENT_COLUMNS, encodeEvent } from './events.ts'
import { Bindings, selectionOf } from './query.ts'
import {
  SESSION_COLUMNS,
  SESSION_VALUES,
  SESSION_WIDTH,
  USER_COLUMNS,
  USER_VALUES,
  decodeEnded,
  encodeSession,
  encodeUser,
  instantText,
  joinHashes,
  optionalInstantText,
} from './rows.ts'
import type { Row, Value } from './rows.ts'

/** A mark that says why sessions end. */
export type EndMark = Mark & { readonly reason: EndReason }

/*
 * What a login may do depends on what others have committed until now, and one statement sees only what had been
 * committed when it began. So whoever adds a session, or ends all of a user, first locks the user's row and compares it
 * with the same row as it was when the statement began. If it is the same, nobody has added a session in between, and
 * the statement goes on: one round trip. If not, it does nothing and says `overtaken`; then the lock is taken in a
 * statement of its own, inside a transaction, and the same statement follows. Everyone who adds a session writes the
 * user's row as well, so that the comparison tells.
 *
 * Sessions are locked in the order of their ids, so that two who want the same ones do not wait for each other.
 */

/** A user's row as it was when the statement began, and as it is, locked. */
const LOCKED_USER = `
  seen AS MATERIALIZED (SELECT xmin AS edition FROM sojourn_users WHERE id = $2),
  held AS MATERIALIZED (
    SELECT xmin AS edition, id, username, password_hash, epoch, disabled_at
    FROM sojourn_users WHERE id = $2 FOR NO KEY UPDATE)`

/** The values that follow those of the session itself. */
const EPOCH = afterSession(1)
const DENIES = afterSession(2)
const MOST = afterSession(3)
const ENDS_AFTER = afterSession(4)
const ACCESSED_AFTER = afterSession(5)
const AUTHENTICATED_AFTER = afterSession(6)
const LABEL = afterSession(7)
const AT = afterSession(8)
const ACTOR = afterSession(9)
const REASON = afterSession(10)
const IP = afterSession(11)
const DETAIL = afterSession(12)

const LOG_IN = statement(
  'insert',
  `WITH ${LOCKED_USER},
  standing AS (
    SELECT session_id, row_number() OVER (ORDER BY last_accessed, session_id) AS place, count(*) OVER () AS total
    FROM sojourn_sessions
    WHERE ${MOST}::bigint IS NOT NULL AND user_id = $2 AND end_reason IS NULL
      AND ends_at > ${ENDS_AFTER}::timestamptz AND last_accessed > ${ACCESSED_AFTER}::timestamptz
      AND authenticated_at > ${AUTHENTICATED_AFTER}::timestamptz),
  surplus AS MATERIALIZED (SELECT session_id FROM standing WHERE place <= total - ${MOST}::bigint + 1),
  verdict AS MATERIALIZED (
    SELECT CASE
      WHEN EXISTS (SELECT FROM sojourn_sessions WHERE session_id = $1::uuid) THEN 'id_taken'
      WHEN held.disabled_at IS NOT NULL THEN 'disabled'
      WHEN ${EPOCH}::bigint <> coalesce(held.epoch, 0) THEN 'epoch'
      WHEN seen.edition IS DISTINCT FROM held.edition THEN 'overtaken'
      WHEN ${DENIES}::boolean AND EXISTS (SELECT FROM surplus) THEN 'limit'
      WHEN held.id IS NULL THEN 'unknown'
      WHEN held.password_hash IS NULL AND held.username <> ${LABEL}::text THEN 'renamed'
      ELSE 'ok' END AS word
    FROM (SELECT) AS here LEFT JOIN held ON true LEFT JOIN seen ON true),
  doomed AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions
    WHERE (SELECT word FROM verdict) = 'ok' AND session_id IN (SELECT session_id FROM surplus) AND end_reason IS NULL
    ORDER BY session_id FOR NO KEY UPDATE),
  evicted AS (
    UPDATE sojourn_sessions
    SET ends_at = least(ends_at, ${AT}::timestamptz), logged_out_at = least(ends_at, ${AT}::timestamptz),
      end_reason = 'limit', ended_by = 'system', version = version + 1
    WHERE session_id IN (SELECT session_id FROM doomed)
    RETURNING session_id, user_id, username),
  noted AS (
    UPDATE sojourn_users SET last_login_at = greatest(last_login_at, ${AT}::timestamptz)
    WHERE (SELECT word FROM verdict) = 'ok' AND id = $2),
  added AS (
    INSERT INTO sojourn_sessions (${SESSION_COLUMNS})
    SELECT ${SESSION_VALUES} WHERE (SELECT word FROM verdict) = 'ok'),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT ${AT}::timestamptz, 'session_ended', session_id, user_id, 'system', 'limit', ${IP}::text, NULL FROM evicted
    UNION ALL
    SELECT ${AT}::timestamptz, 'session_created', $1::uuid, $2::text, ${ACTOR}::text, ${REASON}::text, ${IP}::text,
      ${DETAIL}::text
    WHERE (SELECT word FROM verdict) = 'ok')
  SELECT word, session_id, user_id, username FROM verdict LEFT JOIN evicted ON true`,
)
const END_ALL = statement(
  'end_all',
  `WITH ${LOCKED_USER},
  verdict AS MATERIALIZED (
    SELECT CASE WHEN seen.edition IS DISTINCT FROM held.edition THEN 'overtaken' ELSE 'ok' END AS word
    FROM held LEFT JOIN seen ON true),
  raised AS (
    UPDATE sojourn_users SET epoch = epoch + $1::bigint WHERE (SELECT word FROM verdict) = 'ok' AND id = $2),
  doomed AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions
    WHERE (SELECT word FROM verdict) = 'ok' AND user_id = $2 AND end_reason IS NULL
      AND session_id IS DISTINCT FROM $6::uuid
    ORDER BY session_id FOR NO KEY UPDATE),
  ended AS (
    UPDATE sojourn_sessions
    SET ends_at = least(ends_at, $3::timestamptz), logged_out_at = least(ends_at, $3::timestamptz), end_reason = $4::text,
      ended_by = $5::text, version = version + 1
    WHERE session_id IN (SELECT session_id FROM doomed)
    RETURNING session_id, user_id, username),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT $3::timestamptz, 'session_ended', session_id, user_id, $5::text, $4::text, $7::text, $8::text
    FROM ended
    UNION ALL
    SELECT $3::timestamptz, $9::text, NULL, $2::text, $5::text, $10::text, $7::text, $8::text
    WHERE (SELECT word FROM verdict) = 'ok')
  SELECT word, session_id, user_id, username FROM verdict LEFT JOIN ended ON true`,
)
const LOCK_USER = statement('lock_user', 'SELECT FROM sojourn_users WHERE id = $1 FOR NO KEY UPDATE')
/** Whoever signs in and whoever has the name, in one order, so that two who swap their names do not wait for each other. */
const LOCK_USERS = statement(
  'lock_users',
  `SELECT id, password_hash, username FROM sojourn_users WHERE id = $1 OR username = $2 ORDER BY id FOR UPDATE`,
)
const INSERT_USER = statement('insert_user', `INSERT INTO sojourn_users (${USER_COLUMNS}) VALUES (${USER_VALUES})`)
const NAMESAKE = statement('namesake', 'SELECT id FROM sojourn_users WHERE username = $1')
const RENAME = statement('rename', 'UPDATE sojourn_users SET username = $2 WHERE id = $1')
const ADOPT = statement(
  'adopt',
  `WITH added AS (
    INSERT INTO sojourn_sessions (${SESSION_COLUMNS})
    SELECT ${SESSION_VALUES} WHERE NOT EXISTS (SELECT FROM sojourn_sessions WHERE session_id = $1::uuid)
    RETURNING session_id, user_id),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT ${afterSession(2)}::timestamptz, 'session_created', session_id, user_id, ${afterSession(3)}::text,
      ${afterSession(4)}::text, ${afterSession(5)}::text, ${afterSession(6)}::text
    FROM added WHERE ${afterSession(1)}::boolean)
  SELECT 1 FROM added`,
)
const END_THESE = statement(
  'end',
  endingOf(
    'session_id = ANY($1::uuid[]) AND end_reason IS NULL ORDER BY session_id LIMIT $2::bigint FOR NO KEY UPDATE',
    3,
  ),
)
const TOUCH = statement(
  'touch',
  `WITH note AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
      AS note (id, used_at, ends, due)),
  held AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions WHERE session_id = ANY($1::uuid[]) ORDER BY session_id FOR NO KEY UPDATE),
  touched AS (
    UPDATE sojourn_sessions SET last_accessed = used_at, ends_at = least(expires_at, ends)
    FROM note JOIN held ON held.session_id = note.id
    WHERE sojourn_sessions.session_id = note.id AND end_reason IS NULL AND ends_at > due AND last_accessed < used_at
    RETURNING 1)
  SELECT count(*) FROM touched`,
)
const PRUNE = statement(
  'prune',
  `WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(6120447305) AS is_mine),
  old AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions WHERE (SELECT is_mine FROM turn) AND ends_at < $1::timestamptz
    ORDER BY ends_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
  pruned AS (
    DELETE FROM sojourn_sessions WHERE session_id IN (SELECT session_id FROM old) RETURNING 1),
  old_lines AS MATERIALIZED (
    SELECT position FROM sojourn_events WHERE (SELECT is_mine FROM turn) AND at < $1::timestamptz
    ORDER BY at LIMIT $2::bigint FOR UPDATE SKIP LOCKED),
  forgotten AS (DELETE FROM sojourn_events WHERE position IN (SELECT position FROM old_lines))
  SELECT count(*) FROM pruned`,
)

/** Sessions that time has ended can wait for the next clean-up; those that somebody ends cannot. */
const BY_TIME: ReadonlySet<EndReason> = new Set(['idle', 'expired', 'cleanup'])

/** Adds a session, as `Store.insert` promises. */
export async function insertSession(
  engine: PostgresEngine,
  record: SessionRecord,
  guard: InsertGuard,
): Promise<InsertOutcome> {
  const label = canonicalUsername(record.username)
  const values = [...encodeSession(record), ...encodeGuard(guard)]
  const logIn = (connection: PostgresConnection, name: string | null): Promise<readonly Row[]> =>
    connection.rows(LOG_IN, ...values, name, ...encodeMark(guard.mark))
  const outcome = outcomeOf(await engine.write((connection) => logIn(connection, label)))
  if (outcome !== null) return outcome
  const locked = await engine
    .transact(async (connection) => {
      await prepareUser(connection, record, label, guard.mark)
      const settled = outcomeOf(await logIn(connection, null))
      // Nothing of a login that is refused may stay, a new user least of all.
      if (settled?.ok !== true) throw new Refusal(settled)
      return settled
    })
    .catch((error: unknown) => {
      if (error instanceof Refusal) return error.outcome
      throw error
    })
  if (locked !== null) return locked
  throw new SojournError('store_unavailable', `${engine.place} does not keep its locks; nothing was written`)
}

/** Adds a session that another system began, unless it is there. Runs inside a transaction. */
export async function adoptSession(
  connection: PostgresConnection,
  record: SessionRecord,
  mark: Mark,
): Promise<boolean> {
  const isStanding = record.endReason === null && record.endsAt > mark.at
  const rows = await connection.rows(ADOPT, ...encodeSession(record), isStanding, ...encodeMark(mark))
  return rows.length > 0
}

/** Adds a user's row. Throws `conflict` when the username belongs to another. Runs inside a transaction. */
export async function insertUser(connection: PostgresConnection, user: UserRecord): Promise<void> {
  const namesake = await connection.row(NAMESAKE, user.username)
  // One who was made just now under the very id is no namesake: inserting fails, and everything is looked at again.
  if (namesake !== undefined && namesake[0] !== user.id) {
    throw new SojournError(
      'conflict',
      `username '${user.username}' belongs to user '${String(namesake[0])}', not to '${user.id}'; ` +
        'give each user a name of their own',
    )
  }
  await connection.rows(INSERT_USER, ...encodeUser(user))
}

/** Notes uses, as `Store.touch` promises. Several of one session take effect one after the other. */
export async function touchSessions(engine: PostgresEngine, batch: readonly Touch[]): Promise<number> {
  let count = 0
  for (const notes of roundsOf(batch.filter(({ id }) => isSessionId(id)))) {
    const values = [
      notes.map(({ id }) => id),
      notes.map(({ at }) => instantText(at)),
      notes.map(({ endsAt }) => instantText(endsAt)),
      notes.map(({ at, allowance }) => instantText(at - allowance)),
    ]
    const [touched] = await engine.write((connection) => connection.rows(TOUCH, ...values))
    count += Number(touched?.[0])
  }
  return count
}

/** Changes a session, as `Store.update` promises. */
export async function updateSession(
  engine: PostgresEngine,
  id: SessionId,
  version: number,
  patch: SessionPatch,
  mark: UpdateMark,
): Promise<boolean> {
  if (!isSessionId(id)) return false
  const bindings = new Bindings()
  const changes = ['version = version + 1', ...assignmentsOf(patch, bindings)]
  const bind = (value: Value, type: string): string => bindings.bind(value, type)
  const text = `
    WITH changed AS (
      UPDATE sojourn_sessions SET ${changes.join(', ')}
      WHERE session_id = ${bind(id, 'uuid')} AND version = ${bind(version, 'bigint')} AND end_reason IS NULL
        AND ends_at > ${bind(instantText(mark.at - (mark.allowance ?? 0)), 'timestamptz')}
      RETURNING session_id, user_id)
    ${mark.event === undefined ? '' : `, told AS (${tellOfChange(mark.event, mark, bindings)})`}
    SELECT 1 FROM changed`
  return (await engine.write((connection) => connection.rows({ text }, ...bindings.values))).length > 0
}

/** Ends what is meant, as `Store.revoke` promises. */
export async function revokeSessions(
  engine: PostgresEngine,
  target: RevokeTarget,
  mark: EndMark,
  limit: number,
): Promise<readonly EndedSession[]> {
  if ('userId' in target) return revokeUser(engine, target.userId, target.except, mark)
  const most = Math.max(0, limit)
  if (!('where' in target)) return endThese(engine, 'id' in target ? [target.id] : target.ids, mark, most)
  const free = await endWhere(engine, target.where, mark, most, 'SKIP LOCKED')
  if (free.length === most || BY_TIME.has(mark.reason)) return free
  return [...free, ...(await endWhere(engine, target.where, mark, most - free.length, ''))]
}

/** What is to be done when all sessions of a user end. */
export interface EndAll {
  readonly userId: string
  readonly except?: SessionId | undefined
  readonly mark: EndMark
  /** The event that closes it, and its reason. */
  readonly type: EventType
  readonly typeReason: EndReason | undefined
  /** By how much the epoch rises. */
  readonly raise: 0 | 1
}

/** Ends the sessions of a user, with their events and the one that closes it; null when it was overtaken. */
export async function endAll(
  connection: PostgresConnection,
  { userId, except, mark, type, typeReason, raise }: EndAll,
): Promise<readonly EndedSession[] | null> {
  const spared = except !== undefined && isSessionId(except) ? except : null
  const { at, reason, actor, ipAddress = null, detail = null } = mark
  const given = [raise, userId, instantText(at), reason, actor, spared, ipAddress, detail, type, typeReason ?? null]
  const rows = await connection.rows(END_ALL, ...given)
  return rows[0]?.[0] === 'overtaken' ? null : endedOf(rows)
}

/** Deletes what ended long ago, as `Store.prune` promises: nothing while another node is at it. */
export async function pruneSessions(engine: PostgresEngine, before: number, limit: number): Promise<number> {
  const row = await engine.write((connection) => connection.row(PRUNE, instantText(before), Math.max(0, limit)))
  return Number(row?.[0])
}

/** A login that was refused inside a transaction, which is then rolled back. */
class Refusal extends SojournError {
  readonly outcome: InsertOutcome | null

  constructor(outcome: InsertOutcome | null) {
    super('refused', 'the session was refused')
    this.outcome = outcome
  }
}

/** What a login came to, or null when the user's row must be made, renamed or locked first. */
function outcomeOf(rows: readonly Row[]): InsertOutcome | null {
  const word = rows[0]?.[0]
  if (word === 'ok') return { ok: true, evicted: endedOf(rows) }
  if (word === 'id_taken' || word === 'disabled' || word === 'epoch' || word === 'limit') {
    return { ok: false, reason: word }
  }
  return null
}

function endedOf(rows: readonly Row[]): readonly EndedSession[] {
  return rows.filter((row) => row[1] !== null).map((row) => decodeEnded(row.slice(1)))
}

function encodeGuard({ epoch, cap }: InsertGuard): readonly Value[] {
  return [
    epoch ?? null,
    cap?.onExceed === 'deny',
    cap?.max ?? null,
    optionalInstantText(cap?.standing.endsAfter ?? null),
    optionalInstantText(cap?.standing.accessedAfter ?? null),
    optionalInstantText(cap?.standing.authenticatedAfter ?? null),
  ]
}

function encodeMark({ at, actor, reason, ipAddress, detail }: Mark): readonly Value[] {
  return [instantText(at), actor, reason ?? null, ipAddress ?? null, detail ?? null]
}

/** Locks the user's row; makes it if there is none, and lets a name that is only a label follow the login. */
async function prepareUser(
  connection: PostgresConnection,
  record: SessionRecord,
  label: string,
  { at }: Mark,
): Promise<void> {
  const locked = await connection.rows(LOCK_USERS, record.userId, label)
  const user = locked.find(([id]) => id === record.userId)
  const isLabel = user === undefined || (user[1] === null && user[2] !== label)
  if (!isLabel) return
  const [holder, password] = locked.find(([id]) => id !== record.userId) ?? []
  const isTaken = holder !== undefined && password !== null
  if (holder !== undefined && !isTaken) await connection.rows(RENAME, holder as string, `${label} (${String(holder)})`)
  if (user !== undefined) {
    if (!isTaken) await connection.rows(RENAME, record.userId, label)
    return
  }
  await insertUser(connection, {
    id: record.userId,
    username: label,
    passwordHash: null,
    role: 'user',
    epoch: 0,
    disabledAt: null,
    createdAt: at,
    lastLoginAt: at,
  })
}

async function revokeUser(
  engine: PostgresEngine,
  userId: string,
  except: SessionId | undefined,
  mark: EndMark,
): Promise<readonly EndedSession[]> {
  const all = { userId, except, mark, type: 'user_sessions_ended', typeReason: mark.reason, raise: 1 } as const
  const ended = await engine.write((connection) => endAll(connection, all))
  if (ended !== null) return ended
  const locked = await engine.transact(async (connection) => {
    await connection.row(LOCK_USER, userId)
    return endAll(connection, all)
  })
  if (locked !== null) return locked
  throw new SojournError('store_unavailable', `${engine.place} does not keep its locks; nothing was written`)
}

/**
 * Several who do the same at once pass over what another has in hand, and share the work. What is in other hands may
 * only be in use, though: whoever means it must then wait.
 */
async function endWhere(
  engine: PostgresEngine,
  where: SessionFilter,
  mark: EndMark,
  limit: number,
  patience: 'SKIP LOCKED' | '',
): Promise<readonly EndedSession[]> {
  const bindings = new Bindings()
  const condition = selectionOf({ ...where, isEnded: where.isEnded ?? false }, bindings)
  // The server asks again when it had to wait for a row: a session that was used just now is no longer idle.
  const meant = `end_reason IS NULL AND ${condition} LIMIT ${bindings.bind(limit, 'bigint')}`
  const text = endingOf(`${meant} FOR NO KEY UPDATE ${patience}`, bindings.values.length + 1)
  const rows = await engine.write((connection) => connection.rows({ text }, ...bindings.values, ...encodeEnd(mark)))
  return rows.map(decodeEnded)
}

async function endThese(
  engine: PostgresEngine,
  ids: readonly SessionId[],
  mark: EndMark,
  limit: number,
): Promise<readonly EndedSession[]> {
  const values = [ids.filter(isSessionId), limit, ...encodeEnd(mark)]
  return (await engine.write((connection) => connection.rows(END_THESE, ...values))).map(decodeEnded)
}

function encodeEnd({ at, reason, actor, ipAddress, detail }: EndMark): readonly Value[] {
  return [instantText(at), reason, actor, ipAddress ?? null, detail ?? null]
}

/** Ends the sessions that are found and locked, and tells of each. The values of the mark begin at this place. */
function endingOf(meant: string, place: number): string {
  const [at, reason, actor] = [`$${place}::timestamptz`, `$${place + 1}::text`, `$${place + 2}::text`]
  return `
    WITH held AS MATERIALIZED (SELECT session_id FROM sojourn_sessions WHERE ${meant}),
    ended AS (
      UPDATE sojourn_sessions
      SET ends_at = least(ends_at, ${at}), logged_out_at = least(ends_at, ${at}), end_reason = ${reason},
        ended_by = ${actor}, version = version + 1
      WHERE session_id IN (SELECT session_id FROM held)
      RETURNING session_id, user_id, username),
    told AS (
      INSERT INTO sojourn_events (${EVENT_COLUMNS})
      SELECT ${at}, 'session_ended', session_id, user_id, ${actor}, ${reason}, $${place + 3}::text, $${place + 4}::text
      FROM ended)
    SELECT session_id, user_id, username FROM ended`
}

function tellOfChange(event: EventType, mark: Mark, bindings: Bindings): string {
  const [at, type, , , actor, reason, ip, detail] = encodeEvent(event, mark, { userId: null })
  const text = (value: Value | undefined): string => bindings.bind(value ?? null, 'text')
  return `
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT ${bindings.bind(at ?? null, 'timestamptz')}, ${text(type)}, session_id, user_id, ${text(actor)},
      ${text(reason)}, ${text(ip)}, ${text(detail)}
    FROM changed`
}

function assignmentsOf(patch: SessionPatch, bindings: Bindings): readonly string[] {
  const assignments: readonly (readonly [
    assignment: (value: string) => string,
    type: string,
    value: Value | undefined,
  ])[] = [
    [(value) => `secret_hash = ${value}`, 'bytea', patch.secretHash],
    [(value) => `next_hash = ${value}`, 'bytea', patch.nextHash],
    [(value) => `next_salt = ${value}`, 'bytea', patch.nextSalt],
    [(value) => `previous_hash = ${value}`, 'bytea', encoded(patch.previousHashes, joinHashes)],
    [(value) => `previous_until = ${value}`, 'timestamptz', encoded(patch.previousUntil, optionalInstantText)],
    [(value) => `authenticated_at = ${value}`, 'timestamptz', encoded(patch.authenticatedAt, instantText)],
    [
      (value) => `last_accessed = greatest(last_accessed, ${value})`,
      'timestamptz',
      encoded(patch.lastAccessedAt, instantText),
    ],
    [(value) => `expires_at = ${value}`, 'timestamptz', encoded(patch.expiresAt, instantText)],
    [(value) => `ends_at = ${value}`, 'timestamptz', encoded(patch.endsAt, instantText)],
    [(value) => `attributes = ${value}`, 'json', encoded(patch.attributes, (attributes) => JSON.stringify(attributes))],
    [(value) => `method = ${value}`, 'text', patch.method],
  ]
  return assignments.flatMap(([assignment, type, value]) =>
    value === undefined ? [] : [assignment(bindings.bind(value, type))],
  )
}

function afterSession(place: number): string {
  return `$${SESSION_WIDTH + place}`
}

function encoded<T, Encoded>(value: T | undefined, encode: (value: T) => Encoded): Encoded | undefined {
  return value === undefined ? undefined : encode(value)
}

/** Notes in rounds of which none names a session twice. */
function roundsOf(batch: readonly Touch[]): readonly (readonly Touch[])[] {
  const rounds: Touch[][] = []
  const seen = new Map<SessionId, number>()
  for (const note of batch) {
    const round = seen.get(note.id) ?? 0
    seen.set(note.id, round + 1)
    ;(rounds[round] ??= []).push(note)
  }
  return rounds
}
