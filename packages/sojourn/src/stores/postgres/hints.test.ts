import { Pool } from 'pg'
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
} from '../../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../../test/support/postgres.ts'
import { pgbouncerPath, startPgbouncer } from '../../../../../test/support/pgbouncer.ts'
import { required } from '../../../../../test/support/require.ts'
import { StillNode } from '../../../../../test/support/still-node.ts'
import type { SessionId, Token } from '../../index.ts'
import { SessionManager } from '../../index.ts'
import { factCases } from '../../testing/contract/facts.ts'
import { hintCases } from '../../testing/contract/hints.ts'
import { makeMark, makeRecord } from '../../testing/index.ts'
import type { OpenedStore } from '../../testing/index.ts'
import { NOON } from '../../testing/records.ts'
import { PostgresStore, poolOf } from '../postgres.ts'
import type { PostgresPool, PostgresStoreOptions } from '../postgres.ts'

const ADA = { userId: '42', username: 'ada' }
const CAP = {
  max: 1,
  onExceed: 'evict',
  standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 },
} as const
const LISTENERS = `
  SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %' AND state = 'idle'`

let server: PostgresServer
let config: PoolConfig
const open: PostgresStore[] = []

beforeAll(async () => {
  if (postgresPath === null) return
  server = await startPostgres()
  config = await server.createDatabase()
})
beforeEach(async (context) => {
  required(context, 'PostgreSQL', postgresPath)
  await opened()
  await emptyTables(config)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()))
})
afterAll(async () => server?.close())

test.each([...hintCases, ...factCases])('a store that gives hints is a store: $name', async ({ run }) => {
  const opening = async (): Promise<OpenedStore> => {
    await emptyTables(config)
    return { store: await opened() }
  }
  await expect(run(opening)).resolves.toBeUndefined()
})

