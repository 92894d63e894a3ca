/** What holds for every request of the service, whatever it asks for. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../packages/server/src/service/app.ts'
import { canonicalAddress } from '../../packages/server/src/service/client-address.ts'
import { openService } from '../support/service.ts'
import type { OpenService, OpenServiceOptions } from '../support/service.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { PageVisitor } from './pages-visitor.ts'

const HTTPS = 'https://id.example.com'
const DEPLOYED = { baseUrl: HTTPS, isDevelopment: false } as const
const JSON_TYPE = { 'content-type': 'application/json' }
const SAME = { 'sec-fetch-site': 'same-origin' }

let site: OpenService

beforeEach(() => open())
afterEach(() => site.close())

async function open(options: OpenServiceOptions = {}): Promise<void> {
  site = await openService(options)
}

async function reopen(options: OpenServiceOptions): Promise<void> {
  await site.close()
  await open(options)
}

/** A request as it would come from another machine. */
function from(address: string, path: string, init: RequestInit = {}): Promise<Response> {
  const env = { incoming: { socket: { remoteAddress: address } } }
  return Promise.resolve(site.app.fetch(new Request(`http://sojourn.internal${path}`, init), env))
}

function login(path = '/auth/login', headers: Record<string, string> = {}): RequestInit & { path: string } {
  const { username, password } = site.operator
  return {
    path,
    method: 'POST',
    headers: { ...JSON_TYPE, ...SAME, ...headers },
    body: JSON.stringify({ username, password }),
  }
}

interface Line {
  readonly level: string
  readonly msg: string
  readonly requestId?: string
  readonly path?: string
  readonly ip?: string
  readonly err?: { readonly message: string }
}

function lines(): readonly Line[] {
  return site.lines.map((line) => JSON.parse(line) as Line)
}

