import { Pool } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  execute,
  openPostgres,
  postgresPath,
  startPostgres,
  untilSomebodyWaits,
} from '../../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../../test/support/postgres.ts'
import { required } from '../../../../../test/support/require.ts'
import { makeMark, makeRecord } from '../../testing/records.ts'
import { checksumOf } from '../migrate.ts'
import type { MigrationStep } from '../migrate.ts'
import { migrateDown, migrateUp, migrationEngine } from './migrations.ts'
import { POSTGRES_STEPS } from './schema.ts'
import { postgresMigrations } from '../postgres.ts'

/** Steps that were released. A line is added with a step, and no line ever changes. */
const RELEASED = ['1 sessions 01853a0df5d54af52419dbf8fb3d3d9736aeeefc0358cdf8b9a6812fa7d12978']

const FOREIGN = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'ada')"
const SCHEMA = `
  SELECT relname, relkind::text, pg_get_indexdef(oid) AS index FROM pg_class
  WHERE relnamespace = 'public'::regnamespace ORDER BY relname`

let server: PostgresServer
let config: PoolConfig
let pool: Pool

beforeAll(async () => {
  if (postgresPath !== null) server = await startPostgres()
})
beforeEach(async (context) => {
  required(context, 'PostgreSQL', postgresPath)
  config = await server.createDatabase()
  pool = new Pool(config)
})
afterEach(async () => pool?.end())
afterAll(async () => server?.close())

test('no released step has changed', () => {
  expect(POSTGRES_STEPS.map((step) => `${step.version} ${step.name} ${checksumOf(step)}`)).toEqual(RELEASED)
})

describe('migrating by hand', () => {
  test('says what is pending, and changes nothing by that', async () => {
    await execute(config, FOREIGN)
    const before = await execute(config, SCHEMA)
    const migrations = postgresMigrations(pool)
    expect(await migrations.status()).toEqual({ applied: [], pending: [{ version: 1, name: 'sessions' }] })
    expect(await migrations.print()).toContain('CREATE TABLE sojourn_sessions')
    expect(await execute(config, SCHEMA)).toEqual(before)
  })

  test('applies what is pending once', async () => {
    const migrations = postgresMigrations(pool)
    const steps = [{ version: 1, name: 'sessions' }]
    expect(await migrations.up()).toEqual({ steps })
    expect(await migrations.up()).toEqual({ steps: [] })
    expect(await migrations.status()).toEqual({
      applied: [{ ...steps[0], appliedAt: expect.any(Number), checksum: checksumOf(POSTGRES_STEPS[0]!) }],
      pending: [],
    })
    await migrations.close()
    await migrations.close()
    await expect(migrations.up()).rejects.toMatchObject({ code: 'closed' })
  })

  test('prints what does the same when somebody else runs it', async () => {
    const migrations = postgresMigrations(pool)
    await execute(config, await migrations.print())
    expect((await migrations.status()).pending).toEqual([])
    expect(await migrations.print()).toBe('')
    const store = await openPostgres(config, { migrate: false })
    expect(await store.count({})).toBe(0)
    await store.close()
  })

  test('takes away everything of ours and nothing else', async () => {
    await execute(config, FOREIGN)
    const before = await execute(config, SCHEMA)
    const store = await openPostgres(config)
    await store.insert(makeRecord(), { mark: makeMark() })
    await store.close()
    const migrations = postgresMigrations(pool)
    expect(await migrations.down()).toEqual({ steps: [{ version: 1, name: 'sessions' }] })
    expect(await migrations.down()).toEqual({ steps: [] })
    expect(await execute(config, SCHEMA)).toEqual(before)
    expect(await execute(config, 'SELECT * FROM users')).toEqual([{ id: 1, name: 'ada' }])
  })

  test('goes there, back and there again', async () => {
    const migrations = postgresMigrations(pool)
    await migrations.up()
    const first = await execute(config, SCHEMA)
    await migrations.down()
    await migrations.up()
    expect(await execute(config, SCHEMA)).toEqual(first)
  })
})

test('eight nodes that start at once apply every step once', async () => {
  const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgres(config)))
  expect(await execute(config, 'SELECT count(*)::int AS count FROM sojourn_migrations')).toEqual([{ count: 1 }])
  await Promise.all(stores.map((store) => store.close()))
})

