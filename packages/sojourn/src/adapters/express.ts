/**
 * Sessions for Express 5.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duration } from '../core/duration.ts'
import { requireRecent as refuseOld, requireSession as refuseNobody } from '../http/index.ts'
import type { RequestSession, SojournHttp } from '../http/index.ts'
import { found } from './context.ts'
import type { Guard } from './context.ts'
import { arrive, send } from './node-bridge.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export type { AdapterOptions } from './peer.ts'

/** A request of Express, as far as it is used here. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl: string
}

/** A middleware, for `app.use` or in front of a handler. */
export type ExpressMiddleware<Asked extends ExpressRequest = ExpressRequest> = (
  request: Asked,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

/**
 * Answers the routes below the prefix and puts the session of every other request on `req.sojourn`; `sessionOf` reads
 * it. Goes before what parses bodies, and after what serves public files.
 */
export function sojourn<Asked extends ExpressRequest>(
  http: SojournHttp,
  options: AdapterOptions<[Asked]> = {},
): ExpressMiddleware<Asked> {
  return async (request, response, next) => {
    // The socket's address and not `req.ip`, which with `trust proxy` set to true is whatever the client says.
    const peer = peerOf(options, [request], request.socket.remoteAddress)
    // `originalUrl`, since a router has cut its own path off `url`.
    const arrival = await arrive(http, { incoming: request, outgoing: response }, peer, request.originalUrl)
    if (arrival.response !== null) return send(arrival.response, response)
    Object.assign(request, { sojourn: arrival.context })
    next()
  }
}

/** The session of a request. Throws where `sojourn(http)` was not used before. */
export function sessionOf(request: object): RequestSession {
  return found((request as { readonly sojourn?: RequestSession }).sojourn)
}

/** Lets those through who are signed in; everybody else gets 401. */
export const requireSession: ExpressMiddleware = guarded(refuseNobody)

/** Lets those through who have proved who they are within this span; others get 403, or 401 without a session. */
export function requireRecent(span: { readonly within: Duration }): ExpressMiddleware {
  return guarded((context) => refuseOld(context, span))
}

function guarded(guard: Guard): ExpressMiddleware {
  return async (request, response, next) => {
    const refusal = guard(sessionOf(request))
    if (refusal !== null) return send(refusal, response)
    next()
  }
}
