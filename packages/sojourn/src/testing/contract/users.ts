import assert from 'node:assert/strict'
import type { UserFilter, UserRecord, UserStore } from '../../auth/users.ts'
import type { EventRecord } from '../../core/events.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { Store } from '../../core/store.ts'
import { userCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeMark, makeRecord, makeUser } from '../records.ts'
import {
  PLENTY,
  assertNothingChanges,
  assertSameRecord,
  guardFor,
  history,
  idsOf,
  insertAll,
  read,
  rejection,
  told,
} from './observe.ts'

const MARK = { at: NOON + HOUR, actor: 'ops:grace', ipAddress: '192.0.2.1', detail: 'said so' }

export const userCases: readonly ContractCase[] = [
  userCase('a user reads back as it was added, by id and by username', async (users) => {
    const user = makeUser({
      id: 'user-1',
      username: 'ädä o’hara',
      passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
      role: 'operator',
      epoch: 7,
      disabledAt: NOON + 1,
      createdAt: NOON - DAY,
      lastLoginAt: NOON - 1,
    })
    await addAll(users, user)
    assert.deepEqual({ ...(await users.byId('user-1')) }, user)
    assert.deepEqual({ ...(await users.byUsername('ädä o’hara')) }, user)
  }),

  userCase('what is null of a user reads back as null', async (users) => {
    const user = makeUser()
    await addAll(users, user)
    assert.deepEqual({ ...(await users.byId(user.id)) }, user)
  }),

  userCase('an unknown user is null, and no username stands for another', async (users) => {
    await addAll(users, makeUser({ id: 'user-1', username: 'ada%' }))
    assert.equal(await users.byId('user-10'), null)
    for (const username of ['ada', 'ada_', 'ADA%', 'ada%%', '']) assert.equal(await users.byUsername(username), null)
  }),

  userCase('adding a user writes one user_created event', async (users, store) => {
    await users.add(makeUser(), MARK)
    assert.deepEqual(await told(store), [
      { type: 'user_created', userId: 'user-1', sessionId: null, reason: null, ...MARK },
    ])
  }),

  userCase(
    'a taken id or username is answered with false, and the user who has it stays as it is',
    async (users, store) => {
      const ada = makeUser({ id: 'user-1', username: 'ada' })
      await addAll(users, ada)
      await assertNothingChanges(store, async () => {
        assert.equal(await users.add(makeUser({ id: 'user-1', username: 'bob' }), MARK), false)
        assert.equal(await users.add(makeUser({ id: 'user-2', username: 'ada' }), MARK), false)
      })
      assert.deepEqual({ ...(await users.byId('user-1')) }, ada)
      assert.equal(await users.byId('user-2'), null)
      assert.equal(await users.byUsername('bob'), null)
    },
  ),

  userCase('of twenty who take one username at once exactly one gets it', async (users, store) => {
    const attempts = Array.from({ length: 20 }, (_, place) => makeUser({ id: `user-${place}`, username: 'ada' }))
    const answers = await Promise.all(attempts.map((user) => users.add(user, MARK)))
    assert.equal(answers.filter(Boolean).length, 1)
    assert.equal((await users.byUsername('ada'))?.id, `user-${answers.indexOf(true)}`)
    assert.equal((await history(store)).length, 1)
  }),

  userCase('users are listed in the order of their usernames, page after page, each once', async (users) => {
    const names = ['ada', 'ada2', 'adam', 'bob', 'o’hara', 'zoë', 'ärger']
    await addAll(users, ...names.map((username, place) => makeUser({ id: `user-${9 - place}`, username })))
    assert.equal(await users.count(), names.length)
    for (const limit of [1, 3, 7, 8]) assert.deepEqual(await pageThrough(users, limit), names)
    assert.deepEqual((await users.list('adam', 1)).map(nameOf), ['bob'])
    assert.deepEqual((await users.list('adan', 1)).map(nameOf), ['bob'], 'the name to go on from may be gone')
  }),

  userCase('users are found by a piece of the name, the role and the state, page after page', async (users) => {
    await addAll(
      users,
      makeUser({ id: '1', username: 'ada' }),
      makeUser({ id: '2', username: 'adam', role: 'operator' }),
      makeUser({ id: '3', username: 'a_a%', disabledAt: NOON }),
      makeUser({ id: '4', username: 'madam', role: 'operator', disabledAt: NOON }),
      makeUser({ id: '5', username: 'zoë' }),
    )
    const find = async (filter: UserFilter, after: string | null = null, limit = 10): Promise<readonly string[]> =>
      (await users.list(after, limit, filter)).map(nameOf)
    assert.deepEqual(await find({ text: 'ada' }), ['ada', 'adam', 'madam'])
    assert.deepEqual(await find({ text: 'ada' }, 'ada', 1), ['adam'])
    assert.deepEqual(await find({ text: 'oë' }), ['zoë'])
    assert.deepEqual(await find({ text: '_a%' }), ['a_a%'], 'no letter is a wildcard')
    assert.deepEqual(await find({ role: 'operator' }), ['adam', 'madam'])
    assert.deepEqual(await find({ role: 'operator' }, 'adam'), ['madam'])
    assert.deepEqual(await find({ role: 'user' }), ['a_a%', 'ada', 'zoë'])
    assert.deepEqual(await find({ isDisabled: true }), ['a_a%', 'madam'])
    assert.deepEqual(await find({ isDisabled: false }), ['ada', 'adam', 'zoë'])
    assert.deepEqual(await find({ text: 'ada', role: 'operator', isDisabled: false }), ['adam'])
    assert.deepEqual(await find({}), ['a_a%', 'ada', 'adam', 'madam', 'zoë'])
  }),

  userCase('there are no users at first', async (users) => {
    assert.equal(await users.count(), 0)
    assert.deepEqual(await users.list(null, 10), [])
  }),

  userCase(
    'the first session of a user makes the user, in canonical form and without a password',
    async (users, store) => {
      const record = makeRecord({ userId: '42', username: 'Ada' })
      await store.insert(record, { mark: makeMark({ at: NOON + 5 }) })
      const made = makeUser({ id: '42', username: 'ada', createdAt: NOON + 5, lastLoginAt: NOON + 5 })
      assert.deepEqual({ ...(await users.byUsername('ada')) }, made)
      assert.equal(await users.count(), 1)
    },
  ),

  userCase('a login is noted as the user’s latest, and changes nothing else of the user', async (users, store) => {
    const user = makeUser({ passwordHash: 'kept', role: 'operator', epoch: 3, lastLoginAt: NOON - DAY })
    await addAll(users, user)
    await insertAll(store, makeRecord({ createdAt: NOON + 9 }))
    assert.deepEqual({ ...(await users.byId(user.id)) }, { ...user, lastLoginAt: NOON + 9 })
  }),

  userCase('a login that was refused is not noted', async (users, store) => {
    await insertAll(store, makeRecord())
    const record = makeRecord({ createdAt: NOON + 9 })
    const standing = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }
    await store.insert(record, guardFor(record, { epoch: 1 }))
    await store.insert(record, guardFor(record, { cap: { max: 1, onExceed: 'deny', standing } }))
    assert.equal((await users.byId('user-1'))?.lastLoginAt, NOON)
  }),

  userCase('signing a user out everywhere raises the epoch of a user without sessions too', async (users, store) => {
    await addAll(users, makeUser({ epoch: 4 }))
    assert.deepEqual(await store.revoke({ userId: 'user-1' }, makeEndMark(), 1), [])
    assert.equal(await store.epoch('user-1'), 5)
    assert.equal((await users.byId('user-1'))?.epoch, 5)
    assert.equal((await store.events({ type: 'user_sessions_ended', limit: PLENTY })).length, 1)
  }),

  userCase('a rehash replaces the very hash it names, and ends nothing', async (users, store) => {
    const user = makeUser({ passwordHash: 'old', epoch: 2 })
    await addAll(users, user, makeUser({ id: 'user-2' }))
    const record = makeRecord()
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      assert.equal(await users.rehash('user-1', 'other', 'new'), false)
      assert.equal(await users.rehash('user-2', 'old', 'new'), false)
      assert.equal(await users.rehash('nobody', 'old', 'new'), false)
      assert.equal((await users.byId('user-1'))?.passwordHash, 'old')
      assert.equal(await users.rehash('user-1', 'old', 'new'), true)
    })
    assert.deepEqual({ ...(await users.byId('user-1')) }, { ...user, passwordHash: 'new', lastLoginAt: NOON })
    assert.equal((await users.byId('user-2'))?.passwordHash, null)
  }),

  userCase('a new password ends the user’s other sessions, raises the epoch and says so', async (users, store) => {
    await addAll(users, makeUser({ passwordHash: 'old', epoch: 2 }))
    const [kept, other, over] = [makeRecord(), makeRecord(), makeRecord()]
    const theirs = makeRecord({ userId: 'user-2' })
    await insertAll(store, kept, other, over, theirs)
    await store.revoke({ id: over.id }, makeEndMark({ reason: 'logout' }), 1)
    const change = await users.setPassword('user-1', { from: 'old', to: 'new', except: kept.id }, MARK)
    assert.deepEqual(change, { isChanged: true, ended: [named(other)] })
    const user = await users.byId('user-1')
    assert.deepEqual([user?.passwordHash, user?.epoch, await store.epoch('user-1')], ['new', 3, 3])
    await assertEnded(store, other, 'password_change')
    assert.equal((await read(store, over.id)).endReason, 'logout')
    assertSameRecord(await read(store, kept.id), kept)
    assertSameRecord(await read(store, theirs.id), theirs)
    await assertToldOnce(store, 'password_changed')
  }),

  userCase('a new password is set only over the hash it names', async (users, store) => {
    const users2 = [makeUser({ passwordHash: 'old' }), makeUser({ id: 'user-2' })]
    await addAll(users, ...users2)
    const record = makeRecord()
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      for (const id of ['user-1', 'user-2', 'nobody']) {
        const change = await users.setPassword(id, { from: 'other', to: 'new' }, MARK)
        assert.deepEqual(change, { isChanged: false, ended: [] })
      }
    })
    assert.equal((await users.byId('user-1'))?.passwordHash, 'old')
    assert.equal((await users.byId('user-1'))?.epoch, 0)
    assert.equal((await users.byId('user-2'))?.passwordHash, null)
  }),

  userCase('a new password that names no hash is set whatever was there, and spares nobody', async (users, store) => {
    await addAll(users, makeUser({ passwordHash: 'old' }), makeUser({ id: 'user-2' }))
    const record = makeRecord()
    await insertAll(store, record)
    assert.deepEqual(await users.setPassword('user-1', { to: 'new' }, MARK), {
      isChanged: true,
      ended: [named(record)],
    })
    assert.deepEqual(await users.setPassword('user-2', { to: 'new' }, MARK), { isChanged: true, ended: [] })
    assert.equal((await users.byId('user-2'))?.passwordHash, 'new')
    assert.deepEqual(await users.setPassword('nobody', { to: 'new' }, MARK), { isChanged: false, ended: [] })
    assert.equal(await users.byId('nobody'), null)
  }),

  userCase('of twenty who change one password at once exactly one does', async (users, store) => {
    await addAll(users, makeUser({ passwordHash: 'old' }))
    const changes = await Promise.all(
      Array.from({ length: 20 }, (_, place) => users.setPassword('user-1', { from: 'old', to: `new ${place}` }, MARK)),
    )
    const winners = changes.filter(({ isChanged }) => isChanged)
    assert.equal(winners.length, 1)
    assert.equal((await users.byId('user-1'))?.passwordHash, `new ${changes.indexOf(winners[0]!)}`)
    await assertToldOnce(store, 'password_changed')
  }),

  userCase('a login under way while the password changes produces nothing', async (users, store) => {
    await addAll(users, makeUser({ passwordHash: 'old' }))
    const epoch = await store.epoch('user-1')
    await users.setPassword('user-1', { to: 'new' }, MARK)
    const late = makeRecord()
    assert.deepEqual(await store.insert(late, guardFor(late, { epoch })), { ok: false, reason: 'epoch' })
  }),

  userCase('disabling a user ends all sessions, raises the epoch and says so', async (users, store) => {
    await addAll(users, makeUser({ passwordHash: 'kept' }))
    const records = [makeRecord(), makeRecord()]
    const theirs = makeRecord({ userId: 'user-2' })
    await insertAll(store, ...records, theirs)
    const { isChanged, ended } = await users.disable('user-1', MARK)
    assert.equal(isChanged, true)
    assert.deepEqual(ended.map(({ id }) => id).toSorted(), records.map(({ id }) => id).toSorted())
    for (const record of records) await assertEnded(store, record, 'user_disabled')
    assertSameRecord(await read(store, theirs.id), theirs)
    const user = await users.byId('user-1')
    assert.deepEqual([user?.disabledAt, user?.epoch, user?.passwordHash], [MARK.at, 1, 'kept'])
    await assertToldOnce(store, 'user_disabled')
  }),

  userCase('a disabled user gets no session, under whatever epoch', async (users, store) => {
    await addAll(users, makeUser())
    await users.disable('user-1', MARK)
    await assertNothingChanges(store, async () => {
      for (const epoch of [undefined, await store.epoch('user-1')]) {
        const record = makeRecord()
        assert.deepEqual(await store.insert(record, guardFor(record, { epoch })), { ok: false, reason: 'disabled' })
        assert.equal(await store.get(record.id), null)
      }
    })
  }),

  userCase('disabling an unknown or a disabled user changes nothing', async (users, store) => {
    await addAll(users, makeUser())
    await users.disable('user-1', MARK)
    await assertNothingChanges(store, async () => {
      for (const id of ['user-1', 'nobody']) {
        assert.deepEqual(await users.disable(id, { ...MARK, at: NOON + DAY }), { isChanged: false, ended: [] })
      }
    })
    assert.equal((await users.byId('user-1'))?.disabledAt, MARK.at)
    assert.equal(await store.epoch('user-1'), 1)
  }),

  userCase(
    'enabling a user lets in new logins; what was ended stays ended, what was under way stays out',
    async (users, store) => {
      await addAll(users, makeUser())
      const before = makeRecord()
      await insertAll(store, before)
      const epoch = await store.epoch('user-1')
      await users.disable('user-1', MARK)
      assert.equal(await users.enable('user-1', MARK), true)
      assert.equal((await users.byId('user-1'))?.disabledAt, null)
      await assertEnded(store, before, 'user_disabled')
      const [late, fresh] = [makeRecord(), makeRecord()]
      assert.deepEqual(await store.insert(late, guardFor(late, { epoch })), { ok: false, reason: 'epoch' })
      await insertAll(store, fresh)
      await assertToldOnce(store, 'user_enabled')
    },
  ),

  userCase('enabling an unknown or an enabled user changes nothing', async (users, store) => {
    await addAll(users, makeUser())
    await assertNothingChanges(store, async () => {
      for (const id of ['user-1', 'nobody']) assert.equal(await users.enable(id, MARK), false)
    })
  }),

  userCase('nothing survives the disabling of a user that raced with logins', async (users, store) => {
    for (let round = 0; round < 20; round += 1) {
      const userId = `user-${round}`
      await addAll(users, makeUser({ id: userId }))
      const epoch = await store.epoch(userId)
      const records = Array.from({ length: 6 }, () => makeRecord({ userId }))
      const logIn = (record: SessionRecord): Promise<unknown> => store.insert(record, guardFor(record, { epoch }))
      await Promise.all([
        ...records.slice(0, 3).map(logIn),
        users.disable(userId, MARK),
        ...records.slice(3).map(logIn),
      ])
      assert.equal(await store.count({ userId, isEnded: false }), 0)
    }
  }),

  userCase('a role that takes authority away ends all sessions and raises the epoch', async (users, store) => {
    await addAll(users, makeUser({ role: 'operator' }))
    const [record, theirs] = [makeRecord(), makeRecord({ userId: 'user-2' })]
    await insertAll(store, record, theirs)
    assert.deepEqual(await users.setRole('user-1', 'user', MARK), { isChanged: true, ended: [named(record)] })
    await assertEnded(store, record, 'revoked')
    assertSameRecord(await read(store, theirs.id), theirs)
    assert.equal((await users.byId('user-1'))?.role, 'user')
    assert.equal(await store.epoch('user-1'), 1)
    await assertToldOnce(store, 'role_changed')
  }),

  userCase('a role that gives authority ends nothing', async (users, store) => {
    await addAll(users, makeUser())
    const record = makeRecord()
    await insertAll(store, record)
    assert.deepEqual(await users.setRole('user-1', 'operator', MARK), { isChanged: true, ended: [] })
    assertSameRecord(await read(store, record.id), record)
    assert.equal((await users.byId('user-1'))?.role, 'operator')
    await assertToldOnce(store, 'role_changed')
  }),

  userCase('the role that a user has already, or of nobody, changes nothing', async (users, store) => {
    await addAll(users, makeUser())
    await insertAll(store, makeRecord())
    await assertNothingChanges(store, async () => {
      for (const id of ['user-1', 'nobody']) {
        assert.deepEqual(await users.setRole(id, 'user', MARK), { isChanged: false, ended: [] })
      }
    })
    assert.equal(await store.epoch('user-1'), 0)
  }),

  userCase(
    'deleting a user deletes the sessions, keeps one user_deleted event and frees the name',
    async (users, store) => {
      await addAll(users, makeUser({ username: 'ada', epoch: 1 }))
      const records = [makeRecord({ username: 'ada' }), makeRecord({ username: 'ada' })]
      const theirs = makeRecord({ userId: 'user-2' })
      await insertAll(store, ...records, theirs)
      assert.equal(await users.remove('user-1', MARK), true)
      assert.equal(await users.byId('user-1'), null)
      assert.equal(await users.byUsername('ada'), null)
      for (const { id } of records) assert.equal(await store.get(id), null)
      assert.deepEqual(await idsOf(store), [theirs.id])
      await assertToldOnce(store, 'user_deleted')
      assert.equal(await users.add(makeUser({ id: 'user-3', username: 'ada' }), MARK), true)
    },
  ),

  userCase('deleting an unknown user changes nothing', async (users, store) => {
    await addAll(users, makeUser())
    await assertNothingChanges(store, async () => {
      assert.equal(await users.remove('nobody', MARK), false)
    })
  }),

  userCase('a deleted session stays away: no late note, change or end brings it back', async (users, store) => {
    await addAll(users, makeUser())
    const record = makeRecord()
    await insertAll(store, record)
    await users.remove('user-1', MARK)
    assert.equal(await store.touch([{ id: record.id, at: NOON + 1, endsAt: NOON + DAY, allowance: DAY }]), 0)
    assert.equal(await store.update(record.id, 1, { method: 'late' }, makeMark()), false)
    assert.deepEqual(await store.revoke({ id: record.id }, makeEndMark(), 1), [])
    assert.equal(await store.get(record.id), null)
  }),

  userCase('a failed login is written down, of a known user and of nobody', async (users, store) => {
    await users.noteFailedLogin('user-1', MARK)
    await users.noteFailedLogin(null, MARK)
    const event = { type: 'login_failed', sessionId: null, reason: null, ...MARK }
    assert.deepEqual(await told(store), [
      { ...event, userId: 'user-1' },
      { ...event, userId: null },
    ])
  }),

  userCase(`after the store is closed every method rejects with 'closed'`, async (users, store) => {
    await store.close()
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      add: () => users.add(makeUser(), MARK),
      byId: () => users.byId('user-1'),
      byUsername: () => users.byUsername('ada'),
      list: () => users.list(null, 1),
      count: () => users.count(),
      rehash: () => users.rehash('user-1', 'old', 'new'),
      setPassword: () => users.setPassword('user-1', { to: 'new' }, MARK),
      disable: () => users.disable('user-1', MARK),
      enable: () => users.enable('user-1', MARK),
      setRole: () => users.setRole('user-1', 'operator', MARK),
      remove: () => users.remove('user-1', MARK),
      noteFailedLogin: () => users.noteFailedLogin(null, MARK),
      adopt: () => users.adopt([{ user: makeUser(), sessions: [] }], MARK),
      'attempts.read': () => users.attempts.read(['a']),
      'attempts.swap': () => users.attempts.swap([{ bucket: 'a', from: null, to: null }]),
      'attempts.sweep': () => users.attempts.sweep(NOON, 1),
    }
    for (const [method, call] of Object.entries(calls)) {
      assert.equal(await rejection(call()), 'closed', `${method} after close`)
    }
  }),
]

