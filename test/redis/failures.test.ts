import { glob, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { isSojournError } from '../../packages/sojourn/src/index.ts'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import type { SessionFilter } from '../../packages/sojourn/src/core/store.ts'
import type { SessionId } from '../../packages/sojourn/src/core/token.ts'
import { makeEndMark, makeMark, makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { NOON, DAY } from '../../packages/sojourn/src/testing/records.ts'
import { connectTo, redisPath, startRedis, until, untilAnswered } from '../support/redis.ts'
import type { RedisServer, TestClient } from '../support/redis.ts'
import { required } from '../support/require.ts'

const KILLS = Number(process.env['SOJOURN_KILL_CYCLES'] ?? 60) / 12
const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }

/** Each ends with what is to be cut off. */
const DEEDS: Readonly<Record<string, (store: RedisStore, record: SessionRecord) => Promise<void>>> = {
  'a login': async (store, record) => {
    await store.insert(record, { mark: makeMark() })
  },
  'an end': async (store, record) => {
    await DEEDS['a login']!(store, record)
    await store.revoke({ id: record.id }, makeEndMark(), 1)
  },
  'a deletion': async (store, record) => {
    await DEEDS['an end']!(store, record)
    await store.forget(record.userId, 1)
  },
}

describe('one server', () => {
  let server: RedisServer
  let client: TestClient
  let store: RedisStore

  beforeEach(async (context) => {
    required(context, 'redis-server', redisPath)
    server = await startRedis()
    client = await connectTo(server.url)
    store = await RedisStore.open({ client, deadline: '500ms' })
    return async () => {
      server.signal('SIGCONT')
      await store.close()
      client.destroy()
      await server.close()
    }
  })

  async function restart(): Promise<void> {
    await server.start()
    await untilAnswered(client)
  }

  test('what was acknowledged is there after the server was killed, and no ended session stands', async () => {
    const acknowledged = new Map<SessionId, string | null>()
    for (let cycle = 0; cycle < KILLS; cycle += 1) {
      const over = new AbortController()
      const work = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const record = makeRecord({ userId: `user-${acknowledged.size % 10}` })
          try {
            await store.insert(record, { mark: makeMark() })
            acknowledged.set(record.id, null)
            if (acknowledged.size % 2 === 0) continue
            acknowledged.delete(record.id)
            await store.revoke({ id: record.id }, makeEndMark(), 1)
            acknowledged.set(record.id, 'revoked')
          } catch (error) {
            if (!isSojournError(error, 'store_unavailable')) throw error
            return
          }
        }
      }
      const before = acknowledged.size
      const working = Promise.all(Array.from({ length: 8 }, work))
      await until(async () => acknowledged.size > before + 40)
      await server.kill()
      over.abort()
      await working
      await server.start()
      await untilAnswered(client)
      for (const [id, endReason] of acknowledged) expect(await store.get(id)).toMatchObject({ endReason })
    }
    expect(acknowledged.size).toBeGreaterThan(40 * KILLS)
    expect(await store.count({ standing: STANDING })).toBe(await store.count({ isEnded: false }))
  })

  test.for(Object.keys(DEEDS))(
    '%s that a kill has cut off in what the server was writing, wherever, leaves nobody in between',
    { timeout: 60_000 },
    async (deed) => {
      for (const part of [0.05, 0.2, 0.4, 0.6, 0.8, 0.98]) {
        const [torn, whole] = [makeRecord({ userId: `torn at ${part}` }), makeRecord({ userId: 'whole' })]
        // By a node that is not there afterwards: it would make its end again.
        const actor = await RedisStore.open({ client })
        await DEEDS[deed]!(actor, torn)
        await actor.close()
        await server.kill()
        await cutOffLastDeed(await logOf(server), part)
        await restart()
        await store.insert(whole, { mark: makeMark() })
        await server.kill()
        // Now Redis does the beginning of what was cut off: it has written on behind it.
        await restart()
        expect(await store.get(whole.id)).not.toBeNull()
        await assertTold(torn)
      }
    },
  )

  /** Who stands has a login in the history and no end, and is listed; who does not is not listed as somebody who does. */
  async function assertTold({ id, userId }: SessionRecord): Promise<void> {
    const record = await store.get(id)
    const listed = async (filter: SessionFilter): Promise<readonly SessionId[]> => {
      const found = await store.list({ filter, sort: 'createdAt', descending: false, limit: 9 })
      return found.map((each) => each.id)
    }
    const isOpen = record !== null && record.endReason === null
    const lines = await store.events({ sessionId: id, limit: 9 })
    if (isOpen) expect(lines.map(({ type }) => type)).toEqual(['session_created'])
    expect(await listed({ userId })).toEqual(record === null ? [] : [id])
    expect(await listed({ userId, isEnded: false })).toEqual(isOpen ? [id] : [])
  }

  test('a server that hangs is given up at the deadline, and answers again when it goes on', async () => {
    const record = makeRecord()
    await store.insert(record, { mark: makeMark() })
    server.signal('SIGSTOP')
    await expect(store.get(record.id)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.revoke({ id: record.id }, makeEndMark(), 1)).rejects.toMatchObject({ code: 'store_unavailable' })
    server.signal('SIGCONT')
    // What was sent before is carried out late; it was never said that it was not.
    await until(async () => (await store.get(record.id))?.endReason === 'revoked')
  })

  test('a server that is away cannot tell, and says nothing else; when it is back all is well', async () => {
    const record = makeRecord()
    await store.insert(record, { mark: makeMark() })
    await server.kill()
    await expect(store.get(record.id)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.get(makeRecord().id)).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(store.list({ filter: {}, sort: 'createdAt', descending: true, limit: 1 })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    await server.start()
    await untilAnswered(client)
    expect(await store.get(record.id)).toMatchObject({ endReason: null })
  })

  test('closing waits for what is under way', async () => {
    const records = Array.from({ length: 20 }, () => makeRecord())
    const logins = records.map((record) => store.insert(record, { mark: makeMark() }))
    await store.close()
    expect((await Promise.all(logins)).every(({ ok }) => ok)).toBe(true)
  })

  test('fifty logins on two nodes at once never exceed the cap', async () => {
    const neighbour = await connectTo(server.url)
    const other = await RedisStore.open({ client: neighbour })
    const cap = { max: 3, onExceed: 'evict', standing: STANDING } as const
    await Promise.all(
      Array.from({ length: 50 }, async (_, place) => {
        const node = place % 2 === 0 ? store : other
        await node.insert(makeRecord({ userId: 'ada', createdAt: NOON + place }), { mark: makeMark(), cap })
        expect(await node.count({ userId: 'ada', standing: STANDING })).toBeLessThanOrEqual(3)
      }),
    )
    expect(await store.count({ userId: 'ada', standing: STANDING })).toBe(3)
    await other.close()
    neighbour.destroy()
  })
})

/** Where a server writes down what it does. */
async function logOf(server: RedisServer): Promise<string> {
  const [path = ''] = await Array.fromAsync(glob(join(server.folder, 'data', 'appendonlydir', '*.incr.aof')))
  return path
}

/** Leaves so much of the last deed, which begins with MULTI, and ends in the middle of a word. */
async function cutOffLastDeed(path: string, part: number): Promise<void> {
  const written = await readFile(path)
  const start = written.lastIndexOf('*1\r\n$5\r\nMULTI\r\n')
  const ends = [
    ...written
      .subarray(start)
      .toString('latin1')
      .matchAll(/\r\n\*/g),
  ].map(({ index }) => start + index)
  await truncate(path, ends[Math.floor(ends.length * part)])
}