describe('every answer', () => {
  test('HDR-1: is in no cache, unless it is a file that is the same for everybody', async () => {
    for (const { method, path: template } of site.app.routes) {
      if (method === 'ALL' || /^\/(?:assets|console)\//.test(template)) continue
      const path = template.replaceAll(/:\w+/g, 'x')
      const response = await fetch(site.url + path, { method, redirect: 'manual' })
      await response.body?.cancel()
      expect([method, path, response.headers.get('cache-control')]).toEqual([method, path, 'no-store'])
    }
    for (const path of [
      '/nowhere',
      '/auth/nowhere',
      '/auth/session',
      '/console/nowhere.js',
      '/%',
      '/assets/nowhere.css',
    ]) {
      expect([path, (await fetch(site.url + path)).headers.get('cache-control')]).toEqual([path, 'no-store'])
    }
  })

  test('HDR-3: tells the browser to run, load, frame and send nothing that is not ours', async () => {
    for (const path of ['/login', '/', '/nowhere', '/auth/session', '/healthz', '/console/']) {
      const { headers } = await fetch(site.url + path, { redirect: 'manual' })
      const policy = headers.get('content-security-policy') ?? ''
      for (const directive of [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
      ]) {
        expect(policy.split('; ')).toContain(directive)
      }
      expect(policy).not.toMatch(/unsafe|\*|https?:/)
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      })
      expect(headers.has('strict-transport-security')).toBe(false)
    }
  })

  test('HDR-3: binds the browser to https for a year where that is how users reach us', async () => {
    await reopen({ settings: DEPLOYED })
    const { headers } = await fetch(`${site.url}/login`)
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
  })

  test('HDR-5: names no software and no version', async () => {
    for (const path of ['/login', '/nowhere', '/auth/session', '/healthz']) {
      const response = await fetch(site.url + path)
      expect([...response.headers.keys()].filter((name) => /^(?:server|x-powered-by|via)$/.test(name))).toEqual([])
      expect(await response.text()).not.toMatch(/hono|node|v?\d+\.\d+\.\d+/i)
    }
  })

  test('carries an id under which the log has the request', async () => {
    const ids = await Promise.all(
      ['/login', '/nowhere'].map(async (path) => (await fetch(site.url + path)).headers.get('x-request-id')),
    )
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(lines().filter(({ requestId }) => requestId === id)).toHaveLength(1)
  })

  test('CSR-8: lets no other site read it, whatever that site asks', async () => {
    for (const method of ['OPTIONS', 'GET', 'POST']) {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
      const response = await fetch(`${site.url}/auth/session`, { method, headers })
      expect([...response.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    }
  })
})

describe('CSR-5: methods are strict', () => {
  test.each([
    ['PUT', '/login', 'GET, HEAD, POST'],
    ['DELETE', '/', 'GET, HEAD'],
    ['OPTIONS', '/login', 'GET, HEAD, POST'],
    ['GET', '/logout', 'POST'],
    ['POST', '/readyz', 'GET, HEAD'],
    ['PATCH', '/setup/x', 'GET, HEAD, POST'],
    ['POST', '/console/assets/x.js', 'GET, HEAD'],
    ['GET', '/auth/login', 'POST'],
  ])('%s %s is answered with what is allowed there', async (method, path, allowed) => {
    const response = await fetch(site.url + path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allowed)
    expect(await response.json()).toMatchObject({ code: 'method_not_allowed' })
  })

  test('HEAD answers as GET does, without the body', async () => {
    for (const path of ['/login', '/healthz', '/nowhere', '/auth/session']) {
      const [head, get] = await Promise.all(['HEAD', 'GET'].map((method) => fetch(site.url + path, { method })))
      expect(head?.status).toBe(get?.status)
      expect(head?.headers.get('content-type')).toBe(get?.headers.get('content-type'))
      expect(await head?.text()).toBe('')
    }
  })

  test('HDR-5: TRACE shows nobody their own headers', async () => {
    const connection = await RawConnection.open(Number(new URL(site.url).port))
    connection.write('TRACE /login HTTP/1.1\r\nHost: localhost\r\nCookie: insecure-sid=canary\r\n\r\n')
    const answer = await connection.answer()
    connection.destroy()
    expect(answer?.status).toBe(405)
    expect(answer?.body).not.toContain('canary')
  })

  test('a header or a field that names another method changes nothing', async () => {
    const headers = { ...SAME, 'x-http-method-override': 'DELETE' }
    const response = await fetch(`${site.url}/auth/sessions`, { method: 'POST', headers })
    expect(response.status).toBe(405)
  })
})

describe('where there is nothing', () => {
  test('a person sees a page and a program a problem', async () => {
    const page = await fetch(`${site.url}/nowhere`, { headers: { accept: 'text/html,*/*' } })
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    const problem = await fetch(`${site.url}/nowhere`)
    expect([problem.status, problem.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
    expect(await problem.json()).toMatchObject({ code: 'not_found' })
  })
})

describe('DOS-6: whatever is thrown', () => {
  const SECRET = 'q7Hq0yQp4W3vT1rM9kZ2xC8bN6aL5sD0fG-jH_kE3uY'

  test('is an answer of 500 that tells nothing, is in the log with the id of the answer, and ends nothing', async () => {
    const app = createApp(site.service)
    app.get('/boom', () => {
      throw new TypeError(`no such thing as ${SECRET}`)
    })
    const response = await app.request('/boom')
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(JSON.parse(text)).toEqual({
      type: 'urn:sojourn:problem:internal',
      title: 'something went wrong',
      status: 500,
      code: 'internal',
    })
    const id = response.headers.get('x-request-id')
    expect(id).not.toBeNull()
    const told = lines().filter(({ requestId }) => requestId === id)
    expect(told.map(({ level }) => level)).toEqual(['error', 'info'])
    expect(told[0]?.err?.message).toBe('no such thing as [redacted]')
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect((await app.request('/healthz')).status).toBe(200)
  })

  test('STO-9: a store that is down is 503 everywhere, lets nobody in and takes nobody’s cookie', async () => {
    const visitor = new PageVisitor(site)
    await visitor.signIn(site.operator.username, site.operator.password)
    site.store.faults = { isRefused: () => true }
    for (const path of ['/auth/session', '/auth/verify', '/auth/sessions', '/']) {
      const { status, headers } = await visitor.get(path)
      expect([path, status, headers.getSetCookie()]).toEqual([path, 503, []])
    }
    site.store.faults = {}
    expect(await visitor.isSignedIn()).toBe(true)
  })
})

describe('INP-1: one byte too many', () => {
  test('of a body is refused on every route, with or without its length', async () => {
    const large = 'x'.repeat(65_537)
    for (const path of ['/auth/login', '/login', '/nowhere', '/admin/sessions/revoke']) {
      const headers = { ...SAME, ...JSON_TYPE }
      const told = await fetch(site.url + path, { method: 'POST', headers, body: large })
      expect([path, told.status]).toEqual([path, 413])
      const body = new Blob([large]).stream()
      const untold = await fetch(site.url + path, { method: 'POST', headers, body, duplex: 'half' })
      expect([path, untold.status]).toEqual([path, 413])
    }
  })

  test('of a body that a proxy speaks of and does not send is none of ours', async () => {
    const body = 'x'.repeat(65_537)
    const response = await fetch(`${site.url}/auth/verify/upload`, { method: 'PUT', body })
    expect(response.status).toBe(401)
  })

  test('of a body for signing in, of the cookies, of the depth of JSON', async () => {
    const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${site.url}/auth/login`, { method: 'POST', headers: { ...SAME, ...JSON_TYPE, ...headers }, body })
    const padded = (size: number): string => {
      const start = '{"username":"ada","password":"'
      return `${start}${'x'.repeat(size - start.length - 2)}"}`
    }
    expect((await post(padded(16_384))).status).not.toBe(413)
    expect((await post(padded(16_385))).status).toBe(413)
    expect((await post('[[[[[[[[[]]]]]]]]]')).status).toBe(400)
    const cookies = (size: number): Promise<Response> =>
      fetch(`${site.url}/auth/session`, { headers: { cookie: `a=${'x'.repeat(size - 2)}` } })
    expect((await cookies(8_192)).status).toBe(401)
    expect((await cookies(8_193)).status).toBe(431)
  })
})

test('CON-4, DOS-3: anonymous and invalid requests leave no record', async () => {
  const before = await site.sqlite.count({})
  const users = await site.sqlite.users.count()
  const events = (await site.sqlite.events({ limit: 100 })).length
  for (let round = 0; round < 100; round += 1) {
    const token = `insecure-sid=019ab3c4-5d6e-7f80-9a1b-2c3d4e5f${String(6_000 + round)}.${'A'.repeat(43)}`
    await fetch(`${site.url}/`, { redirect: 'manual' })
    await fetch(`${site.url}/auth/session`, { headers: { cookie: token } })
    await fetch(`${site.url}/auth/logout`, { method: 'POST', headers: { ...SAME, cookie: token } })
  }
  expect(await site.sqlite.count({})).toBe(before)
  expect(await site.sqlite.users.count()).toBe(users)
  expect((await site.sqlite.events({ limit: 100 })).length).toBe(events)
})

describe('NET-1: who signs in comes from', () => {
  const FORWARDED = { 'x-forwarded-for': '203.0.113.9, 192.0.2.7' }

  async function loginAddress(headers: Record<string, string>): Promise<string | null> {
    const { path, ...request } = login('/auth/login', headers)
    const { session } = (await (await fetch(site.url + path, request)).json()) as { session: { id: string } }
    return (await site.sessions.get(session.id))?.device.ip ?? null
  }

  test('the socket, while no proxy is trusted', async () => {
    expect(canonicalAddress((await loginAddress(FORWARDED)) ?? '')).toBe('127.0.0.1')
    expect(lines().findLast(({ path }) => path === '/auth/login')?.ip).toBe('127.0.0.1')
  })

  test('where the nearest hop that is no proxy of ours is', async () => {
    await reopen({ settings: { trustedProxies: ['127.0.0.1'] } })
    expect(await loginAddress(FORWARDED)).toBe('192.0.2.7')
    expect(lines().findLast(({ path }) => path === '/auth/login')?.ip).toBe('192.0.2.7')
    const lists = { 'x-forwarded-for': '1.1.1.1, unknown' }
    expect(await loginAddress(lists)).toBe('127.0.0.1')
  })
})

test('NET-2: whatever Host and the headers of proxies say, links and redirects are ours', async () => {
  await reopen({ settings: { ...DEPLOYED, trustedProxies: ['127.0.0.1'] } })
  const poisoned = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  }
  const connection = await RawConnection.open(Number(new URL(site.url).port))
  const headers = Object.entries(poisoned).map(([name, value]) => `${name}: ${value}\r\n`)
  for (const path of ['/', '/login', '/console', '/nowhere', '/auth/session', '/openapi.json']) {
    connection.write(`GET ${path} HTTP/1.1\r\n${headers.join('')}Accept: text/html\r\n\r\n`)
    const answer = await connection.answer()
    expect([path, JSON.stringify([...(answer?.headers ?? [])]) + (answer?.body ?? '')]).toEqual([
      path,
      expect.not.stringContaining('evil.example'),
    ])
  }
  connection.destroy()
})

describe('HDR-4, NET-5: plain http is', () => {
  beforeEach(() => reopen({ settings: { ...DEPLOYED, trustedProxies: ['10.0.0.1'] } }))

  test('refused from elsewhere, not sent on, and says what to do', async () => {
    for (const path of ['/login', '/auth/login', '/auth/session', '/console/', '/admin/stats']) {
      const response = await from('203.0.113.9', path)
      expect([path, response.status, response.headers.get('location')]).toEqual([path, 403, null])
      expect(await response.json()).toMatchObject({
        code: 'insecure_host',
        detail: expect.stringContaining('trustedProxies'),
      })
    }
    const asked = await from('203.0.113.9', '/auth/verify/page')
    expect(asked.status, 'a proxy understands no 403').toBe(401)
    const { path, ...request } = login()
    expect((await from('203.0.113.9', path, request)).headers.getSetCookie()).toEqual([])
    expect(await site.sqlite.count({})).toBe(0)
  })

  test('refused where a trusted proxy says that it was', async () => {
    const asked = (scheme: string): Promise<Response> =>
      from('10.0.0.1', '/login', { headers: { 'x-forwarded-proto': scheme } })
    expect((await asked('http')).status).toBe(403)
    expect((await asked('HTTP')).status).toBe(403)
    expect((await asked('https, http')).status).toBe(403)
    expect((await asked('http, https')).status).toBe(200)
    expect((await asked('https')).status).toBe(200)
  })

  test('what a proxy on this machine or a trusted one speaks with us', async () => {
    expect((await from('10.0.0.1', '/login')).status).toBe(200)
    expect((await from('127.0.0.1', '/login')).status).toBe(200)
    expect((await from('::ffff:127.0.0.1', '/login')).status).toBe(200)
    expect((await from('::1', '/login')).status).toBe(200)
    expect((await from('10.0.0.2', '/login')).status).toBe(403)
  })

  test('how health is asked for, from wherever', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await from('203.0.113.9', path)).status).toBe(200)
  })
})

