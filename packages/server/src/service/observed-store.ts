import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api'
import type { Store } from 'sojourn'

/** Told of each call of a store: which, how long it took in seconds, and whether it failed. */
export type OnCall = (operation: keyof Store, seconds: number, isFailed: boolean) => void

/** Told of sessions that a call ended: why, and how many. */
export type OnEnded = (reason: string, count: number) => void

const TRACER = trace.getTracer('sojourn')

/** Any store, with each call measured and shown as a span to whoever traces. */
export class ObservedStore implements Store {
  /** There where the store has it. */
  readonly lease?: NonNullable<Store['lease']>
  readonly #store: Store
  readonly #onCall: OnCall
  readonly #onEnded: OnEnded

  constructor(store: Store, { onCall, onEnded }: { readonly onCall: OnCall; readonly onEnded: OnEnded }) {
    this.#store = store
    this.#onCall = onCall
    this.#onEnded = onEnded
    if (store.lease !== undefined) {
      this.lease = (...call) => this.#call('lease', async () => (await store.lease?.(...call)) ?? true)
    }
  }

  async insert(...call: Parameters<Store['insert']>): ReturnType<Store['insert']> {
    const outcome = await this.#call('insert', () => this.#store.insert(...call))
    if (outcome.ok && outcome.evicted.length > 0) this.#onEnded('limit', outcome.evicted.length)
    return outcome
  }

  get(...call: Parameters<Store['get']>): ReturnType<Store['get']> {
    return this.#call('get', () => this.#store.get(...call))
  }

  touch(...call: Parameters<Store['touch']>): ReturnType<Store['touch']> {
    return this.#call('touch', () => this.#store.touch(...call))
  }

  update(...call: Parameters<Store['update']>): ReturnType<Store['update']> {
    return this.#call('update', () => this.#store.update(...call))
  }

  async revoke(...call: Parameters<Store['revoke']>): ReturnType<Store['revoke']> {
    const ended = await this.#call('revoke', () => this.#store.revoke(...call))
    if (ended.length > 0) this.#onEnded(call[1].reason, ended.length)
    return ended
  }

  list(...call: Parameters<Store['list']>): ReturnType<Store['list']> {
    return this.#call('list', () => this.#store.list(...call))
  }

  count(...call: Parameters<Store['count']>): ReturnType<Store['count']> {
    return this.#call('count', () => this.#store.count(...call))
  }

  stats(...call: Parameters<Store['stats']>): ReturnType<Store['stats']> {
    return this.#call('stats', () => this.#store.stats(...call))
  }

  prune(...call: Parameters<Store['prune']>): ReturnType<Store['prune']> {
    return this.#call('prune', () => this.#store.prune(...call))
  }

  changes(...call: Parameters<Store['changes']>): ReturnType<Store['changes']> {
    return this.#call('changes', () => this.#store.changes(...call))
  }

  events(...call: Parameters<Store['events']>): ReturnType<Store['events']> {
    return this.#call('events', () => this.#store.events(...call))
  }

  epoch(...call: Parameters<Store['epoch']>): ReturnType<Store['epoch']> {
    return this.#call('epoch', () => this.#store.epoch(...call))
  }

  latestInstant(): ReturnType<Store['latestInstant']> {
    return this.#call('latestInstant', () => this.#store.latestInstant())
  }

  renewalKey(): ReturnType<Store['renewalKey']> {
    return this.#call('renewalKey', () => this.#store.renewalKey())
  }

  guarantees(): ReturnType<Store['guarantees']> {
    return this.#call('guarantees', () => this.#store.guarantees())
  }

  close(): Promise<void> {
    return this.#call('close', () => this.#store.close())
  }

  async #call<Answer>(operation: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
    const span = TRACER.startSpan(`store ${operation}`, { kind: SpanKind.CLIENT }, context.active())
    const startedAt = performance.now()
    let isFailed = true
    try {
      const answer = await make()
      isFailed = false
      return answer
    } finally {
      this.#onCall(operation, (performance.now() - startedAt) / 1_000, isFailed)
      if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }
  }
}
