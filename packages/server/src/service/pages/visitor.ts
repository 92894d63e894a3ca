import type { Context } from 'hono'
import type { Session } from 'sojourn'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { enter, problemIn } from './ask.ts'
import { goOn, respondProblem } from './page.tsx'
import type { Visitor } from './page.tsx'

/** A visit by somebody who is signed in. */
export interface SignedIn {
  readonly session: Session
  readonly visitor: Visitor
  readonly now: number
  /** The page for a problem that a response of `sojourn/http` tells of. */
  readonly refuse: (response: Response) => Promise<Response>
}

/** Shows a page to whoever is signed in; everybody else signs in first and comes back. */
export async function signedIn(
  service: Service,
  c: Context<Env>,
  show: (visit: SignedIn) => Promise<Response>,
): Promise<Response> {
  const { response, context } = await enter(service, c)
  const now = service.sessions.now()
  const refuse = async (problem: Response): Promise<Response> => respondProblem(await problemIn(problem), now)
  if (response !== null) return refuse(response)
  const { session, reason } = context
  if (session === null) {
    const path = c.req.method === 'GET' && c.req.path !== '/' ? `/login?next=${c.req.path}` : '/login'
    return goOn(path, context.headers, reason === 'absent' ? undefined : 'over')
  }
  const user = await service.auth.getUser(session.username)
  const role = user?.id === session.userId ? user.role : 'user'
  const shown = await show({ session, visitor: { username: session.username, role }, now, refuse })
  context.applyTo(shown.headers)
  return shown
}
