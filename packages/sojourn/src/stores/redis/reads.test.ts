import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { makeRecord } from '../../testing/index.ts'
import type { RedisClient } from './client.ts'
import { RedisConnection } from './connection.ts'
import { Keys } from './keys.ts'
import { Reads } from './reads.ts'
import { RecentEnds } from './recent-ends.ts'

test('the second half of many reads is answered when what the first half asks for next is on its way', async () => {
  const seen: string[] = []
  const reads = readsOf((count) => seen.push(`asked for ${count}`))
  const readTwice = async (): Promise<void> => {
    await reads()
    seen.push('answered')
    await reads()
  }
  await Promise.all(Array.from({ length: 64 }, readTwice))
  const half = Array.from({ length: 32 }, () => 'answered')
  expect(seen).toEqual(['asked for 32', 'asked for 32', ...half, 'asked for 32', ...half, 'asked for 32'])
})

test('a few reads are one step', async () => {
  const asked: number[] = []
  const reads = readsOf((count) => asked.push(count))
  await Promise.all(Array.from({ length: 16 }, reads))
  expect(asked).toEqual([16])
})

/** Reads from an engine that has no session. Its answers to what it is asked in one turn arrive together. */
function readsOf(onAsked: (count: number) => void): () => Promise<unknown> {
  let arrival: Promise<unknown> | null = null
  const client: RedisClient = {
    sendCommand: async (words) => {
      const count = words.length - ['EVALSHA', 'its name', '1', 'the partition'].length
      onAsked(count)
      arrival ??= nextTurn().finally(() => (arrival = null))
      await arrival
      return Array.from({ length: count }, () => null)
    },
  }
  const keys = new Keys('sojourn:', false)
  const reads = new Reads(new RedisConnection(client, 2_000), new RecentEnds())
  return () => reads.read(keys.numbered(0), makeRecord().id)
}
