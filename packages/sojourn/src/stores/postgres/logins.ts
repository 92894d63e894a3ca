import type { UserRecord } from '../../auth/users.ts'
import { SojournError } from '../../core/errors.ts'
import type { Mark } from '../../core/events.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { InsertGuard, InsertOutcome, SessionCap } from '../../core/store.ts'
import { canonicalUsername } from '../../core/username.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { EVENT_COLUMNS } from './events.ts'
import {
  HAS_NOT_ENDED,
  SESSION_COLUMNS,
  SESSION_FIELDS,
  SESSION_FROM_FIELDS,
  SESSION_VALUES,
  SESSION_WIDTH,
  USER_COLUMNS,
  USER_VALUES,
  encodeSession,
  encodeUser,
  instantText,
  optionalInstantText,
  sessionFields,
} from './rows.ts'
import type { Row, Value } from './rows.ts'
import { Gathering } from './gathering.ts'
import { LOCKED_USER, endedOf } from './user-lock.ts'

/** The values that follow those of the session itself, … */
const AT = afterSession(1)
const ACTOR = afterSession(2)
const REASON = afterSession(3)
const IP = afterSession(4)
const DETAIL = afterSession(5)
/** … at a login, … */
const EPOCH = afterSession(6)
const LABEL = afterSession(7)
/** … and at one that may be under a cap. */
const DENIES = afterSession(8)
const MOST = afterSession(9)
const ENDS_AFTER = afterSession(10)
const ACCESSED_AFTER = afterSession(11)
const AUTHENTICATED_AFTER = afterSession(12)
const TAKEN = "WHEN EXISTS (SELECT FROM sojourn_sessions WHERE session_id = $1::uuid) THEN 'id_taken'"

/**
 * Without a cap a login depends on the user's row alone, which is locked and looked at by writing it: what is found there is
 * the latest, however long the lock was waited for. Answers nothing where anything stands against it.
 */
const LOG_IN_UNCAPPED = statement(
  'insert_uncapped',
  `WITH noted AS (
    UPDATE sojourn_users AS held SET last_login_at = greatest(last_login_at, ${AT}::timestamptz)
    WHERE id = $2 AND ${IS_PATIENT} AND ${verdictOf({ epoch: EPOCH, label: LABEL, first: TAKEN })} = 'ok' RETURNING id),
  added AS (INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) SELECT ${SESSION_VALUES} FROM noted),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT ${AT}::timestamptz, 'session_created', $1::uuid, id, ${ACTOR}::text, ${REASON}::text, ${IP}::text,
      ${DETAIL}::text
    FROM noted)
  SELECT 'ok', NULL FROM noted`,
)
/**
 * The same for many at once, of whom those are left out against whom anything stands, or whose user is in other hands: whoever
 * waits holds up nobody else. An id that is taken fails them all.
 */
