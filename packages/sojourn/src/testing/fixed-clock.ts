import { milliseconds } from '../core/duration.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'

interface Waiting {
  readonly at: number
  readonly task: () => void
}

/** A clock that stands still until a test moves it. Tasks for later run when it is moved past them. */
export class FixedClock implements Clock {
  #now: number
  #waiting: Waiting[] = []

  /** Starts at an instant; default 2026-01-01T00:00:00Z. */
  constructor(start: Date | number | string = '2026-01-01T00:00:00Z') {
    this.#now = new Date(start).getTime()
  }

  now(): number {
    return this.#now
  }

  after(span: number, task: () => void): () => void {
    const waiting = { at: this.#now + span, task }
    this.#waiting.push(waiting)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting)
    }
  }

  /** Moves time forward and runs what has become due, in its order. */
  advance(span: Duration): void {
    this.set(this.#now + milliseconds(span, 'span'))
  }

  /** Moves time to an instant, backwards too, and runs what has become due, in its order. */
  set(instant: Date | number): void {
    this.#now = new Date(instant).getTime()
    const due = this.#waiting.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at)
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#now)
    for (const { task } of due) task()
  }
}
