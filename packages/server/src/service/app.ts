import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { HTTPException } from 'hono/http-exception'
import { problem, problemOf } from 'sojourn/http'
import { adminRoutes } from './admin/routes.ts'
import { clientAddress } from './client-address.ts'
import { consoleFiles } from './console.ts'
import type { Env } from './env.ts'
import { healthRoutes } from './health.ts'
import { methodsAt } from './methods.ts'
import { respondProblem } from './pages/page.tsx'
import { pageRoutes } from './pages/routes.tsx'
import { requests } from './requests.ts'
import { responseHeaders } from './response-headers.ts'
import type { Service } from './service.ts'
import { encrypted, isForwardAuth } from './transport.ts'

export type { Env } from './env.ts'

/** The largest body of any request, in bytes. The routes below `/auth` read a quarter of it. */
const BODY_LIMIT = 65_536

/** The whole service as one function from requests to responses. */
export function createApp(service: Service): Hono<Env> {
  const app = new Hono<Env>()
  app.use(requests(service))
  app.use(clientAddress(service.proxies))
  app.use(responseHeaders(service.settings))
  app.use(encrypted(service.settings, service.proxies))
  app.use(limitedBody())
  app.all(
    `${service.http.prefix}/*`,
    async (c) => (await service.http.handle(c.req.raw, { ip: c.var.ip })) ?? c.notFound(),
  )
  app.route('/', healthRoutes(service))
  app.route('/', adminRoutes(service))
  app.route('/console', consoleFiles())
  app.route('/', pageRoutes(service))
  app.notFound((c) => nothingHere(app, service, c))
  app.onError((error, c) => failed(service, error, c))
  return app
}

function limitedBody() {
  const limit = bodyLimit({ maxSize: BODY_LIMIT, onError: () => problem('body_too_large') })
  return createMiddleware<Env>((c, next) => {
    const { method, path } = c.req
    // To ask a request for its body costs more than most requests without one do.
    const isUnread = method === 'GET' || method === 'HEAD' || isForwardAuth(path)
    return isUnread ? next() : limit(c, next)
  })
}

/** A page for people, a problem for programs, and for a method that is not used here those that are. */
function nothingHere(app: Hono<Env>, service: Service, c: Context<Env>): Response | Promise<Response> {
  const methods = methodsAt(app, c.req.path)
  if (methods.length > 0 && !methods.includes(c.req.method)) {
    return problem('method_not_allowed', { headers: [['allow', methods.join(', ')]] })
  }
  const isForPeople = c.req.method === 'GET' && c.req.header('accept')?.includes('text/html') === true
  return isForPeople ? respondProblem({ status: 404, code: 'not_found' }, service.sessions.now()) : problem('not_found')
}

/** The last resort: whatever was thrown is told to the log with the request's id, and to the client only that it happened. */
function failed({ log }: Service, error: Error, c: Context<Env>): Response {
  if (error instanceof HTTPException && error.status < 500) return problem('invalid_request')
  const response = problemOf(error)
  if (response.status >= 500) {
    log.error({ err: error, requestId: c.var.requestId }, 'a request could not be answered')
  }
  return response
}
