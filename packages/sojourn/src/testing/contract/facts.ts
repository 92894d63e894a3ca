import assert from 'node:assert/strict'
import type { Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { HOUR, MINUTE, NOON, makeEndMark, makeMark, makeRecord } from '../records.ts'
import { all, guardFor, insertAll, rejection } from './observe.ts'

export const factCases: readonly ContractCase[] = [
  storeCase('an unknown user has epoch 0', async (store) => {
    assert.equal(await store.epoch('nobody'), 0)
  }),

  storeCase('the latest instant is that of the last deed or use, and 0 in an empty store', async (store) => {
    assert.equal(await store.latestInstant(), 0)
    const [first, second] = [makeRecord(), makeRecord({ createdAt: NOON - HOUR })]
    await insertAll(store, first, second)
    assert.equal(await store.latestInstant(), NOON, 'ends that lie ahead have not happened')
    await store.touch([{ id: first.id, at: NOON + 1, endsAt: NOON + HOUR, allowance: 0 }])
    assert.equal(await store.latestInstant(), NOON + 1)
    await store.revoke({ id: first.id }, makeEndMark({ at: NOON + MINUTE }), 1)
    assert.equal(await store.latestInstant(), NOON + MINUTE)
  }),

  storeCase('a renewal key, where there is one, is 32 random bytes and always the same', async (store) => {
    const [first, second] = [await store.renewalKey(), await store.renewalKey()]
    if (first === null) {
      assert.equal(second, null)
      return
    }
    assert.equal(first.length, 32)
    assert.deepEqual(Buffer.from(second!), Buffer.from(first))
    assert.ok(new Set(first).size > 8, 'the bytes must be random')
  }),

  storeCase(
    'a store says what it promises, and warns where that is less than keeping what it acknowledged',
    async (store) => {
      const { engine, survivesProcessKill, survivesPowerLoss, revocationBound, settings, warnings } =
        await store.guarantees()
      assert.ok(engine.length > 0)
      assert.equal(typeof survivesProcessKill, 'boolean')
      assert.equal(typeof survivesPowerLoss, 'boolean')
      assert.ok(revocationBound >= 0)
      for (const value of Object.values(settings)) assert.match(typeof value, /^(?:string|number|boolean)$/)
      if (!survivesProcessKill || !survivesPowerLoss) assert.ok(warnings.length > 0)
    },
  ),

  storeCase(
    'the time of the engine, where it has its own, is in whole milliseconds and does not go back',
    async (store) => {
      if (store.now === undefined) return
      const [first, second] = [await store.now(), await store.now()]
      for (const instant of [first, second]) assert.ok(Number.isSafeInteger(instant), `it is ${instant}`)
      assert.ok(second >= first, `it was ${first} and then ${second}`)
    },
  ),

  storeCase('a record that is read past any memory is the record', async (store) => {
    if (store.reread === undefined) return
    const record = makeRecord()
    assert.equal(await store.reread(record.id), null)
    await insertAll(store, record)
    assert.deepEqual(await store.reread(record.id), await store.get(record.id))
    await store.revoke({ id: record.id }, makeEndMark(), 1)
    assert.equal((await store.reread(record.id))?.endReason, 'revoked')
  }),

  storeCase(`after close every method rejects with 'closed', and closing again does nothing`, async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.close()
    await store.close()
    for (const [method, call] of Object.entries(everyMethod(store))) {
      assert.equal(await rejection(call()), 'closed', `${method} after close`)
    }
  }),
]

function everyMethod(store: Store): Readonly<Record<string, () => Promise<unknown>>> {
  const record = makeRecord()
  const note = { id: record.id, at: NOON, endsAt: NOON, allowance: 0 }
  return {
    insert: () => store.insert(record, guardFor(record)),
    get: () => store.get(record.id),
    touch: () => store.touch([note]),
    update: () => store.update(record.id, 1, {}, makeMark()),
    revoke: () => store.revoke({ id: record.id }, makeEndMark(), 1),
    list: () => store.list(all()),
    count: () => store.count({}),
    stats: () => store.stats({ endsAfter: 0, accessedAfter: 0, authenticatedAfter: 0 }, 0),
    prune: () => store.prune(NOON, 1),
    changes: () => store.changes(null, 1),
    events: () => store.events({ limit: 1 }),
    epoch: () => store.epoch('user-1'),
    latestInstant: () => store.latestInstant(),
    renewalKey: () => store.renewalKey(),
    guarantees: () => store.guarantees(),
    ...(store.claim === undefined ? {} : { claim: store.claim.bind(store, 'work', 'a', NOON, 1) }),
    ...(store.forget === undefined ? {} : { forget: store.forget.bind(store, 'user-1', 1) }),
    ...(store.listen === undefined ? {} : { listen: store.listen.bind(store, () => {}) }),
    now: () => store.now?.() ?? store.guarantees(),
    reread: () => store.reread?.(record.id) ?? store.get(record.id),
  }
}
