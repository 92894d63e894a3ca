import { z } from '@hono/zod-openapi'
import { answer, problem } from 'sojourn/http'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import type { LiveEvents } from './live-events.ts'
import type { Viewer } from './live-stream.ts'
import { isOperator } from './operator.ts'
import type { Caller } from './operator.ts'

const CURSOR_LIMIT = 255

/** `/admin/events/stream`: history as it happens. */
export function streamRoutes(api: AdminApi, service: Service, live: LiveEvents): void {
  api.add(
    'GET /admin/events/stream',
    {
      summary: 'History as it happens',
      description:
        'Server-sent events: `event` with an AuditEvent as its data, and `end` when whoever looks on is no longer signed in or ' +
        'no longer an operator, or the key is revoked or over. `Last-Event-ID` says where to go on from.',
      tag: 'History',
      types: { 'text/event-stream': z.string() },
      problems: ['throttled'],
    },
    async ({ caller, request }) => {
      if (!live.hasRoom(caller.actor)) {
        return problem('throttled', { detail: 'too many live streams are open; close one', retryAfter: 10 })
      }
      const since = request.headers.get('last-event-id')
      if (since !== null && since.length > CURSOR_LIMIT) return problem('invalid_request')
      const { headers } = answer(200, null, [
        ['content-type', 'text/event-stream; charset=utf-8'],
        // Proxies that gather what they pass on would hold events back.
        ['x-accel-buffering', 'no'],
      ])
      if (request.method === 'HEAD') return new Response(null, { headers })
      const stream = await live.open(viewerOf(caller, service), since === '' ? null : since)
      return new Response(stream, { headers })
    },
  )
}

/** Who looks on, and how to tell later whether they still may: by the records, since a token may have been replaced. */
function viewerOf(caller: Caller, { operatorSessions, users, keys }: Service): Viewer {
  if (caller.kind === 'key') return { name: caller.actor, isWelcome: () => keys.isGood(caller.key.id) }
  return {
    name: caller.actor,
    isWelcome: async () => {
      const session = await operatorSessions.get(caller.session.id)
      return session?.isActive === true && isOperator(await users.byId(caller.user.id))
    },
  }
}
