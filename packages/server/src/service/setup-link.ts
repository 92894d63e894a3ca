import type { Clock } from 'sojourn'
import type { AuthManager, RegisterOutcome, UserStore } from 'sojourn/auth'

/** What came of a set-up link. `gone`: used, too old, never made, or there is an operator already. */
export type SetupOutcome = RegisterOutcome | { readonly ok: false; readonly reason: 'gone' }

/** The one-time link that makes the first operator. Good for 15 minutes, and only while there is no operator. */
export class SetupLink {
  constructor(_parts: { users: UserStore; auth: AuthManager; clock?: Clock | undefined }) {}

  /** A new token for the path `/setup/<token>`, or null where there is an operator already. The one before is gone. */
  async open(): Promise<string | null> {
    return null
  }

  /** Whether the link with this token would still work. */
  async isOpen(_token: string): Promise<boolean> {
    return false
  }

  /** Makes the first operator and closes the link. A refused name or password leaves it open. */
  async redeem(_token: string, _claim: { username: string; password: string }): Promise<SetupOutcome> {
    return { ok: false, reason: 'gone' }
  }
}
