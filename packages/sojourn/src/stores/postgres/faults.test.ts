import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { Client, Pool } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  countingPool,
  emptyTables,
  execute,
  openPostgres,
  postgresPath,
  startPostgres,
  until,
  untilSomebodyWaits,
} from '../../../../../test/support/postgres.ts'
import type { PostgresServer, ServerProcess } from '../../../../../test/support/postgres.ts'
import { pgbouncerPath, startPgbouncer } from '../../../../../test/support/pgbouncer.ts'
import { required } from '../../../../../test/support/require.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { SessionCap } from '../../core/store.ts'
import { DAY, NOON } from '../../testing/records.ts'
import {
  makeApiKey,
  makeEndMark,
  makeMark,
  makeRecord,
  makeUser,
  storeContract,
  userStoreContract,
} from '../../testing/index.ts'
import type { PostgresClient, PostgresPool, PostgresStore } from '../postgres.ts'

/** What a test of what happens when nobody answers is willing to wait. */
const SOON = '300ms'
const KILL_OTHERS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

/** What a server says that has accepted a connection, and what one says that shuts down (PostgreSQL protocol, section 55.7). */
const WELCOME = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1')
const FAREWELL = Buffer.from('E\0\0\0\x19SFATAL\0C57P01\0Mgone\0\0', 'latin1')

/** Tables with rows that are written, in the order in which nobody waits for the one who takes them. */
const HELD = ['sojourn_users', 'sojourn_sessions', 'sojourn_api_keys', 'sojourn_attempts']
const ATTEMPTS = { count: 1, since: NOON, until: NOON }
const CAP: SessionCap = {
  max: 1,
  onExceed: 'evict',
  standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 },
}
/** A row that is written and not committed: whoever wants to write one with this key waits to see what becomes of it. */
const ALMOST_THERE = (table: string, key: string): string => `
  INSERT INTO ${table} SELECT (jsonb_populate_record(one, '{"${key}": "almost", "username": "almost"}')).*
  FROM ${table} AS one LIMIT 1`
/** Statements that would go on if nobody were in their way. */
const WAITING = `
  SELECT query FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`

let server: PostgresServer
let machine: ServerProcess
let config: PoolConfig
const open: PostgresStore[] = []

beforeAll(async () => {
  if (postgresPath === null) return
  server = await startPostgres()
  config = await server.createDatabase()
})
beforeEach((context) => {
  required(context, 'PostgreSQL', postgresPath)
  machine = required(context, 'PostgreSQL of its own', server.process)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()))
})
afterAll(async () => server?.close())

