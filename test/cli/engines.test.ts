/** The same first steps on every engine, as a person types them: each command does its work, and no password is ever shown. */
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestContext } from 'vitest'
import { madeUpInstallation } from '../support/legacy-installation.ts'
import { execute, postgresPath, startPostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { connectTo, redisPath, startCluster, startRedis } from '../support/redis.ts'
import type { RedisServer } from '../support/redis.ts'
import { required } from '../support/require.ts'
import { PASSWORD, Workplace, ended } from './support/program.ts'
import type { Ended } from './support/program.ts'

/** Stands in every URL that may have one, and must stand nowhere else. */
const CANARY = 'canary-K7pQ2vXw'
/** As one command follows the other a busy machine may take its time. */
const PATIENCE = 120_000

let postgres: PostgresServer | null = null
let redis: RedisServer | null = null

beforeAll(async () => {
  if (postgresPath !== null) postgres = await startPostgres()
  if (redisPath !== null) redis = await startRedis({ requirepass: CANARY })
})
afterAll(async () => {
  await postgres?.close()
  await redis?.close()
})

/** A place to work in where the variables name a new, empty database. */
class Installation extends Workplace {
  readonly env: NodeJS.ProcessEnv
  /** What every command has said so far. */
  said = ''

  constructor(env: NodeJS.ProcessEnv) {
    super()
    this.env = env
  }

  async do(args: readonly string[], input = ''): Promise<Ended> {
    const run = await this.run(args, { env: this.env, input })
    this.said += run.stdout + run.stderr
    return run
  }

  async value<T>(args: readonly string[], input = ''): Promise<T> {
    const { stdout, stderr } = await this.do([...args, '--json'], input)
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as T
  }
}

async function postgresUrl(context: Pick<TestContext, 'skip'>): Promise<string> {
  required(context, 'PostgreSQL', postgresPath)
  const config = (await postgres?.createDatabase()) ?? {}
  if (config.connectionString !== undefined) return config.connectionString
  return `postgres://${config.user}:${CANARY}@${encodeURIComponent(config.host ?? '')}/${config.database}`
}

function redisUrl(context: Pick<TestContext, 'skip'>): string {
  required(context, 'redis-server', redisPath)
  return `redis://:${CANARY}@127.0.0.1:${redis?.port}?prefix=${randomUUID()}:`
}

const ENGINES: Readonly<Record<string, (context: TestContext) => Promise<Installation>>> = {
  sqlite: async () => new Installation({}),
  postgres: async (context) => new Installation({ SOJOURN_DATABASE_URL: await postgresUrl(context) }),
  'redis with users in postgres': async (context) =>
    new Installation({ SOJOURN_DATABASE_URL: redisUrl(context), SOJOURN_USERS_URL: await postgresUrl(context) }),
  'redis with users in sqlite': async (context) =>
    new Installation({ SOJOURN_DATABASE_URL: redisUrl(context), SOJOURN_USERS_URL: 'sqlite:./users.db' }),
}

interface Listed {
  readonly id: string
  readonly isActive: boolean
  readonly endReason: string | null
}

interface Report {
  readonly ok: boolean
  readonly schema: { readonly pending: number }
  readonly guarantees: { readonly engine: string; readonly survivesPowerLoss: boolean }
  readonly measured: { readonly milliseconds: number | null; readonly bound: number } | null
  readonly findings: readonly { readonly check: string; readonly state: string; readonly found: string }[]
}

describe.each(Object.keys(ENGINES))('on %s', (name) => {
  async function begin(context: TestContext): Promise<Installation> {
    const place = await ENGINES[name]?.(context)
    if (place === undefined) throw new Error(`no engine '${name}'`)
    return place
  }

  test(
    'a person gets from nothing to a session that was ended, and no password is shown',
    { timeout: PATIENCE },
    async (context) => {
      using place = await begin(context)
      expect(await place.do(['list'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("run 'sojourn migrate'"),
      })
      expect(await place.do(['migrate'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('is ready, at version'),
      })
      expect(await place.do(['migrate'])).toMatchObject({ code: 0, stdout: expect.stringContaining('is up to date') })

      expect(await place.do(['user', 'add', 'ada'], PASSWORD)).toMatchObject({ code: 0 })
      const token = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
      const other = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
      expect(await place.do(['validate'], token)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^valid: ada/),
      })
      const [id, second] = [token.slice(0, 36), other.slice(0, 36)]
      expect((await place.value<Listed[]>(['list', 'ada'])).map((each) => each.id)).toEqual([second, id])

      expect(await place.do(['revoke', id])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('ended session'),
      })
      expect(await place.do(['validate'], token)).toMatchObject({ code: 3 })
      expect((await place.do(['show', id])).stdout).toMatch(/session created[\s\S]*session ended +revoked/)
      expect(await place.do(['logout'], other)).toMatchObject({ code: 0 })

      const tail = place.start(['tail', '--from-start', '--json'], { env: place.env })
      const told = ended(tail)
      for await (const line of createInterface({ input: tail.stdout })) if (line.includes('"logout"')) break
      tail.kill('SIGINT')
      expect(await told).toMatchObject({ code: 0, stderr: '' })

      const third = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
      expect(await place.value(['invalidate', 'ada'])).toMatchObject({ ended: 1 })
      expect(await place.do(['validate'], third)).toMatchObject({ code: 3 })
      expect(await place.value(['stats'])).toMatchObject({ total: 3, active: 0, ended: 3 })
      expect(await place.value(['invalidate', '--all', '--yes'])).toEqual({ ended: 0 })
      expect(await place.value(['cleanup', '1'])).toEqual({ ended: 0, pruned: 0, dryRun: false })
      expect(place.said).not.toContain(CANARY)
    },
  )

  test(
    'whom an operator disables or deletes is signed out, and deleting leaves no session',
    { timeout: PATIENCE },
    async (context) => {
      using place = await begin(context)
      await place.do(['migrate'])
      await place.do(['user', 'add', 'ada', '--operator'], PASSWORD)
      const token = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
      expect(await place.value(['user', 'disable', 'ada'])).toMatchObject({ isChanged: true, ended: 1 })
      expect(await place.do(['validate'], token)).toMatchObject({ code: 3 })
      await place.do(['user', 'enable', 'ada'])
      const again = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
      expect(await place.do(['user', 'delete', 'ada', '--yes'])).toMatchObject({ code: 0 })
      expect(await place.do(['validate'], again)).toMatchObject({ code: 3 })
      expect(await place.value(['user', 'list'])).toEqual([])
      expect(await place.value(['list', '--all'])).toEqual([])
      expect(await place.value(['stats'])).toMatchObject({ total: 0 })
      expect(await place.do(['show', again.slice(0, 36)])).toMatchObject({ code: 3 })
      expect(place.said).not.toContain(CANARY)
    },
  )

  test(
    'doctor finds all well, and measures how soon an end is refused elsewhere',
    { timeout: PATIENCE },
    async (context) => {
      using place = await begin(context)
      await place.do(['migrate'])
      const plain = await place.value<Report>(['doctor'])
      expect(plain).toMatchObject({
        ok: true,
        schema: { pending: 0 },
        guarantees: { survivesPowerLoss: true },
        measured: null,
      })
      const strict = await place.value<Report>(['doctor', '--measure'])
      expect(strict).toMatchObject({ ok: true, measured: { bound: 0, milliseconds: expect.any(Number) } })
      if (name !== 'sqlite') {
        const cached = await place.value<Report>(['doctor', '--measure', '--lease', '500ms'])
        expect(cached).toMatchObject({ ok: true, measured: { bound: 500, milliseconds: expect.any(Number) } })
      }
      expect(await place.value(['user', 'list'])).toEqual([])
      expect(await place.value(['list', '--all'])).toEqual([])
      expect((await place.do(['doctor'])).stdout).toContain('what is acknowledged survives the loss of power')
      expect(place.said).not.toContain(CANARY)
    },
  )

  test('what migrate takes away is gone, and asked for before', { timeout: PATIENCE }, async (context) => {
    using place = await begin(context)
    expect(await place.value(['migrate', '--status'])).toMatchObject({ applied: [] })
    expect((await place.do(['migrate', '--print'])).stdout).toContain('CREATE TABLE sojourn_users')
    await place.do(['migrate'])
    expect(await place.value(['migrate', '--status'])).toMatchObject({ pending: [] })
    expect(await place.do(['migrate', '--rollback'])).toMatchObject({ code: 2 })
    expect(await place.do(['migrate', '--rollback', '--yes'])).toMatchObject({ code: 0 })
    expect(await place.do(['user', 'list'])).toMatchObject({ code: 1 })
    expect(place.said).not.toContain(CANARY)
  })
})

