import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AuthManager, RegisterOutcome, UserStore } from 'sojourn/auth'

/** What came of a set-up link. `gone`: used, too old, never made, or there is an operator already. */
export type SetupOutcome = RegisterOutcome | { readonly ok: false; readonly reason: 'gone' }

/** How long a link is good for, in milliseconds. */
const GOOD_FOR = 900_000
const GONE: SetupOutcome = Object.freeze({ ok: false, reason: 'gone' })

interface OpenLink {
  /** SHA-256 of the token; the token itself is not kept. */
  readonly hash: Buffer
  readonly until: number
}

/** The one-time link that makes the first operator. Good for 15 minutes, and only while there is no operator. */
export class SetupLink {
  readonly #users: UserStore
  readonly #auth: AuthManager
  readonly #now: () => number
  #link: OpenLink | null = null

  constructor({ users, auth, now }: { users: UserStore; auth: AuthManager; now: () => number }) {
    this.#users = users
    this.#auth = auth
    this.#now = now
  }

  /** A new token for the path `/setup/<token>`, or null where there is an operator already. The one before is gone. */
  async open(): Promise<string | null> {
    this.#link = null
    if (await this.#hasOperator()) return null
    const token = randomBytes(32).toString('base64url')
    this.#link = { hash: hashOf(token), until: this.#now() + GOOD_FOR }
    return token
  }

  /** Whether the link with this token would still work. */
  async isOpen(token: string): Promise<boolean> {
    return this.#find(token) !== null && !(await this.#hasOperator())
  }

  /** Makes the first operator and closes the link. A refused name or password leaves it open. */
  async redeem(token: string, { username, password }: { username: string; password: string }): Promise<SetupOutcome> {
    const link = this.#find(token)
    if (link === null) return GONE
    // Taken before anything that takes time: of two people who use it at once, one makes an operator.
    this.#link = null
    let isUsed = false
    try {
      if (await this.#hasOperator()) {
        isUsed = true
        return GONE
      }
      const outcome = await this.#auth.registerUser(username, password, { role: 'operator', actor: 'setup' })
      isUsed = outcome.ok
      return outcome
    } finally {
      if (!isUsed) this.#link ??= link
    }
  }

  #find(token: string): OpenLink | null {
    const link = this.#link
    return link !== null && timingSafeEqual(link.hash, hashOf(token)) && this.#now() < link.until ? link : null
  }

  /** Asked of the store each time: another node, or the command line, may have made one. */
  async #hasOperator(): Promise<boolean> {
    return (await this.#users.list(null, 1, { role: 'operator' })).length > 0
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
