import assert from 'node:assert/strict'
import type { AttemptState } from '../../auth/throttle.ts'
import { userCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { NOON } from '../records.ts'

const STATE: AttemptState = { count: 3, since: NOON, until: NOON + 5 }

export const attemptCases: readonly ContractCase[] = [
  userCase('a bucket that was never written is null', async ({ attempts }) => {
    assert.deepEqual(await attempts.read(['account:ada']), [null])
    assert.deepEqual(await attempts.read([]), [])
  }),

  userCase('buckets are answered in the order they are asked for', async ({ attempts }) => {
    const names = ['b', 'a', 'ü%_\'"', 'x'.repeat(255), 'A']
    await attempts.swap(names.map((bucket, count) => ({ bucket, from: null, to: { ...STATE, count } })))
    const states = await attempts.read(['a', 'nobody', ...names, 'a'])
    assert.deepEqual(
      states.map((state) => state?.count ?? null),
      [1, null, 0, 1, 2, 3, 4, 1],
    )
    assert.deepEqual({ ...states[0] }, { ...STATE, count: 1 })
  }),

  userCase('a bucket is swapped only if it is still exactly as it was read', async ({ attempts }) => {
    const to = { count: 9, since: 9, until: 9 }
    assert.equal(await attempts.swap([{ bucket: 'a', from: STATE, to }]), false)
    assert.equal(await attempts.swap([{ bucket: 'a', from: null, to: STATE }]), true)
    const stale = [null, { ...STATE, count: 2 }, { ...STATE, since: NOON + 1 }, { ...STATE, until: NOON + 4 }]
    for (const from of stale) assert.equal(await attempts.swap([{ bucket: 'a', from, to }]), false)
    assert.deepEqual({ ...(await attempts.read(['a']))[0] }, STATE)
    assert.equal(await attempts.swap([{ bucket: 'a', from: STATE, to }]), true)
    assert.deepEqual({ ...(await attempts.read(['a']))[0] }, to)
  }),

  userCase(
    'several buckets are swapped together or not at all, whichever of them does not fit',
    async ({ attempts }) => {
      await attempts.swap([{ bucket: 'b', from: null, to: STATE }])
      const fits = { bucket: 'a', from: null, to: STATE }
      const stale = { bucket: 'b', from: null, to: { ...STATE, count: 4 } }
      assert.equal(await attempts.swap([fits, stale]), false)
      assert.equal(await attempts.swap([stale, fits]), false)
      assert.deepEqual(
        (await attempts.read(['a', 'b'])).map((state) => state?.count ?? null),
        [null, 3],
      )
      assert.equal(await attempts.swap([fits, { ...stale, from: STATE }]), true)
      assert.deepEqual(
        (await attempts.read(['a', 'b'])).map((state) => state?.count ?? null),
        [3, 4],
      )
    },
  ),

  userCase('a swap can clear a bucket, and may hold nothing', async ({ attempts }) => {
    await attempts.swap([{ bucket: 'a', from: null, to: STATE }])
    assert.equal(await attempts.swap([{ bucket: 'a', from: STATE, to: null }]), true)
    assert.deepEqual(await attempts.read(['a']), [null])
    assert.equal(await attempts.swap([{ bucket: 'a', from: null, to: null }]), true)
    assert.deepEqual(await attempts.read(['a']), [null])
    assert.equal(await attempts.swap([]), true)
  }),

  userCase('of twenty swaps at once from one state exactly one is done', async ({ attempts }) => {
    const swaps = Array.from({ length: 20 }, (_, place) => [
      { bucket: 'a', from: null, to: { ...STATE, count: place } },
      { bucket: 'b', from: null, to: { ...STATE, count: place } },
    ])
    const done = await Promise.all(swaps.map((changes) => attempts.swap(changes)))
    assert.equal(done.filter(Boolean).length, 1)
    const winner = done.indexOf(true)
    assert.deepEqual(
      (await attempts.read(['a', 'b'])).map((state) => state?.count),
      [winner, winner],
    )
  }),

  userCase('a sweep forgets buckets whose instants are both before, to the millisecond', async ({ attempts }) => {
    const states: Readonly<Record<string, AttemptState>> = {
      gone: { count: 1, since: NOON - 2, until: NOON - 1 },
      blocked: { count: 1, since: NOON - 2, until: NOON },
      recent: { count: 1, since: NOON, until: NOON - 1 },
    }
    const names = Object.keys(states)
    await attempts.swap(names.map((bucket) => ({ bucket, from: null, to: states[bucket]! })))
    assert.equal(await attempts.sweep(NOON, 10), 1)
    const [gone, ...rest] = await attempts.read(names)
    assert.equal(gone, null)
    assert.ok(rest.every((state) => state !== null))
  }),

  userCase('a sweep forgets at most its limit', async ({ attempts }) => {
    const old = { count: 1, since: 1, until: 1 }
    await attempts.swap(['a', 'b', 'c'].map((bucket) => ({ bucket, from: null, to: old })))
    assert.equal(await attempts.sweep(NOON, 2), 2)
    assert.equal((await attempts.read(['a', 'b', 'c'])).filter((state) => state !== null).length, 1)
    assert.equal(await attempts.sweep(NOON, 2), 1)
    assert.equal(await attempts.sweep(NOON, 2), 0)
  }),
]
