import { randomBytes } from 'node:crypto'
import { Client, Pool, types } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  countingPool,
  emptyTables,
  execute,
  openEmptyPostgres,
  openPostgres,
  postgresPath,
  startPostgres,
  until,
  untilSomebodyWaits,
} from '../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../test/support/postgres.ts'
import { required } from '../../../../test/support/require.ts'
import type { ApiKeyRecord } from '../auth/api-keys.ts'
import { SUPERSEDED_KEPT } from '../core/session.ts'
import type { SessionRecord } from '../core/session.ts'
import type { SessionId } from '../core/token.ts'
import { makeEndMark, makeMark, makeRecord, makeUser, storeContract, userStoreContract } from '../testing/index.ts'
import { DAY, NOON } from '../testing/records.ts'
import { PostgresStore } from './postgres.ts'

/** As many sessions as make a difference to the planner, and what it knows of them. */
const COPIES = `
  INSERT INTO sojourn_sessions
  SELECT (jsonb_populate_record(original, jsonb_build_object('session_id', gen_random_uuid()))).*
  FROM sojourn_sessions AS original, generate_series(1, 2000);
  ANALYZE sojourn_sessions`

let server: PostgresServer
let config: PoolConfig

beforeAll(async () => {
  if (postgresPath === null) return
  server = await startPostgres()
  config = await server.createDatabase()
  await (await openPostgres(config)).close()
})
beforeEach((context) => void required(context, 'PostgreSQL', postgresPath))
afterAll(async () => server?.close())

test.each([...storeContract, ...userStoreContract])('$name', async ({ run }) => {
  await expect(run(() => openEmptyPostgres(config))).resolves.toBeUndefined()
})

describe('a record', () => {
  test('is kept to the byte, for this node and the next', async () => {
    const store = await openEmpty()
    const record = makeRecord({
      userId: 'Ünïcode \u{1f511}',
      username: 'ada',
      nextHash: randomBytes(32),
      nextSalt: randomBytes(32),
      previousHashes: Array.from({ length: SUPERSEDED_KEPT }, () => Uint8Array.from(randomBytes(32))),
      previousUntil: NOON + 1,
      userAgent: 'before \ufeff é \\ {"a"} $1',
      ipAddress: '2001:db8::1',
      method: "pass'word",
      attributes: { nested: [{ __proto__: null, text: '\u2028\0', half: '\ud800' }], number: -0.5, b: 1, a: 2 },
      version: 7,
    })
    await store.insert(record, { mark: makeMark() })
    expect(comparable(await store.get(record.id))).toEqual(comparable(record))
    await store.close()
    const again = await openPostgres(config)
    const kept = await again.get(record.id)
    expect(comparable(kept)).toEqual(comparable(record))
    expect(JSON.stringify(kept?.attributes)).toBe(JSON.stringify(record.attributes))
    await again.close()
  })

  test.each([-62_135_596_800_001, -1, 0, 999, 253_402_300_799_999, 253_402_300_800_000, 8_640_000_000_000_000])(
    'keeps the instant %i to the millisecond, however its server and its client show dates',
    async (instant) => {
      await emptyTables(config)
      const options = '-c TimeZone=America/St_Johns -c DateStyle=SQL,DMY -c IntervalStyle=sql_standard'
      const store = await openPostgres({ ...config, options })
      const record = {
        ...makeRecord({ expiresAt: instant, endsAt: instant, previousUntil: instant }),
        createdAt: instant,
      }
      await store.insert(record, { mark: makeMark({ at: instant }) })
      expect(comparable(await store.get(record.id))).toEqual(comparable(record))
      expect(
        await store.list({ filter: { createdSince: instant }, sort: 'createdAt', descending: true, limit: 9 }),
      ).toHaveLength(1)
      expect(await store.count({ createdBefore: instant })).toBe(0)
      expect((await store.events({ limit: 1 }))[0]?.at).toBe(instant)
      await store.close()
    },
  )

  test('that somebody has spoilt is an error of the store, not of the caller', async () => {
    const store = await openEmpty()
    const record = makeRecord()
    await store.insert(record, { mark: makeMark() })
    await execute(config, 'ALTER TABLE sojourn_sessions ALTER attributes TYPE text')
    await execute(config, "UPDATE sojourn_sessions SET attributes = '{'")
    await expect(store.get(record.id)).rejects.toMatchObject({ code: 'store_corrupt' })
    await execute(config, 'DELETE FROM sojourn_sessions')
    await execute(config, 'ALTER TABLE sojourn_sessions ALTER attributes TYPE json USING attributes::json')
    await store.close()
  })

  test('with text that no column can hold is turned down, and nothing of it stays', async () => {
    const store = await openEmpty()
    const record = makeRecord({ userAgent: 'before\0after' })
    await expect(store.insert(record, { mark: makeMark() })).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await store.count({})).toBe(0)
    expect(await store.users.count()).toBe(0)
    await store.close()
  })
})

