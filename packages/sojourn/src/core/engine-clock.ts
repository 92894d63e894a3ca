import { HOST_TIME } from './clock.ts'
import type { Clock, TimeSources } from './clock.ts'
import { SojournError } from './errors.ts'

/** How long the engine is not asked again, in milliseconds: what the host's clock drifts within it is a small error. */
const PERIOD = 30_000
/** After how long it is asked again when it did not answer, in milliseconds. */
const RETRY = 1_000
/** For how long time is reckoned without an answer of the engine, in milliseconds. */
const LONGEST_RECKONING = 600_000
/** By how much the wall clock may outrun the monotonic one before it looks as if the machine had slept, in milliseconds. */
const SLEEP = 5_000

/**
 * The time of the engine that keeps the sessions, for every process on it the same: asked for now and then, and advanced
 * with the monotonic clock in between. No process is ahead of the engine by more than its clock drifts within 30 s; none
 * ever goes back, since one that is ahead runs at half speed until the engine has caught up. What the host's wall clock
 * shows, and by how much it is put, decides nothing.
 */
export class EngineClock implements Clock {
  readonly #ask: () => Promise<number>
  readonly #time: TimeSources
  #reading = 0
  #readAt = 0
  /** By how much it is ahead of the engine. */
  #surplus = 0
  #syncedAt: { readonly wall: number; readonly monotonic: number } | null = null
  /** When the engine is to be asked again, on the monotonic clock. */
  #dueAt = -Infinity
  #syncing: Promise<void> | null = null

  /** `ask` answers with the engine's time at an instant between the call and its answer, as `Store.now` does. */
  constructor(ask: () => Promise<number>, time: TimeSources = HOST_TIME) {
    this.#ask = ask
    this.#time = time
  }

  /** Before the engine has first answered, the host's wall clock: fit to be shown, and no more. */
  now(): number {
    if (this.#syncedAt === null) return this.#time.wall()
    const monotonic = this.#time.monotonic()
    this.#advance(monotonic)
    if (monotonic >= this.#dueAt) this.#sync().catch(ignore)
    return Math.floor(this.#reading)
  }

  atLeast(instant: number): void {
    const ahead = instant - this.now()
    if (ahead <= 0) return
    this.#reading = instant
    this.#surplus += ahead
  }

  /** False before the engine has first answered, after ten minutes without an answer, and when the machine may have slept. */
  isCertain(): boolean {
    if (this.#syncedAt === null) return false
    const reckoned = this.#time.monotonic() - this.#syncedAt.monotonic
    return reckoned < LONGEST_RECKONING && this.#time.wall() - this.#syncedAt.wall - reckoned < SLEEP
  }

  /** Asks the engine. Rejects when it does not answer. */
  async becomeCertain(): Promise<void> {
    await this.#sync()
  }

  #sync(): Promise<void> {
    this.#syncing ??= this.#askOnce().finally(() => {
      this.#syncing = null
    })
    return this.#syncing
  }

  async #askOnce(): Promise<void> {
    const sentAt = this.#time.monotonic()
    this.#dueAt = sentAt + RETRY
    const engine = await this.#ask()
    if (!Number.isSafeInteger(engine)) {
      throw new SojournError('store_corrupt', `the engine says it is ${engine}; expected milliseconds since 1970`)
    }
    this.#follow(engine, this.#time.monotonic(), sentAt)
  }

  /** By now the engine's time is at least what it said, and at most that and the time of the round trip. */
  #follow(engine: number, receivedAt: number, sentAt: number): void {
    if (this.#syncedAt === null) this.#readAt = receivedAt
    this.#advance(receivedAt)
    this.#reading = Math.max(this.#reading, engine)
    this.#surplus = Math.max(0, this.#reading - (engine + receivedAt - sentAt))
    this.#syncedAt = { wall: this.#time.wall(), monotonic: receivedAt }
    this.#dueAt = receivedAt + PERIOD
  }

  #advance(monotonic: number): void {
    const elapsed = Math.max(0, monotonic - this.#readAt)
    const held = Math.min(this.#surplus, elapsed / 2)
    this.#reading += elapsed - held
    this.#surplus -= held
    this.#readAt = monotonic
  }
}

function ignore(): void {}