test('a node that starts while another migrates waits for it, and finds nothing left to do', async () => {
  const [begin, ...rest] = (await postgresMigrations(pool).print()).split(/(?<=;\n)(?=SET LOCAL)/)
  const other = await pool.connect()
  await other.query(begin!)
  const opening = openPostgres(config)
  await untilSomebodyWaits(config)
  await other.query(rest.join(''))
  other.release()
  const store = await opening
  expect(await store.count({})).toBe(0)
  await store.close()
})

test('a step does not wait long for a lock that others queue behind, and leaves nothing when it gives up', async () => {
  const steps = [
    { version: 1, name: 'one', up: 'CREATE TABLE a (x int);', down: 'DROP TABLE a;' },
    { version: 2, name: 'two', up: "SET LOCAL lock_timeout = '50ms'; ALTER TABLE a ADD y int;", down: 'SELECT 1;' },
  ]
  const engine = migrationEngine(pool, 20_000)
  await migrateUp(engine, steps.slice(0, 1))
  const holder = await pool.connect()
  await holder.query('BEGIN; LOCK TABLE a IN ACCESS SHARE MODE')
  await expect(migrateUp(engine, steps)).rejects.toMatchObject({ code: 'store_unavailable' })
  await holder.query('ROLLBACK')
  holder.release()
  expect(await migrateUp(engine, steps)).toEqual({ steps: [{ version: 2, name: 'two' }] })
  await engine.close()
})

describe('a store is not opened on', () => {
  test('a database without our tables, if it may not make them', async () => {
    await execute(config, FOREIGN)
    await expect(openPostgres(config, { migrate: false })).rejects.toMatchObject({
      code: 'schema_missing',
      message: expect.stringContaining("run 'sojourn migrate'"),
    })
    expect(await execute(config, SCHEMA)).toHaveLength(2)
  })

  test('a schema that is newer than this release', async () => {
    await postgresMigrations(pool).up()
    await execute(config, `INSERT INTO sojourn_migrations VALUES (${POSTGRES_STEPS.length + 1}, 'future', now(), 'x')`)
    for (const migrate of [true, false]) {
      await expect(openPostgres(config, { migrate })).rejects.toMatchObject({ code: 'schema_newer' })
    }
  })

  test('a schema of which a step is not the one this release knows', async () => {
    await postgresMigrations(pool).up()
    await execute(config, "UPDATE sojourn_migrations SET checksum = 'x'")
    await expect(openPostgres(config)).rejects.toMatchObject({ code: 'schema_changed' })
  })

  test('tables that somebody else called by our names', async () => {
    await execute(config, 'CREATE TABLE sojourn_users (x int)')
    await expect(openPostgres(config)).rejects.toMatchObject({
      code: 'schema_changed',
      message: expect.stringContaining('sojourn_'),
    })
    expect(await execute(config, SCHEMA)).toEqual([{ relname: 'sojourn_users', relkind: 'r', index: null }])
  })
})

describe('a step', () => {
  const first: MigrationStep = { version: 1, name: 'one', up: 'CREATE TABLE a (x int);', down: 'DROP TABLE a;' }
  const second: MigrationStep = {
    version: 2,
    name: 'two',
    up: 'ALTER TABLE a ADD y int;',
    down: 'ALTER TABLE a DROP y;',
  }

  test('is applied to what an older release made, and an older release then refuses the database', async () => {
    const engine = migrationEngine(pool, 20_000)
    await migrateUp(engine, [first])
    expect(await migrateUp(engine, [first, second])).toEqual({ steps: [{ version: 2, name: 'two' }] })
    await expect(migrateUp(engine, [first])).rejects.toMatchObject({ code: 'schema_newer' })
    const back = [
      { version: 2, name: 'two' },
      { version: 1, name: 'one' },
    ]
    expect(await migrateDown(engine, [first, second])).toEqual({ steps: back })
    expect(await execute(config, SCHEMA)).toEqual([])
    await engine.close()
  })

  test('that fails leaves nothing of itself, and all of those before it', async () => {
    const engine = migrationEngine(pool, 20_000)
    const broken = { ...second, up: 'CREATE TABLE b (x int); SELECT nonsense FROM a;' }
    await expect(migrateUp(engine, [first, broken])).rejects.toMatchObject({ name: 'SojournError' })
    const left = (await execute(config, SCHEMA)).map(({ relname }) => relname)
    expect(left).toEqual(['a', 'sojourn_migrations', 'sojourn_migrations_pkey'])
    expect(await migrateUp(engine, [first, second])).toEqual({ steps: [{ version: 2, name: 'two' }] })
    await engine.close()
  })
})
