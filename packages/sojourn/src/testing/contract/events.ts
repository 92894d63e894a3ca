import assert from 'node:assert/strict'
import type { EventRecord } from '../../core/events.ts'
import type { EventQuery, Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeRecord } from '../records.ts'
import { PLENTY, guardFor, history, insertAll, rejection } from './observe.ts'

export const eventCases: readonly ContractCase[] = [
  storeCase('each event has a position of its own that is greater than all before it', async (store) => {
    const records = [makeRecord(), makeRecord(), makeRecord()]
    await insertAll(store, ...records)
    await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
    const positions = (await history(store)).map(({ position }) => position)
    assert.equal(positions.length, 7)
    const growing = [...new Set(positions)].toSorted((a, b) => a - b)
    assert.deepEqual(positions, growing)
  }),

  storeCase('events are found by session, user, type, instant and position, newest first', async (store) => {
    const [first, second] = [makeRecord(), makeRecord({ userId: 'user-2', createdAt: NOON + 1 })]
    await insertAll(store, first, second)
    await store.revoke({ id: first.id }, makeEndMark({ at: NOON + 2 }), 1)
    const [created1, created2, ended1] = await history(store)
    const find = (query: Omit<EventQuery, 'limit'>): Promise<readonly EventRecord[]> =>
      store.events({ ...query, limit: PLENTY })
    assert.deepEqual(await find({}), [ended1, created2, created1])
    assert.deepEqual(await find({ sessionId: first.id }), [ended1, created1])
    assert.deepEqual(await find({ userId: 'user-2' }), [created2])
    assert.deepEqual(await find({ type: 'session_created' }), [created2, created1])
    assert.deepEqual(await find({ since: NOON + 1 }), [ended1, created2])
    assert.deepEqual(await find({ since: NOON + 2 }), [ended1])
    assert.deepEqual(await find({ before: ended1!.position }), [created2, created1])
    assert.deepEqual(await find({ userId: 'user-1', type: 'session_created', since: NOON }), [created1])
    assert.deepEqual(await find({ userId: 'nobody' }), [])
  }),

  storeCase('events of several types are found together, newest first, each once, by page', async (store) => {
    const [first, second] = [makeRecord(), makeRecord({ userId: 'user-2', createdAt: NOON + 1 })]
    await insertAll(store, first, second)
    await store.revoke({ userId: 'user-1' }, makeEndMark({ at: NOON + 2 }), 1)
    const [created1, created2, ended1, allEnded] = await history(store)
    const find = (query: Partial<EventQuery>): Promise<readonly EventRecord[]> =>
      store.events({ limit: PLENTY, ...query })
    const type = ['user_sessions_ended', 'session_created'] as const
    assert.deepEqual(await find({ type }), [allEnded, created2, created1])
    assert.deepEqual(await find({ type, limit: 2 }), [allEnded, created2])
    assert.deepEqual(await find({ type, before: created2!.position }), [created1])
    assert.deepEqual(await find({ type, since: NOON + 1 }), [allEnded, created2])
    assert.deepEqual(await find({ type, since: NOON + 3 }), [])
    assert.deepEqual(await find({ type, userId: 'user-1' }), [allEnded, created1])
    assert.deepEqual(await find({ type: ['session_ended', 'session_ended'], sessionId: first.id }), [ended1])
    assert.deepEqual(await find({ type: [] }), [])
  }),

  storeCase('no more events are answered than the limit, the newest ones', async (store) => {
    await insertAll(store, ...[1, 2, 3].map((place) => makeRecord({ createdAt: NOON + place })))
    const newestFirst = (await history(store)).toReversed()
    for (const limit of [1, 2, 3, 4]) assert.deepEqual(await store.events({ limit }), newestFirst.slice(0, limit))
  }),

  storeCase('a reader who passes each cursor back sees every event once and in order', async (store) => {
    await insertAll(store, ...Array.from({ length: 7 }, () => makeRecord()))
    await store.revoke({ where: {} }, makeEndMark(), PLENTY)
    const whole = await history(store)
    assert.equal(whole.length, 14)
    for (const limit of [1, 3, 14, 15]) assert.deepEqual((await readOn(store, null, limit)).events, whole)
  }),

  storeCase('a reader who has seen all sees nothing, and later what came since', async (store) => {
    const nothing = await store.changes(null, 10)
    assert.deepEqual(nothing.events, [])
    await insertAll(store, makeRecord())
    const { events, cursor } = await readOn(store, nothing.cursor, 10)
    assert.equal(events.length, 1)
    assert.deepEqual((await store.changes(cursor, 10)).events, [])
    await insertAll(store, makeRecord({ createdAt: NOON + 1 }))
    const later = await readOn(store, cursor, 10)
    assert.deepEqual(
      later.events.map(({ at }) => at),
      [NOON + 1],
    )
  }),

  storeCase(`a reader who starts at 'end' sees only what comes afterwards`, async (store) => {
    await insertAll(store, makeRecord())
    const { events, cursor } = await store.changes('end', 10)
    assert.deepEqual(events, [])
    const record = makeRecord({ createdAt: NOON + 1 })
    await insertAll(store, record)
    const later = await readOn(store, cursor, 10)
    assert.deepEqual(
      later.events.map(({ sessionId }) => sessionId),
      [record.id],
    )
  }),

  storeCase('a reader goes on where it was after old events were pruned', async (store) => {
    await insertAll(store, makeRecord(), makeRecord({ createdAt: NOON + 1 }))
    const { cursor } = await store.changes(null, 1)
    const end = await store.changes('end', 1)
    await store.prune(NOON + HOUR, PLENTY)
    const record = makeRecord({ createdAt: NOON + DAY })
    await insertAll(store, record)
    for (const each of [cursor, end.cursor, null]) {
      const { events } = await readOn(store, each, 10)
      assert.deepEqual(events.at(-1)?.sessionId, record.id)
    }
    assert.equal((await readOn(store, end.cursor, 10)).events.length, 1)
  }),

  storeCase('a reader misses nothing that is written while it reads', async (store) => {
    const records = Array.from({ length: 40 }, (_, place) => makeRecord({ userId: `user-${place % 5}` }))
    const writing = Promise.all(records.map((record) => store.insert(record, guardFor(record))))
    let { events, cursor } = await store.changes(null, 3)
    const seen = [...events]
    for (let turn = 0; turn < 20; turn += 1) {
      ;({ events, cursor } = await store.changes(cursor, 3))
      seen.push(...events)
    }
    await writing
    seen.push(...(await readOn(store, cursor, 3)).events)
    assert.deepEqual(seen.map(({ sessionId }) => `${sessionId}`).toSorted(), records.map(({ id }) => id).toSorted())
  }),

  storeCase('what was acknowledged is told to whoever asks next, whatever else is under way', async (store) => {
    await insertAll(store, makeRecord())
    const { cursor } = await store.changes('end', PLENTY)
    const records = Array.from({ length: 40 }, (_, place) => makeRecord({ userId: `user-${place % 5}` }))
    const missing = await Promise.all(
      records.map(async (record) => {
        await store.insert(record, guardFor(record))
        const { events } = await store.changes(cursor, PLENTY)
        return events.some(({ sessionId }) => sessionId === record.id) ? null : record.id
      }),
    )
    assert.deepEqual(
      missing.filter((id) => id !== null),
      [],
    )
  }),

  storeCase('a cursor that no log gave out is rejected', async (store) => {
    await insertAll(store, makeRecord())
    for (const cursor of ['rubbish', '', '-1', 'NaN']) {
      assert.equal(await rejection(store.changes(cursor, 10)), 'invalid_argument')
    }
  }),
]

/** Reads on from a cursor until nothing more comes. */
async function readOn(
  store: Store,
  start: string | null,
  limit: number,
): Promise<{ events: readonly EventRecord[]; cursor: string }> {
  const seen: EventRecord[] = []
  let { events, cursor } = await store.changes(start, limit)
  while (events.length > 0 && seen.length < PLENTY) {
    assert.ok(events.length <= limit, `${events.length} events where at most ${limit} were asked for`)
    seen.push(...events)
    ;({ events, cursor } = await store.changes(cursor, limit))
  }
  return { events: seen, cursor }
}