test('adopted users and sessions of a file live on in postgres', { timeout: PATIENCE }, async (context) => {
  using place = new Installation({ SOJOURN_DATABASE_URL: await postgresUrl(context) })
  const old = `${place.folder}/old.db`
  // The command goes by the host's clock.
  madeUpInstallation(old, Date.now())
  const report = ['adopt', 'user-sessions', '--from', old]
  const rehearsal = await place.value<{ sessions: { added: number } }>([...report, '--dry-run'])
  const adopted = await place.value<{ sessions: { added: number; live: number } }>(report)
  expect(adopted.sessions.added).toBe(rehearsal.sessions.added)
  expect(adopted.sessions.live).toBeGreaterThan(0)
  expect(await place.value(report)).toMatchObject({ sessions: { added: 0 } })
})

test(
  'what redis does not promise is advice, and what it loses at every restart is a problem',
  { timeout: PATIENCE },
  async (context) => {
    required(context, 'redis-server', redisPath)
    const other = await startRedis({ appendfsync: 'everysec' })
    const client = await connectTo(other.url)
    using place = new Installation({ SOJOURN_DATABASE_URL: other.url, SOJOURN_USERS_URL: 'sqlite:./users.db' })
    await place.do(['migrate'])
    const found = await place.value<Report>(['doctor'])
    expect(found).toMatchObject({ ok: true, guarantees: { survivesPowerLoss: false } })
    expect(found.findings).toContainEqual(
      expect.objectContaining({ check: 'settings', state: 'advice', found: expect.stringContaining('everysec') }),
    )

    await client.configSet('appendonly', 'no')
    expect(await place.do(['doctor'])).toMatchObject({ code: 1, stdout: expect.stringContaining('appendonly') })
    place.env['SOJOURN_DATABASE_URL'] = `${other.url}?allow-unsafe=appendonly`
    expect(await place.value<Report>(['doctor'])).toMatchObject({ ok: false, guarantees: { survivesPowerLoss: false } })
    client.destroy()
    await other.close()
  },
)

