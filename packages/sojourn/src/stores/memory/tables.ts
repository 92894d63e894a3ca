import type { ApiKeyRecord } from '../../auth/api-keys.ts'
import type { AttemptState } from '../../auth/throttle.ts'
import type { UserRecord } from '../../auth/users.ts'
import { SojournError } from '../../core/errors.ts'
import type { EventType, Mark, EventRecord } from '../../core/events.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type { EndedSession } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'

/** The rows and the log of a memory store, and the deeds that sessions and users have in common. */
export class MemoryTables {
  readonly sessions = new Map<SessionId, SessionRecord>()
  readonly users = new Map<string, UserRecord>()
  readonly attempts = new Map<string, AttemptState>()
  readonly apiKeys = new Map<string, ApiKeyRecord>()
  readonly claims = new Map<string, { readonly holder: string; readonly until: number }>()
  readonly #userIds = new Map<string, string>()
  #events: EventRecord[] = []
  #lastPosition = 0
  #isClosed = false

  /** The log, oldest first. */
  get events(): readonly EventRecord[] {
    return this.#events
  }

  /** The position of the newest event there ever was, or 0. */
  get lastPosition(): number {
    return this.#lastPosition
  }

  assertOpen(): void {
    if (this.#isClosed) throw new SojournError('closed', 'this MemoryStore was closed; open a new one')
  }

  close(): void {
    this.#isClosed = true
  }

  userNamed(username: string): UserRecord | null {
    const id = this.#userIds.get(username)
    return id === undefined ? null : (this.users.get(id) ?? null)
  }

  /** Throws `conflict` when the username belongs to a user, who is then not this one. */
  assertNameIsFree(username: string, userId: string): void {
    const namesake = this.userNamed(username)
    if (namesake === null) return
    throw new SojournError(
      'conflict',
      `username '${username}' belongs to user '${namesake.id}', not to '${userId}'; give each user a name of their own`,
    )
  }

  /** Makes a username available to a user whose name is only a label, where its holder's is one, too. Answers whether it is. */
  takeLabel(username: string, userId: string): boolean {
    const holder = this.userNamed(username)
    if (holder === null || holder.id === userId) return true
    if (holder.passwordHash !== null) return false
    this.renameUser(holder, `${username} (${holder.id})`)
    return true
  }

  renameUser(user: UserRecord, username: string): void {
    this.#userIds.delete(user.username)
    this.addUser({ ...user, username })
  }

  addUser(user: UserRecord): void {
    this.users.set(user.id, Object.freeze({ ...user }))
    this.#userIds.set(user.username, user.id)
  }

  changeUser(user: UserRecord, patch: Partial<Omit<UserRecord, 'id' | 'username'>>): void {
    this.users.set(user.id, Object.freeze({ ...user, ...patch }))
  }

  removeUser(user: UserRecord): void {
    this.users.delete(user.id)
    this.#userIds.delete(user.username)
    for (const { id } of this.sessionsOf(user.id)) this.sessions.delete(id)
  }

  sessionsOf(userId: string): readonly SessionRecord[] {
    return [...this.sessions.values()].filter((record) => record.userId === userId)
  }

  /** Ends sessions that have no end reason yet and writes the event of each. Answers with those it ended. */
  end(records: readonly SessionRecord[], mark: Mark & { readonly reason: EndReason }): readonly EndedSession[] {
    return records
      .filter(({ endReason }) => endReason === null)
      .map((record) => {
        const { id, userId, username } = record
        const endsAt = Math.min(mark.at, record.endsAt)
        const end = { endsAt, loggedOutAt: endsAt, endReason: mark.reason, endedBy: mark.actor }
        this.sessions.set(id, Object.freeze({ ...record, ...end, version: record.version + 1 }))
        this.tell('session_ended', mark, { sessionId: id, userId })
        return { id, userId, username }
      })
  }

  /** Appends an event to the log. */
  tell(type: EventType, mark: Mark, whom: { readonly sessionId?: SessionId; readonly userId: string | null }): void {
    this.append({
      at: mark.at,
      type,
      sessionId: whom.sessionId ?? null,
      userId: whom.userId,
      actor: mark.actor,
      reason: mark.reason ?? null,
      ipAddress: mark.ipAddress ?? null,
      detail: mark.detail ?? null,
    })
  }

  /** Appends a line of history as it is, at the next position. */
  append(line: Omit<EventRecord, 'position'>): void {
    this.#lastPosition += 1
    this.#events.push(Object.freeze({ ...line, position: this.#lastPosition }))
  }

  /** Drops the oldest events from before an instant, at most so many. The newest stays: it says how far the log is. */
  forgetEvents(before: number, limit: number): number {
    const oldest = this.#events
      .slice(0, -1)
      .filter(({ at }) => at < before)
      .sort((a, b) => a.at - b.at)
    const dropped = new Set(oldest.slice(0, limit))
    this.#events = this.#events.filter((event) => !dropped.has(event))
    return dropped.size
  }
}
