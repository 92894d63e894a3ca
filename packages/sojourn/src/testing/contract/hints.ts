import assert from 'node:assert/strict'
import { callAfter } from '../../core/clock.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { makeEndMark, makeRecord } from '../records.ts'
import { insertAll } from './observe.ts'

/** Long enough for any engine to begin, in milliseconds. */
const PATIENCE = 20_000

/** About a method that a store may leave out: one that does passes them all. That another process is told takes two to try. */
export const hintCases: readonly ContractCase[] = [
  storeCase(
    'whoever listens for hints is told when that has begun, and stops without harm, twice too',
    async (store) => {
      if (store.listen === undefined) return
      const record = makeRecord()
      await insertAll(store, record)
      const told = Promise.withResolvers<void>()
      const stop = await store.listen(told.resolve)
      const cancel = callAfter({}, PATIENCE, () =>
        told.reject(new assert.AssertionError({ message: 'was never told' })),
      )
      await told.promise
      cancel()
      await stop()
      await stop()
      assert.equal((await store.revoke({ id: record.id }, makeEndMark(), 1)).length, 1)
    },
  ),
]