describe('what is no id of a session', () => {
  test.each(['', 'rubbish', '019B796D-D600-7000-8000-000000000000', "'; --", '{a,b}'])(
    '%j is a session that nobody has, and spoils nothing for those who ask at the same time',
    async (text) => {
      const store = await openEmpty()
      const record = makeRecord()
      await store.insert(record, { mark: makeMark() })
      const id = text as SessionId
      const [none, found] = await Promise.all([store.get(id), store.get(record.id)])
      expect([none, found?.id]).toEqual([null, record.id])
      expect(await store.touch([{ id, at: NOON + 1, endsAt: NOON + DAY, allowance: 0 }])).toBe(0)
      expect(await store.update(id, 1, {}, makeMark())).toBe(false)
      expect(await store.revoke({ ids: [id, record.id] }, makeEndMark(), 9)).toHaveLength(1)
      expect(await store.revoke({ userId: record.userId, except: id }, makeEndMark(), 9)).toEqual([])
      expect(await store.events({ sessionId: id, limit: 9 })).toEqual([])
      await store.close()
    },
  )
})

describe('round trips', () => {
  test('a login, a note of use, a renewal and a logout take one each', async () => {
    await emptyTables(config)
    const { pool, asked } = countingPool(config)
    const store = await PostgresStore.open({ pool, endsPool: true })
    const [first, second] = [makeRecord(), makeRecord()]
    await store.insert(first, { mark: makeMark() })
    const count = async (call: Promise<unknown>): Promise<number> => {
      const before = asked.length
      await call
      return asked.length - before
    }
    const standing = { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 }
    const cap = { max: 1, onExceed: 'evict', standing } as const
    expect(await count(store.insert(second, { mark: makeMark(), epoch: 0, cap }))).toBe(1)
    expect(await count(store.touch([{ id: second.id, at: NOON + 1, endsAt: NOON + DAY, allowance: 0 }]))).toBe(1)
    const renewal = { nextHash: randomBytes(32), nextSalt: randomBytes(32) }
    expect(await count(store.update(second.id, 1, renewal, { ...makeMark(), event: 'session_renewed' }))).toBe(1)
    expect(await count(store.revoke({ id: second.id }, makeEndMark(), 1))).toBe(1)
    expect(await count(store.revoke({ userId: second.userId }, makeEndMark(), 1))).toBe(1)
    expect(await store.count({ isEnded: false })).toBe(0)
    await store.close()
  })

  test('logins of one turn share one where there is no cap, and so do logouts', async () => {
    await emptyTables(config)
    const { pool, asked } = countingPool(config)
    const store = await PostgresStore.open({ pool, endsPool: true })
    const users = ['ada', 'grace', 'joan']
    for (const userId of users) await signIn(store, { userId })
    const before = asked.length
    const records = Array.from({ length: 30 }, (_, place) => makeRecord({ userId: users[place % 3]! }))
    const outcomes = await Promise.all(records.map((record) => store.insert(record, { mark: makeMark(), epoch: 0 })))
    expect(outcomes.every(({ ok }) => ok)).toBe(true)
    expect(asked.length - before).toBe(1)
    const ended = await Promise.all(records.map(({ id }) => store.revoke({ id }, makeEndMark(), 1)))
    expect(ended.map(([session]) => session?.id)).toEqual(records.map(({ id }) => id))
    expect(asked.length - before).toBe(2)
    expect(await store.events({ limit: 99, type: 'session_ended' })).toHaveLength(30)
    await store.close()
  })

  test('a hundred reads of one turn take one, and each gets its own session', async () => {
    const { pool, asked } = countingPool(config)
    const store = await PostgresStore.open({ pool, endsPool: true })
    const records = Array.from({ length: 50 }, (_, place) => makeRecord({ userId: `user-${place}` }))
    for (const record of records) await store.insert(record, { mark: makeMark() })
    const before = asked.length
    const wanted = [...records, ...records].map(({ id }) => id)
    const found = await Promise.all(wanted.map((id) => store.get(id)))
    expect(found.map((record) => record?.id)).toEqual(wanted)
    expect(asked.length - before).toBe(1)
    expect(asked.at(-1)?.name).toMatch(/^sojourn_get_/)
    await store.close()
  })

  test('a read is planned a few times and then never again, whether it asks for one session or many', async () => {
    await emptyTables(config)
    const pool = new Pool({ ...config, max: 1 })
    const store = await PostgresStore.open({ pool })
    const { id } = await signIn(store)
    await pool.query(COPIES)
    for (let count = 1; count <= 10; count += 1) {
      await store.get(id)
      await Promise.all(Array.from({ length: count }, () => store.get(makeRecord().id)))
    }
    const { rows } = await pool.query<{ often: boolean }>(
      "SELECT custom_plans > 5 AS often FROM pg_prepared_statements WHERE name LIKE 'sojourn_get_%'",
    )
    expect(rows).toEqual([{ often: false }])
    await store.close()
    await pool.end()
  })

  test('in tables that were never analysed what goes by an id looks for that id', async () => {
    const fresh = await server.createDatabase()
    const pool = new Pool({ ...fresh, max: 1 })
    const store = await PostgresStore.open({ pool })
    await pool.query('ALTER TABLE sojourn_sessions SET (autovacuum_enabled = false)')
    for (let round = 0; round < 9; round += 1) {
      const { id } = await signIn(store)
      await store.get(id)
      await store.touch([{ id, at: NOON + 1, endsAt: NOON + DAY, allowance: 0 }])
      await store.update(id, 1, { method: 'x' }, makeMark())
      await store.revoke({ id }, makeEndMark(), 1)
    }
    const plans = await plansOf(pool)
    for (const deed of ['insert_uncapped', 'get', 'update', 'end_one']) {
      const [plan = ''] = plans.filter(({ name }) => name.startsWith(`sojourn_${deed}_`)).map((found) => found.plan)
      expect(plan, deed).toContain('sojourn_sessions_pkey')
      expect(plan, deed).not.toMatch(/Seq Scan on sojourn_sessions|sojourn_sessions_unused/)
    }
    await store.close()
    await pool.end()
  })

  test('a read never shows what was so before it was asked for, though an older one is still under way', async () => {
    await emptyTables(config)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    let reads = 0
    const { pool } = countingPool(config, ({ name }) => {
      if (name?.startsWith('sojourn_get_') !== true) return undefined
      reads += 1
      return reads === 1 ? gate : undefined
    })
    const store = await PostgresStore.open({ pool, endsPool: true, deadline: '20s' })
    const { id } = await signIn(store)
    const early = store.get(id)
    await until(async () => reads === 1, 'the first read to be answered')
    await store.revoke({ id }, makeEndMark(), 1)
    expect((await store.get(id))?.endReason).toBe('revoked')
    open()
    expect((await early)?.endReason).toBe(null)
    await store.close()
  })
})

