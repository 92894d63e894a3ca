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
  #end: Moment = OVER

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
    this.#end = { wall: sentAt.wall + this.#span, monotonic: sentAt.monotonic + this.#span }
  }

  /** Whether memory may answer at this instant of the monotonic clock. `beyond`: or could until so many milliseconds ago. */
  isHeld(monotonic: number, beyond = 0): boolean {
    // A machine that was suspended may find its monotonic clock where it was; the wall clock tells of it.
    return monotonic < this.#end.monotonic + beyond && this.#time.wall() < this.#end.wall + beyond
  }

  /** How long ago the log was last read to its end, in milliseconds; null before the first time. */
  age(): number | null {
    return this.#start === null ? null : this.#time.monotonic() - this.#start.monotonic
  }
}

const OVER: Moment = { wall: -Infinity, monotonic: -Infinity }
