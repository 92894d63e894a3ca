import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Store } from '../../../packages/sojourn/src/core/store.ts'
import { overriding } from './overriding.ts'

/** How long the planted fault lies between its acknowledgement and the write, in milliseconds. */
const HEAD_START = 2

/** The planted fault: a store that acknowledges logins and ends first and commits them a moment later. */
export function acknowledgingEarly(store: Store): Store {
  return overriding(store, {
    async insert(record, guard) {
      setTimeout(() => void store.insert(record, guard), HEAD_START)
      await nextTurn()
      return { ok: true, evicted: [] }
    },
    async revoke(target, mark, limit) {
      setTimeout(() => void store.revoke(target, mark, limit), HEAD_START)
      await nextTurn()
      return 'id' in target ? [{ id: target.id, userId: '', username: '' }] : []
    },
  })
}
