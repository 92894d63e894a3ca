import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session.ts'
import type { EndedSession } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeRecord } from '../records.ts'
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

export const revokeCases: readonly ContractCase[] = [
  storeCase('ending a session writes how and when it ended, and keeps the rest of its record', async (store) => {
    const record = makeRecord({ version: 4, attributes: { a: 1 }, nextHash: Buffer.alloc(32, 7) })
    await insertAll(store, record)
    const ended = await store.revoke({ id: record.id }, makeEndMark({ at: NOON + HOUR, reason: 'token_reuse' }), 1)
    assert.deepEqual(ended, [named(record)])
    assertSameRecord(await read(store, record.id), {
      ...record,
      endsAt: NOON + HOUR,
      loggedOutAt: NOON + HOUR,
      endReason: 'token_reuse',
      endedBy: 'ops:grace',
      version: 5,
    })
  }),

  storeCase('ending a session writes exactly one session_ended event with what the mark says', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    const mark = makeEndMark({ at: NOON + 3, reason: 'logout', ipAddress: '192.0.2.3', detail: 'from the console' })
    await store.revoke({ id: record.id }, mark, 1)
    const [, ...events] = await told(store)
    assert.deepEqual(events, [{ type: 'session_ended', sessionId: record.id, userId: record.userId, ...mark }])
  }),

  storeCase('ending a session that was already over keeps the end it had, to the millisecond', async (store) => {
    const [over, justNow, standing] = [NOON + HOUR - 1, NOON + HOUR, NOON + HOUR + 1].map((endsAt) =>
      makeRecord({ endsAt }),
    )
    await insertAll(store, over!, justNow!, standing!)
    await store.revoke({ ids: [over!.id, justNow!.id, standing!.id] }, makeEndMark({ at: NOON + HOUR }), 3)
    for (const [record, end] of [
      [over!, NOON + HOUR - 1],
      [justNow!, NOON + HOUR],
      [standing!, NOON + HOUR],
    ] as const) {
      const { endsAt, loggedOutAt } = await read(store, record.id)
      assert.deepEqual([endsAt, loggedOutAt], [end, end])
    }
  }),

  storeCase('a session ends once: what ended it first stays, and nobody else is told that they did', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await store.revoke({ id: record.id }, makeEndMark({ at: NOON + 5, reason: 'idle', actor: 'system' }), 1)
    await assertNothingChanges(store, async () => {
      for (const at of [NOON, NOON + 5, NOON + HOUR]) {
        assert.deepEqual(await store.revoke({ id: record.id }, makeEndMark({ at }), 1), [])
        assert.deepEqual(await store.revoke({ ids: [record.id] }, makeEndMark({ at }), 1), [])
        assert.deepEqual(await store.revoke({ where: { userId: record.userId } }, makeEndMark({ at }), 1), [])
      }
    })
  }),

  storeCase('ending what does not exist does nothing and is no error', async (store) => {
    await insertAll(store, makeRecord())
    await assertNothingChanges(store, async () => {
      const mark = makeEndMark()
      assert.deepEqual(await store.revoke({ id: makeRecord().id }, mark, 1), [])
      assert.deepEqual(await store.revoke({ ids: [makeRecord().id, makeRecord().id] }, mark, 10), [])
      assert.deepEqual(await store.revoke({ ids: [] }, mark, 10), [])
      assert.deepEqual(await store.revoke({ where: { userId: 'nobody' } }, mark, 10), [])
      assert.deepEqual(await store.revoke({ userId: 'nobody' }, mark, 10), [])
    })
  }),

  storeCase('several ids end together; those unknown, ended or named twice count once or not at all', async (store) => {
    const [first, second, other, over] = [makeRecord(), makeRecord(), makeRecord(), makeRecord()]
    await insertAll(store, first, second, other, over)
    await store.revoke({ id: over.id }, makeEndMark({ reason: 'logout' }), 1)
    const ids = [first.id, makeRecord().id, second.id, first.id, over.id]
    assertSame(await store.revoke({ ids }, makeEndMark(), 10), [first, second])
    assertSameRecord(await read(store, other.id), other)
    assert.equal((await read(store, over.id)).endReason, 'logout')
    assert.equal((await store.events({ type: 'session_ended', limit: PLENTY })).length, 3)
  }),

  storeCase('500 ids end in one call', async (store) => {
    const records = Array.from({ length: 500 }, () => makeRecord())
    await insertAll(store, ...records)
    assertSame(await store.revoke({ ids: records.map(({ id }) => id) }, makeEndMark(), 500), records)
  }),

  storeCase('no call ends more than its limit, and calling again ends the rest, each once', async (store) => {
    const records = Array.from({ length: 7 }, (_, place) => makeRecord({ createdAt: NOON + place }))
    await insertAll(store, ...records)
    for (const target of [{ ids: records.map(({ id }) => id) }, { where: { method: undefined } }]) {
      const ended = await store.revoke(target, makeEndMark(), 3)
      assert.equal(ended.length, 3)
    }
    assert.equal((await store.revoke({ where: {} }, makeEndMark(), 3)).length, 1)
    assert.deepEqual(await store.revoke({ where: {} }, makeEndMark(), 3), [])
    assert.equal((await store.events({ type: 'session_ended', limit: PLENTY })).length, 7)
  }),

  storeCase('a limit counts the sessions that end, not those named that cannot', async (store) => {
    const [over, standing] = [makeRecord(), makeRecord()]
    await insertAll(store, over, standing)
    await store.revoke({ id: over.id }, makeEndMark(), 1)
    const ids = [over.id, makeRecord().id, standing.id]
    assertSame(await store.revoke({ ids }, makeEndMark(), 1), [standing])
  }),

  storeCase(
    'of sessions named by id only those end that stand by the instants given, to the millisecond',
    async (store) => {
      const standing = { endsAfter: NOON + HOUR, accessedAfter: NOON - HOUR, authenticatedAfter: NOON - DAY }
      const made = { createdAt: NOON - DAY, endsAt: NOON + HOUR + 1, lastAccessedAt: NOON - HOUR + 1 }
      const [first, second, over, idle, old] = [
        makeRecord({ ...made, authenticatedAt: NOON - DAY + 1 }),
        makeRecord({ ...made, authenticatedAt: NOON - DAY + 1 }),
        makeRecord({ ...made, authenticatedAt: NOON - DAY + 1, endsAt: NOON + HOUR }),
        makeRecord({ ...made, authenticatedAt: NOON - DAY + 1, lastAccessedAt: NOON - HOUR }),
        makeRecord({ ...made, authenticatedAt: NOON - DAY }),
      ]
      await insertAll(store, first, second, over, idle, old)
      const fallen = [over, idle, old]
      await assertNothingChanges(store, async () => {
        for (const { id } of fallen) assert.deepEqual(await store.revoke({ id, standing }, makeEndMark(), 1), [])
        // One after the other above, here all at once, which a store may do together.
        const answers = await Promise.all(fallen.map(({ id }) => store.revoke({ id, standing }, makeEndMark(), 1)))
        assert.deepEqual(answers, [[], [], []])
      })
      const answers = await Promise.all(
        [over, first, idle].map(({ id }) => store.revoke({ id, standing }, makeEndMark(), 1)),
      )
      assert.deepEqual(answers, [[], [named(first)], []])
      const ids = [...fallen, first, second].map(({ id }) => id)
      assertSame(await store.revoke({ ids, standing }, makeEndMark(), 1), [second])
      for (const record of fallen) assertSameRecord(await read(store, record.id), record)
      assertSame(await store.revoke({ ids }, makeEndMark(), PLENTY), fallen)
    },
  ),

  storeCase('a filter ends those that match it and have not ended, and nobody else', async (store) => {
    const matching = [makeRecord({ ipAddress: '192.0.2.1' }), makeRecord({ ipAddress: '192.0.2.1', endsAt: NOON - 1 })]
    const over = makeRecord({ ipAddress: '192.0.2.1' })
    const other = makeRecord({ ipAddress: '192.0.2.10' })
    await insertAll(store, ...matching, over, other)
    await store.revoke({ id: over.id }, makeEndMark({ reason: 'logout' }), 1)
    assertSame(await store.revoke({ where: { ip: '192.0.2.1' } }, makeEndMark(), 10), matching)
    assertSameRecord(await read(store, other.id), other)
    assert.equal((await read(store, over.id)).endReason, 'logout')
  }),

  storeCase('ending all of a user ends each of theirs, and nobody else’s, whatever the limit', async (store) => {
    const mine = Array.from({ length: 5 }, () => makeRecord())
    const theirs = makeRecord({ userId: 'user-2' })
    await insertAll(store, ...mine, theirs)
    assertSame(await store.revoke({ userId: 'user-1' }, makeEndMark(), 1), mine)
    assertSameRecord(await read(store, theirs.id), theirs)
    assert.equal(await store.count({ isEnded: false }), 1)
  }),

  storeCase('ending all of a user spares the one session that is excepted, as it is', async (store) => {
    const [kept, ...others] = [makeRecord(), makeRecord(), makeRecord()]
    await insertAll(store, kept, ...others)
    assertSame(await store.revoke({ userId: 'user-1', except: kept.id }, makeEndMark(), PLENTY), others)
    assertSameRecord(await read(store, kept.id), kept)
  }),

  storeCase(
    'ending all of a user raises the user’s epoch by one, also when nothing stood, and no other’s',
    async (store) => {
      const record = makeRecord()
      await insertAll(store, record, makeRecord({ userId: 'user-2' }))
      await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
      assert.equal(await store.epoch('user-1'), 1)
      await store.revoke({ userId: 'user-1', except: record.id }, makeEndMark(), PLENTY)
      assert.equal(await store.epoch('user-1'), 2)
      assert.equal(await store.epoch('user-2'), 0)
    },
  ),

  storeCase('ending one, several or a filter leaves the epoch alone', async (store) => {
    const [first, second, third] = [makeRecord(), makeRecord(), makeRecord()]
    await insertAll(store, first, second, third)
    await store.revoke({ id: first.id }, makeEndMark(), 1)
    await store.revoke({ ids: [second.id] }, makeEndMark(), 1)
    await store.revoke({ where: { userId: 'user-1' } }, makeEndMark(), 1)
    assert.equal(await store.epoch('user-1'), 0)
  }),

  storeCase('ending all of a user writes one user_sessions_ended event besides one for each session', async (store) => {
    await insertAll(store, makeRecord(), makeRecord())
    const mark = makeEndMark({ at: NOON + 1, reason: 'password_change' })
    await store.revoke({ userId: 'user-1' }, mark, PLENTY)
    assert.equal((await store.events({ type: 'session_ended', limit: PLENTY })).length, 2)
    const events = await store.events({ type: 'user_sessions_ended', limit: PLENTY })
    assert.deepEqual(
      events.map(({ userId, sessionId, at, actor, reason }) => ({ userId, sessionId, at, actor, reason })),
      [{ userId: 'user-1', sessionId: null, at: NOON + 1, actor: 'ops:grace', reason: 'password_change' }],
    )
    assert.equal((await history(store)).length, 5)
  }),

  storeCase(
    'a login under way while all of a user ends produces nothing; one that begins afterwards does',
    async (store) => {
      await insertAll(store, makeRecord())
      const epoch = await store.epoch('user-1')
      await store.revoke({ userId: 'user-1' }, makeEndMark(), PLENTY)
      const [late, fresh] = [makeRecord(), makeRecord()]
      assert.deepEqual(await store.insert(late, guardFor(late, { epoch })), { ok: false, reason: 'epoch' })
      const now = await store.epoch('user-1')
      assert.equal((await store.insert(fresh, guardFor(fresh, { epoch: now }))).ok, true)
      assert.deepEqual(await idsOf(store, { isEnded: false }), [fresh.id])
    },
  ),

  storeCase('what the end of a session says holds for every read after it', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    assert.equal((await read(store, record.id)).endReason, null)
    await store.revoke({ id: record.id }, makeEndMark(), 1)
    assert.equal((await read(store, record.id)).endReason, 'revoked')
    assert.deepEqual(await idsOf(store, { isEnded: false }), [])
    assert.deepEqual(await idsOf(store, { endReason: 'revoked' }), [record.id])
    assert.equal(await store.count({ isEnded: true }), 1)
  }),

  storeCase('an end with an instant that is none is rejected and ends nothing', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await assertNothingChanges(store, async () => {
      await rejection(store.revoke({ id: record.id }, makeEndMark({ at: Number.NaN }), 1))
    })
  }),

  storeCase('of twenty who end one session at once exactly one did it', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    const actors = Array.from({ length: 20 }, (_, place) => `ops:${place}`)
    const answers = await Promise.all(actors.map((actor) => store.revoke({ id: record.id }, makeEndMark({ actor }), 1)))
    const winners = actors.filter((_, place) => answers[place]!.length > 0)
    assert.equal(winners.length, 1)
    assert.equal((await read(store, record.id)).endedBy, winners[0])
    assert.equal((await history(store)).length, 2)
  }),

  storeCase('several who end the same many at once end each of them once', async (store) => {
    const records = Array.from({ length: 40 }, () => makeRecord({ expiresAt: NOON + DAY }))
    await insertAll(store, ...records)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => store.revoke({ where: { isEnded: false } }, makeEndMark(), 10)),
    )
    assertSame(answers.flat(), records)
    assert.equal((await store.events({ type: 'session_ended', limit: PLENTY })).length, 40)
  }),
]

function named({ id, userId, username }: SessionRecord): EndedSession {
  return { id, userId, username }
}

/** Insists that exactly these sessions were named, in any order. */
function assertSame(ended: readonly EndedSession[], records: readonly SessionRecord[]): void {
  assert.deepEqual(ended.toSorted(byId), records.map(named).toSorted(byId))
}

function byId(a: EndedSession, b: EndedSession): number {
  return a.id < b.id ? -1 : 1
}
