import assert from 'node:assert/strict'
import type { Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { MINUTE, NOON } from '../records.ts'

/** About a method that a store may leave out: one that does passes them all. */
export const claimCases: readonly ContractCase[] = [
  claimCase('a name is claimed by one holder at a time', async (claim) => {
    const asked = ['a', 'b', 'c', 'd'].map((holder) => claim('work', holder, NOON, MINUTE))
    assert.equal((await Promise.all(asked)).filter((isHeld) => isHeld).length, 1)
  }),

  claimCase('a claim holds to the millisecond before its end, and then goes to whoever asks', async (claim) => {
    assert.equal(await claim('work', 'a', NOON, MINUTE), true)
    assert.equal(await claim('work', 'b', NOON + MINUTE - 1, MINUTE), false)
    assert.equal(await claim('work', 'b', NOON + MINUTE, MINUTE), true)
    assert.equal(await claim('work', 'a', NOON + MINUTE, MINUTE), false)
  }),

  claimCase('whoever has a claim may have it for longer', async (claim) => {
    assert.equal(await claim('work', 'a', NOON, MINUTE), true)
    assert.equal(await claim('work', 'a', NOON + 1, MINUTE), true)
    assert.equal(await claim('work', 'b', NOON + MINUTE, MINUTE), false)
    assert.equal(await claim('work', 'b', NOON + MINUTE + 1, MINUTE), true)
  }),

  claimCase('a claim that is given back is free at once, and nobody gives back that of another', async (claim) => {
    assert.equal(await claim('work', 'a', NOON, MINUTE), true)
    assert.equal(await claim('work', 'b', NOON + 1, 0), false)
    assert.equal(await claim('work', 'b', NOON + 1, MINUTE), false)
    assert.equal(await claim('work', 'a', NOON + 1, 0), true)
    assert.equal(await claim('work', 'b', NOON + 1, MINUTE), true)
  }),

  claimCase('claims of different names have nothing to do with each other', async (claim) => {
    assert.equal(await claim('work', 'a', NOON, MINUTE), true)
    assert.equal(await claim('other work', 'b', NOON, MINUTE), true)
  }),
]

/** The method, bound to its store. */
export type Claim = NonNullable<Store['claim']>

function claimCase(name: string, attempt: (claim: Claim) => Promise<void>): ContractCase {
  return storeCase(name, async (store) => {
    if (store.claim !== undefined) await attempt(store.claim.bind(store))
  })
}
