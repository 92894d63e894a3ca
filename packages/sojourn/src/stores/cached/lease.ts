import type { TimeSources } from '../../core/clock.ts'

/** So much of the lease is used: one clock in a hundred parts slower than the others still keeps the bound. */
const USED_PART = 0.99

/** An instant on both clocks of a host. */
export interface Moment {
  readonly wall: number
  readonly monotonic: number
}

/**
 * For how long memory may answer: from the instant at which the log was asked, since what happened after that may not be
 * in its answer. Looked at whenever somebody asks and flipped by no timer, so a process that was stopped for a
 * while finds it run out.
 */
export class Lease {
  readonly #time: TimeSources
  readonly #span: number
  #start: Moment | null = null

  constructor(span: number, time: TimeSources) {
    this.#span = span * USED_PART
    this.#time = time
  }

  /** The instant it is. */
  moment(): Moment {
    return { wall: this.#time.wall(), monotonic: this.#time.monotonic() }
  }

  /** The log was read to its end by a call that was sent at this instant. */
  renew(sentAt: Moment): void {
    this.#start = sentAt
  }

  /** Whether memory may answer, or may have a while ago. */
  isHeld(milliseconds = 0): boolean {
    if (this.#start === null) return false
    const { wall, monotonic } = this.#start
    const span = this.#span + milliseconds
    // A machine that was suspended may find its monotonic clock where it was; the wall clock tells of it.
    return this.#time.monotonic() - monotonic < span && this.#time.wall() - wall < span
  }

  /** How long ago the log was last read to its end, in milliseconds; null before the first time. */
  age(): number | null {
    return this.#start === null ? null : this.#time.monotonic() - this.#start.monotonic
  }
}
