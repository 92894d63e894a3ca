/** docs/OPERATING.md says how to back up and restore. These are its lines, typed as they stand there, on real engines under load. */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ServiceNode, freePorts } from '../support/nodes.ts'
import { execute, postgresPath, startPostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'
import { connectTo, redisPath, startRedis } from '../support/redis.ts'
import { required } from '../support/require.ts'
import { PASSWORD, Workplace } from './support/program.ts'

const run = promisify(execFile)
const PATIENCE = { timeout: 240_000 }
const PATHS = (process.env['PATH'] ?? '').split(delimiter)
const [BACKUP = '', RESTORE = '', AFTERWARDS = ''] = blocksOf('Backup and restore')

let server: PostgresServer | null = null
const ownPostgres = process.env['SOJOURN_TEST_POSTGRES_URL'] === undefined ? postgresPath : null

beforeAll(async () => {
  if (ownPostgres !== null) server = await startPostgres()
})
afterAll(async () => server?.close())

/** Where an operator types, with the program and what belongs to the engine on the path. */
class Operator extends Workplace {
  readonly env: Record<string, string>
  readonly #node: ServiceNode

  private constructor(env: Record<string, string>, port: number) {
    super()
    this.env = env
    this.#node = new ServiceNode(this, port, [], env)
    mkdirSync(join(this.folder, 'backup'))
    mkdirSync(join(this.folder, 'bin'))
    const program = join(this.folder, 'bin/sojourn')
    writeFileSync(program, `#!/bin/sh\nexec ${this.shellCommand} "$@"\n`)
    chmodSync(program, 0o755)
  }

  static async begin(env: Record<string, string> = {}): Promise<Operator> {
    const operator = new Operator(env, (await freePorts(1))[0] ?? 0)
    await operator.type('sojourn migrate')
    await operator.run(['user', 'add', 'ada'], { env, input: PASSWORD })
    return operator
  }

  /** Types the lines of the page that a pattern names; the first that fails is the last. */
  async type(lines: string, which = /(?:)/): Promise<void> {
    const chosen = lines.split('\n').filter((line) => which.test(line))
    expect(chosen).not.toEqual([])
    const text = chosen.join('\n').replaceAll('/backup/', `${this.folder}/backup/`)
    const path = [join(this.folder, 'bin'), postgresPath ?? '', ...PATHS].join(delimiter)
    await run('sh', ['-e', '-c', text], { cwd: this.folder, env: { ...this.env, PATH: path } })
  }

  async logIn(): Promise<string> {
    const { code, stdout, stderr } = await this.run(['login', 'ada'], { env: this.env, input: PASSWORD })
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }

  async logOut(token: string): Promise<void> {
    expect(await this.run(['logout'], { env: this.env, input: token })).toMatchObject({ code: 0 })
  }

  /** What the service says of each of these, 200 or 401. */
  async answers(tokens: readonly string[]): Promise<readonly number[]> {
    return Promise.all(tokens.map(async (token) => (await this.#node.ask('/auth/verify', token)).status))
  }

  /** Does something while the service runs, and logins come in. Answers with the tokens of those. */
  async inService(work: () => Promise<void>): Promise<readonly string[]> {
    await this.#node.start()
    const tokens: string[] = []
    const over = new AbortController()
    const writer = (async () => {
      while (!over.signal.aborted) tokens.push(await this.logIn())
    })()
    try {
      await work()
    } finally {
      over.abort()
      await writer
      await this.#node.stop()
    }
    return tokens
  }
}

/** The whole story: what is ended after a backup is back with it, until everything is ended. */
async function drill(operator: Operator, engine: { readonly backup: RegExp; readonly restore: RegExp }): Promise<void> {
  const [kept, ended] = [await operator.logIn(), await operator.logIn()]
  const during = await operator.inService(async () => {
    await operator.type(BACKUP, engine.backup)
    await operator.logOut(ended)
    expect(await operator.answers([kept, ended])).toEqual([200, 401])
  })
  expect(during.length).toBeGreaterThan(0)

  await operator.type(RESTORE, engine.restore)
  await operator.type(AFTERWARDS, /sojourn (?!invalidate)/)
  await operator.inService(async () => {
    expect(await operator.answers([kept, ended])).toEqual([200, 200])
  })

  rmSync(join(operator.folder, 'lost'), { recursive: true, force: true })
  await operator.type(RESTORE, engine.restore)
  await operator.type(AFTERWARDS)
  await operator.inService(async () => {
    const before = [kept, ended, ...during]
    expect(await operator.answers(before)).toEqual(before.map(() => 401))
    expect(await operator.answers([await operator.logIn()])).toEqual([200])
  })
}

test(
  'sqlite: a backup under load brings back whom it saw signed in, until everything is ended',
  PATIENCE,
  async (context) => {
    required(context, 'sqlite3', found('sqlite3'))
    using operator = await Operator.begin()
    await drill(operator, { backup: /umask|sqlite3/, restore: /install/ })
  },
)

test(
  'postgres: a backup under load brings back whom it saw signed in, until everything is ended',
  PATIENCE,
  async (context) => {
    required(context, 'PostgreSQL of its own', ownPostgres)
    const { host = '', user = '' } = server?.config ?? {}
    await execute(server!.config, 'CREATE DATABASE app TEMPLATE template0')
    const url = `postgres://${user}@${encodeURIComponent(host)}/app`
    using operator = await Operator.begin({ SOJOURN_DATABASE_URL: url, PGHOST: host, PGUSER: user })
    await drill(operator, { backup: /umask|pg_dump/, restore: /pg_restore/ })
  },
)

test(
  'redis: one that starts on an old copy of its log brings back who was signed out, until everything is ended',
  PATIENCE,
  async (context) => {
    required(context, 'redis-server', redisPath)
    const redis = await startRedis()
    const client = await connectTo(redis.url)
    const { dir = '' } = await client.configGet('dir')
    client.destroy()
    const [log, copy] = [join(dir, 'appendonlydir'), join(dir, 'copy')]
    try {
      using operator = await Operator.begin({ SOJOURN_DATABASE_URL: redis.url, SOJOURN_USERS_URL: 'sqlite:./users.db' })
      const [kept, ended] = [await operator.logIn(), await operator.logIn()]
      await run('cp', ['-a', log, copy])
      await operator.logOut(ended)
      await redis.kill()
      await run('sh', ['-c', 'rm -r "$1" && mv "$2" "$1"', 'sh', log, copy])
      await redis.start()
      await operator.inService(async () => expect(await operator.answers([kept, ended])).toEqual([200, 200]))
      await operator.type(AFTERWARDS)
      await operator.inService(async () => {
        expect(await operator.answers([kept, ended])).toEqual([401, 401])
        expect(await operator.answers([await operator.logIn()])).toEqual([200])
      })
    } finally {
      await redis.close()
    }
  },
)

/** The commands of a section of the page, block by block. */
function blocksOf(title: string): readonly string[] {
  const page = readFileSync(new URL('../../docs/OPERATING.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split(`\n## ${title}\n`)
  return [...section.split('\n## ')[0]!.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!.trim())
}

function found(program: string): string | null {
  return PATHS.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null
}