test(
  'once its tables are made, postgres is served by an account that may only read and write rows',
  { timeout: PATIENCE },
  async (context) => {
    const url = await postgresUrl(context)
    using place = new Installation({ SOJOURN_DATABASE_URL: url })
    await place.do(['migrate'])
    const role = `clerk_${randomUUID().slice(0, 8)}`
    const rights = `
    CREATE ROLE ${role} LOGIN PASSWORD '${CANARY}';
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`
    await execute({ connectionString: url }, rights)
    place.env['SOJOURN_DATABASE_URL'] = url.replace(/\/\/[^:]+:/, `//${role}:`)
    expect(await place.do(['user', 'add', 'ada'], PASSWORD)).toMatchObject({ code: 0 })
    const token = (await place.do(['login', 'ada'], PASSWORD)).stdout.trim()
    expect(await place.do(['validate'], token)).toMatchObject({ code: 0 })
    expect(await place.value(['user', 'delete', 'ada', '--yes'])).toMatchObject({ ended: 1 })
    expect(await place.value(['doctor'])).toMatchObject({ ok: true })
    await execute({ connectionString: url }, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
  },
)

test('a cluster of redis is named by some of its hosts', { timeout: PATIENCE }, async (context) => {
  required(context, 'redis-server', redisPath)
  const cluster = await startCluster()
  const hosts = cluster.servers.map(({ port }) => `127.0.0.1:${port}`)
  const url = `redis+cluster://${hosts.slice(0, 2).join(',')}`
  using place = new Installation({ SOJOURN_DATABASE_URL: url, SOJOURN_USERS_URL: 'sqlite:./users.db' })
  await place.do(['migrate'])
  for (const name of ['ada', 'grace', 'linus']) {
    await place.do(['user', 'add', name], PASSWORD)
    const token = (await place.do(['login', name], PASSWORD)).stdout.trim()
    expect(await place.do(['validate'], token)).toMatchObject({ code: 0 })
  }
  expect(await place.value<Listed[]>(['list'])).toHaveLength(3)
  expect(await place.value(['doctor', '--measure'])).toMatchObject({
    ok: true,
    database: { path: url, bytes: null },
    measured: { milliseconds: expect.any(Number) },
  })
  expect(await place.do(['user', 'delete', 'ada', '--yes'])).toMatchObject({ code: 0 })
  expect(await place.value<Listed[]>(['list', '--all'])).toHaveLength(2)
  expect(await place.value(['invalidate', '--all', '--yes'])).toEqual({ ended: 2 })
  place.env['SOJOURN_DATABASE_URL'] = `redis://${hosts[0]}`
  expect(await place.do(['list'])).toMatchObject({ code: 2, stderr: expect.stringContaining('redis+cluster://') })
  await cluster.close()
})

test(
  'a password may stand alone in the variable that the client of redis has for it',
  { timeout: PATIENCE },
  async (context) => {
    const url = redisUrl(context).replace(`:${CANARY}@`, '')
    using place = new Installation({ SOJOURN_DATABASE_URL: url, SOJOURN_USERS_URL: 'sqlite:./users.db' })
    await place.do(['migrate'])
    expect(await place.do(['list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('NOAUTH') })
    place.env['REDISCLI_AUTH'] = CANARY
    expect(await place.do(['list'])).toMatchObject({ code: 0 })
    expect(place.said).not.toContain(CANARY)
  },
)

test(
  'a wrong password is told in the words of the server, without the password',
  { timeout: PATIENCE },
  async (context) => {
    using place = new Installation({ SOJOURN_DATABASE_URL: redisUrl(context), SOJOURN_USERS_URL: 'sqlite:./users.db' })
    await place.do(['migrate'])
    const url = place.env['SOJOURN_DATABASE_URL'] ?? ''
    place.env['SOJOURN_DATABASE_URL'] = url.replace(CANARY, 'wrong')
    const refused = await place.do(['doctor'])
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain('WRONGPASS')
    expect(place.said).not.toMatch(/canary|wrong@/)
  },
)
