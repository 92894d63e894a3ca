import { describe, expect, test } from 'vitest'
import { adapterContract } from '../../packages/sojourn/src/testing/index.ts'
import type { StartServer } from '../../packages/sojourn/src/testing/index.ts'
import { BROKEN_ADAPTERS } from './broken-adapters.ts'

describe('the contract turns down an adapter in which', () => {
  test.each([...BROKEN_ADAPTERS])('$fault: "$caughtBy"', async ({ start, caughtBy }) => {
    const broken = await sentencesBrokenBy(start)
    expect(broken).toContain(caughtBy)
    expect(broken.length, 'one fault must leave most of the contract standing').toBeLessThan(adapterContract.length / 2)
  })
})

test('no two sentences of the contract are the same', () => {
  expect(new Set(adapterContract.map(({ name }) => name)).size).toBe(adapterContract.length)
})

async function sentencesBrokenBy(start: StartServer): Promise<readonly string[]> {
  const broken: string[] = []
  for (const { name, run } of adapterContract) {
    const isBroken = await run(start).then(
      () => false,
      () => true,
    )
    if (isBroken) broken.push(name)
  }
  return broken
}
