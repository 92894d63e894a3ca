import { SystemClock } from '../../../packages/sojourn/src/index.ts'
import type { Clock } from '../../../packages/sojourn/src/index.ts'

/**
 * The time of a host whose wall clock can be put forward and back, and runs too fast or too slow if told so. Its
 * clock is the real `SystemClock`; timers go by the time that really passes, as they do on a host.
 */
export class HostTime {
  readonly clock: Clock
  /** Wall milliseconds in a millisecond. */
  readonly #rate: number
  #elapsed = 0
  #wall: number
  #waiting: { readonly at: number; readonly task: () => void }[] = []

  constructor(start: Date | number | string = '2026-01-01T00:00:00Z', rate = 1) {
    this.#wall = new Date(start).getTime()
    this.#rate = rate
    const system = new SystemClock({ wall: () => this.#wall, monotonic: () => this.#elapsed })
    this.clock = {
      now: () => system.now(),
      atLeast: (instant) => system.atLeast(instant),
      after: (span, task) => this.#after(span, task),
    }
  }

  /** What the host's wall clock shows. */
  get wall(): number {
    return this.#wall
  }

  /** Lets so many milliseconds go by. */
  pass(span: number): void {
    this.#elapsed += span
    this.#wall += span * this.#rate
    const due = this.#waiting.filter(({ at }) => at <= this.#elapsed)
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#elapsed)
    for (const { task } of due) task()
  }

  /** Puts the wall clock forward, or back when negative, by so many milliseconds. */
  step(by: number): void {
    this.#wall += by
  }

  #after(span: number, task: () => void): () => void {
    const waiting = { at: this.#elapsed + span, task }
    this.#waiting.push(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== waiting)
    }
  }
}
