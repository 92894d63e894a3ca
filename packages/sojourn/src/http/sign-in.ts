import type { AuthManager } from '../auth/auth-manager.ts'
import { answer } from './answer.ts'
import { choiceField, flagField, optionalField, readJson, textField } from './body.ts'
import { REMEMBER } from './cookie.ts'
import { endPresented, farewell, handOver, withoutCookie } from './hand-over.ts'
import { problem, problemOfOutcome } from './problem.ts'
import { sessionView, userView } from './views.ts'
import { deviceOf } from './visit.ts'
import type { Handler } from './visit.ts'

const REGISTRATION = { username: textField, password: textField }
const LOGIN = {
  username: textField,
  password: textField,
  mode: optionalField(choiceField('cookie', 'token'), 'cookie'),
  remember: optionalField(flagField, false),
}

/** `POST /register`: adds a user and signs nobody in. */
export function register(auth: AuthManager): Handler {
  return async (_, { request }) => {
    const body = await readJson(request, REGISTRATION)
    if (!body.ok) return body.response
    const outcome = await auth.registerUser(body.value.username, body.value.password)
    return outcome.ok ? answer(201, { user: userView(outcome.user) }) : problemOfOutcome(outcome)
  }
}

/**
 * `POST /login`: a new session whatever was presented, and the end of what was. The cookie, or with
 * `{"mode":"token"}` the token in the body; `remember` keeps the cookie when the browser closes.
 */
export function login(auth: AuthManager): Handler {
  return async (host, visit) => {
    const body = await readJson(visit.request, LOGIN)
    if (!body.ok) return body.response
    const { username, password, mode, remember } = body.value
    if (mode === 'token' && !host.hasTokens) return problem('token_mode_off')
    const attributes = remember && mode === 'cookie' ? { [REMEMBER]: true } : undefined
    const outcome = await auth.loginUser(username, password, deviceOf(visit), { attributes })
    if (!outcome.ok) return problemOfOutcome(outcome)
    await endPresented(host, visit.request)
    const shown = { user: userView(outcome.user), session: sessionView(outcome.session, true) }
    return mode === 'token'
      ? handOver(host, 'bearer', outcome, shown, withoutCookie(host, visit.request))
      : handOver(host, 'cookie', outcome, shown)
  }
}

/** `POST /logout`: ends the session before it answers, and may be repeated. */
export const logout: Handler = async (host, { request }) => {
  await endPresented(host, request)
  return answer(204, null, farewell(host, request))
}
