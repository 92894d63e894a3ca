import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../packages/sojourn/src/stores/memory.ts'
import { apiKeyStoreContract, storeContract, userStoreContract } from '../packages/sojourn/src/testing/index.ts'
import type { OpenedStore } from '../packages/sojourn/src/testing/index.ts'
import { BROKEN_STORES } from './support/broken-stores.ts'

const CONTRACT = [...storeContract, ...userStoreContract, ...apiKeyStoreContract]

describe('STO-4: the contract turns down a store in which', () => {
  test.each([...BROKEN_STORES])('$fault: "$caughtBy"', async ({ open, caughtBy }) => {
    const broken = await sentencesBrokenBy(open)
    expect(broken).toContain(caughtBy)
    expect(broken.length, 'one fault must leave most of the contract standing').toBeLessThan(CONTRACT.length / 2)
  })
})

test('the contract lets the store pass in which nothing is broken', async () => {
  expect(await sentencesBrokenBy(() => new MemoryStore())).toEqual([])
})

test('no two sentences of the contract are the same', () => {
  expect(new Set(CONTRACT.map(({ name }) => name)).size).toBe(CONTRACT.length)
})

test('no two broken stores are broken in the same way', () => {
  expect(new Set(BROKEN_STORES.map(({ fault }) => fault)).size).toBe(BROKEN_STORES.length)
})

async function sentencesBrokenBy(open: () => MemoryStore): Promise<readonly string[]> {
  const broken: string[] = []
  for (const { name, run } of CONTRACT) {
    const isBroken = await run(async () => opened(open())).then(
      () => false,
      () => true,
    )
    if (isBroken) broken.push(name)
  }
  return broken
}

function opened(store: MemoryStore): OpenedStore {
  return { store, users: store.users, apiKeys: store.apiKeys }
}
