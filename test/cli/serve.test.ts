/** `sojourn serve` as a process: it starts, says where it is, and stops when it is told to. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { RawConnection } from '../support/raw-connection.ts'
import { Workplace, ended } from './support/program.ts'
import type { Ended } from './support/program.ts'

const PASSWORD = 'a quiet walk along the river'
const FORM = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
const DEVELOPMENT = ['serve', '--development', '--port', '0'] as const

/** A service that runs, and what it has said so far. */
class Running implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  readonly #end: Promise<Ended>
  #said = ''

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (this.#said += piece))
    this.#end = ended(child)
  }

  /** What it prints that looks like this. Rejects when it ends before. */
  async said(wanted: RegExp): Promise<string> {
    for (;;) {
      const found = wanted.exec(this.#said)?.[0]
      if (found !== undefined) return found
      const more = once(this.child.stdout, 'data')
      const over = this.#end.then(({ stderr }) => Promise.reject(new Error(`it has ended: ${stderr}`)))
      await Promise.race([more, over])
    }
  }

  url(): Promise<string> {
    return this.said(/http:\/\/127\.0\.0\.1:\d+(?=\/\n)/)
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return this.#end
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) await this.stop('SIGKILL')
  }
}

function start(place: Workplace, args: readonly string[] = DEVELOPMENT, env: NodeJS.ProcessEnv = {}): Running {
  return new Running(place.start(args, { env }))
}

interface Line {
  readonly level: string
  readonly msg: string
}

function linesOf(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

describe('the first start', () => {
  test('makes the database, says where to go, and its link makes the first operator once', async () => {
    using place = new Workplace()
    await using running = start(place)
    const url = await running.url()
    for (const path of ['/console/', '/docs']) await running.said(new RegExp(url + path))
    const link = await running.said(/http:\/\/\S+\/setup\/[\w-]{43}/)
    expect(existsSync(place.database)).toBe(true)

    expect((await fetch(link)).status).toBe(200)
    const claim = new URLSearchParams({ username: 'grace', newPassword: PASSWORD })
    const made = await fetch(link, { method: 'POST', headers: FORM, body: claim, redirect: 'manual' })
    expect([made.status, made.headers.get('location')]).toEqual([303, '/console/'])
    expect((await fetch(link)).status).toBe(410)

    const users = await place.json<{ username: string; role: string }[]>(['user', 'list'])
    expect(JSON.stringify(users.value)).toContain('"operator"')
    const { code, stdout, stderr } = await running.stop()
    expect(code).toBe(0)
    expect(stdout).toContain('There is no operator yet.')
    expect(stderr).not.toContain(link.slice(-43))
  })

  test('lets a person register and sign in', async () => {
    using place = new Workplace()
    await using running = start(place)
    const url = await running.url()
    const claim = new URLSearchParams({ username: 'ada', newPassword: PASSWORD })
    const registered = await fetch(`${url}/register`, {
      method: 'POST',
      headers: FORM,
      body: claim,
      redirect: 'manual',
    })
    expect(registered.status).toBe(303)
    const cookie = registered.headers.getSetCookie().join('; ').split(';')[0] ?? ''
    expect(await (await fetch(url, { headers: { cookie } })).text()).toContain('This device')
    await running.stop()
  })

  test('is told once there is an operator, with no link and in JSON for programs', async () => {
    using place = new Workplace()
    await place.run(['migrate'])
    await place.run(['user', 'add', 'grace', '--operator'], { input: PASSWORD })
    await using running = start(place, [...DEVELOPMENT, '--json'])
    await running.said(/\}\n$/)
    const { stdout, code } = await running.stop()
    const { url, ...places } = JSON.parse(stdout) as { url: string }
    expect(places).toEqual({ console: `${url}console/`, docs: `${url}docs`, setup: null })
    expect(code).toBe(0)
  })
})

