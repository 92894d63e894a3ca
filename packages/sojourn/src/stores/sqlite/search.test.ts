import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareFor, isAfter, isMatch } from '../../core/filter.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import { NOON, makeMark, makeRecord } from '../../testing/records.ts'
import { SqliteStore } from '../sqlite.ts'
import { SqliteConnection } from './connection.ts'
import { SqliteEngine } from './engine.ts'
import { migrateUp } from './migrations.ts'
import { SESSION_READ, decodeSession } from './rows.ts'
import { indexNext, markOf } from './search-index.ts'
import { SqliteSearch, isSearch } from './search.ts'
import type { SearchSteps } from './search.ts'
import { insertSession } from './sessions.ts'

const ALL = 1_000
const DEVICES = ['Firefox/145.0', 'curl/8.5.0', 'Zero\0curl', null]
const NAMES = ['user-1', 'User-2', 'curly', 'Ärger', 'zoë\0fire']
const ADDRESSES = ['192.0.2.1', '2001:db8::c', null]
const TEXTS = ['fire', 'CURL', 'user-2', 'USER', '0.2', 'ä', 'Ä', 'e', '%', '_', '\0', 'nothing has this', '']

const text = fc.constantFrom(...TEXTS)
const search: fc.Arbitrary<SessionFilter> = fc.record(
  { text, createdSince: fc.integer({ min: NOON, max: NOON + 14 }), isEnded: fc.boolean() },
  { requiredKeys: ['text'] },
)
const steps: fc.Arbitrary<SearchSteps> = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  values: fc.integer({ min: 1, max: 20 }),
  many: fc.constantFrom(3, 20, ALL),
})
const device = {
  username: fc.constantFrom(...NAMES),
  userAgent: fc.constantFrom(...DEVICES),
  ipAddress: fc.constantFrom(...ADDRESSES),
}

let folder: string
let connection: SqliteConnection
let engine: SqliteEngine

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  connection = open(join(folder, 'app.db'))
  migrateUp(connection)
  engine = new SqliteEngine(connection, 0, 0)
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('what is found and counted is what the records say', () => {
  test('however long the steps are, and however much is in the index', async () => {
    connection.transaction(() => {
      for (let number = 0; number < 60; number += 1) add(numbered(number))
    })
    const query: fc.Arbitrary<ListQuery> = fc.record({
      filter: search,
      sort: fc.constantFrom('createdAt', 'lastAccessedAt'),
      descending: fc.boolean(),
      after: fc.option(
        fc.record({
          value: fc.integer({ min: NOON, max: NOON + 25 }),
          id: fc.constantFrom(...records().map(({ id }) => id)),
        }),
        { nil: undefined },
      ),
      limit: fc.integer({ min: 0, max: 30 }),
    })
    await fc.assert(
      fc.asyncProperty(query, steps, fc.integer({ min: 0, max: 70 }), async (each, length, indexed) => {
        connection.exec('UPDATE sojourn_search_mark SET place = NULL')
        if (indexed > 0) index(indexed)
        const searching = new SqliteSearch(engine, length)
        expect((await searching.find(each)).map(({ id }) => id)).toEqual(wanted(each).map(({ id }) => id))
        const all = records().filter((one) => isMatch(one, each.filter)).length
        expect(await searching.count(each.filter)).toBe(all)
        const some = await searching.count(each.filter, each.limit)
        expect(some).toBeGreaterThanOrEqual(Math.min(all, each.limit))
        expect(some).toBeLessThanOrEqual(all)
      }),
      { numRuns: 300 },
    )
  })

  test('whatever happened to sessions and index before', async () => {
    const place = fc.nat(30)
    const deed = fc.oneof(
      { weight: 4, arbitrary: fc.record(device).map((record) => () => add(makeRecord(record))) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 12 }).map((limit) => () => index(limit)) },
      { weight: 3, arbitrary: fc.constant(() => removeAt(0, 'DESC')) },
      { weight: 1, arbitrary: place.map((offset) => () => removeAt(offset, 'ASC')) },
      { weight: 2, arbitrary: fc.tuple(place, fc.record(device)).map((change) => () => changeAt(...change)) },
      { weight: 1, arbitrary: fc.constant(() => undone(() => indexNext(connection, ALL))) },
      { weight: 1, arbitrary: fc.constant(() => undone(() => removeAt(0, 'DESC'))) },
      { weight: 1, arbitrary: fc.constant(renumber) },
      { weight: 1, arbitrary: fc.constant(() => connection.exec('VACUUM')) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 40 }), async (deeds) => {
        connection.exec('DELETE FROM sojourn_users')
        connection.exec('PRAGMA synchronous = OFF')
        for (const each of deeds) each()
        await expectRight(new SqliteSearch(engine, { rows: 1, values: 3, many: ALL }))
      }),
      { numRuns: 150 },
    )
  })

  test('when a place in the index is given to another session', async () => {
    for (const username of ['one', 'two', 'three']) add(makeRecord({ username }))
    index(ALL)
    removeAt(0, 'DESC')
    removeAt(0, 'DESC')
    add(makeRecord({ username: 'four' }))
    add(makeRecord({ username: 'five' }))
    await expectFound('four', 1)
  })

  test('when somebody changes a session by hand', async () => {
    for (const username of ['one', 'two', 'three']) add(makeRecord({ username }))
    index(ALL)
    connection.exec("UPDATE sojourn_sessions SET username = 'four' WHERE username = 'two'")
    await expectFound('four', 1)
    await expectFound('two', 0)
  })

  test('when the rows were copied and lie at other places', async () => {
    for (const username of ['one', 'two', 'three', 'four']) add(makeRecord({ username, userAgent: `${username}/1` }))
    removeAt(0, 'ASC')
    index(2)
    expect(markOf(connection).place).toBe(3)
    renumber()
    await expectFound('four/', 1)
    index(ALL)
    await expectFound('two/', 1)
    await expectFound('four/', 1)
  })

  test('when another process adds sessions, fills the index, and is killed in between', async () => {
    add(makeRecord({ username: 'one' }))
    const other = open(connection.path)
    other.transaction(() => indexNext(other, ALL))
    insertSession(other, makeRecord({ username: 'two' }), { mark: makeMark() })
    await expectFound('two', 1)
    other.exec('BEGIN IMMEDIATE')
    indexNext(other, ALL)
    other.close()
    await expectFound('two', 1)
    index(ALL)
    await expectFound('two', 1)
  })

  test('when another process begins the index anew in the middle of a search', async () => {
    for (const username of ['one', 'two', 'three', 'four']) add(makeRecord({ username }))
    index(ALL)
    const searching = new SqliteSearch(engine, { rows: 1, values: 1, many: ALL })
    // Values are taken in by their alphabet, so this is the last that is looked at.
    const count = searching.count({ text: 'two' })
    await nextTurn()
    connection.exec('UPDATE sojourn_search_mark SET place = NULL')
    index(1)
    expect(await count).toBe(1)
  })
})

