import { SojournError } from '../core/errors.ts'
import type { Mark } from '../core/events.ts'
import type { EndReason } from '../core/session.ts'
import type { EndedSession, Store } from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import type { SessionsBeside } from './sessions-beside.ts'
import type { AttemptStore } from './throttle.ts'
import type { AdoptionCount, PasswordChange, Role, UserChange, UserFilter, UserRecord, UserStore } from './users.ts'

/** Sessions that one call ends; a user has rarely so many. */
const BATCH = 1_000
/** Records of sessions that one call deletes, so that nobody waits for many. */
const FORGOTTEN_AT_ONCE = 100
/** Where a user that was read carries the epoch of their own store, beside that of the sessions. */
const EPOCH_OF_USER = Symbol('epoch of the user')

/** Sessions, and how their history is told of users where it is to be. */
type SessionsOfUsers = Store & Partial<Pick<SessionsBeside, 'tellOfUsers'>>

interface UserBeside extends UserRecord {
  readonly [EPOCH_OF_USER]?: number
}

/**
 * Users of one store for sessions that another one keeps, as where sessions are in Redis and users in PostgreSQL.
 *
 * Two engines share no transaction. What takes authority away ends the user's sessions before it is written and once
 * more after, and a login looks at its user again when its session is made. A failure in between therefore leaves somebody
 * signed out too much, or else rejects and says what to repeat.
 */
export class UsersBeside implements UserStore {
  readonly attempts: AttemptStore
  readonly #users: UserStore
  readonly #sessions: SessionsOfUsers

  constructor(users: UserStore, sessions: SessionsOfUsers) {
    this.attempts = users.attempts
    this.#users = users
    this.#sessions = sessions
  }

  add(user: UserRecord, mark: Mark): Promise<boolean> {
    return this.#telling(this.#users.add(user, mark))
  }

  byId(id: string): Promise<UserRecord | null> {
    return this.#withEpoch(() => this.#users.byId(id))
  }

  byUsername(username: string): Promise<UserRecord | null> {
    return this.#withEpoch(() => this.#users.byUsername(username))
  }

  list(after: string | null, limit: number, filter?: UserFilter): Promise<readonly UserRecord[]> {
    return this.#users.list(after, limit, filter)
  }

  count(): Promise<number> {
    return this.#users.count()
  }

  rehash(id: string, from: string, to: string): Promise<boolean> {
    return this.#users.rehash(id, from, to)
  }

  setPassword(id: string, change: PasswordChange, mark: Mark): Promise<UserChange> {
    const write = (): Promise<UserChange> => this.#users.setPassword(id, change, mark)
    return this.#takeAway(id, 'password_change', mark, write, change.except)
  }

  disable(id: string, mark: Mark): Promise<UserChange> {
    return this.#takeAway(id, 'user_disabled', mark, () => this.#users.disable(id, mark))
  }

  enable(id: string, mark: Mark): Promise<boolean> {
    return this.#telling(this.#users.enable(id, mark))
  }

  async setRole(id: string, role: Role, mark: Mark): Promise<UserChange> {
    const write = (): Promise<UserChange> => this.#users.setRole(id, role, mark)
    return role === 'user' ? this.#takeAway(id, 'revoked', mark, write) : this.#telling(write())
  }

  /**
   * The sessions end before the user goes and once more after, and then their records go as well; where the store of
   * sessions cannot `forget`, they stay until retention removes them. Of a user who is not there, or not any more,
   * whatever is left ends and goes all the same: a call that failed when the user had gone is repeated with the id.
   */
  async remove(id: string, mark: Mark): Promise<boolean> {
    const { isChanged } = await this.#takeAway(id, 'user_deleted', mark, async () => ({
      isChanged: await this.#users.remove(id, mark),
      ended: [],
    }))
    if (!isChanged) await this.#end(id, 'user_deleted', mark)
    await this.#forget(id)
    return isChanged
  }

  noteFailedLogin(userId: string | null, mark: Mark): Promise<void> {
    return this.#telling(this.#users.noteFailedLogin(userId, mark))
  }

  async adopt(): Promise<AdoptionCount> {
    throw new SojournError(
      'invalid_argument',
      'sessions are adopted into the store that keeps the users; adopt into that database, without a store of sessions beside it',
    )
  }

  /** Whether nothing was taken away from the user since they were read. */
  async confirm(user: UserBeside): Promise<boolean> {
    return (await this.#users.byId(user.id))?.epoch === user[EPOCH_OF_USER]
  }

  /** The user, and the epoch that their sessions go by, which is read first: what is decided on the user is as new as that. */
  async #withEpoch(find: () => Promise<UserRecord | null>): Promise<UserBeside | null> {
    const known = await find()
    if (known === null) return null
    const epoch = await this.#sessions.epoch(known.id)
    const user = await find()
    return user === null || user.id !== known.id ? null : { ...user, epoch, [EPOCH_OF_USER]: user.epoch }
  }

  async #takeAway(
    userId: string,
    reason: EndReason,
    mark: Mark,
    write: () => Promise<UserChange>,
    except?: SessionId,
  ): Promise<UserChange> {
    // Nobody is signed out for a change that is not to be.
    if ((await this.#users.byId(userId)) === null) return write()
    const end = (): Promise<readonly EndedSession[]> => this.#end(userId, reason, mark, except)
    const before = await end()
    const change = await this.#telling(write())
    if (!change.isChanged) return { isChanged: false, ended: before }
    try {
      return { isChanged: true, ended: [...before, ...(await end())] }
    } catch (cause) {
      const message = `user '${userId}' was changed, but who signed in meanwhile may still be signed in; do it again`
      throw new SojournError('store_unavailable', message, { cause })
    }
  }

  /** What was written is told in the history of the sessions as well. If that fails now, then before somebody looks at it. */
  async #telling<Answer>(writing: Promise<Answer>): Promise<Answer> {
    const answer = await writing
    await this.#sessions.tellOfUsers?.().catch(ignore)
    return answer
  }

  #end(userId: string, reason: EndReason, mark: Mark, except?: SessionId): Promise<readonly EndedSession[]> {
    return this.#sessions.revoke({ userId, except }, { ...mark, reason }, BATCH)
  }

  async #forget(userId: string): Promise<void> {
    const { forget } = this.#sessions
    if (forget === undefined) return
    try {
      while ((await forget.call(this.#sessions, userId, FORGOTTEN_AT_ONCE)) > 0);
    } catch (cause) {
      const message = `user '${userId}' is deleted, but records of their ended sessions are left; delete that id again, or leave them to retention`
      throw new SojournError('store_unavailable', message, { cause })
    }
  }
}

function ignore(): void {}
