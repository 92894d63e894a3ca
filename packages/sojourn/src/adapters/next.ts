/**
 * Sessions for Next 16: route handlers and server components.
 * @module
 */
import { problem } from '../http/index.ts'
import type { RequestSession, SojournHttp } from '../http/index.ts'
import { answered } from './fetch-bridge.ts'
import type { SessionHandler } from './fetch-bridge.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export { requireRecent, requireSession } from './fetch.ts'
export type { SignedIn } from './context.ts'
export type { AdapterOptions } from './peer.ts'
export type { SessionHandler } from './fetch-bridge.ts'

/** A route handler of Next. `rest` is what Next passes on: the parameters of the path. */
export type RouteHandler<Rest extends readonly unknown[] = []> = (request: Request, ...rest: Rest) => Promise<Response>

/** What a `route.ts` exports. */
export interface RouteHandlers {
  readonly GET: RouteHandler
  readonly POST: RouteHandler
  readonly DELETE: RouteHandler
}

/**
 * The routes below the prefix, for `app/auth/[...path]/route.ts`. Next knows no socket: `clientAddress` has to say where
 * a request comes from.
 */
export function routeHandlers(http: SojournHttp, options: AdapterOptions<[request: Request]> = {}): RouteHandlers {
  const answer: RouteHandler = async (request) =>
    (await http.handle(request, peerOf(options, [request], undefined))) ?? problem('not_found')
  return { GET: answer, POST: answer, DELETE: answer }
}

/**
 * A route handler with a session. Refuses writes that another site may have forged before `handler` is called. What that
 * throws is answered with 500 and told to `onError`, except what Next says to itself with `redirect()` and the like.
 */
export function withSession<Rest extends readonly unknown[] = []>(
  http: SojournHttp,
  handler: SessionHandler<Rest>,
  options: AdapterOptions<[request: Request, ...rest: Rest]> = {},
): RouteHandler<Rest> {
  return (request, ...rest) => {
    const peer = peerOf(options, [request, ...rest], undefined)
    return answered(http, request, peer, (context) => handler(request, context, ...rest), isSignalOfNext)
  }
}

/**
 * The session of a page, for server components: `sessionOf(http, await headers())`. Looks and writes no cookie, since a
 * page cannot: a new secret that is due is handed out by the next route handler. Rejects when the store fails.
 */
export function sessionOf(http: SojournHttp, headers: Iterable<[string, string]>): Promise<RequestSession> {
  return http.read(new Request(http.origin, { headers: new Headers([...headers]) }))
}

function isSignalOfNext(thrown: unknown): boolean {
  const { digest } = (thrown ?? {}) as { readonly digest?: unknown }
  return typeof digest === 'string' && digest.startsWith('NEXT_')
}
