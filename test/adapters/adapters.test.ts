import { describe, expect, test } from 'vitest'
import { adapterContract } from '../../packages/sojourn/src/testing/index.ts'
import { SERVERS } from './servers.ts'

describe.each([...SERVERS])('%s', (_, start) => {
  test.each([...adapterContract])('$name', async ({ run }) => {
    await expect(run(start)).resolves.toBeUndefined()
  })
})
