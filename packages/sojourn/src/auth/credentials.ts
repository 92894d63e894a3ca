import { keptIp } from '../core/device.ts'
import type { DeviceInput } from '../core/device.ts'
import { canonicalUsername, usernameProblem } from '../core/username.ts'
import type { HashingQueue } from './hashing-queue.ts'
import { readPassword } from './password-rules.ts'
import type { PasswordHasher } from './passwords.ts'
import type { Bucket, Throttle } from './throttle.ts'
import type { UserRecord, UserStore } from './users.ts'

/** Who somebody says they are, with what proof, from where: as it was typed. */
export interface Claim {
  readonly username: unknown
  readonly password: unknown
  readonly device?: DeviceInput | undefined
}

/** A user whose password was right, as read before it was verified, and the password in the form that is hashed. */
export interface Proof {
  readonly user: UserRecord & { readonly passwordHash: string }
  readonly password: string
}

/** Why a claim is not believed. Unknown, wrong, disabled and kept elsewhere are one and the same. */
export type Refusal =
  | { readonly ok: false; readonly reason: 'invalid_credentials' }
  /** `retryAfter` in seconds. */
  | { readonly ok: false; readonly reason: 'throttled' | 'overloaded'; readonly retryAfter: number }

/** What credentials are checked with. */
export interface CredentialParts {
  readonly users: UserStore
  readonly hasher: PasswordHasher
  readonly throttle: Throttle
  readonly queue: HashingQueue
  /** Milliseconds since 1970, UTC. */
  readonly now: () => number
}

export const INVALID: Refusal = Object.freeze({ ok: false, reason: 'invalid_credentials' })

/** The account of everybody whose username nobody can have. */
export const NOBODY = ''

/** The one spelling of a username, or `NOBODY`. */
export function accountOf(username: unknown): string {
  return usernameProblem(username) === null ? canonicalUsername(username as string) : NOBODY
}

/**
 * The one way by which a password is checked: one spelling of the name, a slot of the throttle, one verification of
 * the same cost whoever was named, one line of history if it fails.
 */
export class Credentials {
  readonly #parts: CredentialParts

  constructor(parts: CredentialParts) {
    this.#parts = parts
  }

  /**
   * Checks a claim, and in the same place of the queue does what follows from it. Rejects when anything fails; the
   * slot then stays taken, as after a wrong password.
   */
  async check<T>(
    claim: Claim,
    follow: (proof: Proof) => Promise<T>,
  ): Promise<Refusal | { readonly ok: true; readonly value: T }> {
    const { throttle, queue } = this.#parts
    const account = accountOf(claim.username)
    const buckets = throttle.bucketsFor(account, claim.device?.ip)
    // Whoever has to wait is told so at once and takes nobody's place in the queue.
    const refusal = await throttle.refusal(buckets)
    if (refusal !== null) return refusal
    const outcome = await queue.run(() => this.#checkInTurn(account, claim, buckets, follow))
    return outcome.ok ? outcome.value : outcome
  }

  /** Writes a line of history. What was typed is not in it. */
  async noteFailure(user: UserRecord | null, device: DeviceInput | undefined, detail: string): Promise<void> {
    const mark = { at: this.#parts.now(), actor: 'user', ipAddress: keptIp(device?.ip), detail }
    await this.#parts.users.noteFailedLogin(user?.id ?? null, mark)
  }

  async #checkInTurn<T>(
    account: string,
    claim: Claim,
    buckets: readonly Bucket[],
    follow: (proof: Proof) => Promise<T>,
  ) {
    const { throttle, users, hasher } = this.#parts
    const reservation = await throttle.reserve(buckets)
    if (!reservation.ok) return reservation
    const user = account === NOBODY ? null : await users.byUsername(account)
    const typed = readPassword(claim.password)
    const stored = typed.ok && user !== null ? user.passwordHash : null
    const isRight = await hasher.verify(typed.ok ? typed.password : '', stored)
    if (!typed.ok || user === null || stored === null || !isRight || user.disabledAt !== null) {
      await this.noteFailure(user, claim.device, whyRefused(user, isRight))
      return INVALID
    }
    await throttle.succeed(reservation)
    return {
      ok: true,
      value: await follow({ user: { ...user, passwordHash: stored }, password: typed.password }),
    } as const
  }
}

/** For the operator who reads the history; whoever typed learns nothing of it. */
function whyRefused(user: UserRecord | null, isRight: boolean): string {
  if (user === null) return 'unknown user'
  if (user.passwordHash === null) return 'no password is kept'
  return isRight ? 'disabled' : 'wrong password'
}