const LOG_IN_TOGETHER = statement(
  'insert_together',
  `WITH login AS MATERIALIZED (
    SELECT * FROM json_to_recordset((SELECT $1::json)) AS login (
      ${SESSION_FIELDS}, at timestamptz, actor text, reason text, ip text, detail text, expected bigint, label text)),
  held AS MATERIALIZED (
    SELECT id, username, password_hash, epoch, disabled_at FROM sojourn_users
    WHERE id = ANY((SELECT array_agg(user_id) FROM login)::text[]) AND ${IS_PATIENT}
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED),
  granted AS MATERIALIZED (
    SELECT login.* FROM login JOIN held ON held.id = login.user_id
    WHERE ${verdictOf({ epoch: 'expected', label: 'label', first: '' })} = 'ok'),
  noted AS (
    UPDATE sojourn_users SET last_login_at = greatest(last_login_at, latest)
    FROM (SELECT user_id, max(at) AS latest FROM granted GROUP BY user_id) AS granted WHERE id = user_id),
  added AS (INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) SELECT ${SESSION_FROM_FIELDS} FROM granted),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT at, 'session_created', session_id, user_id, actor, reason, ip, detail FROM granted)
  SELECT session_id FROM granted`,
)
/** What a login may do under a cap, and why one may not be at all. */
const LOG_IN = statement(
  'insert',
  `WITH ${LOCKED_USER},
  standing AS (
    SELECT session_id, row_number() OVER (ORDER BY last_accessed, session_id) AS place, count(*) OVER () AS total
    FROM sojourn_sessions
    WHERE ${MOST}::bigint IS NOT NULL AND user_id = $2 AND end_reason IS NULL
      AND ends_at > ${ENDS_AFTER}::timestamptz AND last_accessed > ${ACCESSED_AFTER}::timestamptz
      AND authenticated_at > ${AUTHENTICATED_AFTER}::timestamptz),
  surplus AS MATERIALIZED (SELECT session_id, place FROM standing WHERE place <= total - ${MOST}::bigint + 1),
  verdict AS MATERIALIZED (
    SELECT ${verdictOf({
      epoch: EPOCH,
      label: LABEL,
      first: TAKEN,
      last: `
        WHEN seen.edition IS DISTINCT FROM held.edition THEN 'overtaken'
        WHEN ${DENIES}::boolean AND EXISTS (SELECT FROM surplus) THEN 'limit'`,
    })} AS word
    FROM (SELECT) AS here LEFT JOIN held ON true LEFT JOIN seen ON true),
  doomed AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions
    WHERE (SELECT word FROM verdict) = 'ok' AND session_id IN (SELECT session_id FROM surplus) AND ${HAS_NOT_ENDED}
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
  SELECT word, session_id, user_id, username
  FROM verdict LEFT JOIN (evicted JOIN surplus USING (session_id)) ON true ORDER BY place`,
)
/** Those who take one name take turns: a name that changes hands while somebody waits for its holder is not seen. */
const LOCK_NAME = statement('lock_name', 'SELECT pg_advisory_xact_lock(hashtextextended($1::text, 6120447305))')
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
    SELECT ${AT}::timestamptz, 'session_created', session_id, user_id, ${ACTOR}::text, ${REASON}::text, ${IP}::text,
      ${DETAIL}::text
    FROM added WHERE ${afterSession(6)}::boolean)
  SELECT 1 FROM added`,
)

/** How many logins share a statement at most. */
const TOGETHER = 64

/** A login on its way, with its values as they are bound. */
interface Login {
  readonly record: SessionRecord
  readonly guard: InsertGuard
  readonly label: string
  /** Of the session, and then of the mark and the epoch. */
  readonly values: readonly Value[]
}

/** Adds sessions, as `Store.insert` promises. Logins without a cap that arrive in one turn of the event loop share a statement. */
export class PostgresLogins {
  readonly #engine: PostgresEngine
  readonly #uncapped: Gathering<Login, InsertOutcome>

  constructor(engine: PostgresEngine) {
    this.#engine = engine
    this.#uncapped = new Gathering(TOGETHER, (logins) => logInTogether(engine, logins))
  }

  async insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    this.#engine.assertOpen()
    const label = canonicalUsername(record.username)
    const values = [...encodeSession(record), ...encodeMark(guard.mark), guard.epoch ?? null]
    const login = { record, guard, label, values }
    return guard.cap === undefined ? this.#uncapped.ask(login) : insertSession(this.#engine, login)
  }

  /** Resolves when nobody waits for others. */
  idle(): Promise<void> {
    return this.#uncapped.idle()
  }
}

/** Lets in together whom nothing stands against, and looks at each of the others alone. */
async function logInTogether(
  engine: PostgresEngine,
  logins: readonly Login[],
): Promise<readonly (InsertOutcome | Promise<InsertOutcome>)[]> {
  const granted = logins.length === 1 ? new Set() : await grantedOf(engine, logins)
  return logins.map((login) =>
    granted.has(login.record.id) ? { ok: true, evicted: [] } : insertSession(engine, login),
  )
}

/** Those whom one statement let in: none where somebody's values made it fail, since then nothing of it was written. */
async function grantedOf(engine: PostgresEngine, logins: readonly Login[]): Promise<ReadonlySet<unknown>> {
  const fields = JSON.stringify(logins.map(fieldsOf))
  try {
    const rows = await engine.write((connection) => connection.rows(LOG_IN_TOGETHER, fields))
    return new Set(rows.map(([id]) => id))
  } catch (error) {
    if (error instanceof SojournError && (error.code === 'invalid_argument' || error.code === 'conflict')) {
      return new Set()
    }
    throw error
  }
}

function fieldsOf({ values, label }: Login): Readonly<Record<string, unknown>> {
  const [at, actor, reason, ip, detail, expected] = values.slice(SESSION_WIDTH)
  return { ...sessionFields(values), at, actor, reason, ip, detail, expected, label }
}

async function insertSession(engine: PostgresEngine, { record, guard, label, values }: Login): Promise<InsertOutcome> {
  const cap = encodeCap(guard.cap)
  const logIn = (connection: PostgresConnection, name: string | null): Promise<readonly Row[]> =>
    connection.rows(LOG_IN, ...values, name, ...cap)
  if (guard.cap === undefined) {
    const rows = await engine.write((connection) => connection.rows(LOG_IN_UNCAPPED, ...values, label))
    if (rows.length > 0) return { ok: true, evicted: [] }
  }
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
  const rows = await connection.rows(ADOPT, ...encodeSession(record), ...encodeMark(mark), isStanding)
  return rows.length > 0
}

/** Adds a user's row. Throws `conflict` when the username belongs to another. Runs inside a transaction. */
export async function insertUser(connection: PostgresConnection, user: UserRecord): Promise<void> {
  const [holder] = (await connection.row(NAMESAKE, user.username)) ?? []
  // One who was made just now under the very id is no namesake: inserting fails, and everything is looked at again.
  if (typeof holder === 'string' && holder !== user.id) throw nameConflict(user.username, holder, user.id)
  await connection.rows(INSERT_USER, ...encodeUser(user))
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

function encodeCap(cap: SessionCap | undefined): readonly Value[] {
  return [
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
  { userId }: SessionRecord,
  label: string,
  { at }: Mark,
): Promise<void> {
  await connection.row(LOCK_NAME, label)
  const locked = (await connection.rows(LOCK_USERS, userId, label)) as readonly LockedUser[]
  const user = locked.find(([id]) => id === userId)
  if (user !== undefined && (user[1] !== null || user[2] === label)) return
  const [holder, password] = locked.find(([id]) => id !== userId) ?? [null, null]
  const isTaken = holder !== null && password !== null
  if (isTaken && user === undefined) throw nameConflict(label, holder, userId)
  if (isTaken) return
  if (holder !== null) await connection.rows(RENAME, holder, `${label} (${holder})`)
  if (user !== undefined) await connection.rows(RENAME, userId, label)
  else await connection.rows(INSERT_USER, ...encodeUser(newUser(userId, label, at)))
}

/** A user as it was locked, with the password and the name it had. */
type LockedUser = readonly [id: string, passwordHash: string | null, username: string]

/** A user whose password the host keeps, as the first login makes it. */
function newUser(id: string, username: string, at: number): UserRecord {
  const never = { passwordHash: null, disabledAt: null }
  return { id, username, ...never, role: 'user', epoch: 0, createdAt: at, lastLoginAt: at }
}

function nameConflict(username: string, holder: string, userId: string): SojournError {
  return new SojournError(
    'conflict',
    `username '${username}' belongs to user '${holder}', not to '${userId}'; give each user a name of their own`,
  )
}

/** What the user's row, locked as `held`, and other things say of a login; those that weigh more come first. */
function verdictOf({ epoch, label, first, last = '' }: Says): string {
  return `CASE
    ${first}
    WHEN held.disabled_at IS NOT NULL THEN 'disabled'
    WHEN ${epoch}::bigint <> coalesce(held.epoch, 0) THEN 'epoch'
    ${last}
    WHEN held.id IS NULL THEN 'unknown'
    WHEN held.password_hash IS NULL AND held.username <> ${label}::text THEN 'renamed'
    ELSE 'ok' END`
}

interface Says {
  /** The epoch that is expected, and the username. */
  readonly epoch: string
  readonly label: string
  readonly first: string
  readonly last?: string
}

function afterSession(place: number): string {
  return `$${SESSION_WIDTH + place}`
}
