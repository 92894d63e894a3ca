import type { UserStore } from '../auth/users.ts'
import { HOST_TIME } from '../core/clock.ts'
import { isSojournError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { WrappedStore } from '../core/wrapped-store.ts'

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
export class ObservedStore<Inner extends Store = Store> extends WrappedStore<Inner> {
  /** The users of the store, where it has some. They are not observed. */
  readonly users: Inner extends { readonly users: UserStore } ? UserStore : undefined
  readonly #onCall: ((call: ObservedCall) => void) | undefined
  readonly #tracer: StoreTracer | undefined
  readonly #monotonic: () => number

  constructor(store: Inner, options: ObservedOptions) {
    super(store)
    this.#onCall = options.onCall
    this.#tracer = options.tracer
    this.#monotonic = options.monotonic ?? HOST_TIME.monotonic
    this.users = (store as { readonly users?: UserStore }).users as typeof this.users
  }

  protected async around<Answer>(method: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
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
