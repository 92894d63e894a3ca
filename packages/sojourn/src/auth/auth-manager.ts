import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { assertNames, assertText } from '../core/arguments.ts'
import type { Clock } from '../core/clock.ts'
import type { DeviceInput } from '../core/device.ts'
import { SojournError, shown } from '../core/errors.ts'
import type { Mark } from '../core/events.ts'
import { Issued } from '../core/issued.ts'
import type { NewSession } from '../core/login.ts'
import type { Check, CreateOutcome, Presentation, RenewOutcome, SessionManager } from '../core/manager.ts'
import type { Attributes, Session } from '../core/session.ts'
import type { SessionId, Token } from '../core/token.ts'
import { canonicalUsername, usernameProblem } from '../core/username.ts'
import { Credentials, INVALID, NOBODY, accountOf } from './credentials.ts'
import type { Proof, Refusal } from './credentials.ts'
import { HashingQueue } from './hashing-queue.ts'
import { PasswordRules } from './password-rules.ts'
import type { PasswordProblem, PasswordRuleOptions } from './password-rules.ts'
import { Argon2Hasher } from './passwords.ts'
import type { Argon2Options, PasswordHasher } from './passwords.ts'
import { Throttle } from './throttle.ts'
import type { ThrottleOptions } from './throttle.ts'
import { FIRST_EPOCH, viewUser } from './users.ts'
import type { Role, User, UserChange, UserRecord, UserStore } from './users.ts'

/** What an AuthManager is made of. Sessions and users are required and live in the same store. */
export interface AuthManagerOptions {
  readonly sessions: SessionManager
  /** The `users` of the store that `sessions` keeps its records in. */
  readonly users: UserStore
  readonly passwords?: PasswordOptions | undefined
  readonly throttle?: ThrottleOptions | undefined
  /** Default: argon2id at the cost of `passwords.argon2`. */
  readonly hasher?: PasswordHasher | undefined
  /** Whose timers bound the wait for a hash. Instants always come from `sessions`. Default: the timers of the host. */
  readonly clock?: Clock | undefined
  /** Told when an old hash could not be replaced by a stronger one; it is tried again at the next login. Default: a process warning. */
  readonly onBackgroundError?: ((error: unknown) => void) | undefined
}

/** What passwords must be, and what hashing them costs. */
export interface PasswordOptions extends PasswordRuleOptions {
  readonly argon2?: Argon2Options | undefined
}

/** A successful login. Printing it, logging it or turning it into JSON shows `[redacted]` where the token is. */
export class Login extends Issued {
  readonly user: User

  constructor(session: Session, token: Token, user: User) {
    super(session, token)
    this.user = user
  }

  override toJSON(): object {
    return { ...super.toJSON(), user: this.user }
  }
}

/** What came of a login. `limit`: the password was right, and the policy allows no further session. */
export type LoginOutcome = Login | Refusal | { readonly ok: false; readonly reason: 'limit' }

/** Hashing was turned away. `retryAfter` in seconds. */
export interface Overloaded {
  readonly ok: false
  readonly reason: 'overloaded'
  readonly retryAfter: number
  readonly message: string
}

/** A password that nobody may have, and the sentence to show. */
export type PasswordRefusal = { readonly ok: false } & PasswordProblem

/** What came of a registration. Messages are sentences to show; reasons never change. */
export type RegisterOutcome =
  | { readonly ok: true; readonly user: User }
  | { readonly ok: false; readonly reason: 'username_taken' | 'username_invalid'; readonly message: string }
  | PasswordRefusal
  | Overloaded

/** What came of a change to a user. `isChanged` is false when it was so already; `ended` counts the sessions that ended with it. */
export type UserOutcome =
  | { readonly ok: true; readonly isChanged: boolean; readonly ended: number }
  | { readonly ok: false; readonly reason: 'unknown_user' }

/** What came of proving again who is signed in: the session with a new token, or why not. */
export type ReauthenticateOutcome = RenewOutcome | Refusal

/** What came of a password change. */
export type ChangePasswordOutcome = { readonly ok: true; readonly ended: number } | Refusal | PasswordRefusal

