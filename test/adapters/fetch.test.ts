/** What is peculiar to the servers that speak Request and Response: Hono, Next and functions. */
import { createServer } from 'node:http'
import { getConnInfo } from '@hono/node-server/conninfo'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { redirect } from 'next/navigation.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as forFetch from '../../packages/sojourn/src/adapters/fetch.ts'
import * as forHono from '../../packages/sojourn/src/adapters/hono.ts'
import * as forNext from '../../packages/sojourn/src/adapters/next.ts'
import { COOKIE, IP, PASSWORD, openSite, request } from '../support/http-site.ts'
import type { Site } from '../support/http-site.ts'
import { started } from './servers.ts'

const PRIVATE = { 'cache-control': 'no-store', vary: 'Cookie' }
const LOGIN = { body: { username: 'ada', password: PASSWORD }, headers: { 'sec-fetch-site': 'same-origin' } }

describe('a function', () => {
  test('gets what else its server passes on, and so does whoever says where a request comes from', async () => {
    const site = openSite()
    await site.auth.registerUser('ada', PASSWORD)
    const handler = forFetch.withSession<[info: { address: string }]>(
      site.http,
      (_request, _context, { address }) => new Response(address),
      { clientAddress: (_, { address }) => address },
    )
    expect(await (await handler(request('GET', '/'), { address: IP })).text()).toBe(IP)
    await handler(request('POST', '/auth/login', LOGIN), { address: IP })
    expect((await site.sessions.page()).sessions[0]?.device.ip).toBe(IP)
  })

  test('may answer with a response that cannot be changed', async () => {
    const handler = forFetch.withSession(openSite().http, () => Response.redirect('https://app.example.com/page'))
    const response = await handler(request('GET', '/'))
    expect([response.status, Object.fromEntries(response.headers)]).toEqual([
      302,
      { ...PRIVATE, location: 'https://app.example.com/page' },
    ])
  })

  test('that throws because the store fails is answered with 503', async () => {
    const site = openSite()
    const handler = forFetch.withSession(site.http, async () => {
      await site.sessions.count()
      return new Response()
    })
    site.store.faults = { isRefused: () => true }
    const response = await handler(request('GET', '/'))
    expect([response.status, await response.json()]).toMatchObject([503, { code: 'unavailable' }])
  })

  test('whose body was read before us gets a 500 for the client and a sentence for the host', async () => {
    const site = openSite()
    const handler = forFetch.withSession(site.http, () => new Response())
    const login = request('POST', '/auth/login', LOGIN)
    await login.text()
    expect((await handler(login)).status).toBe(500)
    expect(String(site.errors)).toContain('put it before what parses bodies')
  })
})

