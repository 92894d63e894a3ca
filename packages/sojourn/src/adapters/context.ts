import { SojournError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { RequestSession } from '../http/index.ts'

/** A request that has a session, as behind `requireSession`. */
export type SignedIn = RequestSession & { readonly session: Session; readonly reason: null }

/** A guard of `sojourn/http`: null lets through. Where it does, there is a session. */
export type Guard = (context: RequestSession) => Response | null

/** What an adapter has put on a request. Throws where it was never asked: nobody is no answer to a question not put. */
export function found(context: RequestSession | null | undefined): RequestSession {
  if (context !== null && context !== undefined) return context
  throw new SojournError('invalid_option', 'nobody has looked for the session of this request; use sojourn(http) first')
}

/**
 * A response that carries what the session has to say: the same, or a copy where its headers cannot be changed, as
 * those of `Response.redirect`.
 */
export function carrying(context: RequestSession, response: Response): Response {
  try {
    context.applyTo(response.headers)
    return response
  } catch {
    const copy = new Response(response.body, response)
    context.applyTo(copy.headers)
    return copy
  }
}