describe('told to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s it finishes what is under way, writes down who was here, and exits with 0',
    async (signal) => {
      using place = new Workplace()
      await using running = start(place)
      const url = await running.url()
      const port = Number(new URL(url).port)
      const body = new URLSearchParams({ username: 'ada', newPassword: PASSWORD }).toString()
      const connection = await RawConnection.open(port)
      const idle = await RawConnection.open(port)
      const head = [
        'POST /register HTTP/1.1',
        `Host: 127.0.0.1:${port}`,
        `Content-Length: ${body.length}`,
        ...Object.entries(FORM).map(([name, value]) => `${name}: ${value}`),
      ]
      connection.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 10)}`)
      // Under way: another request behind it has been answered.
      expect((await fetch(`${url}/healthz`)).status).toBe(200)

      const end = running.stop(signal)
      expect(await idle.answer()).toBeNull()
      await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
      connection.write(body.slice(10))
      const answer = await connection.answer()
      expect(answer?.status).toBe(303)
      expect(answer?.headers.get('connection')).toBe('close')

      const { code, stderr } = await end
      expect(code).toBe(0)
      expect(linesOf(stderr).map(({ msg }) => msg)).toEqual(
        expect.arrayContaining(['listening', 'stopping', 'stopped']),
      )
      const { value } = await place.json<{ username: string }[]>(['list'])
      expect(JSON.stringify(value)).toContain('ada')
    },
  )

  test('it writes down when somebody was last here', async () => {
    using place = new Workplace()
    await using running = start(place)
    const url = await running.url()
    const claim = new URLSearchParams({ username: 'ada', newPassword: PASSWORD })
    const registered = await fetch(`${url}/register`, {
      method: 'POST',
      headers: FORM,
      body: claim,
      redirect: 'manual',
    })
    const cookie = registered.headers.getSetCookie().join('; ').split(';')[0] ?? ''
    const seen = async (): Promise<{ id: string; createdAt: string; lastAccessedAt: string }> => {
      const answer = await fetch(`${url}/auth/session`, { headers: { cookie } })
      return ((await answer.json()) as { session: { id: string; createdAt: string; lastAccessedAt: string } }).session
    }
    let session = await seen()
    while (session.lastAccessedAt === session.createdAt) session = await seen()
    await running.stop()
    const { value } = await place.json<{ session: { lastAccessedAt: string } }>(['show', session.id])
    expect(value.session.lastAccessedAt >= session.lastAccessedAt).toBe(true)
  })

  test('twice, it goes at once', async () => {
    using place = new Workplace()
    await using running = start(place)
    const connection = await RawConnection.open(Number(new URL(await running.url()).port))
    const type = `Content-Type: ${FORM['content-type']}`
    connection.write(`POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n${type}\r\nContent-Length: 10\r\n\r\n`)
    await fetch(`${await running.url()}/healthz`)
    const end = running.stop()
    const told = new Promise<void>((resolve) => {
      running.child.stderr.on('data', (text: string) => {
        if (text.includes('stopping')) resolve()
      })
    })
    await told
    running.child.kill('SIGTERM')
    expect((await end).code).toBe(1)
    connection.destroy()
  })
})

describe('what cannot be served', () => {
  test('is told with every mistake at once, before anything is made', async () => {
    using place = new Workplace()
    writeFileSync(join(place.folder, 'sojourn.json'), JSON.stringify({ idleTimeout: 'soon', host_name: 'x' }))
    const args = ['serve', '--port', '99999', '--base-url', 'http://id.example.com', '--config', 'sojourn.json']
    const env = { SOJOURN_TRUSTED_PROXIES: 'nginx', SOJOURN_REGISTRATIONS: 'on' }
    const { code, stdout, stderr } = await place.run(args, { env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [first, ...mistakes] = stderr.trimEnd().split('\n')
    expect(first).toBe('sojourn: there are 6 mistakes in the settings')
    expect(mistakes.map((line) => /^ {2}- (\S+)/.exec(line)?.[1] ?? '').toSorted()).toEqual([
      '$SOJOURN_REGISTRATIONS',
      '$SOJOURN_TRUSTED_PROXIES',
      "'host_name'",
      '--base-url',
      '--port',
      'idleTimeout',
    ])
    expect(existsSync(place.database)).toBe(false)

    const forPrograms = await place.run([...args, '--json'], { env })
    const { error } = JSON.parse(forPrograms.stderr) as { error: { code: string; details: string[] } }
    expect([error.code, error.details.length]).toEqual(['wrong_settings', 6])
  })

  test('one mistake is one sentence', async () => {
    using place = new Workplace()
    expect(await place.run(['serve'])).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^sojourn: baseUrl is missing; give the https origin [^\n]*\n$/),
    })
  })

  test('a port that is taken is one sentence', async () => {
    using place = new Workplace()
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, stdout, stderr } = await place.run(['serve', '--development', '--port', String(port)])
    other.close()
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: `sojourn: cannot listen on 127.0.0.1, port ${port}: something else listens there already; stop it, or give another --port\n`,
    })
  })

  test('a database that is not there is made in development only', async () => {
    using place = new Workplace()
    const { code, stderr } = await place.run(['serve', '--base-url', 'https://id.example.com', '--port', '0'])
    expect(code).toBe(1)
    expect(stderr).toContain("run 'sojourn migrate'")
    expect(existsSync(place.database)).toBe(false)
  })
})

test('what is thrown where nobody waits for it ends the service, and is told', async () => {
  using place = new Workplace()
  const bug = `process.on('SIGUSR2', () => { throw new Error('a bug') })`
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}` }
  await using running = start(place, DEVELOPMENT, env)
  await running.url()
  const { code, stderr } = await running.stop('SIGUSR2')
  expect(code).toBe(1)
  expect(stderr.trimEnd().split('\n').at(-1)).toBe('sojourn: a bug')
  const [fatal] = linesOf(stderr.replace(/^sojourn: .*$/m, '')).filter(({ level }) => level === 'fatal')
  expect(fatal).toMatchObject({ msg: 'the service has crashed', err: { message: 'a bug' } })
})

test('behind a proxy it serves what was migrated, and registers nobody', async () => {
  using place = new Workplace()
  await place.run(['migrate'])
  await using running = start(place, ['serve', '--base-url', 'https://id.example.com', '--port', '0'])
  await running.said(/https:\/\/id\.example\.com\/setup\//)
  const { stderr, code } = await running.stop()
  expect(code).toBe(0)
  expect(linesOf(stderr).map(({ level }) => level)).not.toContain('error')
})

test('the settings and the database may stand in a file', async () => {
  using place = new Workplace()
  const settings = { development: true, port: 0, database: 'sqlite:./elsewhere.db', logLevel: 'silent' }
  writeFileSync(join(place.folder, 'sojourn.json'), JSON.stringify(settings))
  await using running = start(place, ['serve', '--config', 'sojourn.json'])
  await running.url()
  expect(existsSync(join(place.folder, 'elsewhere.db'))).toBe(true)
  const { stderr, code } = await running.stop()
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
})
