/** The programs in examples/ as their readers start them: with Node alone, on the library as it is built. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const NEXT = join(ROOT, 'node_modules/next/dist/bin/next')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const ADA = { username: 'ada', password: 'correct horse battery staple' }
const OWN = { 'sec-fetch-site': 'same-origin' }

test.each(['express', 'fastify', 'hono', 'node', 'fetch'])('the example for %s lets in who signs in', async (name) => {
  const program = start([`examples/${name}/main.ts`], {})
  await tour(await addressOf(program))
  program.kill('SIGTERM')
  expect(await once(program, 'exit')).toEqual([0, null])
})

test('the example for next is built, started and lets in who signs in', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-next-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const environment = { DATABASE: join(folder, 'app.db'), NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' }
  const built = spawnSync(process.execPath, [NEXT, 'build', 'examples/next'], options(environment))
  expect(built.status, String(built.stderr) + String(built.stdout)).toBe(0)
  const checked = spawnSync(process.execPath, [TSC, '-p', 'examples/next'], options(environment))
  expect(checked.status, String(checked.stdout)).toBe(0)
  const program = start([NEXT, 'start', 'examples/next', '--port', '0', '--hostname', '127.0.0.1'], environment)
  await tour(await addressOf(program))
  program.kill('SIGTERM')
  await once(program, 'exit')
})

async function tour(address: string): Promise<void> {
  const nobody = await fetch(`${address}/private`)
  expect([nobody.status, await nobody.json()]).toMatchObject([401, { code: 'unauthenticated' }])
  expect(nobody.headers.get('cache-control')).toBe('no-store')
  expect((await post(`${address}/auth/register`)).status).toBe(201)
  const login = await post(`${address}/auth/login`)
  expect(login.status).toBe(200)
  const cookie = login.headers.getSetCookie()[0]!.replace(/;.*$/, '')
  const headers = { cookie, ...OWN }
  for (const [path, body] of [
    ['private', { username: 'ada' }],
    ['secret', { answer: 42 }],
  ] as const) {
    const answer = await fetch(`${address}/${path}`, { headers })
    expect([answer.status, await answer.json()]).toEqual([200, body])
    expect([answer.headers.get('cache-control'), answer.headers.getSetCookie()]).toEqual(['no-store', []])
  }
  expect(await text(address, headers)).toContain('Hello, ada')
  expect(await text(address, {})).toContain('Hello, whoever you are')
  const bye = await fetch(`${address}/auth/logout`, { method: 'POST', headers })
  expect(bye.status).toBe(204)
  expect((await fetch(`${address}/private`, { headers })).status).toBe(401)
}

async function text(url: string, headers: Record<string, string>): Promise<string> {
  return (await fetch(url, { headers })).text()
}

function post(url: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...OWN }
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(ADA) })
}

function start(args: readonly string[], environment: Record<string, string>): ChildProcess {
  const program = spawn(process.execPath, args, { ...options(environment), stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void program.kill('SIGKILL'))
  return program
}

function options(environment: Record<string, string>) {
  return { cwd: ROOT, env: { ...process.env, PORT: '0', DATABASE: ':memory:', ...environment } }
}

/** The address that a program prints when it listens. */
async function addressOf({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface(stdout!)) {
    const address = /http:\/\/\S+:\d+/.exec(line)?.[0]
    if (address !== undefined) return address
  }
  throw new Error('the program ended without saying where it listens')
}
