/**
 * Sessions for `node:http` without a framework.
 * @module
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duration } from '../core/duration.ts'
import { requireRecent as refuseOld, requireSession as refuseNobody } from '../http/index.ts'
import type { RequestSession, SojournHttp } from '../http/index.ts'
import type { Guard, SignedIn } from './context.ts'
import { arrive, send } from './node-bridge.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export type { AdapterOptions } from './peer.ts'
export type { SignedIn } from './context.ts'

/** Answers a request whose session has been looked for. */
export type SessionListener<Context extends RequestSession = RequestSession> = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  context: Context,
) => void | Promise<void>

/**
 * A listener for `createServer` that answers the routes below the prefix and calls `listener` with the session for
 * everything else. What that throws is answered with 500 and told to `onError`.
 */
export function withSession(
  http: SojournHttp,
  listener: SessionListener,
  options: AdapterOptions<[IncomingMessage]> = {},
): RequestListener {
  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    try {
      const peer = peerOf(options, [incoming], incoming.socket.remoteAddress)
      const { response, context } = await arrive(http, { incoming, outgoing }, peer, incoming.url)
      await (response === null ? listener(incoming, outgoing, context) : send(response, outgoing))
    } catch (error) {
      const response = http.failure(error)
      // Half a response cannot be taken back, only be broken off so that nobody takes it for a whole one.
      if (outgoing.headersSent) outgoing.destroy()
      else await send(response, outgoing)
    }
  }
  return (incoming, outgoing) => void answer(incoming, outgoing)
}

/** Calls a listener only for those who are signed in; everybody else gets 401. */
export function requireSession(listener: SessionListener<SignedIn>): SessionListener {
  return guarded(refuseNobody, listener)
}

/** Calls a listener only for those who have proved who they are within this span; others get 403, or 401 without a session. */
export function requireRecent(
  span: { readonly within: Duration },
  listener: SessionListener<SignedIn>,
): SessionListener {
  return guarded((context) => refuseOld(context, span), listener)
}

function guarded(guard: Guard, listener: SessionListener<SignedIn>): SessionListener {
  return (incoming, outgoing, context) => {
    const refusal = guard(context)
    return refusal === null ? listener(incoming, outgoing, context as SignedIn) : send(refusal, outgoing)
  }
}