test('a text that few mention is found without looking at everybody else', async () => {
  for (let number = 0; number < 60; number += 1) add(numbered(number))
  add(makeRecord({ username: 'somebody', userAgent: 'Lynx/2.9' }))
  index(ALL)
  // What is in the index and on no row: the rows are asked, so nothing is found where nobody looks.
  connection.exec("UPDATE sojourn_search_values SET value = 'hidden' WHERE value = 'Lynx/2.9'")
  const searching = new SqliteSearch(engine, { rows: 1, many: 10 })
  expect(await searching.count({ text: 'lynx' })).toBe(0)
  expect(await searching.count({ text: 'somebody' })).toBe(1)
})

test('nothing of a session that is deleted or emptied by hand stays in the index', () => {
  add(makeRecord({ userId: 'u1', username: 'ada', userAgent: 'Lynx/2.9', ipAddress: '192.0.2.7' }))
  add(makeRecord({ userId: 'u2', username: 'bob', userAgent: 'curl/8', ipAddress: '192.0.2.8' }))
  index(ALL)
  connection.exec("DELETE FROM sojourn_users WHERE id = 'u1'")
  const kept = connection.rows('SELECT value FROM sojourn_search_values ORDER BY value').flat()
  expect(kept).toEqual(['192.0.2.8', 'bob', 'curl/8'])
  expect(connection.row('SELECT count(*) FROM sojourn_search_agents')).toEqual([1])
  connection.exec('UPDATE sojourn_sessions SET ip_address = NULL, user_agent = NULL')
  expect(connection.rows('SELECT value FROM sojourn_search_values').flat()).toEqual(['bob'])
})

test('searches fill the index behind their answers, and a store that is closed stops that', async () => {
  for (let number = 0; number < 60; number += 1) add(numbered(number))
  const searching = new SqliteSearch(engine, { rows: 10 })
  await searching.count({ text: 'fire' })
  await engine.write(() => undefined)
  expect(markOf(connection).place).toBe(60)
  await engine.close()
  await expect(searching.count({ text: 'fire' })).rejects.toMatchObject({ code: 'closed' })
})

test('where the index cannot be filled, searches answer all the same', async () => {
  for (let number = 0; number < 60; number += 1) add(numbered(number))
  connection.exec("CREATE TRIGGER full BEFORE INSERT ON sojourn_search_values BEGIN SELECT RAISE(ABORT, 'no'); END")
  const searching = new SqliteSearch(engine, { rows: 10 })
  expect(await searching.count({ text: 'curl' })).toBeGreaterThan(0)
  await engine.write(() => undefined)
  expect(await searching.count({ text: 'curl' })).toBeGreaterThan(0)
})

