import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { END_REASONS } from '../../core/session.ts'
import type { SessionRecord } from '../../core/session.ts'
import { compareFor, isAfter, isMatch } from '../../core/filter.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import { NOON, makeMark, makeRecord, makeUser } from '../../testing/records.ts'
import { SqliteConnection } from './connection.ts'
import { migrateUp } from './migrations.ts'
import { pageOf, selectionOf } from './query.ts'
import type { Condition } from './query.ts'
import { SqliteStore } from '../sqlite.ts'

const instant = fc.integer({ min: NOON, max: NOON + 12 })
const standing = fc.record({ endsAfter: instant, accessedAfter: instant, authenticatedAfter: instant })
const text = fc.constantFrom('Ada', 'da', '%', '_', '', 'É', 'é', 'FIREFOX', '10.0.0.1', "'; --")
const condition = {
  userId: fc.constantFrom('u1', 'u2', 'u3'),
  username: fc.constantFrom('ada', 'ADA', 'Édith%', 'nobody'),
  ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
  text,
  standing,
  notStanding: standing,
  isEnded: fc.boolean(),
  endReason: fc.constantFrom(...END_REASONS.slice(0, 3)),
  method: fc.constantFrom('password', 'passkey'),
  createdSince: instant,
  createdBefore: instant,
  accessedBy: instant,
  endsBy: instant,
  expiresBy: instant,
  authenticatedBy: instant,
}
/** A few conditions at a time: many of them together match nothing, whatever they mean. */
const plain: fc.Arbitrary<SessionFilter> = someOf(condition)
const filter: fc.Arbitrary<SessionFilter> = someOf({ ...condition, anyOf: fc.array(plain, { maxLength: 3 }) })
const sort = fc.constantFrom('createdAt', 'lastAccessedAt')

