/** What is peculiar to the servers that speak with Node's request and response: node:http, Express and Fastify. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import type { Express } from 'express'
import fastify from 'fastify'
import type { FastifyRequest } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as forExpress from '../../packages/sojourn/src/adapters/express.ts'
import * as forFastify from '../../packages/sojourn/src/adapters/fastify.ts'
import { withSession } from '../../packages/sojourn/src/adapters/node.ts'
import type { SessionListener } from '../../packages/sojourn/src/adapters/node.ts'
import { COOKIE, PASSWORD, openSite } from '../support/http-site.ts'
import type { Site, SiteOptions } from '../support/http-site.ts'
import { started } from './servers.ts'

const OWN = { 'sec-fetch-site': 'same-origin' }
const LOGIN = JSON.stringify({ username: 'ada', password: PASSWORD })
const LOCAL: SiteOptions = {
  http: { baseUrl: 'http://localhost:3000', development: { insecureLoopback: true } },
}
const PRIVATE = { 'cache-control': 'no-store', vary: expect.stringMatching(/\bCookie\b/) }

describe('node:http', () => {
  test('HDR-1: what a handler writes in any of the ways of writeHead is private', async () => {
    const lines = ['cache-control', 'public', 'vary', 'Accept', 'set-cookie', 'a=1', 'set-cookie', 'b=2']
    const pairs = [
      ['cache-control', 'public'],
      ['vary', 'Accept'],
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]
    const object = { 'cache-control': 'public', vary: 'Accept', 'set-cookie': ['a=1', 'b=2'] }
    const inCapitals = Object.fromEntries(Object.entries(object).map(([name, value]) => [name.toUpperCase(), value]))
    const ways: Record<string, (outgoing: ServerResponse) => void> = {
      object: (outgoing) => void outgoing.writeHead(200, object).end(),
      capitals: (outgoing) => void outgoing.writeHead(200, inCapitals).end(),
      nothing: (outgoing) => void outgoing.writeHead(200, undefined, object).end(),
      message: (outgoing) => void outgoing.writeHead(200, 'Fine', object).end(),
      flat: (outgoing) => void outgoing.writeHead(200, lines).end(),
      pairs: (outgoing) => void outgoing.writeHead(200, pairs as unknown as string[]).end(),
      set: (outgoing) => void outgoing.setHeaders(new Map(Object.entries(object))).end(),
      flushed: (outgoing) => {
        outgoing.setHeaders(new Map(Object.entries(object))).flushHeaders()
        outgoing.end()
      },
    }
    const { url } = await serve(openSite(), (incoming, outgoing) => ways[incoming.url!.slice(1)]!(outgoing))
    for (const way of Object.keys(ways)) {
      const { headers } = await fetch(`${url}/${way}`)
      expect(Object.fromEntries(headers), way).toMatchObject({ 'cache-control': 'no-store', vary: 'Accept, Cookie' })
      expect(headers.getSetCookie(), way).toEqual(['a=1', 'b=2'])
    }
    expect((await fetch(`${url}/message`)).statusText).toBe('Fine')
  })

  test('what a handler writes under other names stays beside what is ours', async () => {
    const ways: Record<string, (outgoing: ServerResponse) => void> = {
      object: (outgoing) => void outgoing.writeHead(201, { 'x-own': 'yes', 'content-type': 'text/plain' }).end('made'),
      message: (outgoing) => void outgoing.writeHead(201, 'Fine', { 'x-own': 'yes' }).end('made'),
      nothing: (outgoing) => void outgoing.writeHead(201).end('made'),
    }
    const { url } = await serve(openSite(), (incoming, outgoing) => ways[incoming.url!.slice(1)]!(outgoing))
    for (const way of Object.keys(ways)) {
      const response = await fetch(`${url}/${way}`)
      expect(response.status, way).toBe(201)
      expect(Object.fromEntries(response.headers), way).toMatchObject({ ...PRIVATE, vary: 'Cookie' })
      expect(response.headers.get('x-own'), way).toBe(way === 'nothing' ? null : 'yes')
      expect(await response.text(), way).toBe('made')
    }
  })

  test('what a handler throws is told to the host and not to the client', async () => {
    const site = openSite()
    const { url } = await serve(site, () => {
      throw new Error('canary')
    })
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('canary')])
    expect(site.errors).toEqual([expect.objectContaining({ message: 'canary' })])
  })

  test('half a response is broken off when its handler throws', async () => {
    const { url } = await serve(openSite(), async (_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 10 }).write('half')
      throw new Error('on purpose')
    })
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow(/terminated|fetch failed/)
  })

  test('NET-2: in development a request to another name is refused, as after DNS rebinding', async () => {
    const site = openSite(LOCAL)
    const { port } = await serve(site, (_, outgoing) => void outgoing.end('page'))
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000']) {
      expect(await raw(port, `GET / HTTP/1.1\r\nHost: ${host}`)).toContain('page')
    }
    for (const host of ['evil.example', '192.168.1.5:3000', '', 'localhost@evil.example', 'a b']) {
      expect(await raw(port, `GET / HTTP/1.1\r\nHost: ${host}`), host).toContain('403 Forbidden')
    }
  })

  test('a target that is no path is refused', async () => {
    const { port } = await serve(openSite(), (_, outgoing) => void outgoing.end('page'))
    for (const line of ['GET http://evil.example/ HTTP/1.1', 'OPTIONS * HTTP/1.1', 'TRACE / HTTP/1.1']) {
      expect(await raw(port, `${line}\r\nHost: a`), line).toContain('400 Bad Request')
    }
    expect(await raw(port, 'GET //evil.example/auth/session HTTP/1.1\r\nHost: a')).toContain('page')
  })

  test('a token in two lines of Authorization is nobody’s', async () => {
    const site = openSite({ http: { bearer: true } })
    const { token } = await site.sessions.create({ userId: '42', username: 'ada' })
    const { port } = await serve(site, (_, outgoing, { session }) => void outgoing.end(`is ${session?.username}`))
    const line = `Authorization: Bearer ${token}`
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\n${line}`)).toContain('is ada')
    expect(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n${line}`)).toContain('is undefined')
  })

  test('the rest of a body that is too long is let go by, and the same connection used again', async () => {
    const { port } = await serve(openSite(), (_, outgoing) => void outgoing.end('page'))
    const lines = [
      'Host: a',
      'Sec-Fetch-Site: same-origin',
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
    ]
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const body = `${chunk.repeat(32)}0\r\n\r\n`
    const answer = await raw(
      port,
      `POST /auth/login HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}GET / HTTP/1.1\r\nHost: a`,
    )
    expect(answer).toMatch(/413 Payload Too Large[^]*page/)
  })

  test('HEAD has the headers of GET and no body', async () => {
    const { url } = await serve(openSite(), () => {})
    const response = await fetch(`${url}/auth/session`, { method: 'HEAD' })
    expect([response.status, await response.text()]).toEqual([401, ''])
    expect(Object.fromEntries(response.headers)).toMatchObject(PRIVATE)
  })

  test('TMO-9: requests that the host calls passive do not keep a session alive', async () => {
    const site = openSite()
    const { token } = await site.sessions.create({ userId: '42', username: 'ada' })
    const listener = withSession(
      site.http,
      (_, outgoing, { session }) => void outgoing.end(String(session?.username)),
      {
        isPassive: ({ url }) => url === '/poll',
      },
    )
    const { url } = await opened(listener)
    const headers = { cookie: `${COOKIE}=${token}` }
    for (let hour = 0; hour < 23; hour += 1) {
      site.clock.advance('1h')
      expect(await (await fetch(`${url}/poll`, { headers })).text()).toBe('ada')
    }
    site.clock.advance('1h')
    expect(await (await fetch(url, { headers })).text()).toBe('undefined')
  })
})

describe('express', () => {
  test('HDR-1: 304s, redirects, errors and pages that are not there are private', async () => {
    const { url } = await serveExpress(openSite(), (app) => {
      app.get('/page', (_, response) => void response.set('cache-control', 'public').send('page'))
      app.get('/moved', (_, response) => response.redirect('/page'))
      app.get('/throws', () => {
        throw new Error('on purpose')
      })
    })
    const { headers } = await fetch(`${url}/page`)
    const etag = { 'if-none-match': headers.get('etag')!, 'cache-control': '' }
    for (const [path, status] of [
      ['page', 200],
      ['moved', 302],
      ['throws', 500],
      ['nowhere', 404],
    ] as const) {
      const response = await fetch(`${url}/${path}`, { redirect: 'manual' })
      expect([response.status, Object.fromEntries(response.headers)], path).toMatchObject([status, PRIVATE])
    }
    const unchanged = await fetch(`${url}/page`, { headers: etag })
    expect([unchanged.status, Object.fromEntries(unchanged.headers)]).toMatchObject([304, PRIVATE])
  })

  test('a parser that reads bodies before us gets a 500 for the client and a sentence for the host', async () => {
    const site = openSite()
    const { url } = await serveExpress(site, () => {}, express.json())
    const headers = { ...OWN, 'content-type': 'application/json' }
    const response = await fetch(`${url}/auth/login`, { method: 'POST', headers, body: LOGIN })
    expect(response.status).toBe(500)
    expect(site.errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining('put it before what parses bodies') as unknown }),
    ])
  })

  test('NET-1: `trust proxy` alone does not let a client choose its address; clientAddress does', async () => {
    const site = openSite()
    await site.auth.registerUser('ada', PASSWORD)
    const headers = { ...OWN, 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' }
    const listen = async (options: Parameters<typeof forExpress.sojourn<express.Request>>[1]): Promise<unknown> => {
      const app = express().set('trust proxy', true)
      app.use(forExpress.sojourn(site.http, options))
      const { url } = await opened(app as RequestListener)
      await fetch(`${url}/auth/login`, { method: 'POST', headers, body: LOGIN })
      site.clock.advance('1s')
      return (await site.sessions.page({ limit: 1 })).sessions[0]?.device.ip
    }
    expect(await listen({})).toBe('127.0.0.1')
    expect(await listen({ clientAddress: (request) => request.ip })).toBe('203.0.113.9')
  })

  test('a session that nobody has looked for is a mistake, and nobody is let through', async () => {
    const { url } = await opened(
      express()
        .set('env', 'test')
        .get('/', forExpress.requireSession, (_, response) => void response.send('secret')) as RequestListener,
    )
    const response = await fetch(url)
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('secret')])
    expect(() => forExpress.sessionOf({})).toThrow('use sojourn(http) first')
  })

  test('public files that are served before are as they were', async () => {
    const { url } = await serveExpress(
      openSite(),
      () => {},
      (request, response, next) => {
        if (request.url === '/logo.svg') response.set('cache-control', 'public').send('logo')
        else next()
      },
    )
    expect((await fetch(`${url}/logo.svg`)).headers.get('cache-control')).toBe('public')
  })
})

describe('fastify', () => {
  test('HDR-1: errors, streams and hijacked replies are private', async () => {
    const app = fastify()
    await app.register(forFastify.sojourn(openSite().http))
    app.get('/hijacked', (_, reply) => void reply.hijack().raw.writeHead(200, { 'cache-control': 'public' }).end())
    app.get('/throws', () => {
      throw new Error('on purpose')
    })
    onTestFinished(() => app.close())
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    for (const path of ['hijacked', 'throws', 'nowhere', 'auth/session', 'auth/nowhere']) {
      const response = await fetch(`${url}/${path}`)
      expect(Object.fromEntries(response.headers), path).toMatchObject(PRIVATE)
    }
  })

  test('NET-1: `trustProxy` alone does not let a client choose its address; clientAddress does', async () => {
    const site = openSite()
    await site.auth.registerUser('ada', PASSWORD)
    const headers = { ...OWN, 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.9' }
    const ipOf = async (options: Parameters<typeof forFastify.sojourn<FastifyRequest>>[1]): Promise<unknown> => {
      const app = fastify({ trustProxy: true })
      await app.register(forFastify.sojourn(site.http, options))
      onTestFinished(() => app.close())
      await app.inject({ method: 'POST', url: '/auth/login', headers, payload: LOGIN })
      site.clock.advance('1s')
      return (await site.sessions.page({ limit: 1 })).sessions[0]?.device.ip
    }
    expect(await ipOf({})).toBe('127.0.0.1')
    expect(await ipOf({ clientAddress: (request) => request.ip })).toBe('203.0.113.9')
  })

  test('the session holds for everything of the instance that registers it, and for nothing else', async () => {
    const app = fastify()
    await app.register(async (inside) => {
      await inside.register(forFastify.sojourn(openSite().http))
      inside.get('/inside', { preHandler: forFastify.requireSession }, (_, reply) => reply.send('secret'))
    })
    app.get('/outside', (_, reply) => reply.send('page'))
    app.get('/mistake', { preHandler: forFastify.requireSession }, (_, reply) => reply.send('secret'))
    onTestFinished(() => app.close())
    expect((await app.inject('/inside')).statusCode).toBe(401)
    expect((await app.inject('/outside')).headers['cache-control']).toBe(undefined)
    expect((await app.inject('/mistake')).statusCode).toBe(500)
  })

  test('a login is answered in a test without a server', async () => {
    const site = openSite()
    await site.auth.registerUser('ada', PASSWORD)
    const app = fastify()
    await app.register(forFastify.sojourn(site.http))
    onTestFinished(() => app.close())
    const headers = { ...OWN, 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: '/auth/login', headers, payload: LOGIN })
    expect([answer.statusCode, answer.cookies]).toMatchObject([200, [{ name: COOKIE, httpOnly: true }]])
  })
})

async function serve({ http }: Pick<Site, 'http'>, listener: SessionListener) {
  return opened(withSession(http, listener))
}

async function serveExpress({ http }: Site, routes: (app: Express) => void, ...before: express.RequestHandler[]) {
  const app = express().set('env', 'test')
  for (const each of before) app.use(each)
  app.use(forExpress.sojourn(http))
  routes(app)
  return opened(app as RequestListener)
}

async function opened(listener: RequestListener) {
  const { url, close } = await started(createServer(listener))
  onTestFinished(close)
  return { url, port: Number(new URL(url).port) }
}

/** Everything that is answered to a request without a body. */
async function raw(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`${head}\r\nConnection: close\r\n\r\n`)
  return text(socket)
}
