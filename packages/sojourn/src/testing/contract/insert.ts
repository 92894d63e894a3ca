import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { SessionCap, Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, MINUTE, NOON, makeEndMark, makeMark, makeRecord } from '../records.ts'
import {
  assertNothingChanges,
  assertSameRecord,
  guardFor,
  history,
  idsOf,
  insertAll,
  read,
  rejection,
  told,
  PLENTY,
} from './observe.ts'

/** Everyone who was made at noon or later stands by these instants. */
const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }

export const insertCases: readonly ContractCase[] = [
  storeCase('a session reads back as it was inserted, to the millisecond and the byte', async (store) => {
    const record = makeRecord({
      createdAt: NOON + 1,
      authenticatedAt: NOON + 2,
      lastAccessedAt: NOON + 3,
      endsAt: NOON + 4,
      expiresAt: NOON + 5,
      secretHash: Uint8Array.from({ length: 32 }, (_, place) => place * 8),
      nextHash: new Uint8Array(32).fill(255),
      nextSalt: new Uint8Array(32),
      previousHashes: Array.from({ length: 16 }, () => randomBytes(32)),
      previousUntil: NOON + 6,
      ipAddress: '2001:db8::7',
      userAgent: `Mozilla/5.0 "quoted" 'single' \\ %_ \n ß 漢字 👩‍👩‍👧`,
      method: 'oauth:github',
      attributes: { theme: 'dark', list: [1, 2.5, null, { deep: [true, 'ü "q"'] }], '': 0 },
    })
    await insertAll(store, record)
    assertSameRecord(await read(store, record.id), record)
  }),

  storeCase('what is null, empty or zero reads back as null, empty or zero', async (store) => {
    const record = makeRecord({
      createdAt: 0,
      userAgent: '',
      attributes: { '': '', zero: 0, no: false, nil: null, list: [] },
    })
    await insertAll(store, record)
    assertSameRecord(await read(store, record.id), record)
  }),

  storeCase('the longest values and the year 2100 are kept whole', async (store) => {
    const createdAt = Date.UTC(2100, 1, 28, 23, 59, 59, 999)
    const record = makeRecord({
      createdAt,
      expiresAt: createdAt + 36_525 * DAY,
      userId: 'ü'.repeat(255),
      username: 'x'.repeat(254),
      ipAddress: 'f'.repeat(64),
      userAgent: '𝒳'.repeat(256),
      method: 'm'.repeat(255),
      attributes: { text: `${'é'.repeat(2_042)}x` },
    })
    assert.equal(Buffer.byteLength(JSON.stringify(record.attributes)), 4_096)
    await insertAll(store, record)
    assertSameRecord(await read(store, record.id), record)
  }),

  storeCase('a session can begin as an ended one, and stays as it is', async (store) => {
    const record = makeRecord({
      endReason: 'logout',
      endedBy: 'user',
      loggedOutAt: NOON + 5,
      endsAt: NOON + 5,
      version: 7,
    })
    await insertAll(store, record)
    assertSameRecord(await read(store, record.id), record)
  }),

  storeCase('an insert writes exactly one event, session_created, with what its mark says', async (store) => {
    const record = makeRecord()
    const mark = { at: NOON + 7, actor: 'ops:grace', ipAddress: '192.0.2.1', detail: 'passkey' }
    await store.insert(record, { mark })
    const whom = { sessionId: record.id, userId: record.userId }
    assert.deepEqual(await told(store), [{ type: 'session_created', ...whom, ...mark, reason: null }])
  }),

  storeCase('a taken id is refused, and the session that has it stays as it is', async (store) => {
    const first = makeRecord()
    await insertAll(store, first)
    await assertNothingChanges(store, async () => {
      for (const userId of ['user-1', 'user-2']) {
        const outcome = await store.insert(makeRecord({ id: first.id, userId, method: 'again' }), { mark: makeMark() })
        assert.deepEqual(outcome, { ok: false, reason: 'id_taken' })
      }
    })
  }),

  storeCase('the id of an ended session stays taken', async (store) => {
    const first = makeRecord()
    await insertAll(store, first)
    await store.revoke({ id: first.id }, makeEndMark(), 1)
    await assertNothingChanges(store, async () => {
      const outcome = await store.insert(makeRecord({ id: first.id }), { mark: makeMark() })
      assert.deepEqual(outcome, { ok: false, reason: 'id_taken' })
    })
  }),

  storeCase('an insert under the epoch that holds is done, of an unknown user under epoch 0', async (store) => {
    const [first, second] = [makeRecord(), makeRecord()]
    assert.equal((await store.insert(first, guardFor(first, { epoch: 0 }))).ok, true)
    assert.equal((await store.insert(second, guardFor(second, { epoch: 0 }))).ok, true)
    assert.equal(await store.epoch('user-1'), 0, 'signing in must not raise the epoch')
  }),

  storeCase('an insert under another epoch than the one that holds is refused and leaves nothing', async (store) => {
    await insertAll(store, makeRecord())
    await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
    const epoch = await store.epoch('user-1')
    await assertNothingChanges(store, async () => {
      for (const wrong of [epoch - 1, epoch + 1]) {
        const record = makeRecord()
        const outcome = await store.insert(record, guardFor(record, { epoch: wrong }))
        assert.deepEqual(outcome, { ok: false, reason: 'epoch' })
        assert.equal(await store.get(record.id), null)
      }
    })
    const record = makeRecord()
    assert.equal((await store.insert(record, guardFor(record, { epoch }))).ok, true)
  }),

  storeCase('an unknown user under an epoch other than 0 is refused, and makes no user', async (store) => {
    const record = makeRecord()
    assert.deepEqual(await store.insert(record, guardFor(record, { epoch: 1 })), { ok: false, reason: 'epoch' })
    assert.deepEqual(await history(store), [])
    await insertAll(store, makeRecord({ userId: 'user-2', username: record.username }))
  }),

  storeCase('an insert that names no epoch asks for none', async (store) => {
    await insertAll(store, makeRecord())
    await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
    await insertAll(store, makeRecord())
  }),

  storeCase('a record with an instant that is none is rejected and leaves nothing', async (store) => {
    await assertNothingChanges(store, async () => {
      const record = makeRecord({ endsAt: Number.NaN })
      await rejection(store.insert(record, guardFor(record)))
      assert.equal(await store.get(record.id), null)
    })
    await insertAll(store, makeRecord({ userId: 'user-2', username: 'user-1' }))
  }),

  storeCase('a cap evicts the least recently used session, whichever was created first', async (store) => {
    const used = makeRecord({ createdAt: NOON, lastAccessedAt: NOON + 3 })
    const unused = makeRecord({ createdAt: NOON + 1, lastAccessedAt: NOON + 2 })
    await insertAll(store, used, unused)
    const record = makeRecord({ createdAt: NOON + 10 })
    const outcome = await store.insert(record, guardFor(record, { cap: evict(2) }))
    const { id, userId, username } = unused
    assert.deepEqual(outcome, { ok: true, evicted: [{ id, userId, username }] })
    const evicted = await read(store, unused.id)
    assert.equal(evicted.endReason, 'limit')
    assert.equal(evicted.endedBy, 'system')
    assert.equal(evicted.endsAt, NOON + 10)
    assert.equal(evicted.loggedOutAt, NOON + 10)
    assert.equal(evicted.version, 2)
    assertSameRecord(await read(store, used.id), used)
  }),

  storeCase('a cap goes by the last use that was noted', async (store) => {
    const [first, second] = [makeRecord({ createdAt: NOON }), makeRecord({ createdAt: NOON + 1 })]
    await insertAll(store, first, second)
    await store.touch([{ id: first.id, at: NOON + 2, endsAt: NOON + DAY, allowance: 0 }])
    const record = makeRecord({ createdAt: NOON + 10 })
    await store.insert(record, guardFor(record, { cap: evict(2) }))
    assert.equal((await read(store, first.id)).endReason, null)
    assert.equal((await read(store, second.id)).endReason, 'limit')
  }),

  storeCase('an eviction writes one session_ended event with reason limit', async (store) => {
    const first = makeRecord()
    await insertAll(store, first)
    const record = makeRecord({ createdAt: NOON + 10 })
    await store.insert(record, guardFor(record, { cap: evict(1) }))
    const ended = await store.events({ type: 'session_ended', limit: PLENTY })
    assert.deepEqual(
      ended.map(({ sessionId, userId, reason, at }) => ({ sessionId, userId, reason, at })),
      [{ sessionId: first.id, userId: 'user-1', reason: 'limit', at: NOON + 10 }],
    )
    assert.equal((await history(store)).length, 3)
  }),

  storeCase('a cap below what stands evicts as many as it takes', async (store) => {
    const records = [1, 2, 3, 4, 5].map((use) => makeRecord({ lastAccessedAt: NOON + use }))
    await insertAll(store, ...records)
    const record = makeRecord({ createdAt: NOON + 10 })
    const outcome = await store.insert(record, guardFor(record, { cap: evict(2) }))
    assert.ok(outcome.ok)
    assert.deepEqual(
      outcome.evicted.map(({ id }) => id).toSorted(),
      records
        .slice(0, 4)
        .map(({ id }) => id)
        .toSorted(),
    )
    assert.equal(await store.count({ standing: STANDING }), 2)
  }),

  storeCase('a cap does not count sessions that stand no more, to the millisecond', async (store) => {
    const ended = makeRecord({ endReason: 'logout', endedBy: 'user', loggedOutAt: NOON })
    const idle = makeRecord({ endsAt: STANDING.endsAfter })
    const unused = makeRecord({ lastAccessedAt: STANDING.accessedAfter, endsAt: NOON + DAY })
    const old = makeRecord({ authenticatedAt: STANDING.authenticatedAfter })
    await insertAll(store, ended, idle, unused, old)
    const record = makeRecord()
    const outcome = await store.insert(record, guardFor(record, { cap: deny(1) }))
    assert.deepEqual(outcome, { ok: true, evicted: [] })
  }),

  storeCase('a cap counts sessions that stand by one millisecond', async (store) => {
    const stillStanding = [
      { endsAt: STANDING.endsAfter + 1 },
      { lastAccessedAt: STANDING.accessedAfter + 1, endsAt: NOON + DAY },
      { authenticatedAt: STANDING.authenticatedAfter + 1 },
    ]
    for (const [place, given] of stillStanding.entries()) {
      const userId = `user-${place}`
      await insertAll(store, makeRecord({ userId, ...given }))
      const record = makeRecord({ userId })
      const outcome = await store.insert(record, guardFor(record, { cap: deny(1) }))
      assert.deepEqual(outcome, { ok: false, reason: 'limit' })
    }
  }),

  storeCase('a cap counts the sessions of its own user only', async (store) => {
    await insertAll(store, makeRecord({ userId: 'user-2' }), makeRecord({ userId: 'user-3' }))
    const record = makeRecord()
    assert.deepEqual(await store.insert(record, guardFor(record, { cap: evict(1) })), { ok: true, evicted: [] })
    assert.equal(await store.count({ standing: STANDING }), 3)
  }),

  storeCase(
    'a cap that denies lets in the last that fits, refuses the next and leaves nothing of it',
    async (store) => {
      const [first, second, third] = [makeRecord(), makeRecord(), makeRecord()]
      assert.equal((await store.insert(first, guardFor(first, { cap: deny(2) }))).ok, true)
      assert.equal((await store.insert(second, guardFor(second, { cap: deny(2) }))).ok, true)
      await assertNothingChanges(store, async () => {
        assert.deepEqual(await store.insert(third, guardFor(third, { cap: deny(2) })), { ok: false, reason: 'limit' })
        assert.equal(await store.get(third.id), null)
      })
    },
  ),

  storeCase('an insert that is refused evicts nobody', async (store) => {
    const first = makeRecord()
    await insertAll(store, first)
    await assertNothingChanges(store, async () => {
      const record = makeRecord({ createdAt: NOON + MINUTE })
      await store.insert(record, guardFor(record, { epoch: 5, cap: evict(1) }))
      await store.insert({ ...record, id: first.id }, guardFor(record, { cap: evict(1) }))
    })
  }),

  storeCase('however many logins arrive at once, a cap that evicts is never exceeded', async (store) => {
    for (const max of [1, 3, 10]) await assertCapHolds(store, evict(max), 50)
  }),

  storeCase('however many logins arrive at once, a cap that denies lets in exactly as many as fit', async (store) => {
    for (const max of [1, 3, 10]) await assertCapHolds(store, deny(max), max)
  }),

  storeCase(
    'of twenty inserts under one id at once exactly one is done, and its record is the one that is there',
    async (store) => {
      const { id } = makeRecord()
      const attempts = Array.from({ length: 20 }, (_, place) => makeRecord({ id, method: `attempt ${place}` }))
      const outcomes = await Promise.all(attempts.map((record) => store.insert(record, guardFor(record))))
      const winners = attempts.filter((_, place) => outcomes[place]?.ok)
      assert.equal(winners.length, 1)
      assertSameRecord(await read(store, id), winners[0]!)
      assert.equal((await history(store)).length, 1)
    },
  ),

  storeCase('the first twenty logins of a new user at once all succeed', async (store) => {
    const records = Array.from({ length: 20 }, () => makeRecord())
    const outcomes = await Promise.all(records.map((record) => store.insert(record, guardFor(record, { epoch: 0 }))))
    assert.deepEqual(
      outcomes.filter(({ ok }) => !ok),
      [],
    )
    assert.equal((await idsOf(store)).length, 20)
  }),

  storeCase('nothing survives a sign-out everywhere that raced with logins', async (store) => {
    for (let round = 0; round < 20; round += 1) {
      const userId = `user-${round}`
      const known = makeRecord({ userId })
      await insertAll(store, known)
      const epoch = await store.epoch(userId)
      const records = Array.from({ length: 6 }, () => makeRecord({ userId, createdAt: NOON + HOUR }))
      const logIn = (record: (typeof records)[number]): Promise<unknown> =>
        store.insert(record, guardFor(record, { epoch }))
      await Promise.all([
        ...records.slice(0, 3).map(logIn),
        store.revoke({ userId }, makeEndMark({ at: NOON + HOUR }), PLENTY),
        ...records.slice(3).map(logIn),
      ])
      assert.equal(await store.count({ userId, isEnded: false }), 0, 'a login in flight must produce nothing')
    }
  }),
]

function evict(max: number): SessionCap {
  return { max, onExceed: 'evict', standing: STANDING }
}

function deny(max: number): SessionCap {
  return { max, onExceed: 'deny', standing: STANDING }
}

async function assertCapHolds(store: Store, cap: SessionCap, accepted: number): Promise<void> {
  const userId = `user-${cap.max}`
  const logIn = async (_: unknown, place: number): Promise<boolean> => {
    const record = makeRecord({ userId, createdAt: NOON + place })
    const { ok } = await store.insert(record, guardFor(record, { cap }))
    const standing = await store.count({ userId, standing: cap.standing })
    assert.ok(standing <= cap.max, `${standing} sessions stood after an answer; the cap is ${cap.max}`)
    return ok
  }
  const outcomes = await Promise.all(Array.from({ length: 50 }, logIn))
  assert.equal(outcomes.filter(Boolean).length, accepted)
  assert.equal(await store.count({ userId, standing: cap.standing }), cap.max)
}
