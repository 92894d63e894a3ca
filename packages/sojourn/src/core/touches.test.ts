import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock, makeMark, makeRecord } from '../testing/index.ts'
import type { Faults } from '../testing/index.ts'
import { definePolicy } from './policy.ts'
import type { SessionRecord } from './session.ts'
import type { Touch } from './store.ts'
import { Touches } from './touches.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const DAY = 86_400_000
const policy = definePolicy()

test('a note is written a touch interval after the first, and not before', async () => {
  const { touches, store, clock, used } = await start()
  touches.note(used, NOON + 1, 0)
  clock.advance('59s')
  expect(store.calls).toEqual([])
  clock.advance('1s')
  await touches.flush()
  expect(store.calls.map(({ method }) => method)).toEqual(['touch'])
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: NOON + 1, endsAt: NOON + 1 + DAY })
})

test('however often a session is used, one note of it is written, the latest', async () => {
  const { touches, store, used } = await start()
  for (const offset of [5, 9, 3, 7]) touches.note(used, NOON + offset, 0)
  expect(touches.size).toBe(1)
  await touches.flush()
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: NOON + 9 })
})

test('a use that the record knows already leaves no note', async () => {
  const { touches, used } = await start()
  touches.note(used, used.lastAccessedAt, 0)
  expect(touches.size).toBe(0)
})

test('a record is seen with its note, while it is held and while it is being written', async () => {
  const gate = Promise.withResolvers<void>()
  const { touches, used } = await start({ pause: () => gate.promise })
  touches.note(used, NOON + 5, 0)
  expect(touches.applyTo(used)).toMatchObject({ lastAccessedAt: NOON + 5, endsAt: NOON + 5 + DAY })
  const flushing = touches.flush()
  expect(touches.size).toBe(0)
  expect(touches.applyTo(used)).toMatchObject({ lastAccessedAt: NOON + 5 })
  gate.resolve()
  await flushing
  expect(touches.applyTo(used)).toBe(used)
})

test('a note says nothing of a session that has ended', async () => {
  const { touches, used } = await start()
  touches.note(used, NOON + 5, 0)
  const ended = { ...used, endReason: 'logout' } as const
  expect(touches.applyTo(ended)).toBe(ended)
})

test('notes are written 500 at a time', async () => {
  const { touches, store } = await start()
  for (let place = 0; place < 1_201; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  await touches.flush()
  expect(store.calls.map(({ method }) => method)).toEqual(['touch', 'touch', 'touch'])
  expect(touches.size).toBe(0)
})

test('notes that could not be written are kept, told of, and tried again', async () => {
  const { touches, store, clock, failures, used } = await start({ isRefused: () => true })
  touches.note(used, NOON + 5, 0)
  clock.advance('1m')
  await expect(touches.flush()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(failures).toMatchObject([{ code: 'store_unavailable' }])
  expect(touches.applyTo(used)).toMatchObject({ lastAccessedAt: NOON + 5 })
  store.faults = {}
  clock.advance('1m')
  await touches.flush()
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: NOON + 5 })
})

test('a use noted while an earlier note fails to be written is the one that is kept', async () => {
  const gate = Promise.withResolvers<void>()
  const { touches, store, used } = await start({ pause: () => gate.promise, isRefused: () => true })
  touches.note(used, NOON + 5, 0)
  const flushing = touches.flush()
  touches.note(used, NOON + 9, 0)
  gate.resolve()
  await expect(flushing).rejects.toMatchObject({ code: 'store_unavailable' })
  store.faults = {}
  await touches.flush()
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: NOON + 9 })
})

test('of a batch that fails half way only the rest is kept', async () => {
  const { touches, store } = await start({ isRefused: ({ number }) => number === 2 })
  for (let place = 0; place < 800; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  await expect(touches.flush()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(touches.size).toBe(300)
  store.faults = {}
  await touches.flush()
  expect(touches.size).toBe(0)
})

test('a use in the last minute before the recorded end is written at once, or another process would refuse first', async () => {
  const { touches, store, used } = await start()
  const end = used.endsAt
  touches.note(used, end - 60_001, 0)
  expect(store.calls).toEqual([])
  await touches.flush()
  const kept = (await store.get(used.id))!
  touches.note(kept, kept.endsAt - 60_000, 0)
  await nextTurn()
  expect(store.calls.map(({ method }) => method)).toEqual(['touch', 'get', 'touch'])
})

test('a use that cannot move the end is never urgent', async () => {
  const { touches, store } = await start()
  const old = makeRecord({ expiresAt: NOON + DAY, endsAt: NOON + DAY })
  touches.note(old, old.endsAt - 5, 0)
  expect(store.calls).toEqual([])
})

test('a session used on both sides of its recorded end is written as used, not forgotten', async () => {
  const { touches, store, used } = await start()
  const end = used.endsAt
  touches.note(used, end - 10_000, 0)
  touches.note(touches.applyTo(used), end + 5_000, 0)
  await touches.flush()
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: end + 5_000, endsAt: end + 5_000 + DAY })
})

test('a session used on both sides of its recorded end is written as used, also if the first try fails', async () => {
  const gate = Promise.withResolvers<void>()
  const { touches, store, used } = await start({ pause: () => gate.promise, isRefused: () => true })
  const end = used.endsAt
  touches.note(used, end - 10_000, 0)
  const flushing = touches.flush()
  touches.note(touches.applyTo(used), end + 5_000, 0)
  gate.resolve()
  await expect(flushing).rejects.toMatchObject({ code: 'store_unavailable' })
  store.faults = {}
  await touches.flush()
  expect(await store.get(used.id)).toMatchObject({ lastAccessedAt: end + 5_000 })
})

