import { SojournError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import { WrappedStore } from '../core/wrapped-store.ts'

/** A call that a store was asked to make. */
export interface StoreCall {
  readonly method: keyof Store
  /** Which call of this store it is, from 1. */
  readonly number: number
}

/** What goes wrong. Anything left out does not. */
export interface Faults {
  /** Waited for before each call reaches the store, and again before its answer is handed over. */
  readonly pause?: ((call: StoreCall, when: 'before' | 'after') => Promise<void>) | undefined
  /** Calls that are turned down without the store having heard of them. */
  readonly isRefused?: ((call: StoreCall) => boolean) | undefined
  /** Calls that the store carries out and whose answer is lost on the way back. */
  readonly isLost?: ((call: StoreCall) => boolean) | undefined
}

/** Any store, with delays and failures put between it and its caller. Both failures reject with `store_unavailable`. */
export class FaultyStore extends WrappedStore {
  /** Every call so far, in order, failed ones too. */
  readonly calls: StoreCall[] = []
  /** What goes wrong from here on. */
  faults: Faults

  constructor(store: Store, faults: Faults = {}) {
    super(store)
    this.faults = faults
  }

  protected async around<Answer>(method: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
    const call = { method, number: this.calls.length + 1 }
    this.calls.push(call)
    await this.faults.pause?.(call, 'before')
    if (this.faults.isRefused?.(call)) throw new SojournError('store_unavailable', `${method} was refused on purpose`)
    const answer = await make()
    await this.faults.pause?.(call, 'after')
    if (this.faults.isLost?.(call))
      throw new SojournError('store_unavailable', `the answer of ${method} was lost on purpose`)
    return answer
  }
}
