/** The application that the adapter contract asks for, once for each framework, as its users would write it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import * as forExpress from '../../packages/sojourn/src/adapters/express.ts'
import * as forFastify from '../../packages/sojourn/src/adapters/fastify.ts'
import * as forFetch from '../../packages/sojourn/src/adapters/fetch.ts'
import * as forHono from '../../packages/sojourn/src/adapters/hono.ts'
import * as forNext from '../../packages/sojourn/src/adapters/next.ts'
import * as forNode from '../../packages/sojourn/src/adapters/node.ts'
import type { RequestSession } from '../../packages/sojourn/src/http/index.ts'
import type { AdapterSite, StartServer, StartedServer } from '../../packages/sojourn/src/testing/index.ts'

/** What `GET /cached` says of itself, and must not get away with. */
const CACHED = [
  ['cache-control', 'public, max-age=3600'],
  ['vary', 'Accept-Encoding'],
  ['set-cookie', 'theme=dark; Path=/'],
] as const
const WITHIN = { within: '10m' } as const
const LIMIT = '1mb'

export const SERVERS: readonly (readonly [framework: string, start: StartServer])[] = [
  ['express', startExpress],
  ['fastify', startFastify],
  ['hono', startHono],
  ['next', startNext],
  ['node', startNode],
  ['fetch', startFetch],
]

async function startExpress({ http, mount, onEcho }: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, sessionOf, sojourn } = forExpress
  const application = express.Router()
  application.use(sojourn(http))
  application.get('/whoami', (request, response) => void response.json(who(sessionOf(request))))
  application.get('/private', requireSession, (request, response) => void response.json(who(sessionOf(request))))
  application.post('/danger', requireRecent(WITHIN), (request, response) => void response.json(who(sessionOf(request))))
  application.post('/echo', express.text({ limit: LIMIT, type: () => true }), (request, response) => {
    onEcho()
    response.type('text').send(request.body ?? '')
  })
  application.get('/cached', (_, response) => void response.set(Object.fromEntries(CACHED)).send('cached'))
  application.get('/throws', () => {
    throw new Error('on purpose')
  })
  const server = express()
  server.set('env', 'test')
  server.use(mount || '/', application)
  return started(createServer(server as RequestListener))
}

async function startFastify({ http, mount, onEcho }: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, sessionOf, sojourn } = forFastify
  const server = fastify({ bodyLimit: 1_000_000 })
  await server.register(sojourn(http))
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  await server.register(
    async (application) => {
      application.get('/whoami', (request, reply) => reply.send(who(sessionOf(request))))
      application.get('/private', { preHandler: requireSession }, (request, reply) =>
        reply.send(who(sessionOf(request))),
      )
      application.post('/danger', { preHandler: requireRecent(WITHIN) }, (request, reply) =>
        reply.send(who(sessionOf(request))),
      )
      application.post('/echo', async (request, reply) => {
        onEcho()
        return reply.type('text/plain; charset=utf-8').send(request.body ?? '')
      })
      application.get('/cached', async (_, reply) => reply.headers(Object.fromEntries(CACHED)).send('cached'))
      application.get('/throws', async () => {
        throw new Error('on purpose')
      })
    },
    { prefix: mount },
  )
  const url = await server.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => server.close() }
}

async function startHono({ http, mount, onEcho }: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, sojourn } = forHono
  const server = new Hono<{ Variables: forHono.SojournVariables }>().basePath(mount)
  server.use(sojourn(http))
  server.get('/whoami', (c) => c.json(who(c.var.sojourn)))
  server.get('/private', requireSession, (c) => c.json(who(c.var.sojourn)))
  server.post('/danger', requireRecent(WITHIN), (c) => c.json(who(c.var.sojourn)))
  server.post('/echo', async (c) => {
    onEcho()
    return c.text(await c.req.text())
  })
  server.get('/cached', (c) => c.body('cached', 200, Object.fromEntries(CACHED)))
  server.get('/throws', () => {
    throw new Error('on purpose')
  })
  server.onError((_, c) => c.text('something went wrong', 500))
  return startedFetch((request, env) => server.fetch(request, env))
}

