import type { AttemptChange, AttemptState, AttemptStore } from '../../auth/throttle.ts'
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
import type { SessionRecord } from '../../core/session.ts'
import { keptRecord } from '../kept-record.ts'
import type { MemoryTables } from './tables.ts'

const UNCHANGED: UserChange = Object.freeze({ isChanged: false, ended: [] })

/** The users of a memory store. */
export class MemoryUsers implements UserStore {
  readonly attempts: AttemptStore
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
    this.attempts = new MemoryAttempts(tables)
  }

  async add(user: UserRecord, mark: Mark): Promise<boolean> {
    this.#tables.assertOpen()
    if (this.#tables.users.has(user.id) || this.#tables.userNamed(user.username) !== null) return false
    this.#tables.addUser(user)
    this.#tables.tell('user_created', mark, { userId: user.id })
    return true
  }

  async byId(id: string): Promise<UserRecord | null> {
    this.#tables.assertOpen()
    return this.#tables.users.get(id) ?? null
  }

  async byUsername(username: string): Promise<UserRecord | null> {
    this.#tables.assertOpen()
    return this.#tables.userNamed(username)
  }

  async list(after: string | null, limit: number, filter: UserFilter = {}): Promise<readonly UserRecord[]> {
    this.#tables.assertOpen()
    return [...this.#tables.users.values()]
      .filter((user) => (after === null || inBytes(user.username, after) > 0) && isMeant(user, filter))
      .toSorted((a, b) => inBytes(a.username, b.username))
      .slice(0, Math.max(0, limit))
  }

  async count(): Promise<number> {
    this.#tables.assertOpen()
    return this.#tables.users.size
  }

  async rehash(id: string, from: string, to: string): Promise<boolean> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined || user.passwordHash !== from) return false
    this.#tables.changeUser(user, { passwordHash: to })
    return true
  }

  async setPassword(id: string, { from, to, except }: PasswordChange, mark: Mark): Promise<UserChange> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined || (from !== undefined && user.passwordHash !== from)) return UNCHANGED
    this.#tables.changeUser(user, { passwordHash: to, epoch: user.epoch + 1 })
    const others = this.#tables.sessionsOf(id).filter((record) => record.id !== except)
    const ended = this.#tables.end(others, { ...mark, reason: 'password_change' })
    this.#tables.tell('password_changed', mark, { userId: id })
    return { isChanged: true, ended }
  }

  async disable(id: string, mark: Mark): Promise<UserChange> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined || user.disabledAt !== null) return UNCHANGED
    this.#tables.changeUser(user, { disabledAt: mark.at, epoch: user.epoch + 1 })
    const ended = this.#tables.end(this.#tables.sessionsOf(id), { ...mark, reason: 'user_disabled' })
    this.#tables.tell('user_disabled', mark, { userId: id })
    return { isChanged: true, ended }
  }

  async enable(id: string, mark: Mark): Promise<boolean> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined || user.disabledAt === null) return false
    this.#tables.changeUser(user, { disabledAt: null })
    this.#tables.tell('user_enabled', mark, { userId: id })
    return true
  }

  async setRole(id: string, role: Role, mark: Mark): Promise<UserChange> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined || user.role === role) return UNCHANGED
    const isTakenAway = role === 'user'
    this.#tables.changeUser(user, { role, epoch: isTakenAway ? user.epoch + 1 : user.epoch })
    const authorised = isTakenAway ? this.#tables.sessionsOf(id) : []
    const ended = this.#tables.end(authorised, { ...mark, reason: 'revoked' })
    this.#tables.tell('role_changed', mark, { userId: id })
    return { isChanged: true, ended }
  }

  async remove(id: string, mark: Mark): Promise<boolean> {
    this.#tables.assertOpen()
    const user = this.#tables.users.get(id)
    if (user === undefined) return false
    this.#tables.removeUser(user)
    this.#tables.tell('user_deleted', mark, { userId: id })
    return true
  }

  async noteFailedLogin(userId: string | null, mark: Mark): Promise<void> {
    this.#tables.assertOpen()
    this.#tables.tell('login_failed', mark, { userId })
  }

  async adopt(batch: readonly AdoptedUser[], mark: Mark): Promise<AdoptionCount> {
    this.#tables.assertOpen()
    const counts = await Promise.allSettled(batch.map(async (adopted) => this.#adoptOne(adopted, mark)))
    let users = 0
    let sessions = 0
    for (const count of counts) {
      if (count.status === 'rejected') throw count.reason
      users += count.value.users
      sessions += count.value.sessions
    }
    return { users, sessions }
  }

  #adoptOne({ user, sessions }: AdoptedUser, mark: Mark): AdoptionCount {
    const records = sessions.map(keptRecord)
    const isNew = !this.#tables.users.has(user.id)
    if (isNew) {
      this.#tables.assertNameIsFree(user.username, user.id)
      this.#tables.addUser(user)
      this.#tables.tell('user_adopted', mark, { userId: user.id })
    }
    const here = this.#tables.users.get(user.id)
    const isOpen = here?.disabledAt === null && here.epoch === user.epoch
    const fresh = records.filter((record) => (isOpen || record.endReason !== null) && this.#adoptSession(record, mark))
    return { users: isNew ? 1 : 0, sessions: fresh.length }
  }

  #adoptSession(record: SessionRecord, mark: Mark): boolean {
    if (this.#tables.sessions.has(record.id)) return false
    this.#tables.sessions.set(record.id, record)
    const isStanding = record.endReason === null && record.endsAt > mark.at
    if (isStanding) this.#tables.tell('session_created', mark, { sessionId: record.id, userId: record.userId })
    return true
  }
}

class MemoryAttempts implements AttemptStore {
  readonly #tables: MemoryTables

  constructor(tables: MemoryTables) {
    this.#tables = tables
  }

  async read(buckets: readonly string[]): Promise<readonly (AttemptState | null)[]> {
    this.#tables.assertOpen()
    return buckets.map((bucket) => this.#tables.attempts.get(bucket) ?? null)
  }

  async swap(changes: readonly AttemptChange[]): Promise<boolean> {
    this.#tables.assertOpen()
    const { attempts } = this.#tables
    if (!changes.every(({ bucket, from }) => isSame(attempts.get(bucket) ?? null, from))) return false
    for (const { bucket, to } of changes) {
      if (to === null) attempts.delete(bucket)
      else attempts.set(bucket, Object.freeze({ ...to }))
    }
    return true
  }

  async sweep(before: number, limit: number): Promise<number> {
    this.#tables.assertOpen()
    const stale = [...this.#tables.attempts]
      .filter(([, { until, since }]) => until < before && since < before)
      .slice(0, Math.max(0, limit))
    for (const [bucket] of stale) this.#tables.attempts.delete(bucket)
    return stale.length
  }
}

function isSame(a: AttemptState | null, b: AttemptState | null): boolean {
  if (a === null || b === null) return a === b
  return a.count === b.count && a.since === b.since && a.until === b.until
}

function isMeant({ username, role, disabledAt }: UserRecord, filter: UserFilter): boolean {
  return (
    (filter.text === undefined || username.includes(filter.text)) &&
    (filter.role === undefined || role === filter.role) &&
    (filter.isDisabled === undefined || (disabledAt !== null) === filter.isDisabled)
  )
}

/** The order of the bytes, which is what an index of any engine can keep. */
function inBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
