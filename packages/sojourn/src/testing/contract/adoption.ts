import assert from 'node:assert/strict'
import { userCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { HOUR, NOON, makeEndMark, makeMark, makeRecord, makeUser } from '../records.ts'
import {
  PLENTY,
  assertNothingChanges,
  assertSameRecord,
  guardFor,
  history,
  insertAll,
  read,
  rejection,
  told,
} from './observe.ts'

const MARK = { at: NOON, actor: 'cli', ipAddress: null, detail: 'user-sessions' }

export const adoptionCases: readonly ContractCase[] = [
  userCase('adopted users and sessions read back as they were given', async (users, store) => {
    const ada = makeUser({ id: 'ada', passwordHash: '$2b$12$hash', createdAt: 5, lastLoginAt: 6, epoch: 1 })
    const bob = makeUser({ id: 'bob', disabledAt: 7, role: 'operator' })
    const standing = makeRecord({ userId: 'ada', createdAt: NOON - HOUR, method: 'adopted' })
    const ended = makeRecord({
      userId: 'ada',
      endsAt: 9,
      loggedOutAt: 9,
      endReason: 'logout',
      endedBy: 'user',
      version: 2,
    })
    const batch = [
      { user: ada, sessions: [standing, ended] },
      { user: bob, sessions: [] },
    ]
    assert.deepEqual(await users.adopt(batch, MARK), { users: 2, sessions: 2 })
    assert.deepEqual({ ...(await users.byId('ada')) }, ada)
    assert.deepEqual({ ...(await users.byUsername('bob')) }, bob)
    assertSameRecord(await read(store, standing.id), standing)
    assertSameRecord(await read(store, ended.id), ended)
  }),

  userCase(
    'an adoption tells of each new user, and of each new session that stands at that millisecond',
    async (users, store) => {
      const standing = makeRecord({ endsAt: NOON + 1 })
      const over = makeRecord({ endsAt: NOON })
      const ended = makeRecord({ endReason: 'logout', endedBy: 'user', loggedOutAt: NOON + 5, endsAt: NOON + 5 })
      await users.adopt([{ user: makeUser(), sessions: [standing, over, ended] }], MARK)
      const whom = { userId: 'user-1', reason: null }
      assert.deepEqual(await told(store), [
        { type: 'user_adopted', sessionId: null, ...whom, ...MARK },
        { type: 'session_created', sessionId: standing.id, ...whom, ...MARK },
      ])
    },
  ),

  userCase('adopting twice changes nothing', async (users, store) => {
    const batch = [{ user: makeUser(), sessions: [makeRecord(), makeRecord()] }]
    await users.adopt(batch, MARK)
    await assertNothingChanges(store, async () => {
      assert.deepEqual(await users.adopt(batch, { ...MARK, at: NOON + HOUR }), { users: 0, sessions: 0 })
    })
    assert.equal(await users.count(), 1)
  }),

  userCase('a user who is there stays exactly as it is, and gets the sessions that are new', async (users, store) => {
    const user = makeUser({ passwordHash: 'ours', epoch: 3 })
    await users.add(user, makeMark())
    const session = makeRecord()
    const offered = makeUser({ passwordHash: 'theirs', role: 'operator', disabledAt: 1, epoch: 3 })
    assert.deepEqual(await users.adopt([{ user: offered, sessions: [session] }], MARK), { users: 0, sessions: 1 })
    assert.deepEqual({ ...(await users.byId(user.id)) }, user)
    assertSameRecord(await read(store, session.id), session)
  }),

  userCase(
    'a session that stands is not adopted for a user who was signed out everywhere meanwhile',
    async (users, store) => {
      const user = makeUser({ epoch: 1 })
      await users.add(user, makeMark())
      await store.revoke({ userId: user.id }, makeEndMark(), PLENTY)
      const [standing, ended] = [
        makeRecord(),
        makeRecord({ endReason: 'logout', endedBy: 'user', loggedOutAt: 9, endsAt: 9 }),
      ]
      assert.deepEqual(await users.adopt([{ user, sessions: [standing, ended] }], MARK), { users: 0, sessions: 1 })
      assert.equal(await store.get(standing.id), null)
    },
  ),

  userCase('a session that stands is not adopted for a user who was disabled meanwhile', async (users) => {
    const user = makeUser({ epoch: 1 })
    await users.add(user, makeMark())
    await users.disable(user.id, makeMark())
    const standing = makeRecord()
    assert.deepEqual(await users.adopt([{ user: { ...user, epoch: 2 }, sessions: [standing] }], MARK), {
      users: 0,
      sessions: 0,
    })
  }),

  userCase('a session that is there stays exactly as it is, ended ones too', async (users, store) => {
    const [standing, ended] = [makeRecord(), makeRecord()]
    await insertAll(store, standing, ended)
    await store.revoke({ id: ended.id }, makeEndMark(), 1)
    await assertNothingChanges(store, async () => {
      const sessions = [{ ...standing, method: 'theirs' }, ended]
      assert.deepEqual(await users.adopt([{ user: makeUser(), sessions }], MARK), { users: 0, sessions: 0 })
    })
  }),

  userCase(
    'a user whose name another has is a conflict, and the rest of the batch is adopted',
    async (users, store) => {
      await users.add(makeUser({ id: 'user-1', username: 'ada' }), makeMark())
      const [theirs, others] = [makeRecord({ userId: 'user-2' }), makeRecord({ userId: 'user-3' })]
      const batch = [
        { user: makeUser({ id: 'user-2', username: 'ada' }), sessions: [theirs] },
        { user: makeUser({ id: 'user-3' }), sessions: [others] },
      ]
      assert.equal(await rejection(users.adopt(batch, MARK)), 'conflict')
      assert.deepEqual([await users.byId('user-2'), await store.get(theirs.id)], [null, null])
      assert.equal((await users.byUsername('ada'))?.id, 'user-1')
      assertSameRecord(await read(store, others.id), others)
    },
  ),

  userCase('a user is adopted with all sessions or not at all', async (users, store) => {
    const batch = [{ user: makeUser(), sessions: [makeRecord(), makeRecord({ createdAt: Number.NaN })] }]
    await assertNothingChanges(store, async () => {
      await rejection(users.adopt(batch, MARK))
    })
    assert.equal(await users.count(), 0)
  }),

  userCase('an adopted session ends like any other', async (users, store) => {
    const session = makeRecord()
    await users.adopt([{ user: makeUser({ epoch: 1 }), sessions: [session] }], MARK)
    assert.equal((await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)).length, 1)
    const late = makeRecord()
    assert.deepEqual(await store.insert(late, guardFor(late, { epoch: 1 })), { ok: false, reason: 'epoch' })
  }),

  userCase('there may be nothing to adopt', async (users, store) => {
    assert.deepEqual(await users.adopt([], MARK), { users: 0, sessions: 0 })
    assert.deepEqual(await history(store), [])
  }),
]
