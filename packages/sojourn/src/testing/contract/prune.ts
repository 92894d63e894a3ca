import assert from 'node:assert/strict'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeMark, makeRecord } from '../records.ts'
import { PLENTY, all, assertSameRecord, guardFor, history, idsOf, insertAll, read } from './observe.ts'

export const pruneCases: readonly ContractCase[] = [
  storeCase('pruning deletes what ended before the instant, to the millisecond', async (store) => {
    const records = [NOON - 1, NOON, NOON + 1].map((endsAt) =>
      makeRecord({ endsAt, loggedOutAt: endsAt, endReason: 'logout', endedBy: 'user' }),
    )
    await insertAll(store, ...records)
    assert.equal((await store.prune(NOON, PLENTY)).sessions, 1)
    assert.equal(await store.get(records[0]!.id), null)
    assertSameRecord(await read(store, records[1]!.id), records[1]!)
    assertSameRecord(await read(store, records[2]!.id), records[2]!)
  }),

  storeCase('pruning also deletes what ran out before the instant and was never ended', async (store) => {
    const [over, justNow] = [makeRecord({ endsAt: NOON - 1 }), makeRecord({ endsAt: NOON })]
    await insertAll(store, over, justNow)
    assert.equal((await store.prune(NOON, PLENTY)).sessions, 1)
    assert.deepEqual(await idsOf(store), [justNow.id])
  }),

  storeCase('a session that may still stand is never pruned, however old it is', async (store) => {
    const old = makeRecord({ createdAt: 0, expiresAt: NOON + 1, endsAt: NOON + 1 })
    const used = makeRecord({ createdAt: NOON - DAY, endsAt: NOON - 1 })
    await insertAll(store, old, used)
    await store.touch([{ id: used.id, at: NOON - 2, endsAt: NOON + HOUR, allowance: 0 }])
    assert.equal((await store.prune(NOON, PLENTY)).sessions, 0)
    assert.equal((await idsOf(store)).length, 2)
  }),

  storeCase('no call deletes more than its limit, and calling again deletes the rest', async (store) => {
    await insertAll(store, ...Array.from({ length: 5 }, () => makeRecord({ endsAt: NOON - 1 })))
    assert.equal((await store.prune(NOON, 2)).sessions, 2)
    assert.equal(await store.count({}), 3)
    assert.equal((await store.prune(NOON, 2)).sessions, 2)
    assert.equal((await store.prune(NOON, 2)).sessions, 1)
    assert.equal((await store.prune(NOON, 2)).sessions, 0)
  }),

  storeCase('events older than the instant go as well, no more than the limit in a call', async (store) => {
    for (const at of [NOON - 3, NOON - 2, NOON - 1, NOON, NOON + 1]) {
      const record = makeRecord({ createdAt: at })
      await store.insert(record, { mark: makeMark({ at }) })
    }
    assert.deepEqual(await store.prune(NOON, 2), { sessions: 0, events: 2 })
    assert.deepEqual(await instants(store), [NOON - 1, NOON, NOON + 1])
    assert.deepEqual(await store.prune(NOON, 2), { sessions: 0, events: 1 })
    assert.deepEqual(await instants(store), [NOON, NOON + 1])
    assert.equal(await store.count({}), 5, 'the sessions stand and must stay')
  }),

  storeCase('what was pruned cannot be touched, changed or ended, and stays away', async (store) => {
    const record = makeRecord({ endsAt: NOON - 1 })
    await insertAll(store, record)
    await store.prune(NOON, PLENTY)
    assert.equal(await store.touch([{ id: record.id, at: NOON, endsAt: NOON + DAY, allowance: DAY }]), 0)
    assert.equal(await store.update(record.id, 1, { method: 'late' }, { ...makeMark(), allowance: DAY }), false)
    assert.deepEqual(await store.revoke({ id: record.id }, makeEndMark(), 1), [])
    assert.equal(await store.get(record.id), null)
    assert.deepEqual(await store.list(all()), [])
    assert.equal(await store.count({}), 0)
  }),

  storeCase('pruning forgets no epoch', async (store) => {
    await insertAll(store, makeRecord())
    await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
    await store.prune(NOON + 1, PLENTY)
    assert.equal(await store.epoch('user-1'), 1)
    const late = makeRecord()
    assert.deepEqual(await store.insert(late, guardFor(late, { epoch: 0 })), { ok: false, reason: 'epoch' })
  }),

  storeCase('positions are never used again, however much of the history was pruned', async (store) => {
    await insertAll(store, makeRecord(), makeRecord())
    const last = (await history(store)).at(-1)!.position
    await store.prune(NOON + HOUR, PLENTY)
    await insertAll(store, makeRecord({ createdAt: NOON + DAY }))
    const position = (await history(store)).at(-1)!.position
    assert.ok(position > last, `position ${position} after ${last}`)
  }),
]

async function instants(store: Parameters<typeof history>[0]): Promise<readonly number[]> {
  return (await history(store)).map(({ at }) => at)
}
