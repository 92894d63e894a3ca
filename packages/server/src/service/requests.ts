import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { randomUUID } from 'node:crypto'
import type { Env } from './env.ts'
import { pathForLog } from './log.ts'
import type { Service } from './service.ts'

const TRACER = trace.getTracer('sojourn')
/** Asked for so often that nobody wants to read of it. */
const DULL = /^\/(?:healthz|readyz|metrics|assets\/.*|console\/assets\/.*)$/
/** Below the prefix: everything that has an answer of its own. */
const AUTH_PATHS = /^\/(?:register|login|logout|session|sessions|reauthenticate|password|verify)$/

/** Gives every request an id, and tells the log, the figures and whoever traces what came of it. */
export function requests({ log, metrics, http }: Service) {
  return createMiddleware<Env>(async (c, next) => {
    const startedAt = performance.now()
    const { method, path } = c.req
    const requestId = randomUUID()
    c.set('requestId', requestId)
    const parent = propagation.extract(context.active(), c.req.raw.headers, HEADERS)
    const span = TRACER.startSpan(method, { kind: SpanKind.SERVER }, parent)
    await context.with(trace.setSpan(parent, span), next)
    c.res.headers.set('x-request-id', requestId)

    const { status } = c.res
    const route = routeOf(c, http.prefix)
    const seconds = (performance.now() - startedAt) / 1_000
    metrics.noteRequest({ method, route, status, seconds })
    span.updateName(`${method} ${route}`)
    span.setAttributes({ 'http.request.method': method, 'http.route': route, 'http.response.status_code': status })
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
    const line = { requestId, method, path: pathForLog(path), status, ms: Math.round(seconds * 1e4) / 10, ip: c.var.ip }
    if (DULL.test(path) && status < 500) log.debug(line, 'answered')
    else log.info(line, 'answered')
  })
}

const HEADERS = {
  get: (headers: Headers, name: string) => headers.get(name) ?? undefined,
  keys: (headers: Headers) => [...headers.keys()],
}

/** The template of the route that answered. There are as many as routes, whatever is asked for. */
function routeOf(c: Context<Env>, prefix: string): string {
  const template = matchedRoutes(c).findLast(({ path }) => path !== '/*')?.path ?? 'none'
  if (template !== `${prefix}/*`) return template
  const path = c.req.path.slice(prefix.length)
  if (AUTH_PATHS.test(path)) return prefix + path
  if (path.startsWith('/sessions/')) return `${prefix}/sessions/:id`
  return path.startsWith('/verify/') ? `${prefix}/verify` : template
}
