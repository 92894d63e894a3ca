import { trace } from '@opentelemetry/api'
import type { Store } from 'sojourn'
import { ObservedStore } from 'sojourn/observed'
import type { ObservedCall } from 'sojourn/observed'

/** Told of sessions that a call ended: why, and how many. */
export type OnEnded = (reason: string, count: number) => void

/** Any store, with each call measured and shown as a span to whoever traces, and the sessions counted that it ends. */
export class MeasuredStore extends ObservedStore {
  readonly #onEnded: OnEnded
  readonly #memoryHits: () => number

  /** `memoryHits`: how many reads a memory in front of the store has answered so far. */
  constructor(
    store: Store,
    on: { readonly call: (call: ObservedCall) => void; readonly ended: OnEnded },
    memoryHits: () => number = () => 0,
  ) {
    super(store, { onCall: on.call, tracer: trace.getTracer('sojourn') })
    this.#onEnded = on.ended
    this.#memoryHits = memoryHits
  }

  /** What memory has answered is no call of the store, which would look as fast as memory. */
  override get(...[id]: Parameters<Store['get']>): ReturnType<Store['get']> {
    const hits = this.#memoryHits()
    const answer = this.inner.get(id)
    return this.#memoryHits() > hits ? answer : this.around('get', () => answer)
  }

  override async insert(...call: Parameters<Store['insert']>): ReturnType<Store['insert']> {
    const outcome = await super.insert(...call)
    if (outcome.ok && outcome.evicted.length > 0) this.#onEnded('limit', outcome.evicted.length)
    return outcome
  }

  override async revoke(...call: Parameters<Store['revoke']>): ReturnType<Store['revoke']> {
    const ended = await super.revoke(...call)
    if (ended.length > 0) this.#onEnded(call[1].reason, ended.length)
    return ended
  }
}
