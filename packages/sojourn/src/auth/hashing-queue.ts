import { availableParallelism } from 'node:os'
import { callAfter } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'

/** How much hashing goes on at once, and how much may wait for it. */
export interface HashingLimits {
  /** Default: the cores but one, at least 1, at most 3. */
  readonly running: number
  /** Default 64. */
  readonly waiting: number
  /** Milliseconds. Default 2,000. */
  readonly patience: number
}

/**
 * Hashing runs on the four threads that Node reads files and resolves names with, so one is always left to
 * everybody else; and one core, so that sessions are validated while logins storm in.
 */
export const DEFAULT_HASHING_LIMITS: HashingLimits = Object.freeze({
  running: Math.min(3, Math.max(1, availableParallelism() - 1)),
  waiting: 64,
  patience: 2_000,
})

/** What came of a task: its answer, or that it was turned away and when to come back, in seconds. */
export type QueueOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: 'overloaded'; readonly retryAfter: number }

/** Lets a few tasks run, a few more wait a moment, and turns all others away before they have cost anything. */
export class HashingQueue {
  readonly #clock: Clock
  readonly #limits: HashingLimits
  #running = 0
  /** Each is told whether its turn has come. */
  readonly #waiting = new Set<(isTurn: boolean) => void>()

  constructor(clock: Clock, limits: HashingLimits = DEFAULT_HASHING_LIMITS) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Runs a task in its turn. Rejects when the task does. */
  async run<T>(task: () => Promise<T>): Promise<QueueOutcome<T>> {
    if (!(await this.#turn())) {
      return { ok: false, reason: 'overloaded', retryAfter: Math.ceil(this.#limits.patience / 1_000) }
    }
    try {
      return { ok: true, value: await task() }
    } finally {
      this.#passOn()
    }
  }

  async #turn(): Promise<boolean> {
    if (this.#running < this.#limits.running) {
      this.#running += 1
      return true
    }
    if (this.#waiting.size >= this.#limits.waiting) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const cancel = callAfter(this.#clock, this.#limits.patience, () => this.#call(resolve, false))
    this.#waiting.add(resolve)
    try {
      return await promise
    } finally {
      cancel()
    }
  }

  /** The place of a task that is done goes to the one that has waited longest. */
  #passOn(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#running -= 1
    else this.#call(next, true)
  }

  #call(waiting: (isTurn: boolean) => void, isTurn: boolean): void {
    this.#waiting.delete(waiting)
    waiting(isTurn)
  }
}
