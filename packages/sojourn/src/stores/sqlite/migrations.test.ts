import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeMark, makeRecord } from '../../testing/records.ts'
import { checksumOf } from '../migrate.ts'
import type { MigrationStep } from '../migrate.ts'
import { SqliteConnection } from './connection.ts'
import { migrateDown, migrateUp } from './migrations.ts'
import { SQLITE_STEPS } from './schema.ts'
import { SqliteStore, sqliteMigrations } from '../sqlite.ts'

/** Steps that were released. A line is added with a step, and no line ever changes. */
const RELEASED = [
  '1 sessions 5e5ee831af53ddff22074aa350495224c5b4e483b3f7f2eeaf3c9e616b220abf',
  '2 operators 0addad92723f70b94d5732875774cf93cbb080f2ee904c6be3792166c185141a',
  '3 claims 7eb8ce953e55576d786c857f989b0538b1ba6abedb26e6e9b5a6dd1deebf0d7e',
  '4 addresses 342f08519d87ad3de419f9a2e7b2fc2fe8e9288974bdb4623792a8da86ead7dc',
  '5 search 70aced108e907688b5facd35dd44dc67357b74b784b2cdd5dea334ee0775ab1f',
]

/** The steps as they are told of, oldest first. */
const STEPS = SQLITE_STEPS.map(named)

const FOREIGN = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'ada')"

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  path = join(folder, 'app.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('no released step has changed', () => {
  expect(SQLITE_STEPS.map((step) => `${step.version} ${step.name} ${checksumOf(step)}`)).toEqual(RELEASED)
})

