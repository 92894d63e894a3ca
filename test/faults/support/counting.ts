import type { Store } from '../../../packages/sojourn/src/core/store.ts'

/** Counts the calls that reach a store. */
export class Counting {
  /** The store to use in its place. */
  readonly store: Store
  calls = 0

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return (...args: readonly unknown[]): unknown => {
          this.calls += 1
          return Reflect.apply(method, target, args)
        }
      },
    })
  }
}
