import { setTimeout as later } from 'node:timers/promises'
import { SessionManager, isSojournError } from '../../packages/sojourn/src/index.ts'
import type { Store, Token } from '../../packages/sojourn/src/index.ts'
import { CachedStore } from '../../packages/sojourn/src/stores/cached.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { NOON } from '../../packages/sojourn/src/testing/records.ts'

/** Enough for every wait in a test; nothing is asserted about time. */
const PATIENCE = 20_000

/**
 * A node that answers from memory, whose timers never run and whose clocks stand still but where a test moves them: what
 * it learns of while they do somebody has told it.
 */
export class StillNode<Inner extends Store = Store> {
  readonly store: CachedStore<Inner>
  readonly sessions: SessionManager
  #passed = 0

  /** The lease is one second. */
  constructor(inner: Inner) {
    const timers = new FixedClock(NOON)
    const time = { wall: () => NOON + this.#passed, monotonic: () => this.#passed }
    this.store = new CachedStore(inner, { lease: '1s', time, clock: timers })
    this.sessions = new SessionManager({ store: this.store, clock: timers, onBackgroundError: () => undefined })
  }

  /** Hints that it has had. */
  get hints(): number {
    return this.store.figures().hints
  }

  /** The clocks go on by so many milliseconds, and no timer runs. */
  pass(milliseconds: number): void {
    this.#passed += milliseconds
  }

  /** Has sessions in memory and a lease, listens, and may be hinted to again. */
  async warmUp(...tokens: readonly Token[]): Promise<void> {
    await this.store.pull()
    await this.untilHinted(0)
    await until(() => this.store.figures().pulls >= 2, 'the log to be read for the first hint')
    for (const token of tokens) {
      await this.verdict(token)
      const { hits } = this.store.figures()
      const verdict = await this.verdict(token)
      if (verdict !== 'stands' || this.store.figures().hits === hits) throw new Error(`not in memory, but ${verdict}`)
    }
    this.pass(20)
  }

  /** Waits until there were more hints than so many. */
  async untilHinted(before: number): Promise<void> {
    // Who does not ask does not listen.
    await this.verdict(NOBODY)
    await until(() => this.hints > before, 'a hint')
  }

  /** Waits until a session is refused. */
  async untilRefused(token: Token): Promise<string> {
    await until(async () => (await this.verdict(token)) !== 'stands', 'the session to be refused')
    return this.verdict(token)
  }

  /** `stands`, why it does not, or why that cannot be told. */
  async verdict(token: Token): Promise<string> {
    try {
      const check = await this.sessions.validate(token)
      return check.ok ? 'stands' : check.reason
    } catch (error) {
      if (isSojournError(error)) return error.code
      throw error
    }
  }
}

/** A token of nobody, which the store has to be asked about. */
const NOBODY = `01890a5d-ac96-774b-bcce-b302099a8057.${'A'.repeat(43)}` as Token

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let left = PATIENCE / 10; left > 0; left -= 1) {
    if (await holds()) return
    await later(10)
  }
  throw new Error(`waited in vain: ${what}`)
}
