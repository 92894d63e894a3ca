/**
 * Sessions for Hono 4.
 * @module
 */
import type { Duration } from '../core/duration.ts'
import { requireRecent as refuseOld, requireSession as refuseNobody } from '../http/index.ts'
import type { RequestSession, SojournHttp } from '../http/index.ts'
import { carrying, found } from './context.ts'
import type { Guard } from './context.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export type { AdapterOptions } from './peer.ts'

/** What `new Hono<{ Variables: SojournVariables }>()` knows of `c.var`. */
export interface SojournVariables {
  readonly sojourn: RequestSession
}

/** A context of Hono, as far as it is used here. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  readonly env: unknown
  readonly var: object
  readonly set: (name: never, value: never) => void
  get res(): Response
  set res(response: Response | undefined)
}

/** A middleware, for `app.use` or in front of a handler. */
export type HonoMiddleware<Asked extends HonoContext = HonoContext> = (
  context: Asked,
  next: () => Promise<void>,
) => Promise<Response | void>

/** Answers the routes below the prefix and puts the session of every other request on `c.var.sojourn`; `sessionOf` reads it, too. */
export function sojourn<Asked extends HonoContext>(
  http: SojournHttp,
  options: AdapterOptions<[Asked]> = {},
): HonoMiddleware<Asked> {
  return async (c, next) => {
    const { response, context } = await http.enter(c.req.raw, peerOf(options, [c], socketAddress(c.env)))
    if (response !== null) return response
    const set = c.set as (name: string, value: RequestSession) => void
    set('sojourn', context)
    await next()
    replaceResponse(c, carrying(context, c.res))
    return undefined
  }
}

function replaceResponse(c: HonoContext, response: Response): void {
  if (response === c.res) return
  // Taken away first: Hono puts the headers of the old one on the new one.
  c.res = undefined
  c.res = response
}

/** The session of a request. Throws where `sojourn(http)` was not used before. */
export function sessionOf(context: { readonly var: object }): RequestSession {
  return found((context.var as Partial<SojournVariables>).sojourn)
}

/** Lets those through who are signed in; everybody else gets 401. */
export const requireSession: HonoMiddleware = guarded(refuseNobody)

/** Lets those through who have proved who they are within this span; others get 403, or 401 without a session. */
export function requireRecent(span: { readonly within: Duration }): HonoMiddleware {
  return guarded((context) => refuseOld(context, span))
}

function guarded(guard: Guard): HonoMiddleware {
  return async (c, next) => guard(sessionOf(c)) ?? next()
}

/** Where `@hono/node-server` has it. Elsewhere `clientAddress` knows. */
function socketAddress(env: unknown): string | undefined {
  const { incoming } = (env ?? {}) as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } }
  return incoming?.socket?.remoteAddress
}
