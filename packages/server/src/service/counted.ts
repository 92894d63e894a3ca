import { SessionManager } from 'sojourn'
import type { Check, Presentation, SessionManagerOptions } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import type {
  ActorOptions,
  AuthManagerOptions,
  ChangePasswordOptions,
  ChangePasswordOutcome,
  LoginOutcome,
  RegisterOutcome,
  Role,
  SetPasswordOutcome,
  UserOutcome,
} from 'sojourn/auth'
import type { Metrics } from './metrics.ts'

/** What a call that threw is counted as: nothing is known of how it would have gone. */
const FAILED = 'failed'

/** A `SessionManager` whose validations are counted by what came of them. */
export class CountedSessions extends SessionManager {
  readonly #metrics: Metrics

  constructor(options: SessionManagerOptions, metrics: Metrics) {
    super(options)
    this.#metrics = metrics
  }

  override async validate(presented: unknown, presentation?: Presentation): Promise<Check> {
    let outcome: string = FAILED
    try {
      const check = await super.validate(presented, presentation)
      outcome = check.ok ? 'ok' : check.reason
      return check
    } finally {
      this.#metrics.noteValidation(outcome)
    }
  }
}

/** An `AuthManager` whose logins and registrations are counted, and the sessions that end with a change to a user. */
export class CountedAuth extends AuthManager {
  readonly #metrics: Metrics

  constructor(options: AuthManagerOptions, metrics: Metrics) {
    super(options)
    this.#metrics = metrics
  }

  override async loginUser(...call: Parameters<AuthManager['loginUser']>): Promise<LoginOutcome> {
    let outcome: string = FAILED
    try {
      const login = await super.loginUser(...call)
      outcome = login.ok ? 'ok' : login.reason
      return login
    } finally {
      this.#metrics.noteLogin(outcome)
    }
  }

  override async registerUser(...call: Parameters<AuthManager['registerUser']>): Promise<RegisterOutcome> {
    let outcome: string = FAILED
    try {
      const registration = await super.registerUser(...call)
      outcome = registration.ok ? 'ok' : registration.reason
      return registration
    } finally {
      this.#metrics.noteRegistration(outcome)
    }
  }

  override async changePassword(
    username: string,
    current: string,
    next: string,
    options?: ChangePasswordOptions,
  ): Promise<ChangePasswordOutcome> {
    return this.#ended('password_change', await super.changePassword(username, current, next, options))
  }

  override async setPassword(username: string, next: string, options?: ActorOptions): Promise<SetPasswordOutcome> {
    return this.#ended('password_change', await super.setPassword(username, next, options))
  }

  override async disableUser(username: string, options?: ActorOptions): Promise<UserOutcome> {
    return this.#ended('user_disabled', await super.disableUser(username, options))
  }

  override async deleteUser(username: string, options?: ActorOptions): Promise<UserOutcome> {
    return this.#ended('user_deleted', await super.deleteUser(username, options))
  }

  override async setRole(username: string, role: Role, options?: ActorOptions): Promise<UserOutcome> {
    return this.#ended('revoked', await super.setRole(username, role, options))
  }

  #ended<Outcome extends { readonly ok: boolean }>(
    reason: string,
    outcome: Outcome & { readonly ended?: number },
  ): Outcome {
    if (outcome.ended !== undefined && outcome.ended > 0) this.#metrics.noteEnded(reason, outcome.ended)
    return outcome
  }
}
