import { z } from '@hono/zod-openapi'
import { END_REASONS, isSessionId } from 'sojourn'
import type { SessionFilter, SessionId, SessionManager } from 'sojourn'
import { problem } from 'sojourn/http'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import type { Caller } from './operator.ts'
import { instantParameter, textParameter, wholeParameter } from './query.ts'
import { AdminSession, AuditEvent, Count } from './schemas.ts'
import { eventViews, sessionView } from './views.ts'

/** How many sessions may be named at once. */
const MOST_IDS = 1_000

/** Which sessions are meant: the same for listing, counting and ending. */
const FILTER = {
  text: textParameter.optional().openapi({ description: 'Appears in the username, the user agent or the address.' }),
  userId: textParameter.optional(),
  username: textParameter.optional(),
  ip: textParameter.optional(),
  state: z.enum(['active', 'ended', 'overdue', 'all']).default('all').openapi({
    description: 'overdue: time has ended it, and the next clean-up writes it down.',
  }),
  endReason: z.enum(END_REASONS).optional(),
  method: textParameter.optional(),
  createdSince: instantParameter.optional(),
  createdBefore: instantParameter.optional(),
} as const
const Filter = z.strictObject(FILTER)

const Page = z.strictObject({
  ...FILTER,
  sort: z.enum(['createdAt', 'lastAccessedAt']).default('createdAt'),
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: wholeParameter(1, 500, 50).optional(),
  cursor: textParameter.optional().openapi({ description: '`next` of the page before.' }),
})

const Counted = z.strictObject({
  ...FILTER,
  upTo: wholeParameter(1, Number.MAX_SAFE_INTEGER).optional().openapi({
    description: 'Where as many match or more, the answer is this; a text among many sessions is counted sooner then.',
  }),
})

const HOW = {
  reason: textParameter.max(200).optional().openapi({ description: 'Why, in a sentence for history.' }),
  dryRun: z.boolean().optional().openapi({ description: 'Count and change nothing.' }),
} as const
const Revocation = z
  .union([
    z.strictObject({ ids: z.array(z.string().refine(isSessionId, 'is no session id')).min(1).max(MOST_IDS), ...HOW }),
    z.strictObject({
      filter: Filter,
      ...HOW,
      confirm: z.int().min(0).optional().openapi({
        description: 'How many may end at most. Must be there unless `dryRun` is true.',
      }),
    }),
  ])
  .openapi('SessionRevocation')

/** How many lines of history come with one session. */
const HISTORY = 500

/** `/admin/sessions`: everybody's sessions, and the end of them. */
export function sessionRoutes(api: AdminApi, { sessions, users }: Service): void {
  api.add(
    'GET /admin/sessions',
    {
      summary: 'Sessions, by page',
      tag: 'Sessions',
      query: Page,
      answer: z.strictObject({ sessions: z.array(AdminSession), next: z.string().nullable() }),
    },
    async ({ query: { sort, order, limit, cursor, ...filter } }) => {
      const page = await sessions.page({ ...meant(filter), sort, order, limit, cursor })
      return { sessions: page.sessions.map(sessionView), next: page.next }
    },
  )

  api.add(
    'GET /admin/sessions/count',
    { summary: 'How many sessions match', tag: 'Sessions', query: Counted, answer: Count },
    async ({ query: { upTo, ...filter } }) => ({ count: await sessions.count(meant(filter), { upTo }) }),
  )

  api.add(
    'GET /admin/sessions/{id}',
    {
      summary: 'One session and its history',
      description: `Newest line first, at most ${HISTORY} of them.`,
      tag: 'Sessions',
      answer: z.strictObject({ session: AdminSession, history: z.array(AuditEvent) }),
      problems: ['not_found'],
    },
    async ({ id }) => {
      const session = await sessions.get(id)
      if (session === null) return problem('not_found')
      const history = await sessions.events({ sessionId: session.id, limit: HISTORY })
      return { session: sessionView(session), history: [...(await eventViews(history, { users, sessions }))] }
    },
  )

  api.add(
    'POST /admin/sessions/revoke',
    {
      summary: 'End sessions for good',
      description:
        'Those of the ids given, or the active ones among what a filter shows. With a filter, `confirm` says how many may end ' +
        'at most: if there are more by now, nothing ends and the answer is 409 `count_changed` with the number. The ' +
        'operator’s own session ends only when named by its id.',
      tag: 'Sessions',
      body: Revocation,
      answer: Count,
      problems: ['count_changed'],
    },
    async ({ caller, body }) => {
      const options = { actor: caller.actor, detail: body.reason }
      if ('ids' in body) {
        if (body.dryRun === true) return { count: await countActive(sessions, body.ids) }
        const { count } = await sessions.revoke({ ids: body.ids }, options)
        return { count }
      }
      const where = revocable(body.filter, caller)
      const count = where === null ? 0 : await sessions.count(where)
      if (body.dryRun === true) return { count }
      if (body.confirm === undefined) {
        return problem('invalid_body', { detail: 'confirm must say how many sessions may end at most' })
      }
      if (count > body.confirm) return problem('count_changed', { count })
      if (where === null) return { count: 0 }
      return { count: (await sessions.revoke({ where }, options)).count }
    },
  )
}

type Asked = z.output<typeof Filter>

/** A filter in the words of the library. */
function meant({ state, ...conditions }: Asked): SessionFilter {
  return { ...conditions, ...STATES[state] }
}

const STATES = {
  active: { active: true },
  ended: { ended: true },
  overdue: { active: false, ended: false },
  all: {},
} as const satisfies Readonly<Record<Asked['state'], SessionFilter>>

/** What of a filter can be ended: what is active, but for the session of whoever asks. Null where that is nothing. */
function revocable({ state, ...conditions }: Asked, caller: Caller): SessionFilter | null {
  if (state === 'ended' || state === 'overdue') return null
  const given = Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined))
  return { ...given, active: true, ...(caller.kind === 'operator' ? { except: caller.session.id } : {}) }
}

async function countActive(sessions: SessionManager, ids: readonly SessionId[]): Promise<number> {
  const found = await Promise.all([...new Set(ids)].map((id) => sessions.get(id)))
  return found.filter((session) => session?.isActive === true).length
}
