import type { UserStore } from '../auth/users.ts'
import { HOST_TIME } from '../core/clock.ts'
import { isSojournError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { EventRecord } from '../core/events.ts'
import type { Standing } from '../core/policy.ts'
import type { SessionRecord } from '../core/session.ts'
import type {
  Changes,
  EndedSession,
  EventQuery,
  Guarantees,
  InsertGuard,
  InsertOutcome,
  ListQuery,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { SessionId } from '../core/token.ts'

/** A call that a store has carried out or not. Says which and how long, and nothing of whom it was about. */
export interface ObservedCall {
  readonly method: keyof Store
  /** Milliseconds from the call to its answer. */
  readonly duration: number
  /** `answered`, the code of the `SojournError` it rejected with, or `failed` for any other error. */
  readonly outcome: 'answered' | 'failed' | ErrorCode
}

/** The part of an OpenTelemetry tracer that is used: `trace.getTracer('sojourn')` is one. */
export interface StoreTracer {
  startSpan(name: string, options?: { readonly kind?: number }): StoreSpan
}

/** The part of an OpenTelemetry span that is used. */
export interface StoreSpan {
  setStatus(status: { readonly code: number; readonly message?: string }): unknown
  end(): void
}

/** Who is told of each call. */
export interface ObservedOptions {
  /** Told of each call when it has its answer. What it throws is a process warning and changes no answer. */
  readonly onCall?: ((call: ObservedCall) => void) | undefined
  /** Has a span made for each call, named like `sojourn.store get`, below whatever span is active. */
  readonly tracer?: StoreTracer | undefined
  /** Monotonic milliseconds. Default: the host's. */
  readonly monotonic?: (() => number) | undefined
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR` of OpenTelemetry. */
const CLIENT = 2
const ERROR = 2

/** A store that does as another one does, and tells how each call went. */
export class ObservedStore<Inner extends Store = Store> implements Store {
  /** The users of the store, where it has some. They are not observed. */
  readonly users: Inner extends { readonly users: UserStore } ? UserStore : undefined
  readonly now?: () => Promise<number>
  readonly reread?: (id: SessionId) => Promise<SessionRecord | null>
  readonly claim?: NonNullable<Store['claim']>
  readonly #store: Inner
  readonly #onCall: ((call: ObservedCall) => void) | undefined
  readonly #tracer: StoreTracer | undefined
  readonly #monotonic: () => number

  constructor(store: Inner, options: ObservedOptions) {
    this.#store = store
    this.#onCall = options.onCall
    this.#tracer = options.tracer
    this.#monotonic = options.monotonic ?? HOST_TIME.monotonic
    this.users = (store as { readonly users?: UserStore }).users as typeof this.users
    const { now, reread, claim } = store
    if (now !== undefined) this.now = () => this.#call('now', () => now.call(store))
    if (reread !== undefined) this.reread = (id) => this.#call('reread', () => reread.call(store, id))
    if (claim !== undefined) this.claim = (...wish) => this.#call('claim', () => claim.apply(store, wish))
  }

  insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    return this.#call('insert', () => this.#store.insert(record, guard))
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return this.#call('get', () => this.#store.get(id))
  }

  touch(batch: readonly Touch[]): Promise<number> {
    return this.#call('touch', () => this.#store.touch(batch))
  }

  update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    return this.#call('update', () => this.#store.update(id, version, patch, mark))
  }

  revoke(target: RevokeTarget, mark: Parameters<Store['revoke']>[1], limit: number): Promise<readonly EndedSession[]> {
    return this.#call('revoke', () => this.#store.revoke(target, mark, limit))
  }

  list(query: ListQuery): Promise<readonly SessionRecord[]> {
    return this.#call('list', () => this.#store.list(query))
  }

  count(filter: SessionFilter): Promise<number> {
    return this.#call('count', () => this.#store.count(filter))
  }

  stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.#call('stats', () => this.#store.stats(standing, createdSince))
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#call('prune', () => this.#store.prune(before, limit))
  }

  changes(cursor: string | null, limit: number): Promise<Changes> {
    return this.#call('changes', () => this.#store.changes(cursor, limit))
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#call('events', () => this.#store.events(query))
  }

  epoch(userId: string): Promise<number> {
    return this.#call('epoch', () => this.#store.epoch(userId))
  }

  latestInstant(): Promise<number> {
    return this.#call('latestInstant', () => this.#store.latestInstant())
  }

  renewalKey(): Promise<Uint8Array | null> {
    return this.#call('renewalKey', () => this.#store.renewalKey())
  }

  guarantees(): Promise<Guarantees> {
    return this.#call('guarantees', () => this.#store.guarantees())
  }

  close(): Promise<void> {
    return this.#call('close', () => this.#store.close())
  }

  async #call<Answer>(method: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
    const startedAt = this.#monotonic()
    const span = guarded(() => this.#tracer?.startSpan(`sojourn.store ${method}`, { kind: CLIENT }))
    let outcome: ObservedCall['outcome'] = 'answered'
    try {
      return await make()
    } catch (error) {
      outcome = isSojournError(error) ? error.code : 'failed'
      throw error
    } finally {
      this.#tell({ method, duration: this.#monotonic() - startedAt, outcome }, span)
    }
  }

  #tell(call: ObservedCall, span: StoreSpan | undefined): void {
    guarded(() => {
      // The code and not the error: its message names sessions.
      if (call.outcome !== 'answered') span?.setStatus({ code: ERROR, message: call.outcome })
      span?.end()
    })
    guarded(() => this.#onCall?.(call))
  }
}

/** Whoever watches changes nothing about what is watched. */
function guarded<Answer>(watch: () => Answer): Answer | undefined {
  try {
    return watch()
  } catch (error) {
    process.emitWarning(`an observer of the session store has thrown: ${String(error)}`, 'SojournWarning')
    return undefined
  }
}

/** The store, with somebody who is told of each call. See `ObservedStore`. */
export function observed<Inner extends Store>(store: Inner, options: ObservedOptions): ObservedStore<Inner> {
  return new ObservedStore(store, options)
}