describe('a node whose timers stand still', () => {
  test('refuses what another has ended, once it was told', async () => {
    const [node, other] = await twoNodes()
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test('is told by a process that has no memory, and by one that ends right after', async () => {
    const [node] = await twoNodes()
    const command = await opened()
    const { token, id } = await signIn({ sessions: new SessionManager({ store: command }) })
    await node.warmUp(token)
    await new SessionManager({ store: command }).revoke({ id })
    await command.close()
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test.each<[string, (other: StillNode<PostgresStore>, id: SessionId) => Promise<unknown>]>([
    ['have other secrets', ({ sessions }, id) => sessions.reauthenticated(id)],
    ['are all ended', ({ sessions }) => sessions.revoke({ userId: ADA.userId })],
    ['are ended by a filter', ({ sessions }) => sessions.revoke({ where: { username: ADA.username } })],
    ['belong to somebody who is disabled', ({ store }) => store.users.disable(ADA.userId, makeMark())],
    ['… has a new password', ({ store }) => store.users.setPassword(ADA.userId, { to: 'new' }, makeMark())],
    ['… has another role', ({ store }) => store.users.setRole(ADA.userId, 'operator', makeMark())],
    ['… is deleted', ({ store }) => store.users.remove(ADA.userId, makeMark())],
    [
      'give way to a login beyond the cap',
      ({ store }) => store.insert(makeRecord({ ...ADA, createdAt: NOON + 1 }), { mark: makeMark(), cap: CAP }),
    ],
  ])('is told when sessions elsewhere %s', async (_, deed) => {
    const [node, other] = await twoNodes()
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { invalidations } = node.store.figures()
    await deed(other, id)
    await until(async () => node.store.figures().invalidations > invalidations, 'the session to leave memory')
  })

  test('is not told what it did itself', async () => {
    const [node, other] = await twoNodes()
    const [first, second] = [await signIn(node), await signIn(other)]
    await node.warmUp(second.token)
    await other.warmUp(first.token)
    const { hints } = node
    await node.sessions.revoke({ id: first.id })
    await other.untilRefused(first.token)
    await other.sessions.revoke({ id: second.id })
    await node.untilRefused(second.token)
    expect(node.hints).toBe(hints + 1)
  })
})

describe('what is sent', () => {
  test('is nothing for a login, and for an end one statement of its own that waits for no disk', async () => {
    const { pool, asked } = countingPool(config)
    const store = await opened({ pool: { ...pool, options: { max: 10 } } })
    const sessions = new SessionManager({ store })
    const logins = await Promise.all(Array.from({ length: 5 }, () => sessions.create(ADA)))
    await sessions.validate(logins[0]!.token)
    await sessions.flush()
    expect(asked.filter(({ text }) => text.includes('pg_notify'))).toEqual([])
    await sessions.revoke({ id: logins[0]!.session.id })
    await store.close()
    const said = asked.filter(({ text }) => text.includes('pg_notify'))
    expect(said).toEqual([asked.at(-1)])
    expect(said[0]?.text).toMatch(/^SELECT set_config\('synchronous_commit', 'off', true\), pg_notify\(/)
    expect(asked.filter(({ text }) => /session_ended/.test(text) && /pg_notify/.test(text))).toEqual([])
  })

  test('is nothing for an end that was none, and nothing at all where there are to be no hints', async () => {
    for (const hints of [true, false]) {
      const { pool, asked } = countingPool(config)
      const store = await opened({ pool: { ...pool, options: { max: 10 } }, hints })
      const sessions = new SessionManager({ store })
      const { session } = await sessions.create(ADA)
      if (!hints) await sessions.revoke({ id: session.id })
      await sessions.revoke({ id: makeRecord().id })
      await store.close()
      expect(asked.filter(({ text }) => text.includes('pg_notify'))).toEqual([])
      expect(store.listen === undefined).toBe(!hints)
    }
  })

  test('fails without anybody’s trouble: the end was acknowledged before', async () => {
    const { pool } = countingPool(config)
    const refusing: PostgresPool = {
      ...pool,
      options: { max: 10 },
      connect: async () => {
        const client = await pool.connect()
        return {
          query: async (asks) => {
            if (asks.text.includes('pg_notify')) throw new Error('refused on purpose')
            return client.query(asks)
          },
          release: (destroy) => client.release(destroy),
        }
      },
    }
    const [node] = await twoNodes()
    const store = await opened({ pool: refusing })
    const sessions = new SessionManager({ store })
    const { session, token } = await sessions.create(ADA)
    await node.warmUp(token)
    expect(await sessions.revoke({ id: session.id })).toMatchObject({ count: 1 })
    await store.close()
    node.pass(1_000)
    expect(await node.verdict(token)).toBe('ended')
  })

  test('is heard by those who use the same tables, and by nobody else in the same database', async () => {
    await execute(config, 'CREATE SCHEMA IF NOT EXISTS elsewhere')
    const [node, other] = await twoNodes()
    const stranger = await openPostgres({ ...config, options: '-c search_path=elsewhere' }, { hints: true })
    const strangers = new SessionManager({ store: stranger })
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { hints } = node
    const { session } = await strangers.create(ADA)
    await strangers.revoke({ id: session.id })
    await stranger.close()
    await execute(config, `NOTIFY sojourn; NOTIFY hints`)
    await other.sessions.revoke({ id })
    await node.untilRefused(token)
    expect(node.hints).toBe(hints + 1)
  })
})

describe('T11: the bound holds', () => {
  test('when who listens is thrown out, and hints come again after that', async () => {
    const [node, other] = await twoNodes()
    const [first, second] = [await signIn(other), await signIn(other)]
    await node.warmUp(first.token, second.token)
    const { hints } = node
    await execute(config, `SELECT pg_terminate_backend(pid) FROM (${LISTENERS}) AS listener`)
    await other.sessions.revoke({ id: first.id })
    node.pass(1_000)
    expect(await node.verdict(first.token)).toBe('ended')

    await node.untilHinted(hints)
    await node.warmUp(second.token)
    await other.sessions.revoke({ id: second.id })
    expect(await node.untilRefused(second.token)).toBe('ended')
  })

  test('when the server was away, and hints come again after that', async (context) => {
    const machine = required(context, 'PostgreSQL of its own', server.process)
    const [node, other] = await twoNodes()
    const { token, id } = await signIn(other)
    await node.warmUp(token)
    const { hints } = node
    await machine.stop()
    await machine.start()
    await node.untilHinted(hints)
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.untilRefused(token)).toBe('ended')
  })

  test('through a pooler in transaction mode, which lets no hint through', async (context) => {
    required(context, 'PgBouncer', pgbouncerPath)
    const pooler = await startPgbouncer(config, 3)
    try {
      const [node, other] = await twoNodes({ ...config, ...pooler.config }, { prepare: false })
      const { token, id } = await signIn(other)
      await node.warmUp(token)
      const { hints } = node
      await other.sessions.revoke({ id })
      await other.store.close()
      node.pass(1_000)
      expect(await node.verdict(token)).toBe('ended')
      expect(node.hints).toBe(hints)
      await node.store.close()
    } finally {
      await pooler.close()
    }
  })
})

describe('the connection of who listens', () => {
  test('is taken when memory is first asked, and given back when the store is closed', async () => {
    const pool = new Pool({ ...config, max: 2 })
    const store = await opened({ pool, endsPool: false })
    expect(await execute(config, LISTENERS)).toHaveLength(0)
    const node = new StillNode(store)
    await node.warmUp()
    expect(await execute(config, LISTENERS)).toHaveLength(1)
    await node.store.close()
    await until(async () => (await execute(config, LISTENERS)).length === 0, 'nobody to listen')
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) client.release()
    await pool.end()
  })

  test('is given back as well by whoever stops before it was had', async () => {
    const pool = new Pool({ ...config, max: 2 })
    const store = await opened({ pool })
    const stop = await store.listen?.(() => expect.unreachable('nobody listens any more'))
    await stop?.()
    await store.close()
    expect(pool.totalCount).toBe(0)
  })

  test.each<[string, PostgresPool]>([
    ['a pool of one', new Pool({ max: 1 })],
    ['PGlite', poolOf({} as never)],
  ])('is not to be had from %s, which would have none left', async (_, pool) => {
    await expect(PostgresStore.open({ pool, hints: true })).rejects.toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining('max of 2 or more'),
    })
  })
})

async function opened(options: Partial<PostgresStoreOptions> = {}, on = config): Promise<PostgresStore> {
  const store = await openPostgres(on, { hints: true, ...options })
  open.push(store)
  return store
}

/** Two on the same tables. */
async function twoNodes(
  on = config,
  options: Partial<PostgresStoreOptions> = {},
): Promise<readonly [StillNode<PostgresStore>, StillNode<PostgresStore>]> {
  return [new StillNode(await opened(options, on)), new StillNode(await opened(options, on))]
}

async function signIn({
  sessions,
}: {
  readonly sessions: SessionManager
}): Promise<{ readonly token: Token; readonly id: SessionId }> {
  const { token, session } = await sessions.create(ADA)
  return { token, id: session.id }
}
