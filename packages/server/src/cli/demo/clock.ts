import { SystemClock } from 'sojourn'
import type { Clock } from 'sojourn'

const HOUR = 3_600_000

/** A clock that runs like the host's and can be moved forward, so that a day need not be waited for. */
export class DemoClock implements Clock {
  readonly #host = new SystemClock()
  #ahead = 0

  now(): number {
    return this.#host.now() + this.#ahead
  }

  /** Moves time forward by so many hours. */
  advance(hours: number): void {
    this.#ahead += hours * HOUR
  }
}
