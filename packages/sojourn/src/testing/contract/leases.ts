import assert from 'node:assert/strict'
import type { Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { MINUTE, NOON } from '../records.ts'

/** About a method that a store may leave out: one that does passes them all. */
export const leaseCases: readonly ContractCase[] = [
  leaseCase('a lease is lent to one holder at a time', async (lease) => {
    const asked = ['a', 'b', 'c', 'd'].map((holder) => lease('work', holder, NOON, MINUTE))
    assert.equal((await Promise.all(asked)).filter((isHeld) => isHeld).length, 1)
  }),

  leaseCase('a lease holds to the millisecond before its end, and then goes to whoever asks', async (lease) => {
    assert.equal(await lease('work', 'a', NOON, MINUTE), true)
    assert.equal(await lease('work', 'b', NOON + MINUTE - 1, MINUTE), false)
    assert.equal(await lease('work', 'b', NOON + MINUTE, MINUTE), true)
    assert.equal(await lease('work', 'a', NOON + MINUTE, MINUTE), false)
  }),

  leaseCase('whoever has a lease may have it for longer', async (lease) => {
    assert.equal(await lease('work', 'a', NOON, MINUTE), true)
    assert.equal(await lease('work', 'a', NOON + 1, MINUTE), true)
    assert.equal(await lease('work', 'b', NOON + MINUTE, MINUTE), false)
    assert.equal(await lease('work', 'b', NOON + MINUTE + 1, MINUTE), true)
  }),

  leaseCase('a lease that is given back is free at once, and nobody gives back that of another', async (lease) => {
    assert.equal(await lease('work', 'a', NOON, MINUTE), true)
    assert.equal(await lease('work', 'b', NOON + 1, 0), false)
    assert.equal(await lease('work', 'b', NOON + 1, MINUTE), false)
    assert.equal(await lease('work', 'a', NOON + 1, 0), true)
    assert.equal(await lease('work', 'b', NOON + 1, MINUTE), true)
  }),

  leaseCase('leases of different names have nothing to do with each other', async (lease) => {
    assert.equal(await lease('work', 'a', NOON, MINUTE), true)
    assert.equal(await lease('other work', 'b', NOON, MINUTE), true)
  }),
]

/** The method, bound to its store. */
export type Lease = NonNullable<Store['lease']>

function leaseCase(name: string, attempt: (lease: Lease) => Promise<void>): ContractCase {
  return storeCase(name, async (store) => {
    if (store.lease !== undefined) await attempt(store.lease.bind(store))
  })
}
