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
import type { Mark } from '../../core/events.ts'
import type { EndReason } from '../../core/session.ts'
import type { EndedSession } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { SqliteAttempts } from './attempts.ts'
import type { SqliteConnection } from './connection.ts'
import type { SqliteEngine } from './engine.ts'
import { tell } from './events.ts'
import type { Condition } from './query.ts'
import { USER_COLUMNS, decodeUser } from './rows.ts'
import type { Value } from './rows.ts'
import { adoptSession, endSessions, insertUser, unendedOfUser } from './sessions.ts'

const UNCHANGED: UserChange = Object.freeze({ isChanged: false, ended: [] })
const BY_ID = `SELECT ${USER_COLUMNS} FROM sojourn_users WHERE id = ?`
const BY_USERNAME = `SELECT ${USER_COLUMNS} FROM sojourn_users WHERE username = ?`

/** The users of an SQLite store. */
export class SqliteUsers implements UserStore {
  readonly attempts: AttemptStore
  readonly #engine: SqliteEngine

  constructor(engine: SqliteEngine) {
    this.#engine = engine
    this.attempts = new SqliteAttempts(engine)
  }

  async add(user: UserRecord, mark: Mark): Promise<boolean> {
    return this.#engine.write((database) => {
      const isTaken = database.row('SELECT 1 FROM sojourn_users WHERE id = ? OR username = ?', user.id, user.username)
      if (isTaken !== undefined) return false
      insertUser(database, user)
      tell(database, 'user_created', mark, { userId: user.id })
      return true
    })
  }

  async byId(id: string): Promise<UserRecord | null> {
    return this.#engine.read((database) => userBy(database, BY_ID, id))
  }

  async byUsername(username: string): Promise<UserRecord | null> {
    return this.#engine.read((database) => userBy(database, BY_USERNAME, username))
  }

  async list(after: string | null, limit: number, filter: UserFilter = {}): Promise<readonly UserRecord[]> {
    const { sql, values } = usersWhere(after ?? '', filter)
    return this.#engine.read((database) =>
      database
        .rows(
          `SELECT ${USER_COLUMNS} FROM sojourn_users WHERE ${sql} ORDER BY username LIMIT ?`,
          ...values,
          Math.max(0, limit),
        )
        .map(decodeUser),
    )
  }

  async count(): Promise<number> {
    return this.#engine.read((database) => database.row('SELECT count(*) FROM sojourn_users')?.[0] as number)
  }

  async rehash(id: string, from: string, to: string): Promise<boolean> {
    return this.#engine.write(
      (database) =>
        database.run('UPDATE sojourn_users SET password_hash = ? WHERE id = ? AND password_hash = ?', to, id, from) > 0,
    )
  }

  async setPassword(id: string, { from, to, except }: PasswordChange, mark: Mark): Promise<UserChange> {
    return this.#engine.end((database) => {
      const [condition, values]: [string, Value[]] = from === undefined ? ['', []] : [' AND password_hash = ?', [from]]
      const sql = `UPDATE sojourn_users SET password_hash = ?, epoch = epoch + 1 WHERE id = ?${condition}`
      if (database.run(sql, to, id, ...values) === 0) return UNCHANGED
      const ended = this.#endAll(database, id, mark, 'password_change', except)
      tell(database, 'password_changed', mark, { userId: id })
      return { isChanged: true, ended }
    })
  }

  async disable(id: string, mark: Mark): Promise<UserChange> {
    return this.#engine.end((database) => {
      const sql = 'UPDATE sojourn_users SET disabled_at = ?, epoch = epoch + 1 WHERE id = ? AND disabled_at IS NULL'
      if (database.run(sql, mark.at, id) === 0) return UNCHANGED
      const ended = this.#endAll(database, id, mark, 'user_disabled')
      tell(database, 'user_disabled', mark, { userId: id })
      return { isChanged: true, ended }
    })
  }

  async enable(id: string, mark: Mark): Promise<boolean> {
    return this.#engine.write((database) => {
      const sql = 'UPDATE sojourn_users SET disabled_at = NULL WHERE id = ? AND disabled_at IS NOT NULL'
      if (database.run(sql, id) === 0) return false
      tell(database, 'user_enabled', mark, { userId: id })
      return true
    })
  }

  async setRole(id: string, role: Role, mark: Mark): Promise<UserChange> {
    const isTakenAway = role === 'user'
    return this.#engine.end((database) => {
      const sql = 'UPDATE sojourn_users SET role = ?, epoch = epoch + ? WHERE id = ? AND role <> ?'
      if (database.run(sql, role, isTakenAway ? 1 : 0, id, role) === 0) return UNCHANGED
      const ended = isTakenAway ? this.#endAll(database, id, mark, 'revoked') : []
      tell(database, 'role_changed', mark, { userId: id })
      return { isChanged: true, ended }
    })
  }

  async remove(id: string, mark: Mark): Promise<boolean> {
    return this.#engine.end((database) => {
      if (database.run('DELETE FROM sojourn_users WHERE id = ?', id) === 0) return false
      this.#engine.cache.clear()
      tell(database, 'user_deleted', mark, { userId: id })
      return true
    })
  }

  async noteFailedLogin(userId: string | null, mark: Mark): Promise<void> {
    await this.#engine.write((database) => tell(database, 'login_failed', mark, { userId }))
  }

  /** Each user is a write of its own, so that one that cannot be adopted leaves the others alone. */
  async adopt(batch: readonly AdoptedUser[], mark: Mark): Promise<AdoptionCount> {
    const outcomes = await Promise.allSettled(
      batch.map((adopted) => this.#engine.write((database) => adoptUser(database, adopted, mark))),
    )
    const counts = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    })
    return {
      users: counts.reduce((sum, { users }) => sum + users, 0),
      sessions: counts.reduce((sum, { sessions }) => sum + sessions, 0),
    }
  }

  #endAll(
    database: SqliteConnection,
    userId: string,
    mark: Mark,
    reason: EndReason,
    except?: SessionId,
  ): readonly EndedSession[] {
    const ended = endSessions(database, unendedOfUser(database, userId, except), { ...mark, reason })
    for (const { id } of ended) this.#engine.cache.drop(id)
    return ended
  }
}

/** The role is written out where an index has it so. */
function usersWhere(after: string, { text, role, isDisabled }: UserFilter): Condition {
  const conditions = [
    'username > ?',
    ...(text === undefined ? [] : ['instr(username, ?) > 0']),
    ...(role === undefined ? [] : [role === 'operator' ? "role = 'operator'" : "role <> 'operator'"]),
    ...(isDisabled === undefined ? [] : [`disabled_at IS ${isDisabled ? 'NOT ' : ''}NULL`]),
  ]
  return { sql: conditions.join(' AND '), values: text === undefined ? [after] : [after, text] }
}

function userBy(database: SqliteConnection, sql: string, key: string): UserRecord | null {
  const row = database.row(sql, key)
  return row === undefined ? null : decodeUser(row)
}

function adoptUser(database: SqliteConnection, { user, sessions }: AdoptedUser, mark: Mark): AdoptionCount {
  const there = userBy(database, BY_ID, user.id)
  if (there === null) {
    insertUser(database, user)
    tell(database, 'user_adopted', mark, { userId: user.id })
  }
  const here = there ?? user
  const isOpen = here.disabledAt === null && here.epoch === user.epoch
  const adopted = sessions.filter(
    (record) => (isOpen || record.endReason !== null) && adoptSession(database, record, mark),
  )
  return { users: there === null ? 1 : 0, sessions: adopted.length }
}
