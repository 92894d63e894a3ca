import assert from 'node:assert/strict'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, ListSort, SessionFilter, Store } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeEndMark, makeRecord } from '../records.ts'
import { PLENTY, all, assertSameRecord, comparable, idsOf, insertAll, read } from './observe.ts'

const SORTS: readonly ListSort[] = ['createdAt', 'lastAccessedAt']

export const listCases: readonly ContractCase[] = [
  storeCase('an unknown session is null, in an empty store and beside others', async (store) => {
    assert.equal(await store.get(makeRecord().id), null)
    await insertAll(store, makeRecord())
    assert.equal(await store.get(makeRecord().id), null)
  }),

  storeCase('a list holds whole records, standing and ended alike', async (store) => {
    const records = [makeRecord({ attributes: { a: ['ü'] } }), makeRecord({ createdAt: NOON + 1, method: 'm' })]
    await insertAll(store, ...records)
    const [first, second] = await store.list(all())
    assertSameRecord(first!, records[0]!)
    assertSameRecord(second!, records[1]!)
    await store.revoke({ id: records[0]!.id }, makeEndMark(), 1)
    assert.equal((await store.list(all())).length, 2)
  }),

  storeCase('a list shows what was written last', async (store) => {
    const record = makeRecord()
    await insertAll(store, record)
    await idsOf(store)
    await store.touch([{ id: record.id, at: NOON + 5, endsAt: NOON + DAY, allowance: 0 }])
    await store.update(record.id, 1, { method: 'new' }, { at: NOON + 6, actor: 'user' })
    const [listed] = await store.list(all())
    assert.deepEqual([listed?.lastAccessedAt, listed?.method, listed?.version], [NOON + 5, 'new', 2])
  }),

  storeCase(
    'equal means equal in user, username, address, reason and method: no prefix, no other case',
    async (store) => {
      const meant = makeRecord({ userId: 'u1', username: 'ada', ipAddress: '192.0.2.1', method: 'oauth' })
      const near = makeRecord({ userId: 'u10', username: 'adam', ipAddress: '192.0.2.10', method: 'oauth:x' })
      const upper = makeRecord({ userId: 'U1', username: 'bob', ipAddress: null, method: 'OAUTH' })
      await insertAll(store, meant, near, upper)
      for (const record of [meant, near, upper]) {
        await store.revoke({ id: record.id }, makeEndMark({ reason: record === meant ? 'idle' : 'logout' }), 1)
      }
      const filters: readonly SessionFilter[] = [
        { userId: 'u1' },
        { username: 'ada' },
        { ip: '192.0.2.1' },
        { method: 'oauth' },
        { endReason: 'idle' },
      ]
      for (const filter of filters) await assertMatch(store, filter, [meant])
    },
  ),

  storeCase('filters of instants include and exclude to the millisecond', async (store) => {
    const records = [NOON - 1, NOON, NOON + 1].map((at) =>
      makeRecord({ createdAt: at, authenticatedAt: at, lastAccessedAt: at, endsAt: at, expiresAt: at }),
    )
    const [before, exact, after] = records
    await insertAll(store, ...records)
    await assertMatch(store, { createdSince: NOON }, [exact!, after!])
    await assertMatch(store, { createdBefore: NOON }, [before!])
    await assertMatch(store, { accessedBy: NOON }, [before!, exact!])
    await assertMatch(store, { endsBy: NOON }, [before!, exact!])
    await assertMatch(store, { expiresBy: NOON }, [before!, exact!])
    await assertMatch(store, { authenticatedBy: NOON }, [before!, exact!])
  }),

  storeCase('a filter can ask for those with an end reason, or those without', async (store) => {
    const [ended, over, standing] = [makeRecord(), makeRecord({ endsAt: NOON - 1 }), makeRecord()]
    await insertAll(store, ended, over, standing)
    await store.revoke({ id: ended.id }, makeEndMark(), 1)
    await assertMatch(store, { isEnded: true }, [ended])
    await assertMatch(store, { isEnded: false }, [over, standing])
  }),

  storeCase('every session either stands or does not, to the millisecond of each limit', async (store) => {
    const limits = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }
    const standing = [
      makeRecord({ endsAt: NOON + 1, lastAccessedAt: NOON - DAY + 1, authenticatedAt: NOON - 30 * DAY + 1 }),
      makeRecord(),
    ]
    const fallen = [
      makeRecord({ endsAt: NOON }),
      makeRecord({ lastAccessedAt: NOON - DAY, endsAt: NOON + 1 }),
      makeRecord({ authenticatedAt: NOON - 30 * DAY }),
      makeRecord({ endReason: 'logout', endedBy: 'user', loggedOutAt: NOON }),
    ]
    await insertAll(store, ...standing, ...fallen)
    await assertMatch(store, { standing: limits }, standing)
    await assertMatch(store, { notStanding: limits }, fallen)
  }),

  storeCase(
    'text is looked for in username, user agent and address, whatever the case of ASCII letters',
    async (store) => {
      const byName = makeRecord({ userId: 'u1', username: 'needle', userAgent: 'x', ipAddress: null })
      const byAgent = makeRecord({ userId: 'u2', userAgent: 'Mozilla NEEDLE/5.0' })
      const byIp = makeRecord({ userId: 'u3', ipAddress: 'fe80::needle' })
      const elsewhere = makeRecord({
        userId: 'needle-4',
        username: 'four',
        method: 'needle',
        attributes: { a: 'needle' },
      })
      await insertAll(store, byName, byAgent, byIp, elsewhere)
      for (const text of ['needle', 'NeedlE', 'eedl']) await assertMatch(store, { text }, [byName, byAgent, byIp])
      await assertMatch(store, { text: 'needles' }, [])
    },
  ),

  storeCase('signs that a query language gives a meaning are letters like any other', async (store) => {
    const signs = ['100%', 'a_b', `o'hara`, 'back\\slash', '[a-z]*', 'semi;--', '"quoted"', 'q?', '$1', ':x', '^.+$']
    const records = signs.map((userAgent, place) => makeRecord({ userId: `user-${place}`, userAgent }))
    await insertAll(store, ...records, makeRecord({ userId: 'other', userAgent: 'a plain backXslash aXb 100 ohara' }))
    for (const [place, text] of signs.entries()) await assertMatch(store, { text }, [records[place]!])
    await assertMatch(store, { text: '%' }, [records[0]!])
    await assertMatch(store, { text: '_' }, [records[1]!])
    await assertMatch(store, { text: '\\' }, [records[3]!])
  }),

  storeCase('text beyond ASCII is found as it is written', async (store) => {
    const records = ['grüße', 'GRÜSSE', '漢字 テスト', '👩‍💻'].map((userAgent, place) =>
      makeRecord({ userId: `user-${place}`, userAgent }),
    )
    await insertAll(store, ...records)
    await assertMatch(store, { text: 'GRüßE' }, [records[0]!])
    await assertMatch(store, { text: 'grÜsse' }, [records[1]!])
    await assertMatch(store, { text: '字 テ' }, [records[2]!])
    await assertMatch(store, { text: '👩‍💻' }, [records[3]!])
  }),

  storeCase('everything that a filter says must hold', async (store) => {
    const meant = makeRecord({ userId: 'u1', ipAddress: '192.0.2.1', method: 'm' })
    await insertAll(
      store,
      meant,
      makeRecord({ userId: 'u1', ipAddress: '192.0.2.2', method: 'm' }),
      makeRecord({ userId: 'u2', ipAddress: '192.0.2.1', method: 'm' }),
      makeRecord({ userId: 'u1', ipAddress: '192.0.2.1', method: 'x' }),
      makeRecord({ userId: 'u1', ipAddress: '192.0.2.1', method: 'm', createdAt: NOON + 1 }),
    )
    await assertMatch(store, { userId: 'u1', ip: '192.0.2.1', method: 'm', createdBefore: NOON + 1 }, [meant])
  }),

  storeCase('of alternatives at least one must hold, together with the rest of the filter', async (store) => {
    const records = ['a', 'b', 'c'].map((method) => makeRecord({ method }))
    const other = makeRecord({ userId: 'user-2', method: 'a' })
    await insertAll(store, ...records, other)
    const anyOf = [{ method: 'a' }, { method: 'b', ip: undefined }]
    await assertMatch(store, { anyOf, userId: 'user-1' }, records.slice(0, 2))
    await assertMatch(store, { anyOf }, [...records.slice(0, 2), other])
    await assertMatch(store, { anyOf: [] }, [])
  }),

  storeCase('all but one means all but that one, whatever else is asked', async (store) => {
    const [mine, yours, theirs] = [makeRecord(), makeRecord(), makeRecord({ userId: 'user-2' })]
    await insertAll(store, mine, yours, theirs)
    await assertMatch(store, { except: mine.id }, [yours, theirs])
    await assertMatch(store, { except: mine.id, userId: 'user-1' }, [yours])
    await assertMatch(store, { except: theirs.id, userId: 'user-1' }, [mine, yours])
    const ended = await store.revoke({ where: { except: mine.id } }, makeEndMark(), PLENTY)
    assert.deepEqual(ended.map(({ id }) => id).toSorted(), [yours.id, theirs.id].toSorted())
    assert.equal((await read(store, mine.id)).endReason, null)
  }),

  storeCase('a filter that says nothing means all, also when it says undefined', async (store) => {
    const records = [makeRecord(), makeRecord({ userId: 'user-2' })]
    await insertAll(store, ...records)
    await assertMatch(store, {}, records)
    await assertMatch(store, { userId: undefined, text: undefined, standing: undefined, anyOf: undefined }, records)
  }),

  storeCase('a list comes in the order asked for, by either instant, in both directions', async (store) => {
    const records = [3, 1, 2].map((place) =>
      makeRecord({ createdAt: NOON + place, lastAccessedAt: NOON + HOUR - place }),
    )
    const [third, first, second] = records.map(({ id }) => id)
    await insertAll(store, ...records)
    const list = (sort: ListSort, descending: boolean): Promise<readonly SessionId[]> =>
      store.list({ ...all(), sort, descending }).then((found) => found.map(({ id }) => id))
    assert.deepEqual(await list('createdAt', false), [first, second, third])
    assert.deepEqual(await list('createdAt', true), [third, second, first])
    assert.deepEqual(await list('lastAccessedAt', false), [third, second, first])
    assert.deepEqual(await list('lastAccessedAt', true), [first, second, third])
  }),

  storeCase('equal instants are put in the order of the ids', async (store) => {
    const records = Array.from({ length: 5 }, () => makeRecord())
    await insertAll(store, ...records)
    const ids = records.map(({ id }) => id).toSorted()
    assert.deepEqual(await idsOf(store), ids)
    const backwards = await store.list({ ...all(), descending: true })
    assert.deepEqual(
      backwards.map(({ id }) => id),
      ids.toReversed(),
    )
  }),

  storeCase('page after page shows every session once and in order, however many instants are equal', async (store) => {
    const records = [0, 0, 0, 1, 1, 2, 2, 2].map((place) =>
      makeRecord({ createdAt: NOON + place, lastAccessedAt: NOON + HOUR + Math.floor(place / 2) }),
    )
    await insertAll(store, ...records)
    for (const sort of SORTS) {
      for (const descending of [true, false]) {
        const whole = await store.list({ ...all(), sort, descending })
        assert.equal(whole.length, records.length)
        for (const limit of [1, 2, 3, 7, 8, 9]) {
          const paged = await pageThrough(store, { filter: {}, sort, descending, limit })
          assert.deepEqual(paged.map(comparable), whole.map(comparable), `sort ${sort}, pages of ${limit}`)
        }
      }
    }
  }),

  storeCase('pages go on past a session that was deleted, and keep to their filter', async (store) => {
    const records = [1, 2, 3, 4].map((place) => makeRecord({ createdAt: NOON + place }))
    const others = [1, 2, 3, 4].map((place) => makeRecord({ createdAt: NOON + place, userId: 'user-2' }))
    await insertAll(store, ...records, ...others)
    const second = records[1]!
    await store.revoke({ id: second.id }, makeEndMark(), 1)
    await store.prune(NOON + 1, 1)
    assert.equal(await store.get(second.id), null)
    const after = { value: second.createdAt, id: second.id }
    const rest = await store.list({ ...all({ userId: 'user-1' }), after })
    assert.deepEqual(
      rest.map(({ id }) => id),
      records.slice(2).map(({ id }) => id),
    )
  }),

  storeCase('no list is longer than its limit', async (store) => {
    await insertAll(store, makeRecord(), makeRecord(), makeRecord())
    for (const limit of [1, 2, 3]) assert.equal((await store.list({ ...all(), limit })).length, limit)
    assert.equal((await store.list({ ...all(), limit: 4 })).length, 3)
  }),

  storeCase('an installation without sessions has figures of zero', async (store) => {
    assert.deepEqual(await store.stats({ endsAfter: 0, accessedAfter: 0, authenticatedAfter: 0 }, 0), {
      total: 0,
      active: 0,
      createdSince: 0,
      usersOnline: 0,
      mostActive: null,
    })
  }),

  storeCase('the figures count what is kept, what stands, what is new and who is there', async (store) => {
    const standing = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }
    const ended = makeRecord({ userId: 'ada' })
    await insertAll(
      store,
      ended,
      makeRecord({ userId: 'ada' }),
      makeRecord({ userId: 'ada', createdAt: NOON - 1, endsAt: NOON + 1 }),
      makeRecord({ userId: 'bob', endsAt: NOON }),
      makeRecord({ userId: 'cleo', createdAt: NOON - 1 }),
    )
    await store.revoke({ id: ended.id }, makeEndMark(), 1)
    assert.deepEqual(await store.stats(standing, NOON), {
      total: 5,
      active: 3,
      createdSince: 3,
      usersOnline: 2,
      mostActive: { userId: 'ada', username: 'ada', sessions: 3 },
    })
  }),

  storeCase('of users with equally many sessions the one who signed in last is the most active', async (store) => {
    const logins = ['ada', 'bob', 'bob', 'ada', 'cleo']
    await insertAll(store, ...logins.map((userId, place) => makeRecord({ userId, createdAt: NOON + place })))
    const { mostActive } = await store.stats({ endsAfter: 0, accessedAfter: 0, authenticatedAfter: 0 }, 0)
    assert.deepEqual(mostActive, { userId: 'ada', username: 'ada', sessions: 2 })
  }),
]

/** Insists that a filter means exactly these sessions, in a list and in a count. */
async function assertMatch(store: Store, filter: SessionFilter, records: readonly SessionRecord[]): Promise<void> {
  const found = await idsOf(store, filter)
  const expected = records.map(({ id }) => id).toSorted()
  assert.deepEqual(found.toSorted(), expected, `list with filter ${JSON.stringify(filter)}`)
  assert.equal(await store.count(filter), expected.length, `count with filter ${JSON.stringify(filter)}`)
  const some = await store.count(filter, 1)
  assert.ok(some >= Math.min(1, expected.length) && some <= expected.length, `${some} counted where one is enough`)
}

async function pageThrough(store: Store, query: ListQuery): Promise<readonly SessionRecord[]> {
  const seen: SessionRecord[] = []
  let after: ListQuery['after']
  while (seen.length < PLENTY) {
    const page = await store.list({ ...query, after })
    assert.ok(page.length <= query.limit, `${page.length} records in a page of ${query.limit}`)
    seen.push(...page)
    assert.equal(new Set(seen.map(({ id }) => id)).size, seen.length, 'a session came twice')
    const last = page.at(-1)
    if (last === undefined) break
    after = { value: last[query.sort], id: last.id }
  }
  return seen
}