/** What came of setting somebody's password. */
export type SetPasswordOutcome = UserOutcome | PasswordRefusal | Overloaded

/** Who does it. */
export interface ActorOptions {
  /** As history will show it, such as `ops:grace`. Default `system`. */
  readonly actor?: string | undefined
}

/** How a user is registered. */
export interface RegisterOptions {
  /** Default `user`. Never take it from a request. */
  readonly role?: Role | undefined
  /** Default `user`: they registered themselves. */
  readonly actor?: string | undefined
}

/** What else a login brings. */
export interface LoginOptions {
  /** Kept with the session. */
  readonly attributes?: Attributes | undefined
}

/** How a password is changed. */
export interface ChangePasswordOptions {
  /**
   * The session that goes on; null for none. Default: that of the last login here, if it is this user's. A server
   * always says which: there, the last login may be that of the thief.
   */
  readonly keep?: SessionId | null | undefined
  /** Where the request comes from, for the throttle. */
  readonly device?: DeviceInput | undefined
}

const DEFAULT_HOURS = 24
const USERS_PAGE = 500
const UNKNOWN_USER = Object.freeze({ ok: false, reason: 'unknown_user' } as const)

/**
 * Logins with a username and a password on top of a `SessionManager`. Usernames are taken in any spelling.
 *
 * Every outcome is a value; what is thrown is a failure of the machinery or a wrong call, and nothing is ever allowed
 * because something failed.
 *
 * `currentUser`, `currentSession`, `currentToken`, `isLoggedIn()` and `logoutUser()` without a token are for programs
 * with one person in front of them: they speak of the last login through this very object. A server has many people
 * at once and uses what the calls return.
 */
export class AuthManager {
  readonly #sessions: SessionManager
  readonly #users: UserStore
  readonly #hasher: PasswordHasher
  readonly #rules: PasswordRules
  readonly #throttle: Throttle
  readonly #queue: HashingQueue
  readonly #credentials: Credentials
  readonly #onBackgroundError: (error: unknown) => void
  #login: Login | null = null