describe('a server that does not answer', () => {
  test('is waited for no longer than the deadline, and what it does not say is not made up', async () => {
    const store = await opened({ deadline: SOON })
    const record = await signIn(store)
    machine.pause()
    try {
      const calls = [
        store.get(record.id),
        store.epoch(record.userId),
        store.revoke({ id: record.id }, makeEndMark(), 1),
        store.insert(makeRecord(), { mark: makeMark() }),
      ]
      const answers = await Promise.allSettled(calls)
      for (const answer of answers)
        expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
      const [read, , write] = answers.map((answer) => String((answer as PromiseRejectedResult).reason))
      expect(read).toMatch(/did not answer within 300ms; try again$/)
      expect(write).toMatch(/whether the write took effect is not known/)
    } finally {
      machine.resume()
    }
    await until(
      () =>
        store.get(record.id).then(
          (found) => found !== null,
          () => false,
        ),
      'the store to answer again',
    )
  })

  test('gives its late answer to nobody: the connection is gone, and the next call has its own', async () => {
    const pool = new Pool({ ...config, max: 1 })
    const store = await opened({ pool, deadline: SOON })
    const [first, second] = [await signIn(store), await signIn(store)]
    machine.pause()
    const late = store.get(first.id)
    await expect(late).rejects.toMatchObject({ code: 'store_unavailable' })
    machine.resume()
    await until(
      () =>
        store.get(second.id).then(
          (found) => found?.id === second.id,
          () => false,
        ),
      'the second session',
    )
    expect((await store.get(first.id))?.id).toBe(first.id)
  })

  test('does not use up the pool: after many calls in vain there are connections for all', async () => {
    const pool = new Pool({ ...config, max: 3 })
    const store = await opened({ pool, deadline: SOON })
    const record = await signIn(store)
    machine.pause()
    for (let round = 0; round < 3; round += 1) {
      await Promise.allSettled(Array.from({ length: 9 }, () => store.epoch('x')))
    }
    machine.resume()
    await until(
      () =>
        store.get(record.id).then(
          () => true,
          () => false,
        ),
      'the store to answer again',
    )
    await Promise.all(Array.from({ length: 9 }, () => store.epoch('x')))
  })

  test('to one call holds up no other: its connection is not used again', async () => {
    const store = await opened({ pool: new Pool({ ...config, max: 1 }), deadline: SOON })
    const record = await signIn(store)
    const holder = new Client(config)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT FROM sojourn_sessions WHERE session_id = $1 FOR UPDATE', [record.id])
    const ending = store.revoke({ id: record.id }, makeEndMark(), 1)
    await expect(ending).rejects.toMatchObject({ code: 'store_unavailable' })
    expect((await store.get(record.id))?.endReason).toBe(null)
    await holder.query('COMMIT')
    await holder.end()
  })

  test.for(['connections of its own', 'PgBouncer in transaction mode'])(
    'because somebody holds a lock gives up as well, and does nothing late, over %s',
    async (way, context) => {
      const isPooled = way.startsWith('PgBouncer')
      if (isPooled) required(context, 'PgBouncer', pgbouncerPath)
      const pooler = isPooled ? await startPgbouncer(config, 25) : null
      const pool = new Pool({ ...(pooler?.config ?? config), max: 25 })
      const store = await opened({ deadline: SOON, pool, prepare: !isPooled })
      const { id, userId, version } = await signIn(store)
      const key = makeApiKey()
      await store.users.add(makeUser({ id: 'held', username: 'held', passwordHash: 'old' }), makeMark())
      await store.users.add(makeUser({ id: 'shut', username: 'shut', disabledAt: NOON }), makeMark())
      await store.insert(makeRecord({ userId: 'gone', endReason: 'user_deleted', endsAt: NOON }), { mark: makeMark() })
      await store.apiKeys.add(key, makeMark())
      await store.users.attempts.swap([{ bucket: 'held', from: null, to: ATTEMPTS }])
      const holder = new Client(config)
      await holder.connect()
      await holder.query('BEGIN')
      for (const table of HELD) await holder.query(`SELECT FROM ${table} FOR UPDATE`)
      await holder.query(`${ALMOST_THERE('sojourn_users', 'id')}; ${ALMOST_THERE('sojourn_api_keys', 'key_id')}`)
      try {
        const calls = [
          store.insert(makeRecord({ userId }), { mark: makeMark() }),
          store.insert(makeRecord({ userId }), { mark: makeMark(), cap: CAP }),
          store.touch([{ id, at: NOON + 1, endsAt: NOON + DAY, allowance: 0 }]),
          store.update(id, version, { method: 'late' }, makeMark()),
          store.revoke({ id }, makeEndMark(), 1),
          store.revoke({ ids: [id, makeRecord().id] }, makeEndMark(), 2),
          store.revoke({ where: { userId } }, makeEndMark(), 1),
          store.revoke({ userId }, makeEndMark(), 1),
          store.forget('gone', 1),
          store.users.rehash('held', 'old', 'late'),
          store.users.add(makeUser({ id: 'almost', username: 'late' }), makeMark()),
          store.users.enable('shut', makeMark()),
          store.users.remove('held', makeMark()),
          store.users.disable('held', makeMark()),
          store.users.attempts.swap([{ bucket: 'held', from: ATTEMPTS, to: null }]),
          store.apiKeys.add(makeApiKey({ id: 'almost' }), makeMark()),
          store.apiKeys.revoke(key.id, makeMark()),
          store.apiKeys.noteUse(key.id, NOON),
        ]
        for (const answer of await Promise.allSettled(calls)) {
          expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
        }
        await until(async () => (await execute(config, WAITING)).length === 0, 'the server to give up')
      } finally {
        await holder.query('ROLLBACK')
        await holder.end()
        await pooler?.close()
      }
      const after = await opened()
      expect(await after.get(id)).toMatchObject({ endReason: null, version, lastAccessedAt: NOON, method: null })
      expect(await after.count({ userId })).toBe(1)
      expect(await after.count({ userId: 'gone' })).toBe(1)
      expect(await after.users.byId('held')).toMatchObject({ passwordHash: 'old', disabledAt: null })
      expect(await after.users.byId('shut')).toMatchObject({ disabledAt: NOON })
      expect(await Promise.all([after.users.byId('almost'), after.apiKeys.byId('almost')])).toEqual([null, null])
      expect(await after.apiKeys.byId(key.id)).toMatchObject({ revokedAt: null, lastUsedAt: null })
      await emptyTables(config)
    },
  )

  test('because somebody holds a lock lets the call go, and keeps what it was asked to keep', async () => {
    const store = await opened({ deadline: SOON })
    const record = await signIn(store)
    const holder = new Client(config)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT FROM sojourn_users WHERE id = $1 FOR UPDATE', [record.userId])
    await expect(store.users.disable(record.userId, makeMark())).rejects.toMatchObject({ code: 'store_unavailable' })
    await holder.query('ROLLBACK')
    await holder.end()
    expect(await store.users.byId(record.userId)).toMatchObject({ disabledAt: null, epoch: 0 })
    await store.users.disable(record.userId, makeMark())
    expect((await store.get(record.id))?.endReason).toBe('user_disabled')
  })
})

