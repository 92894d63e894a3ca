import assert from 'node:assert/strict'
import type { Touch } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, MINUTE, NOON, makeEndMark, makeRecord } from '../records.ts'
import { assertNothingChanges, assertSameRecord, history, insertAll, read, rejection } from './observe.ts'

export const touchCases: readonly ContractCase[] = [
  storeCase('a note moves the last use and the end forward and changes nothing else', async (store) => {
    const record = makeRecord({ version: 3 })
    await insertAll(store, record)
    assert.equal(await store.touch([note(record.id, NOON + HOUR)]), 1)
    const touched = { ...record, lastAccessedAt: NOON + HOUR, endsAt: NOON + HOUR + DAY }
    assertSameRecord(await read(store, record.id), touched)
  }),

  storeCase('a note writes no event', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.touch([note(record.id, NOON + 1)])
    assert.equal((await history(store)).length, 1)
  }),

  storeCase('a note never moves the end past the absolute end', async (store) => {
    const record = makeRecord({ expiresAt: NOON + 2 * HOUR })
    await insertAll(store, record)
    await store.touch([note(record.id, NOON + HOUR)])
    const { endsAt, expiresAt } = await read(store, record.id)
    assert.equal(endsAt, NOON + 2 * HOUR)
    assert.equal(expiresAt, NOON + 2 * HOUR)
  }),

  storeCase('a note brings the end that follows from it, also when that is sooner than before', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.touch([{ ...note(record.id, NOON + 1), endsAt: NOON + HOUR }])
    assert.equal((await read(store, record.id)).endsAt, NOON + HOUR)
  }),

  storeCase('a late note does not move time back; one millisecond later counts', async (store) => {
    const record = makeRecord({ lastAccessedAt: NOON + HOUR })
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      for (const at of [NOON, NOON + HOUR - 1, NOON + HOUR]) assert.equal(await store.touch([note(record.id, at)]), 0)
    })
    assert.equal(await store.touch([note(record.id, NOON + HOUR + 1)]), 1)
  }),

  storeCase('a note for an unknown id makes nothing', async (store) => {
    const { id } = makeRecord()
    await assertNothingChanges(store, async () => {
      assert.equal(await store.touch([note(id, NOON)]), 0)
      assert.equal(await store.get(id), null)
    })
  }),

  storeCase('a note for a deleted session does not bring it back', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.revoke({ id: record.id }, makeEndMark(), 1)
    assert.equal((await store.prune(NOON + 1, 10)).sessions, 1)
    assert.equal(await store.touch([note(record.id, NOON + 1)]), 0)
    assert.equal(await store.get(record.id), null)
  }),

  storeCase('a note does not wake an ended session, not even one from before the end', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.revoke({ id: record.id }, makeEndMark({ at: NOON + HOUR }), 1)
    await assertNothingChanges(store, async () => {
      for (const at of [NOON + 1, NOON + HOUR - 1, NOON + HOUR, NOON + 2 * HOUR]) {
        assert.equal(await store.touch([{ ...note(record.id, at), allowance: DAY }]), 0)
      }
    })
  }),

  storeCase('a note counts up to the last millisecond before the recorded end', async (store) => {
    const [inTime, tooLate] = [makeRecord({ endsAt: NOON + HOUR }), makeRecord({ endsAt: NOON + HOUR })]
    await insertAll(store, inTime, tooLate)
    assert.equal(await store.touch([note(inTime.id, NOON + HOUR - 1)]), 1)
    assert.equal(await store.touch([note(tooLate.id, NOON + HOUR)]), 0)
    assertSameRecord(await read(store, tooLate.id), tooLate)
  }),

  storeCase('an allowance lets the recorded end have passed by less than itself', async (store) => {
    const [inTime, tooLate] = [makeRecord({ endsAt: NOON + HOUR }), makeRecord({ endsAt: NOON + HOUR })]
    await insertAll(store, inTime, tooLate)
    const at = NOON + HOUR + MINUTE
    assert.equal(await store.touch([{ ...note(inTime.id, at - 1), allowance: MINUTE }]), 1)
    assert.equal(await store.touch([{ ...note(tooLate.id, at), allowance: MINUTE }]), 0)
    assert.equal((await read(store, inTime.id)).endsAt, at - 1 + DAY)
  }),

  storeCase('a note with an instant that is none is rejected, and the whole batch changes nothing', async (store) => {
    const [first, second] = [makeRecord(), makeRecord()]
    await insertAll(store, first, second)
    await assertNothingChanges(store, async () => {
      const broken = { ...note(second.id, NOON + 1), endsAt: Number.NaN }
      await rejection(store.touch([note(first.id, NOON + 1), broken]))
    })
  }),

  storeCase('each note of a batch is taken by itself, and the answer counts those that took effect', async (store) => {
    const [used, late, ended] = [makeRecord(), makeRecord({ lastAccessedAt: NOON + 2 }), makeRecord()]
    await insertAll(store, used, late, ended)
    await store.revoke({ id: ended.id }, makeEndMark(), 1)
    const ids = [makeRecord().id, used.id, late.id, ended.id]
    assert.equal(await store.touch(ids.map((id) => note(id, NOON + 1))), 1)
    assert.equal((await read(store, used.id)).lastAccessedAt, NOON + 1)
    assert.equal((await read(store, late.id)).lastAccessedAt, NOON + 2)
  }),

  storeCase('several notes of one session in a batch leave the latest', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.touch([note(record.id, NOON + 2), note(record.id, NOON + 3), note(record.id, NOON + 1)])
    const { lastAccessedAt, endsAt } = await read(store, record.id)
    assert.deepEqual([lastAccessedAt, endsAt], [NOON + 3, NOON + 3 + DAY])
  }),

  storeCase('a batch may be empty, and may hold 500 notes', async (store) => {
    assert.equal(await store.touch([]), 0)
    const records = Array.from({ length: 500 }, () => makeRecord())
    await insertAll(store, ...records)
    assert.equal(await store.touch(records.map(({ id }) => note(id, NOON + 1))), 500)
    assert.equal(await store.count({ accessedBy: NOON }), 0)
  }),

  storeCase('a note and an end at once leave an ended session, whichever came first', async (store) => {
    for (let round = 0; round < 20; round += 1) {
      const record = makeRecord()
      await insertAll(store, record)
      const touch = (): Promise<unknown> => store.touch([note(record.id, NOON + HOUR)])
      const end = (): Promise<unknown> => store.revoke({ id: record.id }, makeEndMark({ at: NOON + HOUR }), 1)
      await Promise.all(round % 2 === 0 ? [touch(), end(), touch()] : [end(), touch(), touch()])
      const { endReason, endsAt } = await read(store, record.id)
      assert.deepEqual([endReason, endsAt], ['revoked', NOON + HOUR])
    }
  }),
]

function note(id: SessionId, at: number): Touch {
  return { id, at, endsAt: at + DAY, allowance: 0 }
}
