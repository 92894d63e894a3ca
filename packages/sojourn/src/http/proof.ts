import type { AuthManager } from '../auth/auth-manager.ts'
import { answer } from './answer.ts'
import { readJson, textField } from './body.ts'
import { handOver, withoutCookie } from './hand-over.ts'
import { problem, problemOfOutcome } from './problem.ts'
import { sessionView } from './views.ts'
import { deviceOf, signedIn } from './visit.ts'
import type { Handler } from './visit.ts'

const PROOF = { password: textField }
const CHANGE = { currentPassword: textField, newPassword: textField }

/** `POST /reauthenticate`: the password again, and with it a new token for the same session; the old one is refused at once. */
export function reauthenticate(auth: AuthManager): Handler {
  return signedIn(async (host, visit) => {
    const { request, session, via } = visit
    const body = await readJson(request, PROOF)
    if (!body.ok) return body.response
    const outcome = await auth.reauthenticate(session, body.value.password, deviceOf(visit))
    if (outcome.ok) return handOver(host, via, outcome, { session: sessionView(outcome.session, true) })
    if (outcome.reason === 'invalid_credentials') return problem('wrong_password')
    if ('retryAfter' in outcome) return problemOfOutcome(outcome)
    return problem('unauthenticated', { headers: withoutCookie(host, request) })
  })
}

/**
 * `POST /password`: another password for who knows the present one. Ends the user's other sessions; this one goes on
 * under a new token, since whoever took the password may have taken the token too.
 */
export function changePassword(auth: AuthManager): Handler {
  return signedIn(async (host, visit) => {
    const { request, session, via } = visit
    const body = await readJson(request, CHANGE)
    if (!body.ok) return body.response
    const { currentPassword, newPassword } = body.value
    const options = { keep: session.id, device: deviceOf(visit) }
    const outcome = await auth.changePassword(session.username, currentPassword, newPassword, options)
    if (!outcome.ok)
      return outcome.reason === 'invalid_credentials' ? problem('wrong_password') : problemOfOutcome(outcome)
    const { ended } = outcome
    const renewed = await host.sessions.reauthenticated(session.id)
    if (renewed.ok) return handOver(host, via, renewed, { ended, session: sessionView(renewed.session, true) })
    // Somebody has ended this session meanwhile. The password is changed all the same.
    return answer(200, { ended, session: null }, withoutCookie(host, request))
  })
}
