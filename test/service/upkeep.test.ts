import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pino } from 'pino'
import { Metrics } from '../../packages/server/src/service/metrics.ts'
import { Upkeep } from '../../packages/server/src/service/upkeep.ts'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { FaultyStore, FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import type { StoreCall } from '../../packages/sojourn/src/testing/index.ts'

const EVERY = 600_000

let clock: FixedClock
let memory: MemoryStore
let nodes: Node[]

beforeEach(() => {
  clock = new FixedClock()
  memory = new MemoryStore()
  nodes = []
})
afterEach(() => Promise.all(nodes.map(({ upkeep }) => upkeep.stop())))

/** One node of several on one store. */
interface Node {
  readonly upkeep: Upkeep
  readonly store: FaultyStore
  readonly sessions: SessionManager
  readonly lines: string[]
}

function startNode(): Node {
  const store = new FaultyStore(memory)
  const sessions = new SessionManager({ store, clock })
  const lines: string[] = []
  const metrics = new Metrics()
  metrics.close()
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) })
  const upkeep = new Upkeep({ sessions, store, users: memory.users, every: EVERY, log, metrics, clock })
  const node = { upkeep, store, sessions, lines }
  nodes.push(node)
  upkeep.start()
  return node
}

async function signIn({ sessions }: Node, count = 1): Promise<void> {
  for (let number = 0; number < count; number += 1) await sessions.create({ userId: 'user-1', username: 'ada' })
}

/** Lets time pass until every node has had its turn, and what that started has ended. */
async function pass(span: string): Promise<void> {
  clock.advance(span)
  await settled()
}

/** Until nothing is under way any more: every promise here is kept in the memory of this process. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

function hasCleaned({ store }: Node): boolean {
  return store.calls.some(({ method }) => method === 'prune')
}

describe('what is overdue', () => {
  test('is ended soon after the start, and then again and again', async () => {
    const node = startNode()
    expect(node.upkeep.status).toEqual({ lastRunAt: null, lastResult: null, every: EVERY })
    await signIn(node)
    await pass('1m')
    expect(node.upkeep.status).toEqual({
      lastRunAt: new Date(clock.now()),
      lastResult: { ended: 0, pruned: 0 },
      every: EVERY,
    })
    await pass('25h')
    expect(node.upkeep.status.lastResult).toEqual({ ended: 1, pruned: 0 })
    await pass('100d')
    expect(node.upkeep.status.lastResult).toEqual({ ended: 0, pruned: 1 })
    expect(node.lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['cleaned up', 'cleaned up'])
  })

  test('is nothing that a policy lets stand', async () => {
    const node = startNode()
    await signIn(node, 3)
    for (let hour = 0; hour < 23; hour += 1) await pass('1h')
    expect(await node.sessions.count({ active: true })).toBe(3)
  })

  test('is failed attempts of a month ago, too', async () => {
    const node = startNode()
    const state = { count: 1, since: clock.now(), until: clock.now() }
    await memory.users.attempts.swap([{ bucket: 'x', from: null, to: state }])
    await pass('29d')
    expect(await memory.users.attempts.read(['x'])).toEqual([state])
    await pass('2d')
    expect(await memory.users.attempts.read(['x'])).toEqual([null])
    expect(node.lines).toEqual([])
  })
})

describe('of several nodes', () => {
  test('one at a time cleans up, and goes on doing so', async () => {
    const all = [startNode(), startNode(), startNode()]
    await pass('1m')
    const [busy] = all.filter(hasCleaned)
    expect(all.filter(hasCleaned)).toHaveLength(1)
    for (let round = 0; round < 5; round += 1) await pass('10m')
    expect(all.filter(hasCleaned)).toEqual([busy])
  })

  test('another takes over when that one has stopped', async () => {
    const all = [startNode(), startNode()]
    await pass('1m')
    const busy = all.find(hasCleaned)
    const idle = all.find((node) => node !== busy)
    await busy?.upkeep.stop()
    await pass('10m')
    expect(idle !== undefined && hasCleaned(idle)).toBe(true)
  })

  test('another takes over when that one is gone without a word', async () => {
    const all = [startNode(), startNode()]
    await pass('1m')
    const busy = all.find(hasCleaned)
    const idle = all.find((node) => node !== busy)
    if (busy !== undefined) busy.store.faults = { isRefused: () => true }
    for (let round = 0; round < 3; round += 1) await pass('10m')
    expect(idle !== undefined && hasCleaned(idle)).toBe(true)
  })

  test('every one cleans up where a store knows no claims', async () => {
    const all = [startNode(), startNode()]
    for (const { store } of all) Object.defineProperty(store, 'claim', { value: undefined })
    await pass('1m')
    expect(all.filter(hasCleaned)).toEqual(all)
  })
})

test('a clean-up that fails is told, and is tried again', async () => {
  const node = startNode()
  await signIn(node)
  node.store.faults = { isRefused: ({ method }) => method === 'revoke' }
  await pass('25h')
  expect(node.lines.join('')).toContain('the clean-up has failed; it is tried again')
  expect(node.upkeep.status.lastRunAt).toBeNull()
  node.store.faults = {}
  await pass('10m')
  expect(node.upkeep.status.lastResult).toEqual({ ended: 1, pruned: 0 })
})

test('stopping waits for the batch that is under way, and begins no other', async () => {
  const node = startNode()
  await signIn(node, 250)
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let batches = 0
  node.store.faults = {
    pause: async ({ method }: StoreCall, when) => {
      if (method !== 'revoke' || when !== 'before') return
      batches += 1
      reached.resolve()
      await released.promise
    },
  }
  clock.advance('25h')
  await reached.promise
  let isStopped = false
  const stopped = node.upkeep.stop().then(() => (isStopped = true))
  await settled()
  expect(isStopped).toBe(false)
  released.resolve()
  await stopped
  // The first step finds nothing, the next ends a hundred, and there it stops.
  expect(await memory.count({ isEnded: true })).toBe(100)
  const before = batches
  await pass('10m')
  expect(batches).toBe(before)
})
