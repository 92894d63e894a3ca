import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SessionId } from '../../core/token.ts'
import { DAY, HOUR, NOON, makeEndMark, makeMark, makeRecord } from '../../testing/records.ts'
import { RecordCache } from './cache.ts'
import { SqliteConnection } from './connection.ts'
import { SqliteStore } from '../sqlite.ts'

const RECORD = makeRecord()
const { id } = RECORD

/** Everything that can change what is known of a session. */
const WRITES: Readonly<Record<string, (store: SqliteStore) => Promise<unknown>>> = {
  touch: (store) => store.touch([{ id, at: NOON + HOUR, endsAt: NOON + DAY + HOUR, allowance: 0 }]),
  update: (store) => store.update(id, 1, { method: 'passkey' }, makeMark()),
  'revoke by id': (store) => store.revoke({ id }, makeEndMark(), 1),
  'revoke by user': (store) => store.revoke({ userId: 'user-1' }, makeEndMark(), 1),
  'revoke by filter': (store) => store.revoke({ where: { username: 'user-1' } }, makeEndMark(), 1),
  'evict by a login': (store) =>
    store.insert(makeRecord({ createdAt: NOON + 1 }), {
      mark: makeMark(),
      cap: { max: 1, onExceed: 'evict', standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 } },
    }),
  'revoke and forget': async (store) => {
    await store.revoke({ id }, makeEndMark(), 1)
    await store.get(id)
    await store.forget('user-1', 1)
  },
  prune: (store) => store.prune(NOON + 30 * DAY, 10),
  'change the password': (store) => store.users.setPassword('user-1', { to: 'x' }, makeMark()),
  'disable the user': (store) => store.users.disable('user-1', makeMark()),
  'delete the user': (store) => store.users.remove('user-1', makeMark()),
  'take a role away': async (store) => {
    await store.users.setRole('user-1', 'operator', makeMark())
    await store.users.setRole('user-1', 'user', makeMark())
  },
}

describe('a record that is held in memory', () => {
  let folder: string
  let store: SqliteStore
  let other: SqliteStore
  let uncached: SqliteStore

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
    const path = join(folder, 'app.db')
    store = SqliteStore.open(path)
    other = SqliteStore.open(path)
    uncached = SqliteStore.open(path, { cacheEntries: 0 })
    await store.insert(RECORD, { mark: makeMark() })
    for (const each of [store, other]) {
      await each.get(id)
      await each.get(id)
    }
  })
  afterEach(async () => {
    for (const each of [store, other, uncached]) await each.close()
    rmSync(folder, { recursive: true })
  })

  test('is answered without being read again', async () => {
    expect(await store.get(id)).toBe(await store.get(id))
    expect(await uncached.get(id)).not.toBe(await uncached.get(id))
  })

  test.each(Object.keys(WRITES))('is not answered any more after %s on another connection', async (name) => {
    const before = await store.get(id)
    await WRITES[name]!(other)
    const after = await store.get(id)
    expect(after).not.toEqual(before)
    expect(after).toEqual(await uncached.get(id))
  })

  test.each(Object.keys(WRITES))('is not answered any more after %s on its own connection', async (name) => {
    const before = await store.get(id)
    await WRITES[name]!(store)
    const after = await store.get(id)
    expect(after).not.toEqual(before)
    expect(after).toEqual(await uncached.get(id))
  })

  test('is not answered any more when it was read between two looks at what others commit', async () => {
    const [first, second] = [makeRecord(), makeRecord()]
    await other.insert(first, { mark: makeMark() })
    await other.insert(second, { mark: makeMark() })
    await store.get(first.id)
    await other.revoke({ id: first.id }, makeEndMark(), 1)
    await store.get(second.id)
    expect(await store.get(first.id)).toMatchObject({ endReason: 'revoked' })
    expect(await store.get(second.id)).toMatchObject({ endReason: null })
    await other.revoke({ id: second.id }, makeEndMark(), 1)
    expect(await store.get(second.id)).toMatchObject({ endReason: 'revoked' })
  })

  test('is answered to all who ask in one go by one look at what others commit', async () => {
    const memory = SqliteStore.open(':memory:')
    await memory.insert(RECORD, { mark: makeMark() })
    await memory.get(id)
    await memory.get(id)
    const row = vi.spyOn(SqliteConnection.prototype, 'row')
    const found = await Promise.all(Array.from({ length: 64 }, () => memory.get(id)))
    expect(found.every((record) => record?.id === id)).toBe(true)
    expect(row.mock.calls).toEqual([['PRAGMA data_version']])
    row.mockRestore()
    await memory.close()
  })

  test('is not answered any more to whoever asks after it has ended, though others asked just before', async () => {
    const early = store.get(id)
    using process = new DatabaseSync(join(folder, 'app.db'))
    process.exec("UPDATE sojourn_sessions SET end_reason = 'revoked', logged_out_at = ends_at")
    const late = store.get(id)
    expect(await late).toMatchObject({ endReason: 'revoked' })
    await early
  })

  test('cannot be changed by whoever was handed it', async () => {
    const changed = makeRecord({ attributes: { list: [1] }, previousHashes: [new Uint8Array(32)] })
    await store.insert(changed, { mark: makeMark() })
    for (const record of [await store.get(changed.id), await store.get(changed.id)]) {
      expect(Object.isFrozen(record)).toBe(true)
      expect(Object.isFrozen(record?.previousHashes)).toBe(true)
      expect(Object.isFrozen(record?.attributes['list'])).toBe(true)
    }
  })
})

describe('the memory for records', () => {
  const records = Array.from({ length: 100 }, () => makeRecord())

  test('holds no more than it was told', () => {
    const cache = new RecordCache(10)
    for (const record of records) {
      cache.keep(record)
      expect(cache.size).toBeLessThanOrEqual(10)
    }
    expect(cache.get(records.at(-1)!.id)).toBe(records.at(-1))
    expect(cache.get(records[0]!.id)).toBeUndefined()
  })

  test('keeps what is asked for again and again', () => {
    const cache = new RecordCache(10)
    const favourite = makeRecord()
    cache.keep(favourite)
    for (const record of records) {
      cache.keep(record)
      expect(cache.get(favourite.id)).toBe(favourite)
    }
  })

  test.each([0, 1])('of %d entries holds nothing', (entries) => {
    const cache = new RecordCache(entries)
    cache.keep(records[0]!)
    expect(cache.size).toBe(0)
  })

  test('forgets what was kept under another version, and trusts nothing from before the first', () => {
    const cache = new RecordCache(10)
    const held = (): (SessionId | undefined)[] => [cache.get(records[0]!.id)?.id]
    cache.keep(records[0]!)
    expect(cache.isCurrent(1)).toBe(false)
    expect(held()).toEqual([undefined])
    cache.keep(records[0]!)
    expect(cache.isCurrent(1)).toBe(true)
    expect(held()).toEqual([records[0]!.id])
    expect(cache.isCurrent(2)).toBe(false)
    expect(held()).toEqual([undefined])
  })
})
