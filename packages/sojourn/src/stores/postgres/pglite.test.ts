import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EMPTY } from '../../../../../test/support/postgres.ts'
import { storeContract, userStoreContract } from '../../testing/index.ts'
import type { OpenedStore } from '../../testing/index.ts'
import { PostgresStore, poolOf } from '../postgres.ts'

let database: PGlite

beforeAll(async () => {
  database = await PGlite.create()
}, 60_000)
afterAll(async () => database.close())

test.each([...storeContract, ...userStoreContract])('$name', async ({ run }) => {
  await expect(run(open)).resolves.toBeUndefined()
})

test('a store on PGlite says that it does not survive the loss of power', async () => {
  const { store } = await open()
  const { survivesPowerLoss, warnings } = await store.guarantees()
  expect(survivesPowerLoss).toBe(false)
  expect(warnings).toEqual(['fsync is off and was allowed by name'])
  await store.close()
})

/** Nothing reaches the disk, and PGlite says so. */
async function open(): Promise<OpenedStore> {
  const store = await PostgresStore.open({ pool: poolOf(database), deadline: '20s', allowUnsafe: ['fsync'] })
  await database.exec(EMPTY)
  return { store, users: store.users }
}