describe('the log', () => {
  test('LOG-4: has paths without their queries, and no set-up link', async () => {
    const token = 'q7Hq0yQp4W3vT1rM9kZ2xC8bN6aL5sD0fG-jH_kE3uY'
    await fetch(`${site.url}/login?next=/password&token=${token}`)
    await fetch(`${site.url}/setup/${token}`)
    await fetch(`${site.url}/setup/${token}`, { method: 'POST', headers: { origin: 'https://evil.example' } })
    const text = site.lines.join('')
    expect(text).not.toContain(token)
    expect(text).not.toContain('next=')
    expect(lines().flatMap(({ path }) => path ?? [])).toEqual(['/login', '/setup/[redacted]', '/setup/[redacted]'])
    expect(text).toContain('cross_origin')
  })

  test('LOG-3: has one line for a request, whatever it says of itself', async () => {
    const headers = { 'user-agent': 'x\u0085"{}\\', cookie: 'a="\\"' }
    await fetch(`${site.url}/%0a%0d%1b[2J%e2%80%a8"{}`, { headers })
    expect(site.lines).toHaveLength(1)
    expect(site.lines[0]?.trimEnd()).not.toMatch(/\p{Cc}/u)
  })

  test('is quiet about what is asked for all the time', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) await fetch(site.url + path)
    expect(lines().map(({ level }) => level)).toEqual(['debug', 'debug', 'debug'])
  })
})