describe('hono', () => {
  test('HDR-1: errors, redirects, streams and pages that are not there are private', async () => {
    const { http } = openSite()
    const app = new Hono<{ Variables: forHono.SojournVariables }>()
    app.use(forHono.sojourn(http))
    app.get('/redirect', () => Response.redirect('https://app.example.com/page'))
    app.get('/moved', (c) => c.redirect('/page'))
    app.get('/fixed', (c) => {
      c.header('cache-control', 'public')
      return Response.json({}, { headers: { 'cache-control': 'public', 'set-cookie': 'theme=dark' } })
    })
    app.get('/throws', () => {
      throw new Error('on purpose')
    })
    app.onError((_, c) => c.text('something went wrong', 500, { 'cache-control': 'public' }))
    for (const path of ['/redirect', '/moved', '/fixed', '/throws', '/nowhere']) {
      expect(Object.fromEntries((await app.request(path)).headers), path).toMatchObject(PRIVATE)
    }
    expect((await app.request('/fixed')).headers.getSetCookie()).toEqual(['theme=dark'])
  })

  test('HDR-1: what was fetched from elsewhere and handed on is private', async () => {
    const elsewhere = await started(
      createServer((_, outgoing) => void outgoing.setHeader('cache-control', 'public').end('from elsewhere')),
    )
    onTestFinished(elsewhere.close)
    const app = new Hono()
    app.use(forHono.sojourn(openSite().http))
    app.get('/', () => fetch(elsewhere.url))
    const response = await app.request('/')
    expect(Object.fromEntries(response.headers)).toMatchObject(PRIVATE)
    expect(await response.text()).toBe('from elsewhere')
  })

  test('NET-1: the address is the one of the socket, or what clientAddress says', async () => {
    const site = openSite()
    await site.auth.registerUser('ada', PASSWORD)
    const ipOf = async (options: Parameters<typeof forHono.sojourn<Context>>[1], env: object): Promise<unknown> => {
      const app = new Hono()
      app.use(forHono.sojourn(site.http, options))
      const login = request('POST', '/auth/login', LOGIN)
      login.headers.set('x-forwarded-for', '203.0.113.9')
      await app.request(login, undefined, env)
      site.clock.advance('1s')
      return (await site.sessions.page({ limit: 1 })).sessions[0]?.device.ip
    }
    expect(await ipOf({}, {})).toBe(null)
    expect(await ipOf({}, { incoming: { socket: { remoteAddress: IP } } })).toBe(IP)
    const env = { incoming: { socket: { remoteAddress: '192.0.2.8' } } }
    expect(await ipOf({ clientAddress: (c) => getConnInfo(c).remote.address }, env)).toBe('192.0.2.8')
    expect(await ipOf({ clientAddress: (c) => c.req.header('x-forwarded-for') }, env)).toBe('203.0.113.9')
  })

  test('a session that nobody has looked for is a mistake, and nobody is let through', async () => {
    const app = new Hono()
    app.get('/', forHono.requireSession, (c) => c.text('secret'))
    app.onError((error, c) => c.text(error.message, 500))
    const response = await app.request('/')
    expect([response.status, await response.text()]).toEqual([500, expect.stringContaining('use sojourn(http) first')])
  })
})

describe('next', () => {
  test('what Next says to itself is passed on', async () => {
    const { http, errors } = openSite()
    const handler = forNext.withSession(http, () => redirect('/page'))
    await expect(handler(request('GET', '/'))).rejects.toMatchObject({
      digest: expect.stringContaining('NEXT_REDIRECT') as unknown,
    })
    expect(errors).toEqual([])
  })

  test('a route below another path than the prefix is not there', async () => {
    const { GET } = forNext.routeHandlers(openSite().http)
    expect((await GET(request('GET', '/elsewhere/session'))).status).toBe(404)
  })

  test('a handler gets the parameters of its path', async () => {
    const handler = forNext.withSession<[{ params: Promise<{ id: string }> }]>(
      openSite().http,
      async (_request, _context, { params }) => new Response((await params).id),
    )
    expect(await (await handler(request('GET', '/7'), { params: Promise.resolve({ id: '7' }) })).text()).toBe('7')
  })

  test('a page sees the session; what it cannot write is handed over by the next route handler', async () => {
    const site = openSite({ policy: { renewEvery: '1h' } })
    const headers = await signedIn(site)
    expect((await forNext.sessionOf(site.http, headers)).session?.username).toBe('ada')
    site.clock.advance('1h')
    for (let page = 0; page < 3; page += 1) {
      expect((await forNext.sessionOf(site.http, headers)).session?.username).toBe('ada')
    }
    const handler = forNext.withSession(site.http, () => new Response())
    const response = await handler(new Request('https://app.example.com/', { headers }))
    expect(response.headers.getSetCookie()).toEqual([expect.stringContaining(`${COOKIE}=`)])
  })

  test('a page is not told that nobody is there when the store cannot tell', async () => {
    const site = openSite()
    const headers = await signedIn(site)
    site.store.faults = { isRefused: () => true }
    await expect(forNext.sessionOf(site.http, headers)).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

async function signedIn({ sessions }: Site): Promise<Headers> {
  const { token } = await sessions.create({ userId: '42', username: 'ada' })
  return new Headers({ cookie: `${COOKIE}=${token}` })
}
