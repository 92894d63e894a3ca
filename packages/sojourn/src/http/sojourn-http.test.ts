import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Browser, COOKIE, IP, PASSWORD, SITE, openAdas, openSite, request } from '../../../../test/support/http-site.ts'
import { SessionManager } from '../core/manager.ts'
import { MemoryStore } from '../stores/memory.ts'
import { SqliteStore } from '../stores/sqlite.ts'
import { SojournHttp } from './sojourn-http.ts'

const OWN = { 'sec-fetch-site': 'same-origin' }
const LOCAL = { baseUrl: 'http://localhost:3000', development: { insecureLoopback: true } }
const ROUTES = [
  ['POST', '/auth/register'],
  ['POST', '/auth/login'],
  ['POST', '/auth/logout'],
  ['POST', '/auth/reauthenticate'],
  ['POST', '/auth/password'],
  ['GET', '/auth/session'],
  ['GET', '/auth/sessions'],
  ['DELETE', '/auth/sessions'],
  ['DELETE', '/auth/sessions/00000000-0000-7000-8000-000000000000'],
  ['GET', '/auth/verify'],
] as const

describe('entering', () => {
  test('a request for the application goes on with its session', async () => {
    const { http, browser } = await openAdas()
    const entry = await http.enter(request('GET', '/page', { headers: { cookie: `${COOKIE}=${browser.token}` } }), {
      ip: IP,
    })
    expect(entry).toMatchObject({ response: null, context: { session: { username: 'ada' } } })
  })

  test('a request for a route is answered', async () => {
    const { http, browser } = await openAdas()
    const entry = await http.enter(
      request('GET', '/auth/session', { headers: { cookie: `${COOKIE}=${browser.token}` } }),
    )
    expect([entry.response?.status, entry.context]).toEqual([200, null])
  })

  test('CSR-1: a write of another site to the application is refused before the session is read', async () => {
    const { http, store, browser, signals } = await openAdas()
    const headers = {
      cookie: `${COOKIE}=${browser.token}`,
      'sec-fetch-site': 'cross-site',
      origin: 'https://evil.example',
    }
    store.calls.length = 0
    const entry = await http.enter(request('POST', '/transfer?secret=1', { headers }), { ip: IP })
    expect(entry.response?.status).toBe(403)
    expect(await entry.response?.json()).toMatchObject({
      code: 'cross_origin',
      detail: expect.stringContaining('Origin'),
    })
    expect(entry.response?.headers.getSetCookie()).toEqual([])
    expect(store.calls).toEqual([])
    expect(signals).toEqual([{ type: 'cross_origin', method: 'POST', path: '/transfer', ip: IP }])
  })

  test('a write of a program without any cookie reaches the application, a webhook for one', async () => {
    const { http } = await openAdas()
    const entry = await http.enter(request('POST', '/hooks/payment', { body: {} }))
    expect(entry.context).toMatchObject({ session: null, reason: 'absent' })
  })

  test('a page of a trusted origin may write', async () => {
    const { http, browser } = await openAdas({ http: { trustedOrigins: ['https://www.example.com'] } })
    const headers = {
      cookie: `${COOKIE}=${browser.token}`,
      'sec-fetch-site': 'same-site',
      origin: 'https://www.example.com',
    }
    expect((await http.enter(request('POST', '/page', { headers }))).context?.session).not.toBe(null)
  })

  test('STO-9: a store that fails is a 503 after which the client still has its cookie; without a token it is not asked', async () => {
    const { http, store, browser, errors } = await openAdas()
    store.faults = { isRefused: () => true }
    const entry = await http.enter(request('GET', '/page', { headers: { cookie: `${COOKIE}=${browser.token}` } }))
    expect(entry.response?.status).toBe(503)
    expect(entry.response?.headers.getSetCookie()).toEqual([])
    expect(entry.response?.headers.get('cache-control')).toBe('no-store')
    expect(errors).toHaveLength(1)
    expect((await http.enter(request('GET', '/page'))).context?.session).toBe(null)
  })

  test('INP-1: cookies of 8 KiB are read, and of one more are refused', async () => {
    const { http, browser } = await openAdas()
    const own = `${COOKIE}=${browser.token}; filler=`
    const headers = (length: number) => ({ cookie: own + 'x'.repeat(length - own.length) })
    const atLimit = await http.enter(request('GET', '/page', { headers: headers(8_192) }))
    expect(atLimit.context?.session).not.toBe(null)
    const beyond = await http.enter(request('GET', '/page', { headers: headers(8_193) }))
    expect(await beyond.response?.json()).toMatchObject({ status: 431, code: 'headers_too_large' })
  })
})

