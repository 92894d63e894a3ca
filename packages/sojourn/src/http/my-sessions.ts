import { answer } from './answer.ts'
import { requireRecent } from './guards.ts'
import { farewell } from './hand-over.ts'
import { problem } from './problem.ts'
import { sessionView, userOf, userView } from './views.ts'
import { signedIn } from './visit.ts'
import type { Handler } from './visit.ts'

/** `GET /session`: who is asking, in which session. */
export const whoAmI: Handler = signedIn(async (host, { session }) => {
  const user = await userOf(host, session)
  const shown = user === null ? { id: session.userId, username: session.username } : userView(user)
  return answer(200, { user: shown, session: sessionView(session, true) })
})

/** `GET /sessions`: the user's active sessions, newest first, in pages (`limit`, `cursor`). */
export const listMine: Handler = signedIn(async (host, { request, session }) => {
  const query = pageQuery(new URL(request.url).searchParams)
  if (query === null) return problem('invalid_request', { detail: 'the query may have limit and cursor, each once' })
  const mine = { userId: session.userId, active: true, current: session.id }
  const { sessions, next } = await host.sessions.page({ ...mine, ...query })
  return answer(200, { sessions: sessions.map((each) => sessionView(each, each.current === true)), next })
})

/** `DELETE /sessions`: ends all but the one that asks. Needs a recent proof of identity. */
export const endOthers: Handler = signedIn(async (host, { context, session }) => {
  const refusal = requireRecent(context, { within: host.recent })
  if (refusal !== null) return refusal
  const { count } = await host.sessions.revoke({ userId: session.userId, except: session.id }, { actor: 'user' })
  return answer(200, { ended: count })
})

/**
 * `DELETE /sessions/{id}`: ends one of the user's sessions; any but the one that asks needs a recent proof of
 * identity. Somebody else's session is not there.
 */
export function endOne(id: string): Handler {
  return signedIn(async (host, { request, context, session }) => {
    if (id === session.id) {
      await host.sessions.revoke({ id }, { reason: 'logout', actor: 'user' })
      return answer(204, null, farewell(host, request))
    }
    const refusal = requireRecent(context, { within: host.recent })
    if (refusal !== null) return refusal
    const found = await host.sessions.get(id)
    if (found?.userId !== session.userId) return problem('not_found')
    await host.sessions.revoke({ id }, { actor: 'user' })
    return answer(204, null)
  })
}

/**
 * `/verify` and every path below it, by any method: for a reverse proxy that asks before it lets a request through. 200
 * and who it is, in headers; 401; or whatever `SojournHttp` makes of a failure, which is 503. Changes nothing but what
 * every use of a session changes, and reads neither method nor path nor body: they may be those of the request that is
 * asked about.
 */
export const verify: Handler = signedIn(async (host, { session }) => {
  const user = await userOf(host, session)
  return answer(200, null, [
    ['x-sojourn-user-id', headerText(session.userId)],
    ['x-sojourn-username', headerText(session.username)],
    ['x-sojourn-session-id', session.id],
    ...(user === null ? [] : [['x-sojourn-role', user.role] as const]),
  ])
})

/** Visible ASCII stays as it is; everything else, and `%`, is percent-encoded UTF-8, so that no value breaks a header. */
function headerText(value: string): string {
  return value.replace(/[^\x21-\x24\x26-\x7e]+/gu, encodeURIComponent)
}

function pageQuery(parameters: URLSearchParams): { readonly cursor?: string; readonly limit?: number } | null {
  const pairs = [...parameters]
  const { cursor, limit, ...others } = Object.fromEntries(pairs)
  const isTwice = new Set(parameters.keys()).size < pairs.length
  if (isTwice || Object.keys(others).length > 0 || (limit !== undefined && !/^\d{1,3}$/.test(limit))) return null
  return { ...(cursor === undefined ? {} : { cursor }), ...(limit === undefined ? {} : { limit: Number(limit) }) }
}
