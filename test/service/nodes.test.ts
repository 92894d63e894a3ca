/** Several nodes as processes on one database behind nginx: what a rolling restart does to requests, and one node's ends to the others. */
import { readFileSync } from 'node:fs'
import { setTimeout as later } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { PASSWORD } from '../cli/support/program.ts'
import { nginxPath } from '../support/nginx.ts'
import { ORIGIN, startFleet, until } from '../support/nodes.ts'
import type { Fleet } from '../support/nodes.ts'
import { postgresPath, startPostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { found } from '../support/proof.ts'
import { redisPath, startRedis } from '../support/redis.ts'
import { required } from '../support/require.ts'

const PAGE = readFileSync(new URL('../../docs/OPERATING.md', import.meta.url), 'utf8')
/** Starting processes takes its time on a busy machine. */
const PATIENCE = 180_000
/** How often all nodes are restarted; others by `SOJOURN_RESTART_ROUNDS=500`. */
const ROUNDS = Number(process.env['SOJOURN_RESTART_ROUNDS'] ?? 1)
const READERS = 6
const WRITERS = 2

let server: PostgresServer

beforeAll(async () => {
  if (postgresPath !== null) server = await startPostgres()
})
beforeEach((context) => {
  required(context, 'PostgreSQL', postgresPath)
  required(context, 'nginx', nginxPath)
})
afterAll(async () => server?.close())

/** What went through nginx while something else was done. */
class Load {
  readonly #fleet: Fleet
  readonly #token: string
  readonly #failures: string[] = []
  readonly #workers: readonly Promise<void>[]
  #count = 0
  #isOver = false

  constructor(fleet: Fleet, token: string) {
    this.#fleet = fleet
    this.#token = token
    this.#workers = [
      ...Array.from({ length: READERS }, () => this.#work(() => this.#read())),
      ...Array.from({ length: WRITERS }, () => this.#work(() => this.#write())),
    ]
  }

  get count(): number {
    return this.#count
  }

  /** Ends it, and answers with every request that was not answered as it should have been. */
  async stop(): Promise<readonly string[]> {
    this.#isOver = true
    await Promise.all(this.#workers)
    return this.#failures
  }

  async #work(step: () => Promise<string | null>): Promise<void> {
    while (!this.#isOver) {
      const failure = await step().catch((error: unknown) => String(error))
      this.#count += 1
      if (failure !== null) this.#failures.push(failure)
      await later(2)
    }
  }

  async #read(): Promise<string | null> {
    const answer = await fetch(`${this.#fleet.url}/auth/verify`, {
      headers: { authorization: `Bearer ${this.#token}` },
    })
    await answer.arrayBuffer()
    return answer.status === 200 ? null : `GET /auth/verify: ${answer.status}`
  }

  async #write(): Promise<string | null> {
    const token = await signIn(this.#fleet)
    const answer = await fetch(`${this.#fleet.url}/auth/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, origin: ORIGIN },
    })
    await answer.arrayBuffer()
    return answer.ok ? null : `POST /auth/logout: ${answer.status}`
  }
}

async function signIn(fleet: Fleet): Promise<string> {
  const answer = await fetch(`${fleet.url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: ORIGIN },
    body: JSON.stringify({ username: 'ada', password: PASSWORD, mode: 'token' }),
  })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`POST /auth/login: ${answer.status} ${text.slice(0, 200)}`)
  return (JSON.parse(text) as { token: string }).token
}

async function open(args: readonly string[] = [], sessionsUrl?: string): Promise<Fleet> {
  const { host, user, database, connectionString } = await server.createDatabase()
  const url = connectionString ?? `postgres://${user}@${encodeURIComponent(host ?? '')}/${database}`
  const patient = `${url}?deadline=20s`
  const env =
    sessionsUrl === undefined
      ? { SOJOURN_DATABASE_URL: patient }
      : { SOJOURN_DATABASE_URL: `${sessionsUrl}?deadline=20s`, SOJOURN_USERS_URL: patient }
  const fleet = await startFleet(3, { env, args }, configured)
  const added = await fleet.place.run(['user', 'add', 'ada'], { env, input: PASSWORD })
  if (added.code !== 0) throw new Error(added.stderr)
  return fleet
}

