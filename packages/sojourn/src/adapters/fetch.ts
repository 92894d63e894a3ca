/**
 * Sessions for servers that are a function from `Request` to `Response`, as in Bun, Deno and workers.
 * @module
 */
import type { Duration } from '../core/duration.ts'
import { requireRecent as refuseOld, requireSession as refuseNobody } from '../http/index.ts'
import type { SojournHttp } from '../http/index.ts'
import type { SignedIn } from './context.ts'
import { answered, guarded } from './fetch-bridge.ts'
import type { SessionHandler } from './fetch-bridge.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export type { AdapterOptions } from './peer.ts'
export type { SessionHandler } from './fetch-bridge.ts'
export type { SignedIn } from './context.ts'

/**
 * A handler for the server that answers the routes below the prefix and calls `handler` with the session for everything
 * else, and with whatever else the server passes on. What it throws is answered with 500 and told to `onError`. No
 * socket is known here: `clientAddress` has to say where a request comes from.
 */
export function withSession<Rest extends readonly unknown[] = []>(
  http: SojournHttp,
  handler: SessionHandler<Rest>,
  options: AdapterOptions<[request: Request, ...rest: Rest]> = {},
): (request: Request, ...rest: Rest) => Promise<Response> {
  return (request, ...rest) => {
    const peer = peerOf(options, [request, ...rest], undefined)
    return answered(http, request, peer, (context) => handler(request, context, ...rest))
  }
}

/** Calls a handler only for those who are signed in; everybody else gets 401. */
export function requireSession<Rest extends readonly unknown[] = []>(
  handler: SessionHandler<Rest, SignedIn>,
): SessionHandler<Rest> {
  return guarded(refuseNobody, handler)
}

/** Calls a handler only for those who have proved who they are within this span; others get 403, or 401 without a session. */
export function requireRecent<Rest extends readonly unknown[] = []>(
  span: { readonly within: Duration },
  handler: SessionHandler<Rest, SignedIn>,
): SessionHandler<Rest> {
  return guarded((context) => refuseOld(context, span), handler)
}