  /** Throws `invalid_option` for a setting that cannot be used. Does not touch the store. */
  constructor(options: AuthManagerOptions) {
    const now = (): number => options.sessions.now()
    this.#sessions = options.sessions
    this.#users = options.users
    this.#hasher = options.hasher ?? new Argon2Hasher(options.passwords?.argon2)
    this.#rules = new PasswordRules(options.passwords)
    this.#throttle = new Throttle(options.users.attempts, now, options.throttle)
    this.#queue = new HashingQueue(options.clock ?? { now })
    this.#credentials = new Credentials({
      users: this.#users,
      hasher: this.#hasher,
      throttle: this.#throttle,
      queue: this.#queue,
      now,
    })
    this.#onBackgroundError = options.onBackgroundError ?? warn
  }

  /** The user of the last login here, as they were then, or null when it has ended. */
  get currentUser(): User | null {
    return this.#current?.user ?? null
  }

  /** The session of the last login here, or null when it has ended. */
  get currentSession(): Session | null {
    return this.#current?.session ?? null
  }

  /** The token of the last login here, or null when it has ended. A secret. */
  get currentToken(): Token | null {
    return this.#current?.token ?? null
  }

  /**
   * Whether the last login here stands, as far as this object knows: an end by somebody else shows at the next
   * `validateSession(currentToken)`.
   */
  isLoggedIn(): boolean {
    return this.#current !== null
  }

  /** Adds a user. Signs nobody in. */
  async registerUser(username: string, password: string, options: RegisterOptions = {}): Promise<RegisterOutcome> {
    const role = checkedRole(options.role ?? 'user')
    const mark = await this.#mark(options.actor ?? 'user')
    const invalid = usernameProblem(username)
    if (invalid !== null) return { ok: false, reason: 'username_invalid', message: invalid }
    const name = canonicalUsername(username)
    const rule = await this.#rules.check(password, name)
    if (!rule.ok) return rule
    if ((await this.#users.byUsername(name)) !== null) return USERNAME_TAKEN
    const hashed = await this.#hash(rule.password)
    if (!hashed.ok) return hashed
    const user: UserRecord = {
      id: randomUUID(),
      username: name,
      passwordHash: hashed.value,
      role,
      epoch: FIRST_EPOCH,
      disabledAt: null,
      createdAt: mark.at,
      lastLoginAt: null,
    }
    if (!(await this.#users.add(user, mark))) return USERNAME_TAKEN
    // What was tried under the name before there was anybody to guess at.
    await this.#throttle.clear(name)
    return { ok: true, user: viewUser(user) }
  }

  /**
   * Signs a user in. `invalid_credentials` whether the user is unknown, the password wrong, the user disabled or the
   * password kept elsewhere, after the same work; `throttled` or `overloaded` with the seconds to wait before any
   * work. A login during which the user is disabled, deleted, signed out everywhere or given another password
   * yields nothing.
   */
  async loginUser(
    username: string,
    password: string,
    device?: DeviceInput,
    { attributes }: LoginOptions = {},
  ): Promise<LoginOutcome> {
    await this.#sessions.ready()
    const checked = await this.#credentials.check({ username, password, device }, async (proof) => {
      await this.#strengthen(proof)
      return proof.user
    })
    if (!checked.ok) return checked
    const user = checked.value
    const { id: userId, username: name, epoch } = user
    const login = { userId, username: name, device, method: 'password', attributes, epoch }
    const created = await this.#created(login, user)
    if (created.ok) {
      this.#login = new Login(
        created.session,
        created.token,
        viewUser({ ...user, lastLoginAt: created.session.createdAt.getTime() }),
      )
      return this.#login
    }
    if (created.reason === 'limit') return { ok: false, reason: 'limit' }
    await this.#credentials.noteFailure(user, device, 'signed out everywhere while signing in')
    return INVALID
  }

  /**
   * Ends the session of a token; called with nothing at all, that of the last login here. Answers whether this very
   * call ended it. A token that is undefined ends nothing, so a request without one signs nobody else out.
   */
  async logoutUser(...given: [token?: unknown]): Promise<boolean> {
    const token = given.length === 0 ? this.currentToken : given[0]
    const isEnded = await this.#sessions.end(token)
    if (token === this.#login?.token) this.#login = null
    return isEnded
  }

  /** Whether a token still stands, as `SessionManager.validate` says it. Counts as use. */
  async validateSession(token: unknown, presentation?: Presentation): Promise<Check> {
    const check = await this.#sessions.validate(token, presentation)
    const login = this.#login
    if (login !== null && token === login.token) {
      this.#login = check.ok ? new Login(check.session, login.token, login.user) : null
    }
    return check
  }

  /**
   * Lets the user of a session prove again, with their password, who they are: `authenticatedAt` moves to now and the
   * session gets a new token; the old one is refused from then on (`SessionManager.reauthenticated`). Guesses are
   * throttled together with those of logins.
   */
  async reauthenticate(
    session: Pick<Session, 'id' | 'userId' | 'username'>,
    password: string,
    device?: DeviceInput,
  ): Promise<ReauthenticateOutcome> {
    const claim = { username: session.username, password, device }
    await this.#sessions.ready()
    const checked = await this.#credentials.check(claim, async ({ user }) => user)
    if (!checked.ok) return checked
    if (checked.value.id !== session.userId) return INVALID
    const renewed = await this.#sessions.reauthenticated(session.id)
    if (renewed.ok && this.#login?.session.id === session.id) {
      this.#login = new Login(renewed.session, renewed.token, this.#login.user)
    }
    return renewed
  }

  /** The sessions of a user that stand, newest first. None for an unknown user. */
  async getActiveSessions(username: string): Promise<Session[]> {
    const user = await this.#find(username)
    const active: Session[] = []
    if (user === null) return active
    for await (const session of this.#sessions.list({ userId: user.id, active: true })) active.push(session)
    return active
  }

  /** Ends the sessions of a user, except one, and stops logins that are under way. How many ended: 0 for an unknown user. */
  async invalidateUserSessions(
    username: string,
    options: ActorOptions & { readonly except?: SessionId } = {},
  ): Promise<number> {
    const user = await this.#find(username)
    if (user === null) return 0
    const { count } = await this.#sessions.revoke({ userId: user.id, except: options.except }, { actor: options.actor })
    this.#forget(user, options.except)
    return count
  }

  /** Ends what was not used for so many hours, default 24, and forgets old failed attempts. How many sessions ended. */
  async cleanupOldSessions(options: { readonly hours?: number | undefined } = {}): Promise<number> {
    assertNames(options, 'options', ['hours'])
    const { hours = DEFAULT_HOURS } = options
    if (typeof hours !== 'number' || !(hours > 0))
      throw new SojournError('invalid_argument', `hours is ${shown(hours)}; give a positive number of hours`)
    const { ended } = await this.#sessions.cleanup({ olderThan: hours * 3_600 })
    await this.#throttle.sweep()
    return ended
  }

  /**
   * Gives a user who knows the present password another one, and ends all their sessions but one. Guesses at the
   * present password are throttled together with those of logins.
   */
  async changePassword(
    username: string,
    current: string,
    next: string,
    options: ChangePasswordOptions = {},
  ): Promise<ChangePasswordOutcome> {
    const rule = await this.#rules.check(next, accountOf(username))
    if (!rule.ok) return rule
    await this.#sessions.ready()
    const checked = await this.#credentials.check(
      { username, password: current, device: options.device },
      async ({ user }) => {
        const except = options.keep === undefined ? this.#sessionOf(user) : (options.keep ?? undefined)
        const to = await this.#hasher.hash(rule.password)
        await this.#sessions.flush()
        const change = await this.#users.setPassword(
          user.id,
          { from: user.passwordHash, to, except },
          await this.#mark('user'),
        )
        if (change.isChanged) this.#forget(user, except)
        return change
      },
    )
    if (!checked.ok) return checked
    // Somebody else has changed it since it was verified, so the present password is not what was typed.
    return checked.value.isChanged ? { ok: true, ended: checked.value.ended.length } : INVALID
  }

  /** Gives a user a password that an operator chose, lifts the throttle from the account and ends all sessions. */
  async setPassword(username: string, next: string, options: ActorOptions = {}): Promise<SetPasswordOutcome> {
    const mark = await this.#mark(options.actor)
    const user = await this.#find(username)
    if (user === null) return UNKNOWN_USER
    const rule = await this.#rules.check(next, user.username)
    if (!rule.ok) return rule
    const hashed = await this.#hash(rule.password)
    if (!hashed.ok) return hashed
    const outcome = await this.#change(() => this.#users.setPassword(user.id, { to: hashed.value }, mark))
    if (!outcome.isChanged) return UNKNOWN_USER
    await this.#throttle.clear(user.username)
    return outcome
  }

  /** Disables a user and ends all their sessions. Nobody signs in as them until they are enabled. */
  async disableUser(username: string, options: ActorOptions = {}): Promise<UserOutcome> {
    const mark = await this.#mark(options.actor)
    const user = await this.#find(username)
    return user === null ? UNKNOWN_USER : this.#change(() => this.#users.disable(user.id, mark))
  }

  /** Lets a disabled user sign in again. Ended sessions stay ended. */
  async enableUser(username: string, options: ActorOptions = {}): Promise<UserOutcome> {
    const mark = await this.#mark(options.actor)
    const user = await this.#find(username)
    if (user === null) return UNKNOWN_USER
    return { ok: true, isChanged: await this.#users.enable(user.id, mark), ended: 0 }
  }

  /** Deletes a user and all their sessions, records and all. `ended` counts those that stood when it was asked for. */
  async deleteUser(username: string, options: ActorOptions = {}): Promise<UserOutcome> {
    const mark = await this.#mark(options.actor)
    const user = await this.#find(username)
    if (user === null) return UNKNOWN_USER
    const standing = await this.#sessions.count({ userId: user.id, active: true })
    const isChanged = await this.#users.remove(user.id, mark)
    this.#forget(user)
    return { ok: true, isChanged, ended: isChanged ? standing : 0 }
  }

  /** Makes somebody an operator, or an operator a user again, which ends all their sessions. */
  async setRole(username: string, role: Role, options: ActorOptions = {}): Promise<UserOutcome> {
    const mark = await this.#mark(options.actor)
    const wanted = checkedRole(role)
    const user = await this.#find(username)
    return user === null ? UNKNOWN_USER : this.#change(() => this.#users.setRole(user.id, wanted, mark))
  }

  /** What is known of a user, or null. */
  async getUser(username: string): Promise<User | null> {
    const user = await this.#find(username)
    return user === null ? null : viewUser(user)
  }

  /** Every user, one after the other in the order of their names, however many there are. */
  async *listUsers(): AsyncGenerator<User, void, undefined> {
    let after: string | null = null
    for (;;) {
      const page: readonly UserRecord[] = await this.#users.list(after, USERS_PAGE)
      yield* page.map(viewUser)
      if (page.length < USERS_PAGE) return
      after = page.at(-1)!.username
    }
  }

  toJSON(): object {
    return { currentUser: this.currentUser, currentSession: this.currentSession, isLoggedIn: this.isLoggedIn() }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }

  get #current(): Login | null {
    return this.#login !== null && this.#sessions.now() < this.#login.session.endsAt.getTime() ? this.#login : null
  }

  #sessionOf(user: UserRecord): SessionId | undefined {
    const session = this.#current?.session
    return session?.userId === user.id ? session.id : undefined
  }

  #forget(user: UserRecord, except?: SessionId): void {
    const session = this.#login?.session
    if (session?.userId === user.id && session.id !== except) this.#login = null
  }

  async #mark(actor: string = 'system'): Promise<Mark> {
    assertText(actor, 'actor')
    await this.#sessions.ready()
    return { at: this.#sessions.now(), actor }
  }

  async #find(username: string): Promise<UserRecord | null> {
    const account = accountOf(username)
    return account === NOBODY ? null : this.#users.byUsername(account)
  }

  async #hash(password: string): Promise<{ readonly ok: true; readonly value: string } | Overloaded> {
    const outcome = await this.#queue.run(() => this.#hasher.hash(password))
    return outcome.ok
      ? outcome
      : { ...outcome, message: `too many passwords are being hashed; try again in ${outcome.retryAfter} s` }
  }

  /** Uses that are only in memory are written first, so that a session that ends tells truly when it was last used. */
  async #change(change: () => Promise<UserChange>): Promise<UserOutcome & { readonly ok: true }> {
    await this.#sessions.flush()
    const { isChanged, ended } = await change()
    if (ended.some(({ id }) => id === this.#login?.session.id)) this.#login = null
    return { ok: true, isChanged, ended: ended.length }
  }

  /** The session of a login, unless its user was changed in another store while it was made. */
  async #created(login: NewSession, user: UserRecord): Promise<CreateOutcome> {
    const created = await this.#sessions.tryCreate(login)
    if (!created.ok || ((await this.#users.confirm?.(user)) ?? true)) return created
    await this.#sessions.revoke({ id: created.session.id }, { reason: 'epoch' })
    return { ok: false, reason: 'epoch' }
  }

  /** Replaces a hash weaker than today's, unless the password was changed meanwhile. Never in the way of the login. */
  async #strengthen({ user, password }: Proof): Promise<void> {
    try {
      if (!this.#hasher.needsRehash(user.passwordHash)) return
      await this.#users.rehash(user.id, user.passwordHash, await this.#hasher.hash(password))
    } catch (error) {
      this.#onBackgroundError(error)
    }
  }
}

const USERNAME_TAKEN = Object.freeze({
  ok: false,
  reason: 'username_taken',
  message: 'username belongs to somebody else; choose another',
} as const)

function checkedRole(role: Role): Role {
  if (role === 'user' || role === 'operator') return role
  throw new SojournError('invalid_argument', `role is ${shown(role)}; give 'user' or 'operator'`)
}

function warn(error: unknown): void {
  process.emitWarning(`a password hash could not be replaced by a stronger one: ${String(error)}`, 'SojournWarning')
}
