import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { PageVisitor } from './pages-visitor.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'

let site: OpenService
let clock: FixedClock

beforeEach(async () => {
  clock = new FixedClock()
  site = await openService({ clock })
  await site.auth.registerUser('ada', PASSWORD)
})
afterEach(() => site.close())

/** The figures as Prometheus would read them: `name{labels}` to value. */
async function figures(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${site.url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

async function figure(name: string): Promise<number | undefined> {
  return (await figures()).get(`sojourn_${name}`)
}

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(site.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
    body: JSON.stringify(body),
  })
}

describe('the figures count', () => {
  test('logins by what came of them, through the pages and through the API', async () => {
    await new PageVisitor(site).signIn('ada', PASSWORD)
    await post('/auth/login', { username: 'ada', password: PASSWORD })
    await post('/auth/login', { username: 'ada', password: OTHER })
    await post('/auth/login', { username: 'nobody', password: OTHER })
    for (let guess = 0; guess < 7; guess += 1) await post('/auth/login', { username: 'eve', password: OTHER })
    expect(await figure('logins_total{outcome="ok"}')).toBe(2)
    expect(await figure('logins_total{outcome="invalid_credentials"}')).toBe(8)
    expect(await figure('logins_total{outcome="throttled"}')).toBe(1)
    site.store.faults = { isRefused: () => true }
    await post('/auth/login', { username: 'ada', password: PASSWORD })
    site.store.faults = {}
    expect(await figure('logins_total{outcome="failed"}')).toBe(1)
  })

  test('validations by what came of them', async () => {
    const ask = (cookie: string): Promise<Response> => fetch(`${site.url}/auth/session`, { headers: { cookie } })
    const visitor = new PageVisitor(site)
    await visitor.signIn('ada', PASSWORD)
    const { cookie } = visitor
    const before = (await figure('validations_total{outcome="ok"}')) ?? 0
    await ask(cookie)
    await ask('insecure-sid=rubbish')
    await ask(`${cookie.slice(0, -2)}${cookie.at(-1) === 'A' ? 'BA' : 'AA'}`)
    site.store.faults = { isRefused: () => true }
    expect((await ask(cookie)).status).toBe(503)
    site.store.faults = {}
    clock.advance('25h')
    await ask(cookie)
    const seen = await figures()
    expect(seen.get('sojourn_validations_total{outcome="ok"}')).toBe(before + 1)
    for (const outcome of ['malformed', 'mismatch', 'failed', 'idle']) {
      expect([outcome, seen.get(`sojourn_validations_total{outcome="${outcome}"}`)]).toEqual([outcome, 1])
    }
  })

  test('the sessions that ended, by why, whoever ended them', async () => {
    const ended = async (reason: string): Promise<number | undefined> =>
      figure(`sessions_ended_total{reason="${reason}"}`)
    const signIn = (): Promise<unknown> => new PageVisitor(site).signIn('ada', PASSWORD)
    for (let device = 0; device < 3; device += 1) await signIn()
    const leaving = new PageVisitor(site)
    await leaving.signIn('ada', PASSWORD)
    await leaving.submit('/logout')
    expect(await ended('logout')).toBe(1)
    await site.auth.changePassword('ada', PASSWORD, OTHER, { keep: null })
    expect(await ended('password_change')).toBe(3)
    await site.auth.setPassword('ada', PASSWORD)
    await signIn()
    await site.auth.disableUser('ada')
    expect(await ended('user_disabled')).toBe(1)
    await site.auth.enableUser('ada')
    await signIn()
    await site.auth.invalidateUserSessions('ada')
    expect(await ended('revoked')).toBe(1)
  })

  test('the sessions that stand, and leave them out where they cannot be counted', async () => {
    await new PageVisitor(site).signIn('ada', PASSWORD)
    expect(await figure('active_sessions')).toBe(1)
    const other = await openService({ clock })
    try {
      other.store.faults = { isRefused: ({ method }) => method === 'count' }
      const response = await fetch(`${other.url}/metrics`)
      expect(response.status).toBe(200)
      expect(await response.text()).not.toMatch(/^sojourn_active_sessions /m)
    } finally {
      await other.close()
    }
  })

  test('the sessions that stand are counted once for many who ask at once', async () => {
    await Promise.all(Array.from({ length: 10 }, figures))
    expect(site.store.calls.filter(({ method }) => method === 'count')).toHaveLength(1)
  })

  test('calls of the store, how long they took and which of them failed', async () => {
    site.store.faults = { isRefused: ({ method }) => method === 'epoch' }
    await fetch(`${site.url}/readyz`)
    site.store.faults = {}
    await new PageVisitor(site).signIn('ada', PASSWORD)
    const seen = await figures()
    expect(seen.get('sojourn_store_failures_total{operation="epoch"}')).toBe(1)
    expect(seen.get('sojourn_store_duration_seconds_count{operation="insert"}')).toBe(1)
    const [insert] = site.service.metrics.storeLatencies().filter(({ operation }) => operation === 'insert')
    expect(insert).toMatchObject({ count: 1 })
    expect(insert?.p50).toBeGreaterThan(0)
    expect(insert?.p99).toBeGreaterThanOrEqual(insert?.p50 ?? 0)
  })

  test('requests by the template of their route, of which there are only so many', async () => {
    const visitor = new PageVisitor(site)
    await visitor.signIn('ada', PASSWORD)
    for (let number = 0; number < 50; number += 1) {
      const path = `/auth/sessions/${number}`
      await fetch(site.url + path, { method: 'DELETE', headers: { 'sec-fetch-site': 'same-origin' } })
      await fetch(`${site.url}/made-up-${number}`)
      await fetch(`${site.url}/auth/made-up-${number}`)
      await fetch(`${site.url}/auth/verify/${number}`)
      await fetch(`${site.url}/setup/${number}`)
    }
    for (const method of ['PROPFIND', 'MKCOL', 'SEARCH']) await fetch(`${site.url}/`, { method })
    const seen = [...(await figures()).keys()].filter((name) => name.includes('duration_seconds_count{method='))
    const routes = seen.map((name) => /route="([^"]*)"/.exec(name)?.[1])
    expect(new Set(routes)).toEqual(
      new Set(['/', '/login', '/setup/:token', '/auth/*', '/auth/sessions/:id', '/auth/verify', 'none']),
    )
    const methods = seen.map((name) => /method="([^"]*)"/.exec(name)?.[1])
    expect(new Set(methods)).toEqual(new Set(['GET', 'POST', 'DELETE', 'other']))
  })

  test('requests that look like an attack', async () => {
    await post('/auth/login', {}, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
    expect(await figure('suspicious_requests_total{type="cross_origin"}')).toBe(1)
  })

  test('what the process is, and how it is doing', async () => {
    const seen = await figures()
    expect([...seen.keys()].filter((name) => name.startsWith('sojourn_build_info'))).toEqual([
      `sojourn_build_info{version="0.1.0",node="${process.versions.node}"}`,
    ])
    for (const name of [
      'sojourn_event_loop_lag_seconds{quantile="0.5"}',
      'sojourn_event_loop_lag_seconds{quantile="0.99"}',
    ]) {
      expect(seen.get(name)).toBeGreaterThanOrEqual(0)
    }
    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'process_start_time_seconds']) {
      expect(seen.get(name)).toBeGreaterThan(0)
    }
  })
})