test('a count goes no further than is enough', async () => {
  for (let number = 0; number < 60; number += 1) add(numbered(number))
  const searching = new SqliteSearch(engine, { rows: 1, many: 1 })
  expect(await searching.count({ text: 'user' }, 7)).toBe(7)
  expect(await searching.count({ text: 'user' })).toBe(24)
})

test('everybody else has a turn between two steps', async () => {
  for (let number = 0; number < 60; number += 1) add(numbered(number))
  let turns = 0
  let isOver = false
  const takeTurn = (): void => {
    turns += 1
    if (!isOver) setImmediate(takeTurn)
  }
  setImmediate(takeTurn)
  await new SqliteSearch(engine, { rows: 10 }).count({ text: 'nothing has this' })
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(6)
})

test('only a text among everybody’s sessions is looked for in steps', () => {
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

function open(path: string): SqliteConnection {
  return new SqliteConnection(path, { busyTimeout: 0, mustExist: false, allowUnsafe: [] })
}

function numbered(number: number): SessionRecord {
  return makeRecord({
    userId: `u${number % 7}`,
    username: NAMES[number % 5]!,
    createdAt: NOON + (number % 13),
    lastAccessedAt: NOON + 20 + (number % 5),
    userAgent: DEVICES[number % 4]!,
    ipAddress: ADDRESSES[number % 3]!,
  })
}

function add(record: SessionRecord): void {
  insertSession(connection, record, { mark: makeMark() })
}

function index(limit: number): void {
  connection.transaction(() => indexNext(connection, limit))
}

function removeAt(offset: number, direction: 'ASC' | 'DESC'): void {
  const some = `SELECT rowid FROM sojourn_sessions ORDER BY rowid ${direction} LIMIT 1 OFFSET ?`
  connection.run(`DELETE FROM sojourn_sessions WHERE rowid = (${some})`, offset)
}

type Device = Pick<SessionRecord, 'username' | 'userAgent' | 'ipAddress'>

function changeAt(offset: number, { username, userAgent, ipAddress }: Device): void {
  connection.run(
    `UPDATE sojourn_sessions SET username = ?, user_agent = ?, ip_address = ?
     WHERE rowid = (SELECT rowid FROM sojourn_sessions ORDER BY rowid LIMIT 1 OFFSET ?)`,
    username,
    userAgent,
    ipAddress,
    offset,
  )
}

/** What a crash leaves of it. */
function undone(work: () => unknown): void {
  connection.exec('SAVEPOINT crash')
  work()
  connection.exec('ROLLBACK TO crash; RELEASE crash')
}

/** What writing all rows out and reading them in again does to their places. */
function renumber(): void {
  connection.transaction(() => {
    connection.exec(`
      CREATE TEMP TABLE kept AS SELECT * FROM sojourn_sessions ORDER BY rowid;
      CREATE TEMP TABLE indexed AS SELECT * FROM sojourn_search_mark;
      CREATE TEMP TABLE known AS SELECT * FROM sojourn_search_values;
      CREATE TEMP TABLE agents AS SELECT * FROM sojourn_search_agents;
      DELETE FROM sojourn_sessions;
      INSERT INTO sojourn_sessions SELECT * FROM kept ORDER BY kept.rowid;
      DELETE FROM sojourn_search_values; DELETE FROM sojourn_search_agents; DELETE FROM sojourn_search_mark;
      INSERT INTO sojourn_search_values SELECT * FROM known;
      INSERT INTO sojourn_search_agents SELECT * FROM agents;
      INSERT INTO sojourn_search_mark SELECT * FROM indexed;
      DROP TABLE kept; DROP TABLE indexed; DROP TABLE known; DROP TABLE agents`)
  })
}

function records(): readonly SessionRecord[] {
  return connection.rows(`SELECT ${SESSION_READ} FROM sojourn_sessions`).map(decodeSession)
}

function wanted(query: ListQuery): readonly SessionRecord[] {
  return records()
    .filter((record) => isMatch(record, query.filter) && isAfter(record, query))
    .toSorted(compareFor(query))
    .slice(0, query.limit)
}

async function expectRight(searching: SqliteSearch): Promise<void> {
  for (const each of TEXTS) {
    const query = { filter: { text: each }, sort: 'createdAt', descending: true, limit: ALL } as const
    expect((await searching.find(query)).map(({ id }) => id)).toEqual(wanted(query).map(({ id }) => id))
    expect(await searching.count({ text: each })).toBe(wanted(query).length)
  }
}

async function expectFound(what: string, count: number): Promise<void> {
  const searching = new SqliteSearch(engine, { rows: ALL, values: 1, many: ALL })
  expect(await searching.count({ text: what })).toBe(count)
}
