/**
 * Sessions for Fastify 5.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duration } from '../core/duration.ts'
import { requireRecent as refuseOld, requireSession as refuseNobody } from '../http/index.ts'
import type { RequestSession, SojournHttp } from '../http/index.ts'
import { found } from './context.ts'
import type { Guard } from './context.ts'
import { arrive } from './node-bridge.ts'
import { peerOf } from './peer.ts'
import type { AdapterOptions } from './peer.ts'

export type { AdapterOptions } from './peer.ts'

/** A request of Fastify, as far as it is used here. */
export interface FastifyRequest {
  readonly raw: IncomingMessage
}

/** A reply of Fastify, as far as it is used here. */
export interface FastifyReply {
  readonly raw: ServerResponse
  send(payload: Response): unknown
}

/** A hook, as `onRequest` and `preHandler` take it. */
export type FastifyHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** A server or part of one, as far as it is used here. */
export interface FastifyInstance {
  decorateRequest(name: 'sojourn', value: null): unknown
  addHook(name: 'onRequest', hook: FastifyHook): unknown
}

/**
 * A plugin that answers the routes below the prefix and puts the session of every other request on `request.sojourn`;
 * `sessionOf` reads it. It holds for everything of the instance that registers it.
 */
export function sojourn<Asked extends FastifyRequest>(
  http: SojournHttp,
  options: AdapterOptions<[Asked]> = {},
): (instance: FastifyInstance) => Promise<void> {
  async function plugin(instance: FastifyInstance): Promise<void> {
    instance.decorateRequest('sojourn', null)
    instance.addHook('onRequest', async (request, reply) => {
      const { raw } = request
      // The socket's address and not `request.ip`, which with `trustProxy` set to true is whatever the client says.
      const peer = peerOf(options, [request as Asked], raw.socket.remoteAddress)
      const { response, context } = await arrive(http, { incoming: raw, outgoing: reply.raw }, peer, raw.url)
      if (response !== null) return reply.send(response)
      return void Object.assign(request, { sojourn: context })
    })
  }
  // What `fastify-plugin` does: the hook is for whoever registers the plugin, not for the plugin alone.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** The session of a request. Throws where `sojourn(http)` was not registered. */
export function sessionOf(request: object): RequestSession {
  return found((request as { readonly sojourn?: RequestSession | null }).sojourn)
}

/** A `preHandler` that lets those through who are signed in; everybody else gets 401. */
export const requireSession: FastifyHook = guarded(refuseNobody)

/** A `preHandler` that lets those through who have proved who they are within this span; others get 403, or 401 without a session. */
export function requireRecent(span: { readonly within: Duration }): FastifyHook {
  return guarded((context) => refuseOld(context, span))
}

function guarded(guard: Guard): FastifyHook {
  return async (request, reply) => {
    const refusal = guard(sessionOf(request))
    return refusal === null ? undefined : reply.send(refusal)
  }
}
