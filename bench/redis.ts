import { createClient } from 'redis'
import { SessionManager } from 'sojourn'
import { RedisStore } from 'sojourn/redis'
import { redisPath, startRedis } from '../test/support/redis.ts'
import type { Finding } from './findings.ts'
import { sessionAt } from './fixture.ts'
import { FIXTURE_NOW, measureNetworked, without } from './networked.ts'
import { BY_HAND, RawRedis } from './raw-redis.ts'

const PREFIX = 'sojourn:'
const TOGETHER = 256
/** How many keys one step of a copy goes through. */
const STEP = 10_000
/** Bulk text as bytes, as the store asks for it. */
const AS_BYTES = { typeMapping: { 36: Buffer } }

const COPY = `
local found = redis.call('SCAN', ARGV[3], 'MATCH', ARGV[1] .. '*', 'COUNT', ARGV[4])
for _, key in ipairs(found[2]) do redis.call('COPY', key, ARGV[2] .. string.sub(key, #ARGV[1] + 1), 'REPLACE') end
return found[1]`

/** What is asked of a client of node-redis. */
interface Sending {
  sendCommand(words: string[]): Promise<unknown>
}

/** Redis, started for this with every write synced. */
export async function measureRedis(_: string, size: number): Promise<readonly Finding[]> {
  if (redisPath === null) return without('redis-server')
  // A rewrite of the log in the background would be measured as well.
  const server = await startRedis({ 'auto-aof-rewrite-percentage': '0' })
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
  await copyKeys(raw)
  const { id } = sessionAt(0, size, FIXTURE_NOW).record
  const value = String(await raw.get(`${PREFIX}session:${id}`))
  let place = 0
  const findings = await measureNetworked({
    engine: 'Redis',
    size,
    sessions,
    rawReads: {
      '': async (ids) => {
        const answers = await Promise.all(
          ids.map((each) => raw.sendCommand(['GET', `${PREFIX}session:${each}`], AS_BYTES)),
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

/** The server copies the store's keys below the other prefix: the same sessions, in a fraction of the time. */
async function copyKeys(client: Sending): Promise<void> {
  let cursor = '0'
  do cursor = String(await client.sendCommand(['EVAL', COPY, '0', PREFIX, BY_HAND, cursor, String(STEP)]))
  while (cursor !== '0')
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