describe('a filter in SQL means what it means in words', () => {
  const records = makeRecords()
  let store: SqliteStore

  beforeAll(async () => {
    store = SqliteStore.open(':memory:')
    for (const id of ['u1', 'u2']) await store.users.add(makeUser({ id }), makeMark())
    for (const record of records) await store.insert(record, { mark: makeMark() })
  })
  afterAll(() => store.close())

  test('when it is counted', async () => {
    await fc.assert(
      fc.asyncProperty(filter, async (each) => {
        expect(await store.count(each)).toBe(records.filter((record) => isMatch(record, each)).length)
      }),
      { numRuns: 2_000 },
    )
  })

  test('when it is listed, page after page', async () => {
    const after = fc.record({ value: instant, id: fc.constantFrom(...records.map(({ id }) => id)) })
    const limit = fc.integer({ min: -1, max: 12 })
    const query: fc.Arbitrary<ListQuery> = fc.record(
      { filter, sort, descending: fc.boolean(), after, limit },
      { requiredKeys: ['filter', 'sort', 'descending', 'limit'] },
    )
    await fc.assert(
      fc.asyncProperty(query, async (each) => {
        const expected = records
          .filter((record) => isMatch(record, each.filter) && isAfter(record, each))
          .toSorted(compareFor(each))
          .slice(0, Math.max(0, each.limit))
        expect((await store.list(each)).map(({ id }) => id)).toEqual(expected.map(({ id }) => id))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('an index answers', () => {
  const connection = new SqliteConnection(':memory:', { busyTimeout: 1, mustExist: false, allowUnsafe: [] })
  migrateUp(connection)
  const at = { endsAfter: 1, accessedAfter: 1, authenticatedAfter: 1 }
  const after = { value: 1, id: makeRecord().id }

  test.each<[string, Partial<ListQuery>, string]>([
    ['the newest page', {}, 'newest'],
    ['the page after it', { after }, 'newest ((created_at,session_id)<(?,?))'],
    ['the newest that stand', { filter: { standing: at } }, 'newest'],
    ['the sessions of a user', { filter: { userId: 'u' } }, 'user (user_id=?)'],
    [
      'the next sessions of a user',
      { filter: { userId: 'u', standing: at }, after },
      'user (user_id=? AND (created_at,session_id)<(?,?))',
    ],
    ['the sessions of a username', { filter: { username: 'u' } }, 'username (username=?)'],
    ['those used last', { sort: 'lastAccessedAt' }, 'accessed'],
    [
      'those created in a time',
      { filter: { createdSince: 1, createdBefore: 2 } },
      'newest (created_at>? AND created_at<?)',
    ],
    [
      'the next of those created in a time',
      { filter: { createdSince: 1, createdBefore: 2 }, after },
      'newest (created_at>? AND (created_at,session_id)<(?,?))',
    ],
  ])('%s without sorting', (_, query, index) => {
    const page = pageOf({ filter: {}, sort: 'createdAt', descending: true, limit: 50, ...query })
    expect(planOf('*', page)).toMatch(
      new RegExp(`^(?:SEARCH|SCAN) \\S+ USING INDEX sojourn_sessions_${escaped(index)}$`),
    )
  })

  test.each<[string, SessionFilter, string]>([
    ['overdue', { isEnded: false, endsBy: 1 }, 'overdue (ends_at<?)'],
    ['past their absolute end', { isEnded: false, endsBy: 1, expiresBy: 1 }, 'expiring (expires_at<?)'],
    ['of a login too long ago', { isEnded: false, authenticatedBy: 1 }, 'authenticated (authenticated_at<?)'],
    ['unused', { isEnded: false, accessedBy: 1 }, 'unused (last_accessed<?)'],
    [
      'unused of one user',
      { isEnded: false, accessedBy: 1, userId: 'u' },
      'user_standing (user_id=? AND end_reason=?)',
    ],
    ['standing of one user', { userId: 'u', standing: at }, 'user_standing (user_id=? AND end_reason=?)'],
    ['to be forgotten with their user', { userId: 'u', isEnded: true }, 'user (user_id=?)'],
    ['overdue for pruning', { endsBy: 1 }, 'ends (ends_at<?)'],
  ])('which sessions are %s', (_, each, index) => {
    expect(planOf('session_id', selectionOf(each))).toContain(`INDEX sojourn_sessions_${index}`)
  })

  test('how many stand, by itself', () => {
    expect(planOf('count(*)', selectionOf({ standing: at }))).toBe(
      'SEARCH sojourn_sessions USING COVERING INDEX sojourn_sessions_unused (last_accessed>?)',
    )
  })

  test('each of several alternatives', () => {
    const overdue = [
      { isEnded: false, endsBy: 1 },
      { isEnded: false, accessedBy: 1 },
    ]
    const plan = planOf('count(*)', selectionOf({ isEnded: false, anyOf: overdue }))
    expect(plan).toContain('sojourn_sessions_overdue (ends_at<?)')
    expect(plan).toContain('sojourn_sessions_unused (last_accessed<?)')
    expect(plan).not.toContain('SCAN')
  })

  function planOf(columns: string, { sql, values }: Condition): string {
    const rows = connection.rows(`EXPLAIN QUERY PLAN SELECT ${columns} FROM sojourn_sessions WHERE ${sql}`, ...values)
    return rows.map((row) => row[3]).join('; ')
  }
})

function someOf(conditions: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<SessionFilter> {
  const one = Object.entries(conditions).map(([name, value]) => fc.record({ [name]: value }))
  return fc.array(fc.oneof(...one), { maxLength: 3 }).map((chosen) => Object.assign({}, ...chosen) as SessionFilter)
}

function escaped(literal: string): string {
  return literal.replace(/[()?.*]/g, String.raw`\$&`)
}

/** Sessions that agree and differ in every column a filter can ask for. */
function makeRecords(): readonly SessionRecord[] {
  return Array.from({ length: 60 }, (_, place) => {
    const some = <T>(values: readonly T[], stride: number): T => values[Math.floor(place / stride) % values.length]!
    const endReason = some([null, null, null, ...END_REASONS.slice(0, 3)], 1)
    const lastAccessedAt = NOON + ((place * 5) % 11)
    const endsAt = lastAccessedAt + some([0, 2, 6], 3)
    const userId = some(['u1', 'u2'], 2)
    return makeRecord({
      userId,
      username: some(['ada', 'Édith%', 'ADA'], 4),
      createdAt: NOON + (place % 7),
      authenticatedAt: NOON + (place % 5),
      lastAccessedAt,
      endsAt,
      expiresAt: endsAt + some([0, 3], 5),
      endReason,
      endedBy: endReason === null ? null : 'user',
      loggedOutAt: endReason === null ? null : endsAt,
      ipAddress: some(['10.0.0.1', null, '10.0.0.2'], 2),
      userAgent: some([null, 'Mozilla Firefox', '100%_é'], 3),
      method: some([null, 'password', 'passkey'], 6),
    })
  })
}
