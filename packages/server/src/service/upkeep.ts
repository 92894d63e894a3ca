import { randomInt, randomUUID } from 'node:crypto'
import type { CleanupResult, Clock, SessionManager, Store } from 'sojourn'
import type { UserStore } from 'sojourn/auth'
import type { Logger } from 'pino'
import { later } from './later.ts'
import type { Metrics } from './metrics.ts'

/** What the automatic clean-up has done on this node. */
export interface UpkeepStatus {
  readonly lastRunAt: Date | null
  readonly lastResult: CleanupResult | null
  /** In milliseconds. */
  readonly every: number
}

/** What it works with. */
export interface UpkeepParts {
  readonly sessions: SessionManager
  readonly store: Store
  readonly users: UserStore
  /** In milliseconds. */
  readonly every: number
  readonly log: Logger
  readonly metrics: Metrics
  readonly clock?: Clock | undefined
}

const CLAIM = 'cleanup'
/** A claim is for longer than until the next run, so that who has it is in time to have it for longer. */
const CLAIM_SHARE = 1.5
/** The first run comes soon: a service that is restarted often must clean up, too. In milliseconds. */
const SOON = 60_000
/** How long failed attempts are remembered, in milliseconds. */
const ATTEMPTS_KEPT = 2_592_000_000
const ATTEMPTS_BATCH = 500
const NOTHING: CleanupResult = Object.freeze({ ended: 0, pruned: 0 })

/** Thrown out of a clean-up between two batches when the service stops. */
class Stopped extends Error {}

/**
 * Ends what is overdue and deletes what is past retention, now and then, on one node at a time: whoever holds the claim
 * goes on holding it, and when that node is gone another takes over. Should two do it at once, no harm is done.
 */
export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #holder = randomUUID()
  #lastRunAt: Date | null = null
  #lastResult: CleanupResult | null = null
  #running: Promise<void> = Promise.resolve()
  #cancel = (): void => {}
  #isStopped = false
  #hasClaim = false

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  get status(): UpkeepStatus {
    return { lastRunAt: this.#lastRunAt, lastResult: this.#lastResult, every: this.#parts.every }
  }

  start(): void {
    this.#schedule(randomInt(Math.min(this.#parts.every, SOON)))
  }

  /** Finishes the batch that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#running
    if (this.#hasClaim) await this.#giveBack()
  }

  /** Not to the second, so that nodes that started together do not all ask at once. */
  #schedule(wait: number): void {
    if (this.#isStopped) return
    this.#cancel = later(this.#parts.clock, wait, () => {
      this.#running = this.#run()
    })
  }

  async #run(): Promise<void> {
    const { every, log, metrics } = this.#parts
    let sofar = NOTHING
    try {
      if (await this.#mayClean()) {
        const note = (result: CleanupResult): void => {
          sofar = result
          if (this.#isStopped) throw new Stopped()
        }
        await this.#clean(note)
        metrics.noteCleanup('done', sofar)
      } else {
        metrics.noteCleanup('elsewhere', NOTHING)
      }
    } catch (error) {
      metrics.noteCleanup(error instanceof Stopped ? 'done' : 'failed', sofar)
      if (!(error instanceof Stopped)) log.error({ err: error }, 'the clean-up has failed; it is tried again')
    }
    this.#schedule(every - randomInt(Math.ceil(every / 10)))
  }

  async #mayClean(): Promise<boolean> {
    const { store, sessions, every } = this.#parts
    if (store.claim === undefined) return true
    this.#hasClaim = await store.claim(CLAIM, this.#holder, sessions.now(), Math.ceil(every * CLAIM_SHARE))
    return this.#hasClaim
  }

  async #clean(note: (sofar: CleanupResult) => void): Promise<void> {
    const { sessions, users, log } = this.#parts
    const result = await sessions.cleanup({ onProgress: note })
    const before = sessions.now() - ATTEMPTS_KEPT
    while ((await users.attempts.sweep(before, ATTEMPTS_BATCH)) === ATTEMPTS_BATCH) note(result)
    this.#lastRunAt = new Date(sessions.now())
    this.#lastResult = result
    const { ended, pruned } = result
    if (ended + pruned > 0) log.info({ ended, pruned }, 'cleaned up')
  }

  /** So that the next node need not wait until it ends by itself. Where that fails, it does. */
  async #giveBack(): Promise<void> {
    const { store, sessions, log } = this.#parts
    try {
      await store.claim?.(CLAIM, this.#holder, sessions.now(), 0)
    } catch (error) {
      log.warn({ err: error }, 'the claim of the clean-up could not be given back')
    }
  }
}
