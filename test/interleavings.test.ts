import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Store } from '../packages/sojourn/src/core/store.ts'
import { cached } from '../packages/sojourn/src/stores/cached.ts'
import type { CachedOptions } from '../packages/sojourn/src/stores/cached.ts'
import { MemoryStore } from '../packages/sojourn/src/stores/memory.ts'
import { figure, found } from './support/proof.ts'
import { interleave, planOf } from './support/interleaving.ts'
import type { Engine } from './support/interleaving.ts'
import { PLANTED_MEMORIES } from './support/planted-caches.ts'
import { RACY_ENGINES } from './support/racy-engines.ts'

/** How many interleavings are tried in all; raise it to look longer. */
const RUNS = Number(process.env['SOJOURN_INTERLEAVINGS'] ?? 60_000)
/** Within how many each planted fault must be found; the one that is hardest to find takes 600 on average. */
const TEETH = 20_000

describe('whatever overtakes what, every promise is kept', () => {
  test.each([2, 3, 5])('to %i who act at once', { timeout: 120_000 + RUNS * 5 }, async (actors) => {
    const seed = Date.now() % 2 ** 31
    const numRuns = Math.ceil(RUNS / 3)
    await expect(fc.assert(promises(actors, soundEngine), { numRuns, seed })).resolves.toBeUndefined()
    const claim = `Ended is ended, the cap holds and nobody is signed out who was not, whoever overtakes whom (${actors} at once)`
    found({ claim, tried: `${figure(numRuns)} interleavings`, found: '0 promises broken', seed })
  })

  test.each([2, 3, 5])('to %i who act at once on a cached store', { timeout: 600_000 }, async (actors) => {
    const seed = Date.now() % 2 ** 31
    const trial = fc.assert(promises(actors, cachedBy(cached)), { numRuns: Math.ceil(RUNS / 6), seed })
    await expect(trial).resolves.toBeUndefined()
    const claim = `The same on a cached store (${actors} at once)`
    found({ claim, tried: `${figure(Math.ceil(RUNS / 6))} interleavings`, found: '0 promises broken', seed })
  })
})

describe('a promise is found broken when', () => {
  test.each([...RACY_ENGINES])('$fault', async ({ open }) => {
    const { failed, numRuns } = await fc.check(promises(5, open), { numRuns: TEETH, endOnFailure: true })
    expect(failed, `after ${numRuns} interleavings`).toBe(true)
  })

  test.each([...PLANTED_MEMORIES])('$fault', async ({ open }) => {
    const { failed, numRuns } = await fc.check(promises(5, cachedBy(open)), { numRuns: TEETH, endOnFailure: true })
    expect(failed, `after ${numRuns} interleavings`).toBe(true)
  })
})

function promises(actors: number, open: () => Engine): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(fc.scheduler(), planOf(actors), (scheduler, plan) => interleave(scheduler, plan, open()))
}

function cachedBy(open: (store: Store, options: CachedOptions) => Store): () => Engine {
  return () => ({
    inner: new MemoryStore(),
    outer: (store, clock) => open(store, { clock, time: { wall: () => clock.now(), monotonic: () => clock.now() } }),
  })
}

function soundEngine(): Engine {
  return { inner: new MemoryStore() }
}