describe('a connection that breaks', () => {
  test('while it is idle ends neither the process nor the store', async () => {
    const store = await opened()
    const record = await signIn(store)
    await execute(config, KILL_OTHERS)
    await until(
      () =>
        store.get(record.id).then(
          (found) => found !== null,
          () => false,
        ),
      'a new connection',
    )
  })

  test('in the same breath in which it was accepted ends neither the process nor the store', async () => {
    const curt = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.write(Buffer.concat([WELCOME, FAREWELL])))
    }).listen(0, '127.0.0.1')
    await once(curt, 'listening')
    const { port } = curt.address() as AddressInfo
    const wrong = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
    await expect(openPostgres(wrong, { deadline: SOON })).rejects.toMatchObject({ code: 'store_unavailable' })
    curt.close()
  })

  test('in the middle of a transaction leaves all of it or nothing, and says that it cannot know', async () => {
    const store = await opened()
    const record = await signIn(store)
    const holder = new Client(config)
    await holder.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT FROM sojourn_sessions WHERE session_id = $1 FOR UPDATE', [record.id])
    const disabling = store.users.disable(record.userId, makeMark())
    const outcome = refusal(disabling)
    await untilSomebodyWaits(config)
    await holder.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
    expect(await outcome).toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('whether the write took effect is not known'),
    })
    await holder.query('COMMIT')
    await holder.end()
    expect(await store.users.byId(record.userId)).toMatchObject({ disabledAt: null, epoch: 0 })
    expect((await store.get(record.id))?.endReason).toBe(null)
    expect(await store.events({ type: 'user_disabled', userId: record.userId, limit: 9 })).toEqual([])
  })

  test('to a server that is killed and comes back loses nothing that was acknowledged', async () => {
    const store = await opened()
    const acknowledged: SessionRecord[] = []
    const logins = Array.from({ length: 200 }, async (_, place) => {
      const record = makeRecord({ userId: `user-${place}` })
      await store.insert(record, { mark: makeMark() }).then(
        () => acknowledged.push(record),
        () => {},
      )
      if (acknowledged.length === 50) await machine.kill()
    })
    await Promise.all(logins)
    await expect(store.get(makeRecord().id)).rejects.toMatchObject({ code: 'store_unavailable' })
    await machine.start()
    await until(
      () =>
        store.epoch('x').then(
          () => true,
          () => false,
        ),
      'the store to answer again',
    )
    const found = await Promise.all(acknowledged.map(({ id }) => store.get(id)))
    expect(found.filter((record) => record === null)).toEqual([])
    expect(acknowledged.length).toBeGreaterThanOrEqual(50)
    const told = await store.events({ type: 'session_created', limit: 1_000 })
    expect(told.length).toBe(await store.count({}))
  })
})

