import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isSojournError } from '../../core/errors.ts'
import { makeMark, makeRecord } from '../../testing/records.ts'
import { SqliteStore } from '../sqlite.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  path = join(folder, 'app.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a new database', () => {
  test('is for its owner only, with everything that belongs to it', async () => {
    const store = SqliteStore.open(path)
    await store.insert(makeRecord(), { mark: makeMark() })
    await store.renewalKey()
    const files = ['app.db', 'app.db-ballast', 'app.db-key', 'app.db-shm', 'app.db-wal']
    expect(readdirSync(folder).toSorted()).toEqual(files)
    for (const file of files) expect([file, modeOf(file)]).toEqual([file, 0o600])
    await store.close()
  })

  test('keeps its promises as the engine reads them back', async () => {
    const store = SqliteStore.open(path, { busyTimeout: '2s' })
    expect(await store.guarantees()).toEqual({
      engine: `sqlite ${process.versions['sqlite']}`,
      survivesProcessKill: true,
      survivesPowerLoss: true,
      revocationBound: 0,
      settings: {
        journal_mode: 'wal',
        synchronous: 2,
        foreign_keys: 1,
        trusted_schema: 0,
        busy_timeout: 2_000,
        page_size: 4_096,
        file_mode: '0600',
        ballast: true,
        record_cache: 'data_version',
      },
      warnings: [],
    })
    await store.close()
  })

  test('leaves one file, its ballast and its key when it is closed', async () => {
    const store = SqliteStore.open(path)
    await store.insert(makeRecord(), { mark: makeMark() })
    await store.close()
    expect(readdirSync(folder).toSorted()).toEqual(['app.db', 'app.db-ballast'])
  })
})

