import assert from 'node:assert/strict'
import { userCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { makeMark, makeRecord, makeUser } from '../records.ts'
import { assertNothingChanges, guardFor, insertAll, rejection } from './observe.ts'

export const labelCases: readonly ContractCase[] = [
  userCase(
    'a new user with the username of one with a password is a conflict that leaves nothing',
    async (users, store) => {
      await users.add(makeUser({ id: 'user-1', username: 'ada', passwordHash: 'hash' }), makeMark())
      await assertNothingChanges(store, async () => {
        for (const username of ['ada', 'ADA', 'ａｄａ']) {
          const record = makeRecord({ userId: 'user-2', username })
          assert.equal(await rejection(store.insert(record, guardFor(record))), 'conflict')
          assert.equal(await store.get(record.id), null)
        }
      })
      await insertAll(store, makeRecord({ userId: 'user-2', username: 'ad' }))
    },
  ),

  userCase('a login that is refused is refused, whoever has its username', async (users, store) => {
    await users.add(makeUser({ id: 'user-1', username: 'ada', passwordHash: 'hash' }), makeMark())
    const { id } = makeRecord()
    await insertAll(store, makeRecord({ id, userId: 'user-1', username: 'ada' }))
    await assertNothingChanges(store, async () => {
      const again = makeRecord({ id, userId: 'user-2', username: 'ada' })
      assert.deepEqual(await store.insert(again, guardFor(again)), { ok: false, reason: 'id_taken' })
      const late = makeRecord({ userId: 'user-2', username: 'ada' })
      assert.deepEqual(await store.insert(late, guardFor(late, { epoch: 1 })), { ok: false, reason: 'epoch' })
    })
  }),

  userCase('a username without a password goes to whoever signs in under it last', async (users, store) => {
    await insertAll(store, makeRecord({ userId: 'user-1', username: 'Ada' }))
    await insertAll(store, makeRecord({ userId: 'user-2', username: 'ada' }))
    assert.equal((await users.byUsername('ada'))?.id, 'user-2')
    assert.equal((await users.byUsername('ada (user-1)'))?.id, 'user-1')
  }),

  userCase('a username without a password follows its user, and is free for others then', async (users, store) => {
    await insertAll(store, makeRecord({ userId: 'user-1', username: 'ada' }))
    await insertAll(store, makeRecord({ userId: 'user-1', username: 'grace' }))
    assert.equal((await users.byUsername('grace'))?.id, 'user-1')
    assert.equal(await users.byUsername('ada'), null)
    await insertAll(store, makeRecord({ userId: 'user-2', username: 'ada' }))
    assert.equal((await users.byUsername('ada'))?.id, 'user-2')
  }),

  userCase('a username with a password is never taken away by a label', async (users, store) => {
    await users.add(makeUser({ id: 'user-1', username: 'ada', passwordHash: 'hash' }), makeMark())
    await insertAll(store, makeRecord({ userId: 'user-2', username: 'grace' }))
    await insertAll(store, makeRecord({ userId: 'user-2', username: 'ada' }))
    assert.equal((await users.byUsername('ada'))?.id, 'user-1')
    assert.equal((await users.byUsername('grace'))?.id, 'user-2')
    await insertAll(store, makeRecord({ userId: 'user-1', username: 'somebody else' }))
    assert.equal((await users.byId('user-1'))?.username, 'ada')
  }),
]
