import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { NOON, makeEndMark, makeMark, makeRecord, makeUser } from '../../testing/records.ts'
import { SqliteStore } from '../sqlite.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  path = join(folder, 'app.db')
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

describe('writes that arrive together', () => {
  test('share a commit', async () => {
    await using store = opened()
    const exec = vi.spyOn(DatabaseSync.prototype, 'exec')
    await Promise.all(Array.from({ length: 50 }, () => store.insert(makeRecord(), { mark: makeMark() })))
    expect(exec.mock.calls.filter(([sql]) => sql === 'COMMIT')).toHaveLength(1)
  })

  test('fail one by one', async () => {
    await using store = opened()
    await store.users.add(makeUser({ id: 'ada', passwordHash: '$argon2id$' }), makeMark())
    const records = ['grace', 'another', 'linus', 'third'].map((userId, place) =>
      makeRecord({ userId, username: place % 2 === 0 ? userId : 'ada' }),
    )
    const outcomes = await Promise.allSettled(records.map((record) => store.insert(record, { mark: makeMark() })))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'conflict' } })
    const kept = await Promise.all(records.map(({ id }) => store.get(id)))
    expect(kept.map((record) => record !== null)).toEqual([true, false, true, false])
    expect(await store.users.count()).toBe(3)
  })

  test('are carried out in the order in which they came', async () => {
    await using store = opened()
    const record = makeRecord()
    const outcomes = await Promise.all([
      store.update(record.id, 1, { method: 'early' }, makeMark()),
      store.insert(record, { mark: makeMark() }),
      store.update(record.id, 1, { method: 'late' }, makeMark()),
      store.revoke({ id: record.id }, makeEndMark(), 1),
      store.touch([{ id: record.id, at: NOON + 1, endsAt: NOON + 2, allowance: 0 }]),
    ])
    expect(outcomes).toMatchObject([false, { ok: true }, true, [{ id: record.id }], 0])
  })

  test('are finished before the store is closed', async () => {
    const store = opened()
    const records = Array.from({ length: 300 }, () => makeRecord())
    const writing = records.map((record) => store.insert(record, { mark: makeMark() }))
    await store.close()
    expect(await Promise.all(writing)).toHaveLength(300)
    await using again = opened()
    expect(await again.count({})).toBe(300)
  })
})

test('a write that changes nothing is not written', async () => {
  await using store = opened()
  const record = makeRecord()
  await store.insert(record, { mark: makeMark() })
  await store.revoke({ id: record.id }, makeEndMark(), 1)
  const before = readFileSync(`${path}-wal`)
  await store.revoke({ id: record.id }, makeEndMark(), 1)
  await store.touch([{ id: record.id, at: NOON + 1, endsAt: NOON + 2, allowance: 0 }])
  await store.update(record.id, 1, { method: 'late' }, makeMark())
  await store.insert(record, { mark: makeMark() })
  await store.prune(NOON - 1, 100)
  expect(readFileSync(`${path}-wal`).equals(before)).toBe(true)
})

describe('while another program writes', () => {
  test('a write waits, and reads go on', async () => {
    await using store = opened()
    const record = makeRecord()
    await store.insert(record, { mark: makeMark() })
    using other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    let isEnded = false
    const ending = store.revoke({ id: record.id }, makeEndMark(), 1).then(() => (isEnded = true))
    for (let turns = 0; turns < 20; turns += 1) {
      await turn()
      expect(await store.get(record.id)).toMatchObject({ endReason: null })
    }
    expect(isEnded).toBe(false)
    other.exec('COMMIT')
    await ending
    expect(await store.get(record.id)).toMatchObject({ endReason: 'revoked' })
  })

  test('a write gives up after the timeout, and is then not done later', async () => {
    await using store = opened('30ms')
    using other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const record = makeRecord()
    await expect(store.insert(record, { mark: makeMark() })).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/app\.db' is locked by another program/),
    })
    other.exec('COMMIT')
    await store.insert(makeRecord(), { mark: makeMark() })
    expect(await store.get(record.id)).toBeNull()
  })
})

describe('after an I/O error', () => {
  test('nothing of the commit is acknowledged, and nothing at all before the file was checked', async () => {
    await using store = opened()
    const [record, another] = [makeRecord(), makeRecord()]
    for (const each of [record, another]) await store.insert(each, { mark: makeMark() })
    await store.get(another.id)
    const held = await store.get(another.id)
    const statements = failCommit()
    const failed = await Promise.allSettled([
      store.insert(makeRecord(), { mark: makeMark() }),
      store.revoke({ id: record.id }, makeEndMark(), 1),
    ])
    for (const outcome of failed) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    }
    statements.splice(0)
    const read = await store.get(another.id)
    expect(read).toEqual(held)
    expect(read).not.toBe(held)
    expect(await store.get(record.id)).toMatchObject({ endReason: null })
    const [check, select] = ['PRAGMA quick_check', 'SELECT session_id'].map((start) =>
      statements.findIndex((sql) => sql.startsWith(start)),
    )
    expect(check).toBeGreaterThan(-1)
    expect(select).toBeGreaterThan(check!)
    expect(await store.revoke({ id: record.id }, makeEndMark(), 1)).toHaveLength(1)
  })

  test('a file that turns out to be damaged is not answered from', async () => {
    await using store = opened()
    for (let count = 0; count < 100; count += 1) await store.insert(makeRecord(), { mark: makeMark() })
    const { id } = makeRecord()
    failCommit()
    await expect(store.revoke({ id }, makeEndMark(), 1)).rejects.toMatchObject({ code: 'store_unavailable' })
    writeFileSync(path, readFileSync(path).fill(0xa5, 8_192))
    for (const call of [() => store.get(id), () => store.revoke({ id }, makeEndMark(), 1), () => store.get(id)]) {
      await expect(call()).rejects.toMatchObject({ code: 'store_corrupt' })
    }
  })

  test('a file that is gone is not made anew', async () => {
    await using store = opened()
    failCommit()
    const ending = store.revoke({ id: makeRecord().id }, makeEndMark(), 1)
    await expect(ending).rejects.toMatchObject({ code: 'store_unavailable' })
    rmSync(path)
    await expect(store.count({})).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(existsSync(path)).toBe(false)
  })
})

/** Lets the next commit fail as a disk does, and answers with the statements that are run and prepared from then on. */
function failCommit(): string[] {
  const { exec, prepare } = DatabaseSync.prototype
  const statements: string[] = []
  let isToFail = true
  vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql) {
    statements.push(sql)
    if (sql !== 'COMMIT' || !isToFail) return exec.call(this, sql)
    isToFail = false
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 1_034 })
  })
  vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(function (this: DatabaseSync, sql) {
    statements.push(sql)
    return prepare.call(this, sql)
  })
  return statements
}

function opened(busyTimeout: string | number = '5s'): SqliteStore & AsyncDisposable {
  const store = SqliteStore.open(path, { busyTimeout })
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}
