import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { SessionPatch } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, MINUTE, NOON, makeEndMark, makeMark, makeRecord } from '../records.ts'
import { assertNothingChanges, assertSameRecord, history, insertAll, read, rejection, told } from './observe.ts'

/** One change of each kind. */
const PATCHES: readonly SessionPatch[] = [
  { secretHash: randomBytes(32) },
  { nextHash: randomBytes(32), nextSalt: randomBytes(32) },
  { nextHash: null, nextSalt: null },
  { previousHashes: Array.from({ length: 16 }, () => randomBytes(32)), previousUntil: NOON + MINUTE },
  { previousHashes: [], previousUntil: null },
  { authenticatedAt: NOON + 1, lastAccessedAt: NOON + 1, expiresAt: NOON + 2 * DAY, endsAt: NOON + DAY },
  { attributes: { cart: ['ü', 1, null], note: `it's "quoted"` } },
  { attributes: {} },
  { method: 'passkey' },
  { method: null },
]

export const updateCases: readonly ContractCase[] = [
  storeCase('an update changes what its patch names, raises the version by one and leaves the rest', async (store) => {
    let expected = makeRecord({
      nextHash: randomBytes(32),
      nextSalt: randomBytes(32),
      attributes: { a: 1 },
      method: 'm',
    })
    await insertAll(store, expected)
    for (const patch of PATCHES) {
      assert.equal(await store.update(expected.id, expected.version, patch, makeMark()), true)
      expected = { ...expected, ...patch, version: expected.version + 1 }
      assertSameRecord(await read(store, expected.id), expected)
    }
  }),

  storeCase('an update moves the last use forwards only', async (store) => {
    const record = makeRecord({ lastAccessedAt: NOON + HOUR })
    await insertAll(store, record)
    const patch = { lastAccessedAt: NOON + MINUTE, method: 'passkey' }
    assert.equal(await store.update(record.id, 1, patch, makeMark()), true)
    assertSameRecord(await read(store, record.id), { ...record, method: 'passkey', version: 2 })
  }),

  storeCase('an update under any version but the present one does nothing', async (store) => {
    const record = makeRecord({ version: 5 })
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      for (const version of [0, 4, 6]) {
        assert.equal(await store.update(record.id, version, { method: 'late' }, telling()), false)
      }
    })
  }),

  storeCase('an update of an unknown session makes nothing', async (store) => {
    const { id } = makeRecord()
    await assertNothingChanges(store, async () => {
      assert.equal(await store.update(id, 1, { method: 'late' }, telling()), false)
      assert.equal(await store.get(id), null)
    })
  }),

  storeCase('an update of an ended session does nothing, under its old version and its new one', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.revoke({ id: record.id }, makeEndMark(), 1)
    const { version } = await read(store, record.id)
    await assertNothingChanges(store, async () => {
      for (const each of [record.version, version]) {
        assert.equal(
          await store.update(record.id, each, { endsAt: NOON + DAY }, { ...telling(), allowance: DAY }),
          false,
        )
      }
    })
  }),

  storeCase('an update counts up to the last millisecond before the recorded end', async (store) => {
    const record = makeRecord({ endsAt: NOON + HOUR })
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      assert.equal(await store.update(record.id, 1, { method: 'late' }, makeMark({ at: NOON + HOUR })), false)
    })
    assert.equal(await store.update(record.id, 1, { method: 'in time' }, makeMark({ at: NOON + HOUR - 1 })), true)
  }),

  storeCase('an allowance lets an update come after the recorded end by less than itself', async (store) => {
    const record = makeRecord({ endsAt: NOON + HOUR })
    await insertAll(store, record)
    const mark = { ...makeMark({ at: NOON + HOUR + MINUTE }), allowance: MINUTE }
    await assertNothingChanges(store, async () => {
      assert.equal(await store.update(record.id, 1, { method: 'late' }, mark), false)
    })
    assert.equal(await store.update(record.id, 1, { method: 'in time' }, { ...mark, at: mark.at - 1 }), true)
  }),

  storeCase('an update writes the one event that its mark names, or none', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    const mark = { at: NOON + 1, actor: 'ops:grace', ipAddress: '192.0.2.9', detail: 'said so' }
    await store.update(record.id, 1, { method: 'quiet' }, mark)
    assert.equal((await history(store)).length, 1)
    await store.update(record.id, 2, { method: 'told' }, { ...mark, event: 'session_renewed' })
    const whom = { sessionId: record.id, userId: record.userId }
    const [, ...events] = await told(store)
    assert.deepEqual(events, [{ type: 'session_renewed', ...whom, ...mark, reason: null }])
  }),

  storeCase('an update with an instant that is none is rejected and changes nothing', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      await rejection(store.update(record.id, 1, { endsAt: Number.NaN }, telling()))
    })
  }),

  storeCase('of twenty updates at once under one version exactly one is done', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    const attempts = Array.from({ length: 20 }, (_, place) => `attempt ${place}`)
    const done = await Promise.all(attempts.map((method) => store.update(record.id, 1, { method }, telling())))
    assert.equal(done.filter(Boolean).length, 1)
    assertSameRecord(await read(store, record.id), { ...record, method: attempts[done.indexOf(true)]!, version: 2 })
    assert.equal((await history(store)).length, 2)
  }),

  storeCase('an update and an end at once leave an ended session, whichever came first', async (store) => {
    for (let round = 0; round < 20; round += 1) {
      const record = makeRecord()
      await insertAll(store, record)
      const update = (): Promise<unknown> => store.update(record.id, 1, { endsAt: NOON + DAY }, makeMark())
      const end = (): Promise<unknown> => store.revoke({ id: record.id }, makeEndMark({ at: NOON + 1 }), 1)
      await Promise.all(round % 2 === 0 ? [update(), end()] : [end(), update()])
      const { endReason, endsAt } = await read(store, record.id)
      assert.deepEqual([endReason, endsAt], ['revoked', NOON + 1])
    }
  }),
]

function telling(): Parameters<typeof makeMark>[0] & { at: number; actor: string; event: 'session_renewed' } {
  return { ...makeMark(), event: 'session_renewed' }
}