describe('migrating by hand', () => {
  test('says what is pending without making a file', () => {
    const migrations = sqliteMigrations(path)
    expect(migrations.status()).toEqual({ applied: [], pending: STEPS })
    expect(migrations.print()).toContain('CREATE TABLE sojourn_sessions')
    migrations.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test('leaves a foreign database byte for byte as it was until it is told to go on', () => {
    execute(FOREIGN)
    const before = readFileSync(path)
    const migrations = sqliteMigrations(path)
    expect(migrations.status().pending).toEqual(STEPS)
    migrations.print()
    migrations.close()
    expect(readFileSync(path)).toEqual(before)
    expect(readdirSync(folder)).toEqual(['app.db'])
  })

  test('applies what is pending once', () => {
    const migrations = sqliteMigrations(path)
    expect(migrations.up()).toEqual({ steps: STEPS })
    expect(migrations.up()).toEqual({ steps: [] })
    const { applied, pending } = migrations.status()
    expect(pending).toEqual([])
    expect(applied).toEqual(
      SQLITE_STEPS.map((step) => ({ ...named(step), appliedAt: expect.any(Number), checksum: checksumOf(step) })),
    )
    migrations.close()
    migrations.close()
  })

  test('prints what does the same when somebody else runs it', async () => {
    const migrations = sqliteMigrations(path)
    execute(migrations.print())
    expect(migrations.status().pending).toEqual([])
    migrations.close()
    const store = SqliteStore.open(path, { migrate: false })
    expect(await store.count({})).toBe(0)
    await store.close()
  })

  test('takes away everything of ours and nothing else', async () => {
    execute(FOREIGN)
    const before = schema()
    const store = SqliteStore.open(path)
    await store.insert(makeRecord(), { mark: makeMark() })
    await store.renewalKey()
    await store.close()
    const migrations = sqliteMigrations(path)
    expect(migrations.down()).toEqual({ steps: STEPS.toReversed() })
    expect(migrations.down()).toEqual({ steps: [] })
    migrations.close()
    expect(schema()).toEqual(before)
    expect(query('SELECT * FROM users')).toEqual([{ id: 1, name: 'ada' }])
    expect(readdirSync(folder)).toEqual(['app.db'])
  })

  test('goes there, back and there again', async () => {
    const migrations = sqliteMigrations(path)
    migrations.up()
    const first = schema()
    migrations.down()
    migrations.up()
    migrations.close()
    expect(schema()).toEqual(first)
  })

  test('back does not make a database that is not there', () => {
    expect(() => sqliteMigrations(path).down()).toThrow(expect.objectContaining({ code: 'store_unavailable' }))
    expect(existsSync(path)).toBe(false)
  })
})

describe('a store is not opened on', () => {
  test('a database without our tables, if it may not make them', () => {
    execute(FOREIGN)
    expect(() => SqliteStore.open(path, { migrate: false })).toThrow(
      expect.objectContaining({ code: 'schema_missing', message: expect.stringContaining("run 'sojourn migrate'") }),
    )
  })

  test('a schema that is newer than this release', () => {
    sqliteMigrations(path).up()
    execute(`INSERT INTO sojourn_migrations VALUES (${SQLITE_STEPS.length + 1}, 'future', 0, 'x')`)
    for (const migrate of [true, false]) {
      expect(() => SqliteStore.open(path, { migrate })).toThrow(expect.objectContaining({ code: 'schema_newer' }))
    }
  })

  test('a schema of which a step is not the one this release knows', () => {
    sqliteMigrations(path).up()
    execute("UPDATE sojourn_migrations SET checksum = 'x'")
    expect(() => SqliteStore.open(path)).toThrow(expect.objectContaining({ code: 'schema_changed' }))
  })

  test('tables that somebody else called by our names', () => {
    execute('CREATE TABLE sojourn_users (x)')
    expect(() => SqliteStore.open(path)).toThrow(
      expect.objectContaining({ code: 'schema_changed', message: expect.stringContaining('sojourn_') }),
    )
    expect(query("SELECT name FROM sqlite_schema WHERE type = 'table'")).toEqual([{ name: 'sojourn_users' }])
  })
})

describe('a step', () => {
  const first: MigrationStep = { version: 1, name: 'one', up: 'CREATE TABLE a (x);', down: 'DROP TABLE a;' }
  const second: MigrationStep = { version: 2, name: 'two', up: 'ALTER TABLE a ADD y;', down: 'ALTER TABLE a DROP y;' }

  test('is applied to what an older release made, and an older release then refuses the database', () => {
    using connection = connect()
    migrateUp(connection.to, [first])
    expect(migrateUp(connection.to, [first, second])).toEqual({ steps: [{ version: 2, name: 'two' }] })
    expect(() => migrateUp(connection.to, [first])).toThrow(expect.objectContaining({ code: 'schema_newer' }))
  })

  test('is taken back after those that came later', () => {
    using connection = connect()
    migrateUp(connection.to, [first, second])
    const steps = [
      { version: 2, name: 'two' },
      { version: 1, name: 'one' },
    ]
    expect(migrateDown(connection.to, [first, second])).toEqual({ steps })
    expect(schema()).toEqual([])
  })

  test('that fails half-way leaves nothing behind, and the steps before it stand', () => {
    using connection = connect()
    const broken = { ...second, up: 'ALTER TABLE a ADD y; ALTER TABLE nowhere ADD z;' }
    expect(() => migrateUp(connection.to, [first, broken])).toThrow(expect.objectContaining({ code: 'schema_changed' }))
    expect(query('SELECT name FROM sojourn_migrations')).toEqual([{ name: 'one' }])
    expect(query("SELECT name FROM pragma_table_info('a')")).toEqual([{ name: 'x' }])
  })
})

describe('the view for people', () => {
  test('shows who is signed in, when in ISO 8601, and no hash', async () => {
    const store = SqliteStore.open(path)
    const createdAt = Date.UTC(2026, 0, 2, 3, 4, 5, 7)
    const expiresAt = Date.UTC(2100, 0, 1)
    const record = makeRecord({ createdAt, expiresAt, endsAt: expiresAt, ipAddress: '10.0.0.1', userAgent: 'curl' })
    await store.insert(record, { mark: makeMark() })
    const ended = makeRecord({ createdAt, endReason: 'logout', loggedOutAt: createdAt, endsAt: createdAt })
    await store.insert(ended, { mark: makeMark() })
    await store.close()
    const [shown, other] = query('SELECT * FROM sojourn_session_list ORDER BY is_active DESC')
    expect(shown).toEqual({
      session_id: record.id,
      user_id: 'user-1',
      username: 'user-1',
      is_active: 1,
      created_at: '2026-01-02T03:04:05.007Z',
      authenticated_at: '2026-01-02T03:04:05.007Z',
      last_accessed: '2026-01-02T03:04:05.007Z',
      expires_at: '2100-01-01T00:00:00.000Z',
      ends_at: '2100-01-01T00:00:00.000Z',
      logged_out_at: null,
      end_reason: null,
      ended_by: null,
      ip_address: '10.0.0.1',
      user_agent: 'curl',
      method: null,
    })
    expect(other).toMatchObject({ is_active: 0, end_reason: 'logout', logged_out_at: '2026-01-02T03:04:05.007Z' })
  })
})

function named({ version, name }: MigrationStep): Pick<MigrationStep, 'version' | 'name'> {
  return { version, name }
}

function connect(): { to: SqliteConnection } & Disposable {
  const to = new SqliteConnection(path, { busyTimeout: 100, mustExist: false, allowUnsafe: [] })
  return { to, [Symbol.dispose]: () => to.close() }
}

function execute(sql: string): void {
  using database = new DatabaseSync(path)
  database.exec(sql)
}

function query(sql: string): readonly object[] {
  using database = new DatabaseSync(path)
  return database
    .prepare(sql)
    .all()
    .map((row) => ({ ...row }))
}

function schema(): readonly object[] {
  return query('SELECT type, name, sql FROM sqlite_schema ORDER BY name')
}
