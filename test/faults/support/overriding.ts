import type { Store } from '../../../packages/sojourn/src/core/store.ts'

/** A store that does as another one does, but for the methods given. */
export function overriding(store: Store, methods: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...args: readonly unknown[]): unknown => Reflect.apply(method, target, args)
    },
  })
}
