import type { AttemptStore } from '../../auth/throttle.ts'
import type {
  AdoptedUser,
  AdoptionCount,
  PasswordChange,
  Role,
  UserChange,
  UserFilter,
  UserRecord,
  UserStore,
} from '../../auth/users.ts'
import type { EventType, Mark } from '../../core/events.ts'
import type { EndReason } from '../../core/session.ts'
import type { SessionId } from '../../core/token.ts'
import { keptRecord } from '../kept-record.ts'
import { PostgresAttempts } from './attempts.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine, Work } from './engine.ts'
import { EVENT_COLUMNS, encodeEvent, tell } from './events.ts'
import { Bindings } from './query.ts'
import { USER_COLUMNS, USER_READ, USER_VALUES, decodeUser, encodeUser, instantText } from './rows.ts'
import { endAll } from './endings.ts'
import { adoptSession, insertUser } from './logins.ts'

const UNCHANGED: UserChange = Object.freeze({ isChanged: false, ended: [] })
const BY_ID = statement('user_by_id', `SELECT ${USER_READ} FROM sojourn_users WHERE id = $1`)
const BY_USERNAME = statement('user_by_username', `SELECT ${USER_READ} FROM sojourn_users WHERE username = $1`)
const COUNT = statement('count_users', 'SELECT count(*) FROM sojourn_users')
const ADD = statement(
  'add_user',
  `WITH added AS (
    INSERT INTO sojourn_users (${USER_COLUMNS})
    SELECT ${USER_VALUES} WHERE ${IS_PATIENT} AND NOT EXISTS (SELECT FROM sojourn_users WHERE id = $1::text OR username = $2::text)
    RETURNING id)
  ${tellingOf('added', 9)} RETURNING 1`,
)
const REHASH = statement(
  'rehash',
  `UPDATE sojourn_users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND ${IS_PATIENT} RETURNING 1`,
)
const SET_PASSWORD = statement(
  'set_password',
  `UPDATE sojourn_users SET password_hash = $2, epoch = epoch + 1
   WHERE id = $1 AND ($3::text IS NULL OR password_hash = $3::text) RETURNING 1`,
)
const DISABLE = statement(
  'disable',
  `UPDATE sojourn_users SET disabled_at = $2::timestamptz, epoch = epoch + 1
   WHERE id = $1 AND disabled_at IS NULL RETURNING 1`,
)
const ENABLE = statement(
  'enable',
  `WITH enabled AS (
    UPDATE sojourn_users SET disabled_at = NULL
    WHERE id = $1 AND disabled_at IS NOT NULL AND ${IS_PATIENT} RETURNING id)
  ${tellingOf('enabled', 2)} RETURNING 1`,
)
const SET_ROLE = statement(
  'set_role',
  'UPDATE sojourn_users SET role = $2, epoch = epoch + $3::bigint WHERE id = $1 AND role <> $2 RETURNING 1',
)
const REMOVE = statement(
  'remove_user',
  `WITH removed AS (DELETE FROM sojourn_users WHERE id = $1 AND ${IS_PATIENT} RETURNING id) ${tellingOf('removed', 2)} RETURNING 1`,
)
/** Changes nothing, and tells everybody who counts on the user's sessions that one may have been added. */
const HOLD = statement('hold_user', `UPDATE sojourn_users SET epoch = epoch WHERE id = $1 RETURNING ${USER_READ}`)

/** The users of a PostgreSQL store. */
export class PostgresUsers implements UserStore {
  readonly attempts: AttemptStore
  readonly #engine: PostgresEngine
  /** Called when something was taken away that others may still have in memory. */
  readonly #onLoss: () => void

  constructor(engine: PostgresEngine, onLoss: () => void) {
    this.#engine = engine
    this.#onLoss = onLoss
    this.attempts = new PostgresAttempts(engine)
  }