describe('what arrives in one turn', () => {
  test('has its own outcome each, and what fails fails nobody else', async () => {
    await emptyTables(config)
    const store = await openPostgres(config)
    const there = await signIn(store, { userId: 'ada' })
    await store.users.add(makeUser({ id: 'shut', username: 'shut', disabledAt: NOON }), makeMark())
    const logins = [
      store.insert(makeRecord({ userId: 'ada' }), { mark: makeMark(), epoch: 0 }),
      store.insert(makeRecord({ userId: 'ada' }), { mark: makeMark(), epoch: 7 }),
      store.insert(makeRecord({ userId: 'shut' }), { mark: makeMark() }),
      store.insert(makeRecord({ userId: 'new', username: 'new' }), { mark: makeMark() }),
      store.insert(makeRecord({ userId: 'ada', username: 'Countess' }), { mark: makeMark() }),
    ]
    expect(await Promise.all(logins)).toEqual([
      { ok: true, evicted: [] },
      { ok: false, reason: 'epoch' },
      { ok: false, reason: 'disabled' },
      { ok: true, evicted: [] },
      { ok: true, evicted: [] },
    ])
    expect(await store.users.byId('ada')).toMatchObject({ username: 'countess' })
    const ada = { userId: 'ada', username: 'countess' }
    const spoilt = await Promise.allSettled([
      store.insert(makeRecord(ada), { mark: makeMark() }),
      store.insert(makeRecord({ ...ada, userAgent: 'before\0after' }), { mark: makeMark() }),
    ])
    expect(spoilt).toMatchObject([{ value: { ok: true } }, { reason: { code: 'invalid_argument' } }])
    const taken = await Promise.all([
      store.insert(makeRecord(ada), { mark: makeMark() }),
      store.insert(makeRecord({ ...ada, id: there.id }), { mark: makeMark() }),
    ])
    expect(taken).toMatchObject([{ ok: true }, { ok: false, reason: 'id_taken' }])
    expect(await store.count({})).toBe(6)
    await store.close()
  })

  test('ends a session once, whoever else wants to end it', async () => {
    await emptyTables(config)
    const store = await openPostgres(config)
    const [first, second, third] = [await signIn(store), await signIn(store), await signIn(store)]
    const end = (id: SessionId, detail: string): ReturnType<PostgresStore['revoke']> =>
      store.revoke({ id }, makeEndMark({ detail }), 1)
    const ended = await Promise.all([
      end(first.id, 'one'),
      end(first.id, 'two'),
      end(makeRecord().id, 'nobody'),
      end(second.id, 'three'),
    ])
    expect(ended.map(({ length }) => length)).toEqual([1, 0, 0, 1])
    const told = await store.events({ limit: 9, type: 'session_ended' })
    expect(new Set(told.map(({ detail }) => detail))).toEqual(new Set(['one', 'three']))
    expect(told).toHaveLength(2)
    const spoilt = await Promise.allSettled([end(third.id, 'four'), end(makeRecord().id, 'before\0after')])
    expect(spoilt).toMatchObject([{ value: [{ id: third.id }] }, { reason: { code: 'invalid_argument' } }])
    await store.close()
  })

  test('does not wait for what somebody has in hand whom it does not concern', async () => {
    await emptyTables(config)
    const store = await openPostgres(config)
    const [ada, grace] = [await signIn(store, { userId: 'ada' }), await signIn(store, { userId: 'grace' })]
    const holder = new Client(config)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query("SELECT FROM sojourn_users WHERE id = 'ada' FOR UPDATE")
    await holder.query("SELECT FROM sojourn_sessions WHERE user_id = 'ada' FOR UPDATE")
    const logIn = (userId: string): ReturnType<PostgresStore['insert']> =>
      store.insert(makeRecord({ userId }), { mark: makeMark(), epoch: 0 })
    const [slowLogin, login] = [logIn('ada'), logIn('grace')]
    const [slowEnd, end] = [ada, grace].map(({ id }) => store.revoke({ id }, makeEndMark(), 1))
    expect(await login).toMatchObject({ ok: true })
    expect(await end).toHaveLength(1)
    await untilSomebodyWaits(config, 2)
    await holder.query('COMMIT')
    await holder.end()
    expect(await slowLogin).toMatchObject({ ok: true })
    expect(await slowEnd).toHaveLength(1)
    await store.close()
  })
})

