/** The history that people and operators see is whole on every engine, also where sessions and users are in two of them. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { SessionsBeside, UsersBeside } from '../../packages/sojourn/src/auth/index.ts'
import { PostgresStore } from '../../packages/sojourn/src/stores/postgres.ts'
import { RedisStore } from '../../packages/sojourn/src/stores/redis.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { postgresPath, startPostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { connectTo, redisPath, startRedis } from '../support/redis.ts'
import type { RedisServer, TestClient } from '../support/redis.ts'
import { required } from '../support/require.ts'
import { openServiceOn } from '../support/service.ts'
import type { OpenServiceAnywhere, ServiceStores } from '../support/service.ts'
import { keyed, operatorOf, signedIn } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'

const PASSWORD = 'correct horse battery staple'

let postgres: PostgresServer
let redis: RedisServer
let client: TestClient
let opened: OpenServiceAnywhere
let operator: AdminClient

beforeAll(async () => {
  if (postgresPath === null || redisPath === null) return
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  client = await connectTo(redis.url)
})
afterAll(async () => {
  client?.destroy()
  await Promise.all([postgres?.close(), redis?.close()])
})

const ENGINES: Readonly<Record<string, () => Promise<ServiceStores>>> = {
  sqlite: async () => sqlStores(SqliteStore.open(':memory:')),
  postgres: async () => sqlStores(await openPostgres()),
  'redis, with users in sqlite': async () => redisBeside(SqliteStore.open(':memory:')),
  'redis, with users in postgres': async () => redisBeside(await openPostgres()),
}

describe.each(Object.keys(ENGINES))('on %s', (engine) => {
  beforeEach(async (context) => {
    required(context, 'PostgreSQL', postgresPath)
    required(context, 'redis-server', redisPath)
    opened = await openServiceOn(await ENGINES[engine]!())
    await opened.auth.registerUser('ada', PASSWORD)
    operator = await operatorOf(opened)
  })
  afterEach(() => opened.close())

  test('an operator sees what happened to sessions, users and keys, in its order, page after page', async () => {
    await opened.auth.loginUser('ada', 'a wrong guess', { ip: '192.0.2.66' })
    const ada = await signedIn(opened, 'ada', PASSWORD)
    await keyed(opened, 'read')
    const { id } = (await opened.auth.getUser('ada'))!
    expect(await operator.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 200 })
    expect((await ada.get('/auth/session')).status).toBe(401)
    const seen = await everyLine()
    // Whether an end is told before or after what it came from is the engine's.
    const told = seen.filter(({ type }) => !/ended$/.test(type))
    expect(told.map(({ type, username }) => `${type} ${username}`)).toEqual([
      'user_created grace',
      'role_changed grace',
      'user_created ada',
      'session_created grace',
      'login_failed ada',
      'session_created ada',
      'key_created null',
      'user_disabled ada',
    ])
    expect(seen.filter(({ type }) => type === 'session_ended')).toMatchObject([{ username: 'ada' }])
    expect(new Set(seen.map(({ position }) => position)).size).toBe(seen.length)
    const failed = (await operator.get('/admin/events?type=login_failed')).body as Page
    expect(failed.events).toMatchObject([{ username: 'ada', ipAddress: '192.0.2.66' }])
    const csv = (await operator.get(`/admin/events/export?format=csv&userId=${id}`)).body as string
    for (const type of ['user_created', 'login_failed', 'session_created', 'user_disabled']) expect(csv).toContain(type)
    const { body } = await operator.get('/admin/overview')
    const { points } = (body as { readonly series: { readonly points: readonly { readonly failed: number }[] } }).series
    expect(points.reduce((sum, { failed }) => sum + failed, 0)).toBe(1)
  })

  test('whoever looks on sees it as it happens', async () => {
    const response = await follow()
    await opened.auth.loginUser('ada', 'a wrong guess')
    await signedIn(opened, 'ada', PASSWORD)
    await keyed(opened, 'read')
    let told = ''
    for await (const piece of response) if ((told += String(piece)).includes('key_created')) break
    const types = [...told.matchAll(/"type":"([a-z_]+)"/g)].map(([, type]) => type)
    expect(types).toEqual(['login_failed', 'session_created', 'key_created'])
  })

  test('a person sees in words what happened to their account', async () => {
    await opened.auth.loginUser('ada', 'a wrong guess', { ip: '192.0.2.66' })
    const ada = await signedIn(opened, 'ada', PASSWORD)
    const page = (await ada.get('/', { accept: 'text/html' })).body as string
    const [, history = ''] = page.replaceAll(/<[^>]*>/g, '').split('Recent activity')
    for (const line of ['A wrong password was tried from 192.0.2.66', 'Your account was created']) {
      expect(history).toContain(line)
    }
  })

  test('users whom only their sessions know have a name', async () => {
    await opened.sessions.create({ userId: 'of-an-application', username: 'barbara' })
    const { events } = (await operator.get('/admin/events?userId=of-an-application')).body as Page
    expect(events).toMatchObject([{ type: 'session_created', username: 'barbara' }])
  })
})

interface Line {
  readonly position: number
  readonly type: string
  readonly username: string | null
}

interface Page {
  readonly events: readonly Line[]
  readonly next: number | null
}

/** Oldest first. */
async function everyLine(): Promise<readonly Line[]> {
  const seen: Line[] = []
  for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null;) {
    const page = (await operator.get(`/admin/events?limit=3&before=${before}`)).body as Page
    seen.push(...page.events)
    before = page.next
  }
  return seen.toReversed()
}

async function follow(): Promise<IncomingMessage> {
  const headers = operator.credential
  const request = get(`${opened.url}/admin/events/stream`, {
    agent: false,
    headers,
    signal: AbortSignal.timeout(20_000),
  })
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

function sqlStores(store: SqliteStore | PostgresStore): ServiceStores {
  return { store, users: store.users, apiKeys: store.apiKeys }
}

async function openPostgres(): Promise<PostgresStore> {
  return PostgresStore.open({ pool: new Pool({ ...(await postgres.createDatabase()), max: 4 }), endsPool: true })
}

async function redisBeside(beside: SqliteStore | PostgresStore): Promise<ServiceStores> {
  const sessions = await RedisStore.open({ client, prefix: `${randomUUID()}:` })
  const store = new SessionsBeside(sessions, beside)
  return { store, users: new UsersBeside(beside.users, store), apiKeys: beside.apiKeys }
}