  async add(user: UserRecord, mark: Mark): Promise<boolean> {
    const values = [...encodeUser(user), ...encodeEvent('user_created', mark, { userId: user.id })]
    return (await this.#engine.write((connection) => connection.rows(ADD, ...values))).length > 0
  }

  async byId(id: string): Promise<UserRecord | null> {
    const row = await this.#engine.read((connection) => connection.row(BY_ID, id))
    return row === undefined ? null : decodeUser(row)
  }

  async byUsername(username: string): Promise<UserRecord | null> {
    const row = await this.#engine.read((connection) => connection.row(BY_USERNAME, username))
    return row === undefined ? null : decodeUser(row)
  }

  async list(after: string | null, limit: number, filter: UserFilter = {}): Promise<readonly UserRecord[]> {
    const bindings = new Bindings()
    const text = `
      SELECT ${USER_READ} FROM sojourn_users WHERE ${usersWhere(after ?? '', filter, bindings)}
      ORDER BY username LIMIT ${bindings.bind(Math.max(0, limit), 'bigint')}`
    return (await this.#engine.read((connection) => connection.rows({ text }, ...bindings.values))).map(decodeUser)
  }

  async count(): Promise<number> {
    const row = await this.#engine.read((connection) => connection.row(COUNT))
    return Number(row?.[0])
  }

  async rehash(id: string, from: string, to: string): Promise<boolean> {
    return (await this.#engine.write((connection) => connection.rows(REHASH, id, from, to))).length > 0
  }

  async setPassword(id: string, { from, to, except }: PasswordChange, mark: Mark): Promise<UserChange> {
    return this.#change(async (connection) => {
      const row = await connection.row(SET_PASSWORD, id, to, from ?? null)
      if (row === undefined) return UNCHANGED
      return takeAway(connection, id, mark, { reason: 'password_change', type: 'password_changed', except })
    })
  }

  async disable(id: string, mark: Mark): Promise<UserChange> {
    return this.#change(async (connection) => {
      const row = await connection.row(DISABLE, id, instantText(mark.at))
      if (row === undefined) return UNCHANGED
      return takeAway(connection, id, mark, { reason: 'user_disabled', type: 'user_disabled' })
    })
  }

  async enable(id: string, mark: Mark): Promise<boolean> {
    const event = encodeEvent('user_enabled', mark, { userId: id })
    return (await this.#engine.write((connection) => connection.rows(ENABLE, id, ...event))).length > 0
  }

  async setRole(id: string, role: Role, mark: Mark): Promise<UserChange> {
    const isTakenAway = role === 'user'
    return this.#change(async (connection) => {
      const row = await connection.row(SET_ROLE, id, role, isTakenAway ? 1 : 0)
      if (row === undefined) return UNCHANGED
      if (isTakenAway) return takeAway(connection, id, mark, { reason: 'revoked', type: 'role_changed' })
      await tell(connection, 'role_changed', mark, { userId: id })
      return { isChanged: true, ended: [] }
    })
  }

  async remove(id: string, mark: Mark): Promise<boolean> {
    const event = encodeEvent('user_deleted', mark, { userId: id })
    const isRemoved = (await this.#engine.write((connection) => connection.rows(REMOVE, id, ...event))).length > 0
    if (isRemoved) this.#onLoss()
    return isRemoved
  }

  async noteFailedLogin(userId: string | null, mark: Mark): Promise<void> {
    await this.#engine.write((connection) => tell(connection, 'login_failed', mark, { userId }))
  }

  /** One user after the other, each in a transaction, so that one that cannot be adopted leaves the others alone. */
  async adopt(batch: readonly AdoptedUser[], mark: Mark): Promise<AdoptionCount> {
    let [users, sessions] = [0, 0]
    const failures: unknown[] = []
    for (const adopted of batch) {
      try {
        const count = await this.#engine.transact((connection) => adoptUser(connection, adopted, mark))
        users += count.users
        sessions += count.sessions
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return { users, sessions }
  }

  async #change(work: Work<UserChange>): Promise<UserChange> {
    const change = await this.#engine.transact(work)
    if (change.isChanged) this.#onLoss()
    return change
  }
}

/** Ends what a user has when authority is taken away; the user's row was written just before, which holds the lock. */
async function takeAway(
  connection: PostgresConnection,
  userId: string,
  mark: Mark,
  {
    reason,
    type,
    except,
  }: { readonly reason: EndReason; readonly type: EventType; readonly except?: SessionId | undefined },
): Promise<UserChange> {
  const endMark = { ...mark, reason }
  const ended = await endAll(connection, { userId, except, mark: endMark, type, typeReason: mark.reason, raise: 0 })
  return { isChanged: true, ended: ended ?? [] }
}

async function adoptUser(
  connection: PostgresConnection,
  { user, sessions }: AdoptedUser,
  mark: Mark,
): Promise<AdoptionCount> {
  const records = sessions.map(keptRecord)
  const row = await connection.row(HOLD, user.id)
  if (row === undefined) {
    await insertUser(connection, user)
    await tell(connection, 'user_adopted', mark, { userId: user.id })
  }
  const here = row === undefined ? user : decodeUser(row)
  const isOpen = here.disabledAt === null && here.epoch === user.epoch
  let count = 0
  for (const record of records) {
    if ((isOpen || record.endReason !== null) && (await adoptSession(connection, record, mark))) count += 1
  }
  return { users: row === undefined ? 1 : 0, sessions: count }
}

/** Tells of a deed in the same statement, where there was one; the values of the event begin at this place. */
function tellingOf(deed: string, place: number): string {
  const types = ['timestamptz', 'text', 'uuid', 'text', 'text', 'text', 'text', 'text']
  const values = types.map((type, offset) => `$${place + offset}::${type}`)
  return `INSERT INTO sojourn_events (${EVENT_COLUMNS}) SELECT ${values.join(', ')} FROM ${deed}`
}

function usersWhere(after: string, { text, role, isDisabled }: UserFilter, bindings: Bindings): string {
  // No name holds a zero, and PostgreSQL does not even let one be asked for.
  if (text?.includes('\0') === true) return 'FALSE'
  return [
    `username > ${bindings.bind(after, 'text')}`,
    ...(text === undefined ? [] : [`strpos(username, ${bindings.bind(text, 'text')}) > 0`]),
    ...(role === undefined ? [] : [role === 'operator' ? "role = 'operator'" : "role <> 'operator'"]),
    ...(isDisabled === undefined ? [] : [`disabled_at IS ${isDisabled ? 'NOT ' : ''}NULL`]),
  ].join(' AND ')
}
