/** Adapters with one fault each, and the sentence of the contract that turns them down. */
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { requireRecent, requireSession, withSession } from '../../packages/sojourn/src/adapters/fetch.ts'
import { problemOf } from '../../packages/sojourn/src/http/index.ts'
import type { RequestSession, SojournHttp } from '../../packages/sojourn/src/http/index.ts'
import type { AdapterSite, StartServer, StartedServer } from '../../packages/sojourn/src/testing/index.ts'
import { answerWho, routesOf, started, startedFetch } from './servers.ts'

export interface BrokenAdapter {
  readonly fault: string
  /** The name of the case. */
  readonly caughtBy: string
  readonly start: StartServer
}

type Application = (request: Request, context: RequestSession) => Promise<Response>
type Adapter = (http: SojournHttp, application: Application) => (request: Request) => Promise<Response>

export const BROKEN_ADAPTERS: readonly BrokenAdapter[] = [
  {
    fault: 'the session is kept where requests that arrive together find each other’s',
    caughtBy: 'requests that arrive together do not get each other’s sessions',
    start: (site) => {
      let last: RequestSession
      return serve(site, (http, application) =>
        withSession(http, async (request, context) => {
          last = context
          await new Promise(setImmediate)
          return application(request, last)
        }),
      )
    },
  },
  {
    fault: 'headers are put on the response before the handler, which may overwrite them',
    caughtBy: 'an answer stays private, whatever its handler says of caches',
    start: broken(async (http, request, application) => {
      const { response, context } = await http.enter(request)
      if (response !== null) return response
      const answer = await application(request, context)
      const headers = new Headers(context.headers.map(([name, value]) => [name, value]))
      for (const [name, value] of answer.headers) headers.set(name, value)
      return new Response(answer.body, { status: answer.status, headers })
    }),
  },
  {
    fault: 'a cookie of ours takes the place of the application’s',
    caughtBy: 'a new token comes with a refusal, an error and the application’s own cookie, too',
    start: broken(async (http, request, application) => {
      const { response, context } = await http.enter(request)
      if (response !== null) return response
      const answer = await application(request, context).catch((error: unknown) => http.failure(error))
      const own = answer.headers.getSetCookie()
      context.applyTo(answer.headers)
      const [ours] = answer.headers.getSetCookie().slice(own.length)
      if (ours !== undefined) answer.headers.set('set-cookie', ours)
      return answer
    }),
  },
  {
    fault: 'an error in the application loses what the session has to say',
    caughtBy: 'an error in the application is an answer of 500 that no cache keeps',
    start: broken(async (http, request, application) => {
      const { response, context } = await http.enter(request)
      if (response !== null) return response
      try {
        const answer = await application(request, context)
        context.applyTo(answer.headers)
        return answer
      } catch {
        return new Response('something went wrong', { status: 500 })
      }
    }),
  },
  {
    fault: 'a store that does not answer is taken for nobody',
    caughtBy: 'a store that does not answer is 503, and the client keeps its cookie',
    start: broken(async (http, request, application) => {
      const entry = await http.enter(request)
      const { context } =
        entry.response?.status === 503 ? await http.enter(new Request(request.url, { method: 'GET' })) : entry
      if (context === null) return entry.response!
      const answer = await application(request, context).catch(problemOf)
      context.applyTo(answer.headers)
      return answer
    }),
  },
  {
    fault: 'where a write comes from is not asked',
    caughtBy: 'a write that comes from another site is refused before the application sees it',
    start: broken(async (http, request, application) => {
      const response = await http.handle(request)
      if (response !== null) return response
      const context = await http.read(request).catch(problemOf)
      if (context instanceof Response) return context
      const answer = await application(request, context).catch((error: unknown) => http.failure(error))
      context.applyTo(answer.headers)
      return answer
    }),
  },
  {
    fault: 'the session is looked for again by whoever asks',
    caughtBy: 'a request looks for its session once, guards and all',
    start: broken(async (http, request, application) => {
      const { response } = await http.enter(request)
      return response ?? withSession(http, application)(request)
    }),
  },
  {
    fault: 'X-Forwarded-For is believed',
    caughtBy: 'the address of a client is not what it says in X-Forwarded-For',
    start: (site) =>
      serve(site, (http, application) =>
        withSession(http, application, { clientAddress: (request) => request.headers.get('x-forwarded-for') }),
      ),
  },
  {
    fault: 'the answer to a signed-out cookie does not take it away',
    caughtBy: 'who has signed out is nobody with the same cookie, which is taken away',
    start: broken(async (http, request, application) => {
      const answer = await withSession(http, application)(request)
      const kept = answer.headers.getSetCookie().filter((line) => !line.includes('Max-Age=0'))
      answer.headers.delete('set-cookie')
      for (const line of kept) answer.headers.append('set-cookie', line)
      return answer
    }),
  },
  {
    fault: 'only the last of several cookie lines is seen',
    caughtBy: 'two cookies of our name are nobody, in one line and in two',
    start: broken((http, request, application) => {
      const headers = new Headers(request.headers)
      const cookies = headers.get('cookie')?.split('; ')
      if (cookies !== undefined) headers.set('cookie', cookies.at(-1)!)
      return withSession(http, application)(new Request(request, { headers }))
    }),
  },
  {
    fault: 'the path that the application is mounted under is cut off',
    caughtBy: 'everything works below a path that the application is mounted under',
    start: (site) => {
      const strip = (request: Request): Request => new Request(request.url.replace('/app/', '/'), request)
      const inside = { ...site, mount: '' }
      return serve(inside, (http, application) => (request) => withSession(http, application)(strip(request)))
    },
  },
  {
    fault: 'every body is read by the adapter, up to what it reads itself',
    caughtBy: 'the body of a request is the application’s',
    start: broken(async (http, request, application) => {
      const body = request.body === null ? null : (await request.arrayBuffer()).slice(0, 65_536)
      const { method, url, headers } = request
      return withSession(http, application)(new Request(url, { method, headers, body }))
    }),
  },
  {
    fault: 'a client that goes away takes the server with it',
    caughtBy: 'a client that goes away in the middle of its body harms nobody',
    start: (site) => {
      const answer = applicationOf(site)
      const listener = getRequestListener(withSession(site.http, answer))
      const server = createServer((incoming, outgoing) => {
        incoming.once('error', () => server.close().closeAllConnections())
        void listener(incoming, outgoing)
      })
      return started(server)
    },
  },
  {
    fault: 'requireSession lets everybody through',
    caughtBy: 'a route behind requireSession answers 401 to whoever is not signed in',
    start: (site) => startedFetch(withSession(site.http, applicationOf(site, { behindSession: answerWho }))),
  },
  {
    fault: 'requireRecent takes any session for a proof',
    caughtBy: 'a route behind requireRecent asks for a new proof when the last one is too old',
    start: (site) =>
      startedFetch(withSession(site.http, applicationOf(site, { behindRecent: requireSession(answerWho) }))),
  },
]

/** An adapter that is one function. */
function broken(
  answer: (http: SojournHttp, request: Request, application: Application) => Promise<Response>,
): StartServer {
  return (site) => serve(site, (http, application) => (request) => answer(http, request, application))
}

function serve(site: AdapterSite, adapter: Adapter): Promise<StartedServer> {
  return startedFetch(adapter(site.http, applicationOf(site)))
}

function applicationOf(
  site: AdapterSite,
  { behindSession = requireSession(answerWho), behindRecent = requireRecent({ within: '10m' }, answerWho) } = {},
): Application {
  const routes = routesOf(site, behindSession, behindRecent)
  return async (request, context) => {
    const route = routes.get(`${request.method} ${new URL(request.url).pathname}`)
    return route === undefined ? new Response('nothing here', { status: 404 }) : route(request, context)
  }
}