describe('ADM-11: the figures', () => {
  test('name nobody: no user, no session, no address', async () => {
    const visitor = new PageVisitor(site)
    await visitor.signIn('ada', PASSWORD)
    await visitor.get('/')
    const [session] = await site.auth.getActiveSessions('ada')
    const text = await (await fetch(`${site.url}/metrics`)).text()
    for (const word of ['ada', 'grace', session?.id, session?.userId, '127.0.0.1', visitor.cookie]) {
      expect(text).not.toContain(word)
    }
  })

  test('are shown to this machine, and to nobody through a proxy on it', async () => {
    const ask = (headers: Record<string, string>): Promise<number> =>
      fetch(`${site.url}/metrics`, { headers }).then(({ status }) => status)
    expect(await ask({})).toBe(200)
    for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via']) {
      expect([name, await ask({ [name]: '127.0.0.1' })]).toEqual([name, 404])
    }
    const asked = (remoteAddress: string, host = 'localhost'): Promise<Response> =>
      Promise.resolve(
        site.app.fetch(new Request('http://localhost/metrics', { headers: { host } }), {
          incoming: { socket: { remoteAddress } },
        }),
      )
    expect((await asked('::ffff:127.0.0.1')).status).toBe(200)
    expect((await asked('203.0.113.9')).status).toBe(404)
    expect((await asked('127.0.0.1', 'id.example.com')).status).toBe(404)
  })

  test.each([
    ['open', 200],
    ['off', 404],
  ] as const)('are %s to everybody where somebody said so', async (metrics, status) => {
    const other = await openService({ settings: { metrics } })
    try {
      const env = { incoming: { socket: { remoteAddress: '203.0.113.9' } } }
      const response = await other.app.fetch(new Request('http://sojourn.internal/metrics'), env)
      expect(response.status).toBe(status)
    } finally {
      await other.close()
    }
  })
})
