import { createClient } from 'redis'
import { SessionManager } from 'sojourn'
import { RedisStore } from 'sojourn/redis'
import { redisPath, startRedis } from '../test/support/redis.ts'
import type { Finding } from './findings.ts'
import { sessionAt } from './fixture.ts'
import { FIXTURE_NOW, measureNetworked, without } from './networked.ts'
import { BY_HAND, RawRedis } from './raw-redis.ts'

const TOGETHER = 256
/** Bulk text as bytes, as the store asks for it. */
const AS_BYTES = { typeMapping: { 36: Buffer } }

/** Redis, started for this with every write synced. */
export async function measureRedis(_: string, size: number): Promise<readonly Finding[]> {
  if (redisPath === null) return without('redis-server')
  const server = await startRedis()
  try {
    return await onServer(server.url, size)
  } finally {
    await server.close()
  }
}

async function onServer(url: string, size: number): Promise<readonly Finding[]> {
  const [client, raw] = [createClient({ url }), createClient({ url })]
  await Promise.all([client.connect(), raw.connect()])
  const store = await RedisStore.open({ client, deadline: '20s' })
  const sessions = new SessionManager({ store })
  await fill(store, size)
  const byHand = await RedisStore.open({ client, prefix: BY_HAND, deadline: '20s' })
  await fill(byHand, size)
  await byHand.close()
  const { id } = sessionAt(0, size, FIXTURE_NOW).record
  const value = String(await raw.get(`sojourn:session:${id}`))
  let place = 0
  const findings = await measureNetworked({
    engine: 'Redis',
    size,
    sessions,
    rawReads: {
      '': async (ids) => {
        const answers = await Promise.all(
          ids.map((each) => raw.sendCommand(['GET', `sojourn:session:${each}`], AS_BYTES)),
        )
        return answers.filter((answer) => answer !== null).length
      },
    },
    rawCommit: () => {
      place += 1
      return raw.sendCommand(['SET', `bench:${place}`, value])
    },
    rawSessions: await RawRedis.open(raw, size),
  })
  await sessions.close()
  for (const each of [client, raw]) each.destroy()
  return findings
}

async function fill(store: RedisStore, size: number): Promise<void> {
  for (let start = 0; start < size; start += TOGETHER) {
    await Promise.all(
      Array.from({ length: Math.min(TOGETHER, size - start) }, (_, place) => {
        const { record } = sessionAt(start + place, size, FIXTURE_NOW)
        return store.insert(record, { mark: { at: record.createdAt, actor: 'user' } })
      }),
    )
  }
}