describe('a pool', () => {
  test('of the application goes on after the store was closed', async () => {
    const pool = new Pool(config)
    const store = await PostgresStore.open({ pool })
    await store.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  test('finds its connections as it gave them: no setting, no statement and no listener of ours stays', async () => {
    const pool = new Pool({ ...config, max: 1 })
    const store = await PostgresStore.open({ pool })
    await store.users.disable((await signIn(store)).userId, makeMark())
    const client = await pool.connect()
    expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }])
    expect((await client.query('SHOW transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'read committed' },
    ])
    expect(client.listenerCount('error')).toBe(0)
    client.release()
    await store.close()
    expect(pool.listenerCount('error')).toBe(0)
    await pool.end()
  })

  test('whose clients turn dates, numbers and JSON into something else changes nothing', async () => {
    await emptyTables(config)
    const plain = await openPostgres(config)
    const record = await signIn(plain)
    const strange = new Pool({ ...config, types: { getTypeParser } })
    const store = await PostgresStore.open({ pool: strange, endsPool: true })
    expect(comparable(await store.get(record.id))).toEqual(comparable(await plain.get(record.id)))
    await Promise.all([store.close(), plain.close()])
  })
})

describe('keys of programs', () => {
  const key: ApiKeyRecord = {
    id: '0123456789abcdef',
    name: 'backup job',
    scopes: ['read', 'revoke'],
    secretHash: Uint8Array.from(randomBytes(32)),
    createdAt: NOON,
    createdBy: 'operator:grace',
    expiresAt: NOON + DAY,
    lastUsedAt: null,
    revokedAt: null,
  }

  test('are kept as they were given, newest first, and an id is given once', async () => {
    const store = await openEmpty()
    const second = { ...key, id: 'fedcba9876543210', createdAt: NOON + 1, scopes: [] }
    expect(await store.apiKeys.add(key, makeMark({ actor: 'operator:grace' }))).toBe(true)
    expect(await store.apiKeys.add(second, makeMark())).toBe(true)
    expect(await store.apiKeys.add({ ...key, name: 'other' }, makeMark())).toBe(false)
    expect(comparable(await store.apiKeys.byId(key.id))).toEqual(comparable(key))
    expect(comparable(await store.apiKeys.list())).toEqual(comparable([second, key]))
    expect(await store.apiKeys.byId('none')).toBe(null)
    const told = await store.events({ type: 'key_created', limit: 9 })
    expect(told.map(({ detail, actor }) => [detail, actor])).toEqual([
      ['backup job', 'user'],
      ['backup job', 'operator:grace'],
    ])
    await store.close()
  })

  test('are revoked once, and their use is noted forwards and only before', async () => {
    const store = await openEmpty()
    await store.apiKeys.add(key, makeMark())
    await store.apiKeys.noteUse(key.id, NOON + 5)
    await store.apiKeys.noteUse(key.id, NOON + 4)
    await store.apiKeys.noteUse('none', NOON + 4)
    expect(await store.apiKeys.revoke(key.id, makeMark({ at: NOON + 6 }))).toBe(true)
    expect(await store.apiKeys.revoke(key.id, makeMark({ at: NOON + 7 }))).toBe(false)
    await store.apiKeys.noteUse(key.id, NOON + 8)
    expect(await store.apiKeys.byId(key.id)).toMatchObject({ lastUsedAt: NOON + 5, revokedAt: NOON + 6 })
    expect((await store.events({ type: 'key_revoked', limit: 9 })).map(({ detail }) => detail)).toEqual(['backup job'])
    expect(await store.count({})).toBe(0)
    await store.close()
  })
})

