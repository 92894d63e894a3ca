import { LONGEST_WAIT } from './duration.ts'

/** Where time comes from. Everything below the manager is handed an instant and never reads a clock. */
export interface Clock {
  /** Milliseconds since 1970, UTC. Never less than an earlier answer. */
  now(): number
  /** From here on `now()` is at least this instant: what the store has recorded has happened. Optional. */
  atLeast?(instant: number): void
  /**
   * Calls `task` once after so many milliseconds, without keeping the process alive, and returns how to cancel
   * it. Optional; without it a timer of the host is used.
   */
  after?(milliseconds: number, task: () => void): () => void
  /** Whether `now()` may be relied on at this moment. Optional; without it, always. */
  isCertain?(): boolean
  /** Sees to it that it may. Rejects with a `SojournError` when that cannot be done. */
  becomeCertain?(): Promise<void>
}

/**
 * A task for later that keeps no process alive, by the clock's own timers where it has some. A timer of the host comes after 24
 * days at the latest: whoever waits for longer looks whether it is time.
 */
export function callAfter(clock: Partial<Clock>, milliseconds: number, task: () => void): () => void {
  if (clock.after !== undefined) return clock.after(milliseconds, task)
  const timer = setTimeout(task, Math.min(milliseconds, LONGEST_WAIT))
  timer.unref()
  return () => clearTimeout(timer)
}

/** Fulfils after so many milliseconds, by the clock's own timers where it has some. A process waits for it. */
export function pause(clock: Partial<Clock>, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (clock.after !== undefined) clock.after(milliseconds, resolve)
    else setTimeout(resolve, Math.min(milliseconds, LONGEST_WAIT))
  })
}

/** How far the wall clock may wander before a change counts as a step, in milliseconds. */
const STEP = 5_000
/** How long a step must stand before it is believed, in milliseconds. */
const SETTLING = 600_000

/** What a host knows of time; tests hand in their own. */
export interface TimeSources {
  /** Wall clock, milliseconds since 1970. */
  readonly wall: () => number
  /** Monotonic milliseconds from an arbitrary start. */
  readonly monotonic: () => number
}

/** The clocks of this host. */
export const HOST_TIME: TimeSources = { wall: Date.now, monotonic: () => performance.now() }

/**
 * The host's clock, disciplined: it advances with the monotonic clock, follows small corrections of the wall
 * clock forwards, and believes a step of more than 5 s only after it has stood for 10 minutes. It never goes
 * back: when it is ahead it runs at half speed until the wall clock has caught up. A host whose clock jumps
 * a day ahead and home again signs nobody out and revives nobody.
 */
export class SystemClock implements Clock {
  readonly #sources: TimeSources
  #reading: number
  #readAt: number
  #step: { offset: number; since: number } | null = null
  #isAhead = false

  constructor(sources: TimeSources = HOST_TIME) {
    this.#sources = sources
    this.#reading = sources.wall()
    this.#readAt = sources.monotonic()
  }

  now(): number {
    const monotonic = this.#sources.monotonic()
    const elapsed = Math.max(0, monotonic - this.#readAt)
    this.#reading += this.#isAhead ? elapsed / 2 : elapsed
    this.#readAt = monotonic
    this.#follow(this.#sources.wall() - this.#reading, monotonic)
    return Math.floor(this.#reading)
  }

  atLeast(instant: number): void {
    if (instant > this.now()) this.#reading = instant
  }

  #follow(offset: number, monotonic: number): void {
    if (Math.abs(offset) <= STEP) {
      this.#step = null
      this.#isAhead = false
      if (offset > 0) this.#reading += offset
      return
    }
    if (this.#isAhead && offset < 0) return
    this.#isAhead = false
    if (this.#step === null || Math.abs(this.#step.offset - offset) > STEP) {
      this.#step = { offset, since: monotonic }
      return
    }
    // Judged by the last look, not the first: a clock that also drifts would otherwise never settle.
    this.#step.offset = offset
    if (monotonic - this.#step.since >= SETTLING) {
      this.#step = null
      if (offset > 0) this.#reading += offset
      else this.#isAhead = true
    }
  }
}