describe('every route', () => {
  test.each(ROUTES)(
    'HDR-1: %s %s is in no cache and differs by cookie, signed in or not, refused or not',
    async (method, path) => {
      const { http, browser } = await openAdas()
      const cookies: Record<string, string>[] = [
        {},
        { cookie: `${COOKIE}=rubbish` },
        { cookie: `${COOKIE}=${browser.token}` },
      ]
      const sites: Record<string, string>[] = [OWN, { 'sec-fetch-site': 'cross-site' }, {}]
      for (const cookie of cookies) {
        for (const site of sites) {
          const response = (await http.handle(request(method, path, { headers: { ...cookie, ...site } })))!
          expect(response.headers.get('cache-control')).toBe('no-store')
          expect(response.headers.get('vary')).toContain('Cookie')
        }
      }
    },
  )

  test.each(ROUTES.filter(([method]) => method !== 'GET'))(
    'CSR-1, CSR-4: %s %s refuses the writes of other sites, with and without a cookie',
    async (method, path) => {
      const { http, browser, sessions } = await openAdas({ http: { bearer: true } })
      const before = [await sessions.count({ active: true }), await sessions.events({ limit: 100 })]
      const sites: Record<string, string>[] = [
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'same-origin, none' },
        { origin: 'https://evil.example' },
        { origin: 'http://app.example.com' },
        { origin: 'null' },
        {},
      ]
      for (const site of sites) {
        for (const cookie of [{}, { cookie: `${COOKIE}=${browser.token}` }]) {
          const body = { username: 'mallory', password: PASSWORD }
          const response = await http.handle(request(method, path, { body, headers: { ...site, ...cookie } }))
          expect(response?.status).toBe(403)
        }
      }
      expect([await sessions.count({ active: true }), await sessions.events({ limit: 100 })]).toEqual(before)
    },
  )

  const ofOneMethod = ROUTES.filter(([, path]) => path !== '/auth/verify')
  test.each(ofOneMethod)('CSR-5: %s %s is the only method there', async (method, path) => {
    const { http, browser } = await openAdas()
    const allowed = path === '/auth/sessions' ? 'GET, HEAD, DELETE' : method === 'GET' ? 'GET, HEAD' : method
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'constructor'].filter(
      (each) => !allowed.split(', ').includes(each),
    )
    for (const each of others) {
      const headers = { ...OWN, cookie: `${COOKIE}=${browser.token}`, 'x-http-method-override': method }
      const response = await http.handle(request(each, `${path}?_method=${method}`, { headers }))
      expect([response?.status, response?.headers.get('allow')]).toEqual([405, allowed])
    }
    expect(await browser.isSignedIn()).toBe(true)
  })

  test.each(ROUTES.filter(([method]) => method === 'GET'))(
    'HEAD is %s without the body at %s (V-62)',
    async (method, path) => {
      const { browser, http } = await openAdas()
      const head = await browser.send('HEAD', path)
      const get = await browser.send(method, path)
      expect([head.status, head.body]).toEqual([200, null])
      expect([...head.headers]).toEqual([...get.headers])
      expect((await new Browser({ http }).send('HEAD', path)).status).toBe(401)
    },
  )

  test.each(ROUTES)(
    'STO-9, REV-12: %s %s answers a store that fails with 503 and no cookie at all',
    async (method, path) => {
      const { store, memory, browser } = await openAdas()
      store.faults = { isRefused: () => true }
      const gone = (): Promise<never> => Promise.reject(new Error('gone'))
      Object.assign(memory.users, { byUsername: gone, add: gone })
      const bodies: Readonly<Record<string, object>> = {
        '/auth/login': { username: 'ada', password: PASSWORD },
        '/auth/register': { username: 'eve', password: PASSWORD },
      }
      const response = await browser.send(method, path, bodies[path] === undefined ? {} : { body: bodies[path] })
      expect(response.status).toBeGreaterThanOrEqual(500)
      expect(response.headers.getSetCookie()).toEqual([])
      expect(response.headers.has('clear-site-data')).toBe(false)
    },
  )

  test('CSR-8: allows no other site to read anything', async () => {
    const { http, browser } = await openAdas()
    for (const [method, path] of [...ROUTES, ['OPTIONS', '/auth/login'] as const]) {
      const headers = {
        cookie: `${COOKIE}=${browser.token}`,
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
      }
      const response = await http.handle(request(method, path, { headers }))
      expect([...response!.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('paths', () => {
  test.each(['/', '/authx', '/authx/session', '/AUTH/session', '/x/auth/session', '/au%74h/session', '//auth/session'])(
    '%s is not ours',
    async (path) => {
      const { http } = await openAdas()
      expect(await http.handle(new Request(SITE + path))).toBe(null)
    },
  )

  test.each([
    '/auth',
    '/auth/',
    '/auth//session',
    '/auth/session/',
    '/auth/SESSION',
    '/auth/sess%69on',
    '/auth%2Fsession',
    '/auth/session%00',
    '/auth/session;x=1',
    '/auth/sessions/',
    '/auth/sessions/a/b',
    '/auth/constructor',
    '/auth/__proto__',
  ])('CSR-3: %s is no route, and nothing behind one', async (path) => {
    const { http, browser } = await openAdas()
    for (const method of ['GET', 'DELETE']) {
      const headers = { ...OWN, cookie: `${COOKIE}=${browser.token}` }
      const entry = await http.enter(request(method, path, { headers }))
      expect(entry.response?.status ?? 'for the application').toBe(
        path === '/auth%2Fsession' ? 'for the application' : 404,
      )
    }
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('a path that a URL tidies up is the tidy one, for us as for every check before it', async () => {
    const { http } = await openAdas()
    expect((await http.handle(request('POST', '/auth/./x/../logout')))?.status).toBe(403)
  })

  test('the routes may be elsewhere', async () => {
    const site = openSite({ http: { prefix: '/api/v1/auth' } })
    expect((await site.http.handle(request('GET', '/api/v1/auth/session')))?.status).toBe(401)
    expect(await site.http.handle(request('GET', '/auth/session'))).toBe(null)
  })

  test('where there are no passwords there are no routes for them', async () => {
    const sessions = new SessionManager({ store: new MemoryStore() })
    const http = new SojournHttp({ sessions, baseUrl: SITE })
    for (const path of ['register', 'login', 'reauthenticate', 'password']) {
      expect((await http.handle(request('POST', `/auth/${path}`, { headers: OWN })))?.status).toBe(404)
    }
    expect((await http.handle(request('GET', '/auth/session')))?.status).toBe(401)
  })
})

test('NET-2: whatever Host says, the answers do not depend on it', async () => {
  const { http } = await openAdas()
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', origin: 'https://evil.example' }
  const poisoned = new Request('https://evil.example/auth/logout', { method: 'POST', headers })
  expect((await http.handle(poisoned))?.status).toBe(403)
})

test('clients that say nothing of where they come from may be let in by name', async () => {
  const site = openSite({ http: { acceptWithoutOrigin: true } })
  await site.auth.registerUser('ada', PASSWORD)
  const body = { username: 'ada', password: PASSWORD }
  expect((await site.http.handle(request('POST', '/auth/login', { body })))?.status).toBe(200)
})

test('a fault that nobody has foreseen is a 500 that tells nothing, and the host is told all', async () => {
  const { http, memory, errors } = await openAdas()
  const fault = new Error('canary')
  memory.users.byUsername = () => Promise.reject(fault)
  const body = { username: 'ada', password: PASSWORD }
  const response = (await http.handle(request('POST', '/auth/login', { body, headers: OWN })))!
  expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('canary')])
  expect(errors).toEqual([fault])
})

describe('COO-12: development over plain http', () => {
  const login = { body: { username: 'ada', password: PASSWORD }, headers: { origin: 'http://localhost:3000' } }

  test('has a cookie without Secure, on a loopback name', async () => {
    const site = openSite({ http: LOCAL })
    await site.auth.registerUser('ada', PASSWORD)
    const response = await site.http.handle(request('POST', 'http://localhost:3000/auth/login', login))
    expect(response?.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^insecure-sid=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
  })

  test('answers no other name, as after DNS rebinding', async () => {
    const site = openSite({ http: LOCAL })
    await site.auth.registerUser('ada', PASSWORD)
    for (const url of ['http://evil.example:3000', 'http://192.168.1.5:3000', 'http://0.0.0.0:3000']) {
      const response = await site.http.handle(request('POST', `${url}/auth/login`, login))
      expect(await response?.json()).toMatchObject({ status: 403, code: 'insecure_host' })
      const page = request('GET', `${url}/page`)
      expect((await site.http.enter(page)).response?.status).toBe(403)
      await expect(site.http.read(page)).rejects.toMatchObject({ code: 'unsafe_settings' })
      await expect(site.http.signIn(page, { userId: '42', username: 'ada' })).rejects.toMatchObject({
        code: 'unsafe_settings',
      })
    }
    expect(site.signals[0]).toEqual({ type: 'insecure_host', method: 'POST', path: '/auth/login', ip: null })
    expect(await site.sessions.count()).toBe(0)
  })
})

describe('an application with a login of its own', () => {
  const ADA = { userId: '42', username: 'ada', method: 'passkey' }

  test('FIX-1: signs in and ends what was presented', async () => {
    const { http, sessions } = openSite()
    const { token: planted } = await sessions.create({ userId: '66', username: 'eve' })
    const headers = { cookie: `${COOKIE}=${planted}`, 'user-agent': 'curl/8' }
    const outcome = await http.signIn(request('POST', '/callback', { headers }), ADA, { ip: IP })
    if (!outcome.ok) throw new Error(outcome.reason)
    expect(outcome.session).toMatchObject({ userId: '42', method: 'passkey', device: { ip: IP, label: 'curl' } })
    const { 'set-cookie': cookie, ...others } = Object.fromEntries(outcome.headers)
    expect(others).toEqual({ 'cache-control': 'no-store', vary: 'Cookie' })
    expect(cookie).not.toContain('Max-Age')
    const presented = { cookie: cookie!.slice(0, cookie!.indexOf(';')) }
    expect((await http.read(request('GET', '/page', { headers: presented }))).session?.id).toBe(outcome.session.id)
    expect(await sessions.validate(planted)).toMatchObject({ ok: false })
  })

  test('remembers whom it is told to remember, beside its own attributes', async () => {
    const { http } = openSite()
    const login = { ...ADA, remember: true, attributes: { plan: 'pro' } }
    const outcome = await http.signIn(request('POST', '/callback'), login)
    expect(outcome).toMatchObject({ session: { attributes: { plan: 'pro' } } })
    expect(outcome.ok && outcome.headers.at(-1)?.[1]).toContain('; Max-Age=2592000')
  })

  test('is told when there is no session to be had', async () => {
    const { http, sessions } = openSite()
    const epoch = await sessions.epoch('42')
    await sessions.create(ADA)
    await sessions.revoke({ userId: '42' })
    expect(await http.signIn(request('POST', '/callback'), { ...ADA, epoch })).toEqual({ ok: false, reason: 'epoch' })
  })

  test('signs out', async () => {
    const { http, sessions } = openSite()
    const { token } = await sessions.create(ADA)
    const lines = await http.signOut(request('POST', '/bye', { headers: { cookie: `${COOKIE}=${token}` } }))
    expect(lines.map(([name]) => name)).toEqual(['cache-control', 'vary', 'set-cookie', 'clear-site-data'])
    expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'logout' })
  })
})

test('REV-10: who has signed out stays signed out after a restart, and so does whoever was revoked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-restart-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const open = (): { sessions: SessionManager; http: SojournHttp } => {
    const sessions = new SessionManager({ store: SqliteStore.open(join(folder, 'app.db'), { migrate: true }) })
    return { sessions, http: new SojournHttp({ sessions, baseUrl: SITE }) }
  }
  const before = open()
  const [out, revoked, standing] = await Promise.all(
    [1, 2, 3].map(() => before.sessions.create({ userId: '42', username: 'ada' })),
  )
  const headers = { ...OWN, cookie: `${COOKIE}=${out!.token}` }
  expect((await before.http.handle(request('POST', '/auth/logout', { headers })))?.status).toBe(204)
  await before.sessions.revoke({ id: revoked!.session.id })
  await before.sessions.close()
  const after = open()
  onTestFinished(() => after.sessions.close())
  const statuses = [out, revoked, standing].map(async (issued) => {
    const cookie = `${COOKIE}=${issued!.token}`
    return (await after.http.handle(request('GET', '/auth/session', { headers: { cookie } })))?.status
  })
  expect(await Promise.all(statuses)).toEqual([401, 401, 200])
})
