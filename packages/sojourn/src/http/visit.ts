import type { DeviceInput } from '../core/device.ts'
import type { Session } from '../core/session.ts'
import { isSafe } from './origin.ts'
import { problem } from './problem.ts'
import type { Peer, RequestSession } from './request-session.ts'
import type { Host } from './settings.ts'

/** A request for one of the routes, after it was found to be no forgery. */
export interface Visit {
  readonly request: Request
  readonly peer: Peer
}

/** What a route does. */
export type Handler = (host: Host, visit: Visit) => Promise<Response>

/** A visit by somebody who is signed in. */
export interface SignedInVisit extends Visit {
  readonly context: RequestSession
  readonly session: Session
  readonly via: 'cookie' | 'bearer'
}

/**
 * A route for those who are signed in; everybody else is told that they are not. Of whoever changes something nothing is
 * believed that only a memory in front of the store says.
 */
export function signedIn(handle: (host: Host, visit: SignedInVisit) => Promise<Response>): Handler {
  return async (host, visit) => {
    const isStrict = visit.peer.isStrict === true || !isSafe(visit.request.method)
    const context = await host.reader.read(visit.request, { ...visit.peer, isStrict })
    const { session, via } = context
    if (session === null || via === null) return problem('unauthenticated', { headers: context.headers })
    const response = await handle(host, { ...visit, context, session, via })
    context.applyTo(response.headers)
    return response
  }
}

/** The device a visit comes from. */
export function deviceOf({ request, peer }: Visit): DeviceInput {
  return { ip: peer.ip, userAgent: request.headers.get('user-agent') }
}