test('each note is written when it is due itself, whichever was left first', async () => {
  const { touches, store, clock } = await start()
  const later = makeRecord({ createdAt: NOON + 30_000 })
  const sooner = makeRecord()
  clock.set(NOON + 30_001)
  touches.note(later, clock.now(), 0)
  touches.note(sooner, clock.now(), 0)
  clock.set(NOON + 59_999)
  expect(store.calls).toEqual([])
  clock.set(NOON + 60_000)
  await nextTurn()
  expect(store.calls).toHaveLength(1)
  expect(touches.size).toBe(1)
  clock.set(NOON + 89_999)
  expect(store.calls).toHaveLength(1)
  clock.set(NOON + 90_000)
  await nextTurn()
  expect(store.calls).toHaveLength(2)
  expect(touches.size).toBe(0)
})

test('what could not be written is tried again after an interval, and not in a hurry', async () => {
  const { touches, store, clock, used } = await start({ isRefused: () => true })
  touches.note(used, NOON + 5, 0)
  clock.set(NOON + 60_000)
  await nextTurn()
  expect(store.calls).toHaveLength(1)
  clock.set(NOON + 119_999)
  await nextTurn()
  expect(store.calls).toHaveLength(1)
  clock.set(NOON + 120_000)
  await nextTurn()
  expect(store.calls).toHaveLength(2)
})

test('a note is allowed to be past the recorded end by the time since the note before it, and no more', async () => {
  const written: Touch[] = []
  const touch = async (batch: readonly Touch[]): Promise<number> => written.push(...batch)
  const touches = new Touches({ touch }, new FixedClock(NOON), policy, () => {})
  const used = makeRecord({ lastAccessedAt: NOON, endsAt: NOON + DAY })
  touches.note(used, NOON + 10, 3)
  touches.note(touches.applyTo(used), NOON + 15, 7)
  await touches.flush()
  expect(written).toMatchObject([{ at: NOON + 15, allowance: 8 }])
})

test('a use is written on the last full second of an interval since the one that is recorded', async () => {
  const { touches, store, clock } = await start()
  const used = makeRecord({ createdAt: NOON + 300 })
  clock.set(NOON + 500)
  touches.note(used, NOON + 500, 0)
  clock.set(NOON + 59_999)
  expect(store.calls).toEqual([])
  clock.set(NOON + 60_000)
  expect(store.calls).toHaveLength(1)
})

test('the first use after a longer time is written on the next full second', async () => {
  const { touches, store, clock, used } = await start()
  clock.set(NOON + 2 * 3_600_000 + 300)
  touches.note(used, clock.now(), 0)
  clock.set(NOON + 2 * 3_600_000 + 999)
  expect(store.calls).toEqual([])
  clock.set(NOON + 2 * 3_600_000 + 1_000)
  expect(store.calls).toHaveLength(1)
})

test('no more than 10,000 notes are held, and reaching that many writes them early', async () => {
  const { touches, store } = await start()
  for (let place = 0; place < 10_000; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  await touches.flush()
  expect(store.calls).toHaveLength(20)
  expect(touches.size).toBe(0)
})

test('a store that does not answer makes the notes neither grow without end nor queue up', async () => {
  const gate = Promise.withResolvers<void>()
  const { touches, store } = await start({ pause: () => gate.promise })
  for (let place = 0; place < 35_000; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  expect(touches.size).toBeLessThanOrEqual(10_000)
  expect(store.calls).toHaveLength(1)
  gate.resolve()
  await touches.flush()
  expect(touches.size).toBe(0)
  expect(store.calls.length).toBeLessThanOrEqual(40)
})

test('a store that was away while as many sessions were used as are held gets them all when it is back', async () => {
  const { touches, store, clock } = await start({ isRefused: () => true })
  for (let place = 0; place < 9_999; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  const flushing = touches.flush()
  for (let place = 0; place < 10_000; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  await expect(flushing).rejects.toMatchObject({ code: 'store_unavailable' })
  await expect(touches.flush()).rejects.toMatchObject({ code: 'store_unavailable' })
  store.faults = {}
  store.calls.length = 0
  clock.advance('1m')
  await touches.flush()
  expect(store.calls).toHaveLength(20)
  expect(touches.size).toBe(0)
})

test('a flush with nothing to write asks nothing of the store', async () => {
  const { touches, store } = await start()
  await touches.flush()
  expect(store.calls).toEqual([])
})

test('flushes at once write each note once', async () => {
  const { touches, store } = await start()
  for (let place = 0; place < 10; place += 1) touches.note(makeRecord(), NOON + 1, 0)
  await Promise.all([touches.flush(), touches.flush(), touches.flush()])
  expect(store.calls).toHaveLength(1)
})

interface Started {
  readonly touches: Touches
  readonly store: FaultyStore
  readonly clock: FixedClock
  readonly failures: unknown[]
  readonly used: SessionRecord
}

async function start(faults: Faults = {}): Promise<Started> {
  const memory = new MemoryStore()
  const used = makeRecord()
  await memory.insert(used, { mark: makeMark() })
  const store = new FaultyStore(memory, faults)
  const clock = new FixedClock(NOON)
  const failures: unknown[] = []
  const touches = new Touches(store, clock, policy, (error) => failures.push(error))
  return { touches, store, clock, failures, used }
}