describe('a replica', () => {
  test('is opened by nobody who did not ask for one by name, and says what it is', async () => {
    const store = await opened()
    const record = await signIn(store)
    await machine.stop()
    await machine.start('replica')
    try {
      await expect(openPostgres(config)).rejects.toMatchObject({
        code: 'unsafe_settings',
        message: expect.stringContaining('pg_is_in_recovery'),
      })
      const allowUnsafe = ['pg_is_in_recovery', 'transaction_read_only']
      const reader = await opened({ allowUnsafe })
      expect((await reader.get(record.id))?.id).toBe(record.id)
      expect((await reader.guarantees()).warnings).toHaveLength(2)
      await expect(reader.revoke({ id: record.id }, makeEndMark(), 1)).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining('connect to the primary'),
      })
    } finally {
      await machine.stop()
      await machine.start()
    }
  })

  test('is not read by a store that was opened on the primary it once was', async () => {
    const store = await opened()
    const record = await signIn(store)
    await machine.stop()
    await machine.start('replica')
    try {
      const calls = [
        store.get(record.id),
        store.count({}),
        store.changes('end', 1),
        store.revoke({ id: record.id }, makeEndMark(), 1),
      ].map(refusal)
      const message = expect.stringContaining('is a replica')
      for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'store_unavailable', message })
    } finally {
      await machine.stop()
      await machine.start()
    }
    await until(
      () =>
        store.get(record.id).then(
          (found) => found !== null,
          () => false,
        ),
      'the primary',
    )
  })

  test('that is promoted while it is asked is the primary: a transaction that can only read is followed by one that can write', async () => {
    const { pool, begin } = askedDuringPromotion(config)
    const store = await opened({ pool })
    begin()
    expect(await store.epoch('x')).toBe(0)
    await signIn(store)
  })

  test('is found out behind a connection that has led to the primary before', async (context) => {
    required(context, 'PgBouncer', pgbouncerPath)
    const pooler = await startPgbouncer(config, 2)
    const pooled = (): Promise<PostgresStore> =>
      opened({ pool: new Pool({ ...pooler.config, max: 1 }), prepare: false })
    const [reader, ...followers] = await Promise.all([pooled(), pooled(), pooled(), pooled()])
    const record = await signIn(reader)
    const { cursor } = await reader.changes(null, 1)
    await machine.stop()
    await machine.start('replica')
    try {
      const isRefused = async (call: Promise<unknown>): Promise<boolean> =>
        /is a replica/.test(String(await refusal(call)))
      await until(() => isRefused(reader.get(record.id)), 'the pooler to connect to the replica')
      const answers = [cursor, null, 'end'].map((from, place) => isRefused(followers[place]!.changes(from, 1)))
      expect(await Promise.all(answers)).toEqual([true, true, true])
    } finally {
      await machine.stop()
      await machine.start()
      await Promise.all([reader, ...followers].map((store) => store.close()))
      await pooler.close()
    }
  })
})

describe('settings that break a promise', () => {
  test('are refused by name, whoever set them, and can be allowed by name', async () => {
    await execute(config, `ALTER ROLE postgres SET synchronous_commit = off`)
    try {
      await expect(openPostgres(config)).rejects.toMatchObject({
        code: 'unsafe_settings',
        message: expect.stringContaining('has synchronous_commit off'),
      })
      const store = await opened({ allowUnsafe: ['synchronous_commit'] })
      expect(await store.guarantees()).toMatchObject({ survivesProcessKill: false, survivesPowerLoss: false })
    } finally {
      await execute(config, `ALTER ROLE postgres RESET synchronous_commit`)
    }
  })

  test('are found on a connection that is made later', async () => {
    const store = await opened()
    await execute(config, `ALTER ROLE postgres SET synchronous_commit = off`)
    await execute(config, KILL_OTHERS)
    try {
      await until(
        () => refusal(store.epoch('x')).then((error) => /synchronous_commit/.test(String(error))),
        'the setting to be found',
      )
    } finally {
      await execute(config, `ALTER ROLE postgres RESET synchronous_commit`)
    }
  })

  test('hold up nobody once they are put right: no connection is kept that had them', async () => {
    const store = await opened({ pool: new Pool({ ...config, max: 1 }) })
    await execute(config, `ALTER ROLE postgres SET synchronous_commit = off`)
    await execute(config, KILL_OTHERS)
    await until(
      () => refusal(store.epoch('x')).then((error) => /synchronous_commit/.test(String(error))),
      'the setting to be found',
    )
    await execute(config, `ALTER ROLE postgres RESET synchronous_commit`)
    expect(await store.epoch('x')).toBe(0)
  })

  test.each(['on', 'local', 'remote_write', 'remote_apply'])(
    'are not those of synchronous_commit %s',
    async (commit) => {
      const store = await opened({ pool: new Pool({ ...config, options: `-c synchronous_commit=${commit}` }) })
      expect(await store.guarantees()).toMatchObject({
        engine: expect.stringMatching(/^postgres \d/),
        survivesProcessKill: true,
        survivesPowerLoss: true,
        revocationBound: 0,
        settings: { synchronous_commit: commit, fsync: 'on', pg_is_in_recovery: false },
        warnings: [],
      })
    },
  )
})

