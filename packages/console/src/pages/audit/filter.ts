import { EVENT_NAMES } from './event-words.ts'
import type { AuditEvent, EventType } from '../../api/types.ts'

/** What the audit page shows; all of it is in its address. Empty strings and lists ask for nothing. */
export interface AuditFilter {
  readonly types: readonly EventType[]
  readonly userId: string
  readonly sessionId: string
  readonly since: Since
}

/** How far back. */
export type Since = keyof typeof SINCE

/** The choices, and how long each is in milliseconds; null is everything that is kept. */
export const SINCE = {
  any: { name: 'Any time', span: null },
  '1h': { name: 'Last hour', span: 3_600_000 },
  '24h': { name: 'Last 24 hours', span: 86_400_000 },
  '7d': { name: 'Last 7 days', span: 7 * 86_400_000 },
  '30d': { name: 'Last 30 days', span: 30 * 86_400_000 },
} as const

/** The filter in an address, without what is no filter. */
export function readFilter(search: Readonly<Record<string, unknown>>): AuditFilter {
  const { type, userId, sessionId, since } = search
  const types = text(type).split(',')
  const spelled = text(since)
  return {
    types: EVENT_TYPES.filter((known) => types.includes(known)),
    userId: text(userId),
    sessionId: text(sessionId),
    since: isSince(spelled) ? spelled : 'any',
  }
}

/** The same as an address has it; undefined where nothing is asked for. */
export function writeFilter({ types, userId, sessionId, since }: AuditFilter): AuditSearch {
  return {
    type: types.join(',') || undefined,
    userId: userId || undefined,
    sessionId: sessionId || undefined,
    since: since === 'any' ? undefined : since,
  }
}

/** The filter in the address of the page. */
export interface AuditSearch {
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly sessionId?: string | undefined
  readonly since?: string | undefined
}

/** What the service is asked. `now` fixes where a span such as the last hour begins. */
export function filterQuery({ types, userId, sessionId, since }: AuditFilter, now: number): URLSearchParams {
  const query = new URLSearchParams()
  for (const type of types) query.append('type', type)
  if (userId !== '') query.set('userId', userId)
  if (sessionId !== '') query.set('sessionId', sessionId)
  const { span } = SINCE[since]
  if (span !== null) query.set('since', new Date(now - span).toISOString())
  return query
}

/** Whether an event that just happened belongs on the page. */
export function isShown({ types, userId, sessionId }: AuditFilter, event: AuditEvent): boolean {
  return (
    (types.length === 0 || types.includes(event.type)) &&
    (userId === '' || userId === event.userId) &&
    (sessionId === '' || sessionId === event.sessionId)
  )
}

export const EVERYTHING: AuditFilter = { types: [], userId: '', sessionId: '', since: 'any' }

const EVENT_TYPES = Object.keys(EVENT_NAMES) as readonly EventType[]

/** The router reads digits as a number. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

function isSince(value: string): value is Since {
  return Object.hasOwn(SINCE, value)
}
