import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { makeEndMark, makeMark, makeRecord, storeContract } from '../../packages/sojourn/src/testing/index.ts'
import type { OpenedStore } from '../../packages/sojourn/src/testing/index.ts'
import { NOON } from '../../packages/sojourn/src/testing/records.ts'
import { connectTo, redisPath, startRedis, until } from '../support/redis.ts'
import type { RedisServer, TestClient } from '../support/redis.ts'
import { required } from '../support/require.ts'

/** The account, as the page for operators makes it. */
const RIGHTS = /^ACL SETUSER (sojourn on .*)$/m.exec(
  readFileSync(new URL('../../docs/OPERATING.md', import.meta.url), 'utf8'),
)?.[1]

let server: RedisServer
let operator: TestClient
let client: TestClient

beforeAll(async () => {
  if (redisPath === null) return
  server = await startRedis()
  operator = await connectTo(server.url)
  await operator.sendCommand(['ACL', 'SETUSER', ...String(RIGHTS).replace('>…', '>secret').split(' ')])
  client = await connectTo(server.url.replace('//', '//sojourn:secret@'))
})
beforeEach((context) => void required(context, 'redis-server', redisPath))
afterAll(async () => {
  client?.destroy()
  operator?.destroy()
  await server?.close()
})

test.each(storeContract)('an account with the rights that are asked for can do all: $name', async ({ run }) => {
  await expect(run(open)).resolves.toBeUndefined()
})

test('it mends indexes, says what it promises, and hears of news', async () => {
  const { store, prefix } = await open()
  const { store: other } = await open(prefix)
  await operator.sendCommand(['CONFIG', 'SET', 'appendfsync', 'always'])
  expect((await store.guarantees()).warnings).toEqual([])
  let heard = 0
  const stop = await store.listen?.(() => (heard += 1))
  const record = makeRecord()
  await store.insert(record, { mark: makeMark() })
  await operator.sendCommand(['DEL', `${prefix}all:created`])
  await operator.zAdd(`${prefix}open:end`, { score: NOON, value: randomUUID() })
  expect(await other.list({ filter: {}, sort: 'createdAt', descending: true, limit: 9 })).toHaveLength(1)
  const before = heard
  await other.revoke({ id: record.id }, makeEndMark(), 1)
  await until(async () => heard > before)
  await stop?.()
  await store.close()
  await other.close()
})

test('it can neither see nor touch what is not of sessions, nor do anything to the server', async () => {
  await operator.set('else', '1')
  for (const words of [
    ['GET', 'else'],
    ['SET', 'else', '2'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'appendonly', 'no'],
    ['KEYS', '*'],
  ]) {
    await expect(client.sendCommand(words)).rejects.toThrow('NOPERM')
  }
})

interface Opened extends OpenedStore {
  readonly store: RedisStore
  readonly prefix: string
}

async function open(prefix = `sojourn:${randomUUID()}:`): Promise<Opened> {
  return { store: await RedisStore.open({ client, prefix, hints: true }), prefix }
}