describe('behind PgBouncer in transaction mode', () => {
  test('the whole contract holds without remembered statements', { timeout: 120_000 }, async (context) => {
    required(context, 'PgBouncer', pgbouncerPath)
    const pooler = await startPgbouncer(config, 4)
    const { createDatabase } = server
    const pooled = { ...pooler.config, database: (await createDatabase()).database! }
    const direct = { ...config, database: pooled.database }
    try {
      for (const { name, run } of [...storeContract, ...userStoreContract]) {
        const openPooled = async (): Promise<{ store: PostgresStore; users: PostgresStore['users'] }> => {
          const store = await openPostgres({ ...pooled, max: 20 }, { prepare: false, deadline: '20s' })
          await emptyTables(direct)
          return { store, users: store.users }
        }
        await expect(run(openPooled), name).resolves.toBeUndefined()
      }
    } finally {
      await pooler.close()
    }
  })
})

describe('a call that loses against another', () => {
  test('is made again, and fails only when it has lost again and again', async () => {
    const { pool, asked } = countingPool(config)
    const store = await opened({ pool })
    const provoke = async (state: string): Promise<void> => {
      await execute(
        config,
        `CREATE OR REPLACE FUNCTION provoke() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'provoked' USING ERRCODE = '${state}'; END $$`,
      )
    }
    await provoke('40001')
    await execute(config, 'CREATE TRIGGER provoke BEFORE INSERT ON sojourn_users EXECUTE FUNCTION provoke()')
    try {
      for (const [state, code, tries] of [
        ['40001', 'store_unavailable', 5],
        ['40P01', 'store_unavailable', 5],
        ['53100', 'store_full', 1],
        ['57014', 'store_unavailable', 1],
        ['XX001', 'store_corrupt', 1],
        ['42501', 'store_unavailable', 1],
        ['23514', 'conflict', 1],
        ['22001', 'invalid_argument', 1],
      ] as const) {
        await provoke(state)
        const before = asked.length
        const user = makeUser({ id: 'needle', passwordHash: 'needle' })
        const error = await refusal(store.users.add(user, makeMark()))
        expect(error, state).toMatchObject({ code, cause: expect.any(Error) })
        expect(asked.length - before, state).toBe(tries)
        expect(String(error)).not.toContain('needle')
      }
    } finally {
      await execute(config, 'DROP FUNCTION provoke CASCADE')
    }
    expect(await store.users.add(makeUser({ id: 'needle' }), makeMark())).toBe(true)
  })

  test('says nothing of the values that it was made with', async () => {
    const store = await opened()
    await execute(config, 'ALTER TABLE sojourn_users ADD CONSTRAINT odd CHECK (password_hash IS NULL)')
    try {
      const error = (await refusal(
        store.users.add(makeUser({ id: 'u9', passwordHash: 'needle' }), makeMark()),
      )) as Error
      expect(error).toMatchObject({ code: 'conflict', cause: { code: '23514', constraint: 'odd' } })
      expect(JSON.stringify([error, error.cause, String(error.cause)])).not.toContain('needle')
    } finally {
      await execute(config, 'ALTER TABLE sojourn_users DROP CONSTRAINT odd')
    }
  })
})

test.each([
  ['no server', { host: '/nowhere' }],
  ['no such database', { database: 'nowhere' }],
  ['no such user', { user: 'nobody' }],
])('where there is %s the store says so', async (_, wrong) => {
  await expect(openPostgres({ ...config, ...wrong })).rejects.toMatchObject({ code: 'store_unavailable' })
})

async function opened(options: Parameters<typeof openPostgres>[1] = {}): Promise<PostgresStore> {
  const store = await openPostgres(config, options)
  open.push(store)
  return store
}

let count = 0

/** A session of a user of its own. */
async function signIn(store: PostgresStore): Promise<SessionRecord> {
  count += 1
  const record = makeRecord({ userId: `somebody-${count}` })
  await store.insert(record, { mark: makeMark() })
  return record
}

/** What is asked first on each connection, once it begins, is asked in a transaction that can only read, as of one who was a replica at its start. */
function askedDuringPromotion(to: PoolConfig): { readonly pool: PostgresPool; begin(): void } {
  const pool: PostgresPool = new Pool(to)
  const asked = new WeakSet<PostgresClient>()
  let hasBegun = false
  const connect = async (): Promise<PostgresClient> => {
    const client = await pool.connect()
    const query: PostgresClient['query'] = async (asks) => {
      if (!hasBegun || asked.has(client)) return client.query(asks)
      asked.add(client)
      await client.query({ text: 'BEGIN READ ONLY' })
      const answer = await client.query(asks)
      await client.query({ text: 'COMMIT' })
      return answer
    }
    return { query, release: (destroy?: boolean) => client.release(destroy) }
  }
  return { pool: { connect, end: async () => pool.end?.() }, begin: () => (hasBegun = true) }
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => null,
    (error: unknown) => error,
  )
}
