import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { problem } from './problem.ts'
import type { RequestSession } from './request-session.ts'

/** Null where the request has a session, and otherwise the response that says it has none (401). */
export function requireSession(context: RequestSession): Response | null {
  return context.session === null ? problem('unauthenticated', { headers: context.headers }) : null
}

/**
 * Null where the user has proved who they are within this span before the request, otherwise the response that asks
 * for it (403, `reauth_required`) or for a session first (401). Using a session proves nothing.
 */
export function requireRecent(context: RequestSession, { within }: { readonly within: Duration }): Response | null {
  const span = milliseconds(within, 'within')
  if (context.session === null) return requireSession(context)
  if (context.at.getTime() - context.session.authenticatedAt.getTime() <= span) return null
  return problem('reauth_required', { maxAge: Math.floor(span / 1_000), headers: context.headers })
}
