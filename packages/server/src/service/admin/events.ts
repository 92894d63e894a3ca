import { z } from '@hono/zod-openapi'
import { EVENT_TYPES, isSessionId } from 'sojourn'
import type { HistoryQuery, SessionEvent } from 'sojourn'

import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { exportedEvents } from './export.ts'
import { instantParameter, severalOf, textParameter, wholeParameter } from './query.ts'
import { AuditEvent } from './schemas.ts'
import { eventViews } from './views.ts'

const DEFAULT_LIMIT = 50

const FILTER = {
  type: severalOf(EVENT_TYPES).optional(),
  userId: textParameter.optional(),
  sessionId: textParameter.optional(),
  since: instantParameter.optional(),
} as const

const Page = z.strictObject({
  ...FILTER,
  limit: wholeParameter(1, 1_000, DEFAULT_LIMIT).optional(),
  before: wholeParameter(0, Number.MAX_SAFE_INTEGER).optional().openapi({ description: '`next` of the page before.' }),
})

const Export = z.strictObject({ ...FILTER, format: z.enum(['csv', 'json']) })

/** `/admin/events`: history, by page and as a file. */
export function eventRoutes(api: AdminApi, { sessions, users }: Service): void {
  api.add(
    'GET /admin/events',
    {
      summary: 'History, newest first, by page',
      tag: 'History',
      query: Page,
      answer: z.strictObject({ events: z.array(AuditEvent), next: z.int().nullable() }),
    },
    async ({ query: { limit = DEFAULT_LIMIT, before, ...filter } }) => {
      const query = meant(filter)
      const found = query === null ? [] : await sessions.events({ ...query, before, limit: limit + 1 })
      const page = found.slice(0, limit)
      return { events: [...(await eventViews(page, { users, sessions }))], next: nextOf(found, page) }
    },
  )

  api.add(
    'GET /admin/events/export',
    {
      summary: 'History as a file: everything that matches',
      tag: 'History',
      query: Export,
      types: { 'text/csv': z.string(), 'application/json': z.array(AuditEvent) },
    },
    async ({ query: { format, ...filter }, request }) => {
      const query = meant(filter)
      const read = async (before: number | undefined): Promise<readonly SessionEvent[]> =>
        query === null ? [] : sessions.events({ ...query, before, limit: 1_000 })
      return exportedEvents(format, { read, names: { users, sessions }, isHead: request.method === 'HEAD' })
    },
  )
}

function nextOf(found: readonly SessionEvent[], page: readonly SessionEvent[]): number | null {
  return found.length > page.length ? (page.at(-1)?.position ?? null) : null
}

/** A filter in the words of the library; null where nothing can match. */
function meant({ sessionId, ...filter }: z.output<z.ZodObject<typeof FILTER>>): HistoryQuery | null {
  if (sessionId === undefined) return filter
  return isSessionId(sessionId) ? { ...filter, sessionId } : null
}