async function startFetch(site: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, withSession } = forFetch
  const routes = routesOf(site, requireSession(answerWho), requireRecent(WITHIN, answerWho))
  const handler = withSession(site.http, async (request, context) => {
    const { pathname } = new URL(request.url)
    const route = routes.get(`${request.method} ${pathname}`)
    return route === undefined ? new Response('nothing here', { status: 404 }) : route(request, context)
  })
  return startedFetch((request) => handler(request))
}

/** The functions of Next, called as Next calls them: one file a route, and nothing but a request. */
async function startNext(site: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, routeHandlers, withSession } = forNext
  const { http, mount } = site
  const auth = routeHandlers(http)
  const routes = routesOf(site, requireSession(answerWho), requireRecent(WITHIN, answerWho))
  const handlers = new Map([...routes].map(([path, route]) => [path, withSession(http, route)] as const))
  const otherwise = withSession(http, () => new Response('nothing here', { status: 404 }))
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    const method = request.method as keyof typeof auth
    if (pathname.startsWith(`${mount}/auth/`)) return auth[method](request)
    return (handlers.get(`${method} ${pathname}`) ?? otherwise)(request)
  }
  return startedFetch(answer)
}

async function startNode({ http, mount, onEcho }: AdapterSite): Promise<StartedServer> {
  const { requireRecent, requireSession, withSession } = forNode
  const answer = (_: IncomingMessage, outgoing: ServerResponse, context: RequestSession): void => {
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(who(context)))
  }
  const routes = new Map<string, forNode.SessionListener>([
    ['GET /whoami', answer],
    ['GET /private', requireSession(answer)],
    ['POST /danger', requireRecent(WITHIN, answer)],
    [
      'POST /echo',
      async (incoming, outgoing) => {
        onEcho()
        outgoing.end(await text(incoming))
      },
    ],
    ['GET /cached', (_, outgoing) => void outgoing.writeHead(200, 'Yes', CACHED.flat()).end('cached')],
    [
      'GET /throws',
      async () => {
        throw new Error('on purpose')
      },
    ],
  ])
  const listener = withSession(http, async (incoming, outgoing, context) => {
    const route = routes.get(`${incoming.method} ${incoming.url?.slice(mount.length).replace(/\?.*/, '')}`)
    if (route !== undefined) return route(incoming, outgoing, context)
    outgoing.statusCode = 404
    outgoing.end('nothing here')
  })
  return started(createServer(listener))
}

type Route = (request: Request, context: RequestSession) => Response | Promise<Response>

/** The application for servers that are a function from `Request` to `Response`. */
export function routesOf(
  { mount, onEcho }: Pick<AdapterSite, 'mount' | 'onEcho'>,
  behindSession: Route,
  behindRecent: Route,
): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    [`GET ${mount}/whoami`, answerWho],
    [`GET ${mount}/private`, behindSession],
    [`POST ${mount}/danger`, behindRecent],
    [
      `POST ${mount}/echo`,
      async (request) => {
        onEcho()
        return new Response(await request.text())
      },
    ],
    [`GET ${mount}/cached`, () => new Response('cached', { headers: CACHED.map(([name, value]) => [name, value]) })],
    [
      `GET ${mount}/throws`,
      () => {
        throw new Error('on purpose')
      },
    ],
  ])
}

export function answerWho(_: Request, context: RequestSession): Response {
  return Response.json(who(context))
}

/** A function from `Request` to `Response`, served on Node by somebody else's bridge. */
export function startedFetch(fetch: Parameters<typeof getRequestListener>[0]): Promise<StartedServer> {
  const listener = getRequestListener(fetch)
  return started(createServer((incoming, outgoing) => void listener(incoming, outgoing)))
}

/** Listens on a free port of the loopback address. */
export async function started(server: Server): Promise<StartedServer> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

function who({ session }: RequestSession): { readonly username: string | null } {
  return { username: session?.username ?? null }
}