test.each([undefined, null, 'postgres://here', {}])('%j is no pool, and the store says what is', async (pool) => {
  await expect(PostgresStore.open({ pool: pool as never })).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining("give a Pool of the package 'pg'"),
  })
})

test('the view for people shows no hash, and says who is there', async () => {
  const store = await openEmpty()
  await signIn(store, { expiresAt: 8_640_000_000_000_000, endsAt: 8_640_000_000_000_000 })
  const [row] = await execute(config, 'SELECT * FROM sojourn_session_list')
  expect(row).toMatchObject({ username: 'user-1', is_active: true })
  expect(Object.keys(row ?? {}).filter((name) => /hash|salt/.test(name))).toEqual([])
  await store.close()
})

test('users are listed in the order of the bytes of their names, whatever the language of the database', async () => {
  const store = await openEmpty()
  const names = ['é', 'z', 'a', 'b-c', 'ba', '_', 'B']
  for (const username of names) await store.users.add(makeUser({ id: `id ${username}`, username }), makeMark())
  const listed = await store.users.list(null, 99)
  expect(listed.map(({ username }) => username)).toEqual(['B', '_', 'a', 'b-c', 'ba', 'z', 'é'])
  await store.close()
})

test('the time is that of the server, whatever type the client makes of numbers', async () => {
  const store = await openPostgres({ ...config, types: { getTypeParser } })
  const serverTime = async (): Promise<number> =>
    Number((await execute(config, 'SELECT extract(epoch FROM clock_timestamp())::text AS at'))[0]?.['at']) * 1_000
  const before = await serverTime()
  const now = await store.now()
  expect(now).toBeGreaterThanOrEqual(Math.floor(before))
  expect(now).toBeLessThanOrEqual(await serverTime())
  await store.close()
})

/** What an application may have told its clients: other classes for everything but text, truth and bytes. */
function getTypeParser(type: number): unknown {
  const { INT8, TIMESTAMPTZ, NUMERIC, JSON } = types.builtins
  const strange: readonly number[] = [INT8, TIMESTAMPTZ, NUMERIC, JSON]
  if (!strange.includes(type)) return types.getTypeParser(type)
  return (text: string) => (/^\d+$/.test(text) ? BigInt(text) : { text })
}

async function openEmpty(): Promise<PostgresStore> {
  await emptyTables(config)
  return openPostgres(config)
}

/** How the server carries out each statement that a connection remembers, whatever the values. */
async function plansOf(pool: Pool): Promise<readonly { readonly name: string; readonly plan: string }[]> {
  const { rows } = await pool.query<{ name: string; count: number }>(
    "SELECT name, cardinality(parameter_types) AS count FROM pg_prepared_statements WHERE name LIKE 'sojourn_%'",
  )
  await pool.query('SET plan_cache_mode = force_generic_plan')
  const plans = []
  for (const { name, count } of rows) {
    const values = count === 0 ? '' : `(${Array.from({ length: count }, () => 'NULL').join(', ')})`
    const plan = await pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE ${name}${values}`)
    plans.push({ name, plan: plan.rows.map((line) => line['QUERY PLAN']).join('\n') })
  }
  return plans
}

async function signIn(store: PostgresStore, given: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const record = makeRecord(given)
  await store.insert(record, { mark: makeMark() })
  return record
}

/** Bytes as text, whatever class they come in. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each)]))
}