describe('an existing database', () => {
  test('keeps its mode, and a mode that lets others in is warned of', async () => {
    makeForeign(path)
    chmodSync(path, 0o644)
    const store = SqliteStore.open(path)
    expect(modeOf('app.db')).toBe(0o644)
    const { settings, warnings } = await store.guarantees()
    expect(settings['file_mode']).toBe('0644')
    expect(warnings).toEqual([expect.stringMatching(/app\.db' can be reached by others .*chmod 600/)])
    await store.renewalKey()
    expect([modeOf('app.db-key'), modeOf('app.db-ballast')]).toEqual([0o600, 0o600])
    await store.close()
  })

  test('has companions for whoever shares it, when it is shared with a group', async () => {
    makeForeign(path)
    chmodSync(path, 0o660)
    const store = SqliteStore.open(path)
    await store.renewalKey()
    expect([modeOf('app.db-key') & 0o007, modeOf('app.db-ballast') & 0o007]).toEqual([0, 0])
    expect(modeOf('app.db-key') & 0o600).toBe(0o600)
    await store.close()
  })

  test('of another program is left as it was', async () => {
    makeForeign(path)
    const before = foreignPartOf(path)
    const store = SqliteStore.open(path)
    await store.insert(makeRecord(), { mark: makeMark() })
    await store.close()
    expect(foreignPartOf(path)).toEqual(before)
  })

  test('reached by a link has the same key as reached by its name', async () => {
    const store = SqliteStore.open(path)
    symlinkSync(path, join(folder, 'link.db'))
    const linked = SqliteStore.open(join(folder, 'link.db'))
    expect(await linked.renewalKey()).toEqual(await store.renewalKey())
    await linked.close()
    await store.close()
  })
})

describe('the renewal key', () => {
  test('is made once and read from then on', async () => {
    const store = SqliteStore.open(path)
    expect(readdirSync(folder)).not.toContain('app.db-key')
    const key = await store.renewalKey()
    await store.close()
    const again = SqliteStore.open(path)
    expect(await again.renewalKey()).toEqual(key)
    expect(Uint8Array.from(readFileSync(`${path}-key`))).toEqual(key)
    await again.close()
  })

  test('is of this process alone for a database in memory', async () => {
    const [one, other] = [SqliteStore.open(':memory:'), SqliteStore.open(':memory:')]
    expect(await one.renewalKey()).toHaveLength(32)
    expect(await one.renewalKey()).not.toEqual(await other.renewalKey())
    await one.close()
    await other.close()
  })

  test('that is cut short is not used', async () => {
    writeFileSync(`${path}-key`, 'short')
    const store = SqliteStore.open(path)
    expect(await failureOf(() => store.renewalKey())).toEqual([
      'store_corrupt',
      expect.stringMatching(/app\.db-key' has 5 bytes and not 32; remove it/),
    ])
    await store.close()
  })
})

describe('what cannot be opened is told in one sentence with the path:', () => {
  test('a folder that is not there', async () => {
    expect(await failureOf(() => SqliteStore.open(join(folder, 'none', 'app.db')))).toEqual([
      'store_unavailable',
      expect.stringMatching(/none\/app\.db' could not be created; check that its folder exists/),
    ])
  })

  test('a folder in place of a file', async () => {
    mkdirSync(path)
    expect(await failureOf(() => SqliteStore.open(path))).toEqual([
      'store_unavailable',
      expect.stringMatching(/app\.db' could not be opened/),
    ])
  })

  test('a folder that may not be written', async () => {
    chmodSync(folder, 0o555)
    const failure = await unprivileged(() => failureOf(() => SqliteStore.open(path)))
    expect(failure).toEqual(['store_unavailable', expect.stringMatching(/app\.db' could not be created/)])
  })

  test('a database that may not be written', async () => {
    await SqliteStore.open(path).close()
    chmodSync(folder, 0o555)
    chmodSync(path, 0o444)
    const failure = await unprivileged(() => failureOf(() => SqliteStore.open(path)))
    expect(failure).toEqual(['store_unavailable', expect.stringContaining(`'${path}'`)])
  })

  test('a file that must be there and is not', async () => {
    const sentence = [`store_unavailable`, expect.stringMatching(/^there is no database '.*app\.db'/)]
    expect(await failureOf(() => SqliteStore.open(path, { mustExist: true }))).toEqual(sentence)
    expect(await failureOf(() => SqliteStore.open(path, { migrate: false }))).toEqual(sentence)
    expect(readdirSync(folder)).toEqual([])
  })

  test('a file that is no database', async () => {
    writeFileSync(path, 'no database at all, but long enough to be looked at')
    expect(await failureOf(() => SqliteStore.open(path))).toEqual([
      'store_corrupt',
      expect.stringMatching(/app\.db' is not an SQLite database/),
    ])
    expect(readFileSync(path, 'utf8')).toMatch(/^no database/)
  })

  test('a damaged database', async () => {
    const store = SqliteStore.open(path)
    for (let i = 0; i < 50; i += 1) await store.insert(makeRecord(), { mark: makeMark() })
    await store.close()
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xa5, 4_096))
    const use = async (): Promise<unknown> => {
      const damaged = SqliteStore.open(path)
      try {
        return await damaged.count({ text: 'x' })
      } finally {
        await damaged.close()
      }
    }
    expect(await failureOf(use)).toEqual(['store_corrupt', expect.stringMatching(/app\.db' is damaged/)])
  })

  test('a database that another program holds beyond the timeout', async () => {
    makeForeign(path)
    using other = new DatabaseSync(path)
    other.exec('BEGIN EXCLUSIVE')
    expect(await failureOf(() => SqliteStore.open(path, { busyTimeout: 0.05 }))).toEqual([
      'store_unavailable',
      expect.stringMatching(/app\.db' is locked by another program/),
    ])
    other.exec('ROLLBACK')
  })

  test.each(['', 'file:app.db', 'a\0b'])('the path %j', async (wrong) => {
    expect((await failureOf(() => SqliteStore.open(wrong)))[0]).toBe('invalid_option')
  })

  test.each([-1, 1.5, Number.NaN])('%d records in memory', async (cacheEntries) => {
    expect((await failureOf(() => SqliteStore.open(path, { cacheEntries })))[0]).toBe('invalid_option')
    expect(readdirSync(folder)).toEqual([])
  })
})

async function failureOf(call: () => unknown): Promise<[code: string, message: string]> {
  try {
    await call()
  } catch (error) {
    if (isSojournError(error)) return [error.code, error.message]
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Root may write everywhere, so what a file's mode forbids is tried as somebody else. */
async function unprivileged<T>(call: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return call()
  process.seteuid!(65_534)
  try {
    return await call()
  } finally {
    process.seteuid!(0)
  }
}

function modeOf(file: string): number {
  return statSync(join(folder, file)).mode & 0o777
}

function makeForeign(file: string): void {
  using database = new DatabaseSync(file)
  database.exec(`
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE sessions (id TEXT, user_id INTEGER REFERENCES users (id));
    INSERT INTO users (name) VALUES ('ada'), ('grace');
    INSERT INTO sessions VALUES ('x', 1);
    PRAGMA user_version = 7`)
}

function foreignPartOf(file: string): unknown {
  using database = new DatabaseSync(file, { readOnly: true })
  const sql = `SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'sojourn\\_%' ESCAPE '\\'`
  return [
    database.prepare(sql).all(),
    database.prepare('SELECT * FROM users, sessions').all(),
    database.prepare('PRAGMA user_version').all(),
  ]
}
