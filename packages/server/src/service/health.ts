import { Hono } from 'hono'
import type { Context } from 'hono'
import { answer, problem } from 'sojourn/http'
import type { Env } from './env.ts'
import { canonicalAddress } from './client-address.ts'
import { later } from './later.ts'
import type { Service } from './service.ts'
import { isLoopbackAddress } from './transport.ts'

/** How long the store may take before it counts as gone, in milliseconds. */
const DEADLINE = 2_000
/** Asked for as nobody's epoch: one keyed read, the same on every engine. */
const NOBODY = 'readyz'
const STOPPING = 'the service is stopping'
const NO_STORE_ANSWER = 'the store does not answer'
/** Any of these, and a proxy stands between. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'] as const
const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/

/** `/healthz`: the process lives. `/readyz`: send it requests. `/metrics`: its figures, for this machine unless opened. */
export function healthRoutes(service: Service): Hono<Env> {
  return new Hono<Env>()
    .get('/healthz', () => answer(200, { status: 'ok' }))
    .get('/readyz', () => showReadiness(service))
    .get('/metrics', (c) => showMetrics(service, c))
}

async function showReadiness(service: Service): Promise<Response> {
  const reasons = service.isReady ? [] : [STOPPING]
  if (!(await doesAnswer(service))) reasons.push(NO_STORE_ANSWER)
  return reasons.length === 0 ? answer(200, { status: 'ready' }) : answer(503, { status: 'unavailable', reasons })
}

async function doesAnswer({ store, clock }: Service): Promise<boolean> {
  const tooLate = Promise.withResolvers<boolean>()
  const cancel = later(clock, DEADLINE, () => tooLate.resolve(false))
  const answered = store.epoch(NOBODY).then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answered, tooLate.promise])
  } finally {
    cancel()
  }
}

async function showMetrics({ settings, metrics, sessions }: Service, c: Context<Env>): Promise<Response> {
  const isShown = settings.metrics === 'open' || (settings.metrics === 'loopback' && isFromThisMachine(c))
  if (!isShown) return problem('not_found')
  const text = await metrics.expose(() => sessions.count({ active: true }))
  return new Response(text, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
}

/** Behind a proxy on this machine everybody seems to be on it, so one that says it is a proxy, or passes on a name, is none. */
function isFromThisMachine(c: Context<Env>): boolean {
  const socketAddress = c.env?.incoming?.socket.remoteAddress
  const peer = socketAddress === undefined ? null : canonicalAddress(socketAddress)
  if (peer === null || !isLoopbackAddress(peer)) return false
  if (FORWARDED.some((name) => c.req.header(name) !== undefined)) return false
  return LOOPBACK_HOST.test(c.req.header('host') ?? '')
}