async function addAll(users: UserStore, ...records: readonly UserRecord[]): Promise<void> {
  for (const user of records) assert.equal(await users.add(user, makeMark()), true)
}

/** Insists that one event of this type tells of the user, as the mark says. */
async function assertToldOnce(store: Store, type: EventRecord['type']): Promise<void> {
  const events = await store.events({ type, limit: PLENTY })
  assert.deepEqual(
    events.map(({ userId, sessionId, at, actor, ipAddress, detail }) => ({
      userId,
      sessionId,
      at,
      actor,
      ipAddress,
      detail,
    })),
    [{ userId: 'user-1', sessionId: null, ...MARK }],
  )
}

async function assertEnded(store: Store, record: SessionRecord, reason: SessionRecord['endReason']): Promise<void> {
  const end = { endsAt: MARK.at, loggedOutAt: MARK.at, endReason: reason, endedBy: MARK.actor }
  assertSameRecord(await read(store, record.id), { ...record, ...end, version: record.version + 1 })
  const events = await store.events({ sessionId: record.id, type: 'session_ended', limit: PLENTY })
  assert.deepEqual(
    events.map((event) => event.reason),
    [reason],
  )
}

async function pageThrough(users: UserStore, limit: number): Promise<readonly string[]> {
  const names: string[] = []
  for (let page = await users.list(null, limit); page.length > 0; page = await users.list(names.at(-1)!, limit)) {
    assert.ok(page.length <= limit, `${page.length} users in a page of ${limit}`)
    names.push(...page.map(nameOf))
    assert.equal(new Set(names).size, names.length, 'a user came twice')
  }
  return names
}

function nameOf({ username }: UserRecord): string {
  return username
}

function named({ id, userId, username }: SessionRecord): object {
  return { id, userId, username }
}