/** As the page has it, on ports of this machine and without https, which these clients do not speak. */
function configured(nodes: readonly string[], port: number): string {
  const [, block = ''] = /```nginx\n([\s\S]*?)```/.exec(PAGE) ?? []
  return block
    .replace(/^ *server 10\.0\.0\.\d+:3000(.*);\n/gm, '')
    .replace(/(upstream sojourn \{\n)/, `$1${nodes.map((node) => `    server ${node} max_fails=0;\n`).join('')}`)
    .replace(/listen 443 ssl;/, `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_.*\n/gm, '')
}

describe('three nodes behind nginx', () => {
  test('T26: restarted one after the other under load, no request fails', { timeout: PATIENCE * ROUNDS }, async () => {
    await using fleet = await open()
    const load = new Load(fleet, await signIn(fleet))
    for (const node of Array.from({ length: ROUNDS }, () => fleet.nodes).flat()) {
      const before = load.count
      await until('some load', async () => load.count > before + 100)
      expect(await node.stop()).toMatchObject({ code: 0 })
      const without = load.count
      await until('some load without the node', async () => load.count > without + 50)
      await node.start()
    }
    const failures = await load.stop()
    found({
      claim: 'Nodes behind nginx that are restarted one after the other: no request fails',
      tried: `${ROUNDS * fleet.nodes.length} restarts under ${load.count.toLocaleString('en')} requests`,
      found: `${failures.length} failed`,
    })
    expect(failures).toEqual([])
  })

  test('what one node ends, every other refuses at once', { timeout: PATIENCE }, async () => {
    await using fleet = await open()
    const token = await signIn(fleet)
    for (const node of fleet.nodes) expect((await node.ask('/auth/verify', token)).status).toBe(200)
    const [first, ...others] = fleet.nodes
    const headers = { authorization: `Bearer ${token}`, origin: ORIGIN }
    expect((await fetch(`${first?.url}/auth/logout`, { method: 'POST', headers })).ok).toBe(true)
    for (const node of others) expect((await node.ask('/auth/verify', token)).status).toBe(401)
  })

  test(
    'with a lease the others refuse it when that is over, and say by how much they may be behind',
    { timeout: PATIENCE },
    async () => {
      await using fleet = await open(['--lease', '300ms'])
      const token = await signIn(fleet)
      const key = (
        await fleet.place.run(['key', 'create', 'probe', '--scope', 'read'], { env: fleet.env })
      ).stdout.trim()
      for (const node of fleet.nodes) {
        await until('an answer from memory', async () => {
          expect((await node.ask('/auth/verify', token)).status).toBe(200)
          return (await figure(node.url, 'sojourn_memory_reads_total{outcome="hit"}')) > 0
        })
        expect(await figure(node.url, 'sojourn_revocation_lag_seconds')).toBeLessThanOrEqual(0.3)
        const health = await node.ask('/admin/health', key)
        expect(await health.json()).toMatchObject({ guarantees: { revocationBound: 300 } })
      }
      expect((await fleet.place.run(['invalidate', 'ada'], { env: fleet.env })).code).toBe(0)
      for (const node of fleet.nodes) {
        await until('a refusal', async () => (await node.ask('/auth/verify', token)).status === 401)
        expect((await node.ask('/auth/verify', token)).status).toBe(401)
      }
    },
  )

  test(
    'while the database is down every node says that it cannot tell, and afterwards nobody is signed out',
    { timeout: PATIENCE },
    async (context) => {
      const process = required(context, 'PostgreSQL of its own', server.process)
      await using fleet = await open()
      const token = await signIn(fleet)
      await process.stop()
      for (const node of fleet.nodes) {
        const answer = await node.ask('/auth/verify', token)
        expect([answer.status, answer.headers.get('set-cookie')]).toEqual([503, null])
        expect((await fetch(`${node.url}/readyz`)).status).toBe(503)
        expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
      }
      await process.start()
      for (const node of fleet.nodes) {
        await until('the database again', async () => (await node.ask('/auth/verify', token)).status === 200)
      }
    },
  )
})

describe('three nodes on redis, with their users in postgres', () => {
  beforeEach((context) => void required(context, 'redis-server', redisPath))

  test.each([
    { name: 'at once', args: [] },
    { name: 'within the lease where there is one', args: ['--lease', '300ms'] },
  ])('what one node ends, every other refuses $name', { timeout: PATIENCE }, async ({ args }) => {
    const redis = await startRedis()
    await using fleet = await open(args, redis.url)
    const token = await signIn(fleet)
    for (const node of fleet.nodes) {
      for (let round = 0; round < 3; round += 1) expect((await node.ask('/auth/verify', token)).status).toBe(200)
    }
    expect((await fleet.place.run(['user', 'disable', 'ada'], { env: fleet.env })).code).toBe(0)
    for (const node of fleet.nodes) {
      if (args.length > 0) await until('a refusal', async () => (await node.ask('/auth/session', token)).status === 401)
      expect((await node.ask('/auth/session', token)).status).toBe(401)
    }
    await redis.close()
  })

  test(
    'while redis is down every node says that it cannot tell, and afterwards nobody is signed out',
    { timeout: PATIENCE },
    async () => {
      const redis = await startRedis()
      await using fleet = await open([], redis.url)
      const token = await signIn(fleet)
      await redis.kill()
      for (const node of fleet.nodes) {
        expect((await node.ask('/auth/verify', token)).status).toBe(503)
        expect((await fetch(`${node.url}/readyz`)).status).toBe(503)
      }
      await redis.start()
      for (const node of fleet.nodes) {
        await until('redis again', async () => (await node.ask('/auth/verify', token)).status === 200)
      }
      await redis.close()
    },
  )
})

async function figure(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? Number.NaN)
}
