import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compareFor, isAfter, isMatch } from '../../core/filter.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import { NOON, makeMark, makeRecord } from '../../testing/records.ts'
import { SqliteStore } from '../sqlite.ts'
import { SqliteConnection } from './connection.ts'
import { SqliteEngine } from './engine.ts'
import { migrateUp } from './migrations.ts'
import { countByText, findByText, isSearch } from './search.ts'
import { insertSession } from './sessions.ts'

const DEVICES = ['Firefox/145.0', 'curl/8.5.0', null]
const RECORDS: readonly SessionRecord[] = Array.from({ length: 60 }, (_, number) =>
  makeRecord({
    userId: `u${number % 7}`,
    username: `user-${number % 7}`,
    createdAt: NOON + (number % 13),
    lastAccessedAt: NOON + 20 + (number % 5),
    userAgent: DEVICES[number % 3] ?? null,
  }),
)
const search: fc.Arbitrary<SessionFilter> = fc.record(
  {
    text: fc.constantFrom('fire', 'CURL', 'user-3', 'nothing has this'),
    createdSince: fc.integer({ min: NOON, max: NOON + 14 }),
  },
  { requiredKeys: ['text'] },
)
const stretch = fc.integer({ min: 1, max: 70 })

let engine: SqliteEngine

beforeAll(async () => {
  const connection = new SqliteConnection(':memory:', { busyTimeout: 0, mustExist: false, allowUnsafe: [] })
  migrateUp(connection)
  engine = new SqliteEngine(connection, 0, 0)
  for (const record of RECORDS) await engine.write((database) => insertSession(database, record, { mark: makeMark() }))
})
afterAll(() => engine.close())

test('what is found does not depend on how long the stretches are', async () => {
  const position = fc.record({
    value: fc.integer({ min: NOON, max: NOON + 25 }),
    id: fc.constantFrom(...RECORDS.map(({ id }) => id)),
  })
  const query: fc.Arbitrary<ListQuery> = fc.record({
    filter: search,
    sort: fc.constantFrom('createdAt', 'lastAccessedAt'),
    descending: fc.boolean(),
    after: fc.option(position, { nil: undefined }),
    limit: fc.integer({ min: 0, max: 30 }),
  })
  await fc.assert(
    fc.asyncProperty(query, stretch, async (each, length) => {
      const wanted = RECORDS.filter((record) => isMatch(record, each.filter) && isAfter(record, each))
        .toSorted(compareFor(each))
        .slice(0, each.limit)
      expect((await findByText(engine, each, length)).map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
    }),
  )
})

test('and neither does how much is counted', async () => {
  await fc.assert(
    fc.asyncProperty(search, stretch, async (filter, length) => {
      expect(await countByText(engine, filter, length)).toBe(RECORDS.filter((each) => isMatch(each, filter)).length)
    }),
  )
})

test('everybody else has a turn between two stretches', async () => {
  let turns = 0
  let isOver = false
  const takeTurn = (): void => {
    turns += 1
    if (!isOver) setImmediate(takeTurn)
  }
  setImmediate(takeTurn)
  await countByText(engine, { text: 'nothing has this' }, 10)
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(6)
})

test('only a text among everybody’s sessions is looked for in stretches', () => {
  expect(isSearch({ text: 'fire' })).toBe(true)
  expect(isSearch({ text: 'fire', userId: 'u1' })).toBe(false)
  expect(isSearch({ username: 'user-1' })).toBe(false)
})

test('a store answers a search, and one after it was closed rejects', async () => {
  const store = SqliteStore.open(':memory:')
  const record = makeRecord({ userAgent: 'Firefox/145.0' })
  await store.insert(record, { mark: makeMark() })
  expect(await store.count({ text: 'FIREFOX' })).toBe(1)
  await store.close()
  await expect(store.count({ text: 'firefox' })).rejects.toMatchObject({ code: 'closed' })
})
