import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PoolConfig } from 'pg'
import { emptyTables, openPostgres, postgresPath, startPostgres } from '../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../test/support/postgres.ts'
import { required } from '../../../../test/support/require.ts'
import { storeContract, userStoreContract } from '../testing/index.ts'
import type { OpenedStore } from '../testing/index.ts'

let server: PostgresServer
let config: PoolConfig

beforeAll(async () => {
  if (postgresPath === null) return
  server = await startPostgres()
  config = await server.createDatabase()
  const store = await openPostgres(config)
  await store.close()
})
beforeEach((context) => void required(context, 'PostgreSQL', postgresPath))
afterAll(async () => server?.close())

describe('on a server', () => {
  test.each([...storeContract, ...userStoreContract])('$name', async ({ run }) => {
    await expect(run(open)).resolves.toBeUndefined()
  })
})

async function open(): Promise<OpenedStore> {
  await emptyTables(config)
  const store = await openPostgres(config)
  return { store, users: store.users }
}
