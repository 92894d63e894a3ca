import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { SUPERSEDED_KEPT } from '../core/session.ts'
import { apiKeyStoreContract, makeMark, makeRecord, storeContract, userStoreContract } from '../testing/index.ts'
import type { OpenedStore } from '../testing/index.ts'
import { NOON } from '../testing/records.ts'
import { SqliteStore } from './sqlite.ts'

describe.each([
  ['in a file', openInFile],
  ['in memory', openInMemory],
])('%s', (_, open) => {
  test.each([...storeContract, ...userStoreContract, ...apiKeyStoreContract])('$name', async ({ run }) => {
    await expect(run(open)).resolves.toBeUndefined()
  })
})

test('a record is kept to the byte, for this process and the next', async () => {
  const { store, cleanUp, path } = await openFile()
  const record = makeRecord({
    userId: 'Ünïcode \u{1f511}',
    username: 'ada',
    nextHash: randomBytes(32),
    nextSalt: randomBytes(32),
    previousHashes: Array.from({ length: SUPERSEDED_KEPT }, () => Uint8Array.from(randomBytes(32))),
    previousUntil: NOON + 1,
    userAgent: 'before\0after \ufeff é',
    ipAddress: '2001:db8::1',
    method: "pass'word",
    attributes: { nested: [{ __proto__: null, text: '\u2028', half: '\ud800' }], number: -0.5, none: null },
    version: 7,
  })
  await store.insert(record, { mark: makeMark() })
  const expected = comparable(record)
  expect(comparable(await store.get(record.id))).toEqual(expected)
  await store.close()
  const again = SqliteStore.open(path)
  expect(comparable(await again.get(record.id))).toEqual(expected)
  await again.close()
  await cleanUp()
})

test('a record that somebody has spoilt is an error of the store, not of the caller', async () => {
  const { store, cleanUp, path } = await openFile()
  const record = makeRecord()
  await store.insert(record, { mark: makeMark() })
  using database = new DatabaseSync(path)
  database.exec("UPDATE sojourn_sessions SET attributes = '{'")
  await expect(store.get(record.id)).rejects.toMatchObject({ code: 'store_corrupt' })
  await store.close()
  await cleanUp()
})

/** Bytes as text, whatever class they come in. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each)]))
}

async function openInFile(): Promise<OpenedStore> {
  const { store, cleanUp } = await openFile()
  return { store, users: store.users, apiKeys: store.apiKeys, cleanUp }
}

async function openFile(): Promise<{ store: SqliteStore; path: string; cleanUp: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  const path = join(folder, 'sojourn.db')
  return { store: SqliteStore.open(path), path, cleanUp: () => rm(folder, { recursive: true }) }
}

async function openInMemory(): Promise<OpenedStore> {
  const store = SqliteStore.open(':memory:')
  return { store, users: store.users, apiKeys: store.apiKeys }
}
