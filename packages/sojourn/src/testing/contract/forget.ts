import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session.ts'
import type { Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeMark, makeRecord } from '../records.ts'
import { PLENTY, assertSameRecord, guardFor, history, idsOf, insertAll, read } from './observe.ts'

const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }

/** About a method that a store may leave out: one that does passes them all. */
export const forgetCases: readonly ContractCase[] = [
  forgetCase(
    'forgetting deletes the ended sessions of a user, however they ended, and says how many',
    async (store, forget) => {
      const ended = await signInAndOut(store, 3)
      const before = makeEnded()
      await insertAll(store, before)
      assert.equal(await forget('user-1', PLENTY), 4)
      for (const { id } of [...ended, before]) assert.equal(await store.get(id), null)
      assert.equal(await forget('user-1', PLENTY), 0)
      assert.equal(await forget('nobody', PLENTY), 0)
    },
  ),

  forgetCase('a session that nobody has ended is never forgotten, though its time is over', async (store, forget) => {
    const [standing, over] = [makeRecord(), makeRecord({ createdAt: NOON - 60 * DAY })]
    await insertAll(store, standing, over)
    await signInAndOut(store, 2)
    assert.equal(await forget('user-1', PLENTY), 2)
    assertSameRecord(await read(store, standing.id), standing)
    assertSameRecord(await read(store, over.id), over)
  }),

  forgetCase('nobody else’s sessions are forgotten, not even those of the same username', async (store, forget) => {
    const theirs = makeEnded({ userId: 'user-2', username: 'user-1' })
    await insertAll(store, theirs)
    await signInAndOut(store, 2)
    assert.equal(await forget('user-1', PLENTY), 2)
    assertSameRecord(await read(store, theirs.id), theirs)
  }),

  forgetCase('no call forgets more than its limit, and calling again forgets the rest', async (store, forget) => {
    await insertAll(store, makeRecord())
    await signInAndOut(store, 5)
    assert.equal(await forget('user-1', 0), 0)
    assert.equal(await forget('user-1', 2), 2)
    assert.equal(await store.count({ userId: 'user-1' }), 4)
    assert.equal(await forget('user-1', 2), 2)
    assert.equal(await forget('user-1', 2), 1)
    assert.equal(await forget('user-1', 2), 0)
    assert.equal(await store.count({ userId: 'user-1', standing: STANDING }), 1)
  }),

  forgetCase('lists, counts and figures know nothing of what was forgotten', async (store, forget) => {
    const [standing, theirs] = [makeRecord(), makeEnded({ userId: 'user-2' })]
    await insertAll(store, standing, theirs)
    await signInAndOut(store, 3)
    await forget('user-1', PLENTY)
    assert.deepEqual(new Set(await idsOf(store)), new Set([standing.id, theirs.id]))
    assert.deepEqual(await idsOf(store, { userId: 'user-1' }), [standing.id])
    assert.deepEqual(await idsOf(store, { username: 'user-1' }), [standing.id])
    assert.deepEqual(await idsOf(store, { isEnded: true }), [theirs.id])
    assert.equal(await store.count({}), 2)
    assert.equal(await store.count({ endsBy: NOON }), 1)
    const { mostActive, ...figures } = await store.stats(STANDING, NOON - HOUR)
    assert.deepEqual(figures, { total: 2, active: 1, createdSince: 2, usersOnline: 1 })
    assert.equal(mostActive?.sessions, 1)
  }),

  forgetCase('what was forgotten cannot be touched, changed or ended, and stays away', async (store, forget) => {
    const { id } = (await signInAndOut(store, 1))[0]!
    await forget('user-1', PLENTY)
    assert.equal(await store.touch([{ id, at: NOON + 1, endsAt: NOON + DAY, allowance: DAY }]), 0)
    for (const version of [1, 2]) {
      assert.equal(await store.update(id, version, { method: 'late' }, { ...makeMark(), allowance: DAY }), false)
    }
    assert.deepEqual(await store.revoke({ id }, makeEndMark(), 1), [])
    assert.deepEqual(await store.revoke({ userId: 'user-1' }, makeEndMark(), 1), [])
    assert.equal(await store.get(id), null)
    if (store.reread !== undefined) assert.equal(await store.reread(id), null)
  }),

  forgetCase('history is as it was after forgetting', async (store, forget) => {
    const { id } = (await signInAndOut(store, 1))[0]!
    const before = await history(store)
    await forget('user-1', PLENTY)
    assert.deepEqual(await history(store), before)
    const types = (await store.events({ sessionId: id, limit: PLENTY })).map(({ type }) => type)
    assert.deepEqual(types, ['session_ended', 'session_created'])
  }),

  forgetCase(
    'forgetting forgets no epoch: a login from before produces nothing, a new one stands',
    async (store, forget) => {
      await insertAll(store, makeRecord(), makeRecord())
      await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
      assert.equal(await forget('user-1', PLENTY), 2)
      assert.equal(await store.epoch('user-1'), 1)
      const [late, next] = [makeRecord(), makeRecord()]
      assert.deepEqual(await store.insert(late, guardFor(late, { epoch: 0 })), { ok: false, reason: 'epoch' })
      assert.deepEqual(await store.insert(next, guardFor(next, { epoch: 1 })), { ok: true, evicted: [] })
      assert.equal(await forget('user-1', PLENTY), 0)
      assertSameRecord(await read(store, next.id), next)
    },
  ),

  forgetCase(
    'of several who forget at once each says what it forgot, and who signs in meanwhile stays',
    async (store, forget) => {
      await signInAndOut(store, 20)
      const logins = Array.from({ length: 10 }, () => makeRecord())
      const [counts] = await Promise.all([
        Promise.all(Array.from({ length: 4 }, () => forget('user-1', 7))),
        ...logins.map((record) => store.insert(record, guardFor(record))),
      ])
      let total = counts.reduce((sum, count) => sum + count, 0)
      for (let count = -1; count !== 0; total += count) count = await forget('user-1', 7)
      assert.equal(total, 20)
      assert.deepEqual(new Set(await idsOf(store)), new Set(logins.map(({ id }) => id)))
    },
  ),
]

/** The method, bound to its store. */
type Forget = NonNullable<Store['forget']>

function forgetCase(name: string, attempt: (store: Store, forget: Forget) => Promise<void>): ContractCase {
  return storeCase(name, async (store) => {
    if (store.forget !== undefined) await attempt(store, store.forget.bind(store))
  })
}

/** Sessions of 'user-1' that have been signed out. */
async function signInAndOut(store: Store, count: number): Promise<readonly SessionRecord[]> {
  const records = Array.from({ length: count }, () => makeRecord())
  await insertAll(store, ...records)
  assert.equal((await store.revoke({ ids: records.map(({ id }) => id) }, makeEndMark(), PLENTY)).length, count)
  return records
}

function makeEnded(given: Partial<SessionRecord> = {}): SessionRecord {
  const end = { endsAt: NOON, loggedOutAt: NOON, endReason: 'logout', endedBy: 'user' } as const
  return makeRecord({ createdAt: NOON - HOUR, ...end, ...given })
}
