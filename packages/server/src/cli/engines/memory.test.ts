/** The memory in front of a networked engine knows at once what goes through the same engine, users included. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SessionManager } from 'sojourn'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TestContext } from 'vitest'
import { postgresPath, startPostgres } from '../../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../../test/support/postgres.ts'
import { redisPath, startRedis } from '../../../../../test/support/redis.ts'
import type { RedisServer } from '../../../../../test/support/redis.ts'
import { required } from '../../../../../test/support/require.ts'
import type { Engine, OpenedEngine } from './engine.ts'
import { namedEngine } from './named.ts'

/** So long that nothing is refused in these tests only because it was over. */
const LEASE = '1m'

let postgres: PostgresServer | null = null
let redis: RedisServer | null = null
let opened: OpenedEngine | null = null
const folder = mkdtempSync(join(tmpdir(), 'sojourn-engines-'))

beforeAll(async () => {
  if (postgresPath !== null) postgres = await startPostgres()
  if (redisPath !== null) redis = await startRedis()
})
afterEach(async () => {
  await opened?.close()
  opened = null
})
afterAll(async () => {
  await postgres?.close()
  await redis?.close()
  rmSync(folder, { recursive: true })
})

/** Engines by name, with more settings in their URL. */
const ENGINES: Readonly<Record<string, (context: TestContext, settings: string) => Promise<Engine>>> = {
  postgres: async (context, settings) => {
    required(context, 'PostgreSQL', postgresPath)
    const { host, user, database, connectionString } = (await postgres?.createDatabase()) ?? {}
    const url = connectionString ?? `postgres://${user}@${encodeURIComponent(host ?? '')}/${database}`
    return engineAt(`${url}${url.includes('?') ? '&' : '?'}${settings}`)
  },
  redis: async (context, settings) => {
    required(context, 'redis-server', redisPath)
    return engineAt(`${redis?.url}?prefix=${randomUUID()}:&${settings}`, join(folder, `${randomUUID()}.db`))
  },
}

function engineAt(url: string, users?: string): Engine {
  return namedEngine({
    database: { url, source: '$SOJOURN_DATABASE_URL' },
    users: users === undefined ? null : { url: users, source: '$SOJOURN_USERS_URL' },
    env: {},
  })
}

describe.each(Object.keys(ENGINES))('on %s', (name) => {
  async function open(context: TestContext, lease: string | null): Promise<OpenedEngine> {
    opened = await (await engineOf(context)).open({ create: true, lease, deadline: '20s' })
    return opened
  }

  async function engineOf(context: TestContext, settings = 'deadline=20s'): Promise<Engine> {
    const engine = await ENGINES[name]?.(context, settings)
    if (engine === undefined) throw new Error(`no engine '${name}'`)
    return engine
  }

  test('with a lease a session is answered from memory, until its user is disabled here', async (context) => {
    const { store, users, memory } = await open(context, LEASE)
    const sessions = new SessionManager({ store })
    const ada = { id: 'id of ada', username: 'ada', passwordHash: null, role: 'user', epoch: 1 } as const
    const at = sessions.now()
    await users.add({ ...ada, createdAt: at, disabledAt: null, lastLoginAt: null }, { at, actor: 'test' })
    const { session } = await sessions.create({ userId: ada.id, username: ada.username })

    await memory?.pull()
    for (let round = 0; round < 3; round += 1) expect((await store.get(session.id))?.endReason).toBe(null)
    expect(memory?.figures()).toMatchObject({ hits: 2, isLeaseHeld: true })
    await users.disable(ada.id, { at, actor: 'test' })
    expect((await store.get(session.id))?.endReason).toBe('user_disabled')
    expect((await store.guarantees()).revocationBound).toBe(60_000)
  })

  test('without one there is no memory, and every answer is the engine’s', async (context) => {
    const { store, memory } = await open(context, null)
    expect([memory, store.reread]).toEqual([null, undefined])
    expect((await store.guarantees()).revocationBound).toBe(0)
  })

  test('where the URL asks for hints, a session is refused that a process without memory has ended, long before the lease is over', async (context) => {
    const engine = await engineOf(context, 'hints=on')
    opened = await engine.open({ create: true, lease: '1h', deadline: '20s' })
    const sessions = new SessionManager({ store: opened.store })
    const { session, token } = await sessions.create({ userId: '42', username: 'ada' })
    await expect.poll(async () => ((await sessions.validate(token)).ok ? opened?.memory?.figures().hints : 0)).toBe(1)
    await opened.memory?.pull()
    for (let turn = 0; turn < 2; turn += 1) expect((await sessions.validate(token)).ok).toBe(true)

    const command = await engine.open({ create: false, deadline: '20s' })
    await new SessionManager({ store: command.store }).revoke({ id: session.id })
    await command.close()
    await expect.poll(() => sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
    expect(opened.memory?.figures().hints).toBe(2)
  })

  test('hints that are neither on nor off are refused with a sentence', async (context) => {
    await expect(engineOf(context, 'hints=yes')).rejects.toThrow(`hints in the ${name} URL is neither on nor off`)
  })

  test('sessions are judged by the clock of the engine', async (context) => {
    const { store } = await open(context, LEASE)
    expect(Number.isSafeInteger(await store.now?.())).toBe(true)
  })
})

test('hints are refused where a pool has no connection left for them, and where nobody has anything in memory', async () => {
  const engine = engineAt('postgres://ada@localhost/app?hints=on&pool=1')
  await expect(engine.open({ create: false, deadline: '20s' })).rejects.toThrow('give a pool of 2 or more')
  expect(() => engineAt('redis://localhost', 'postgres://ada@localhost/app?hints=on')).toThrow(
    'put hints in the redis URL',
  )
})
