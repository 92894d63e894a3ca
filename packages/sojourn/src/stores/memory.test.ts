import { expect, test } from 'vitest'
import { apiKeyStoreContract, makeRecord, makeMark, storeContract, userStoreContract } from '../testing/index.ts'
import type { OpenedStore } from '../testing/index.ts'
import { MemoryStore } from './memory.ts'

test.each([...storeContract, ...userStoreContract, ...apiKeyStoreContract])('$name', async ({ run }) => {
  await expect(run(open)).resolves.toBeUndefined()
})

test('a record given or answered cannot be changed behind the back of the store', async () => {
  const store = new MemoryStore()
  const secretHash = Buffer.alloc(32, 1)
  const record = makeRecord({ secretHash, attributes: { list: [1] } })
  await store.insert(record, { mark: makeMark() })
  secretHash.fill(2)
  const kept = await store.get(record.id)
  expect(kept?.secretHash[0]).toBe(1)
  expect(Object.isFrozen(kept)).toBe(true)
  expect(Object.isFrozen(kept?.attributes['list'])).toBe(true)
})

test('the memory store says that it keeps nothing', async () => {
  const { survivesProcessKill, survivesPowerLoss, warnings } = await new MemoryStore().guarantees()
  expect(survivesProcessKill || survivesPowerLoss).toBe(false)
  expect(warnings).toEqual([expect.stringContaining('gone when it stops')])
})

async function open(): Promise<OpenedStore> {
  const store = new MemoryStore()
  return { store, users: store.users, apiKeys: store.apiKeys }
}
