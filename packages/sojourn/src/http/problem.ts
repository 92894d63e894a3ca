import { isSojournError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { answer } from './answer.ts'
import type { HeaderLines } from './answer.ts'

/** Everything that a request can be refused with. Codes never change; titles may. */
const PROBLEMS = {
  invalid_request: [400, 'the request cannot be understood'],
  invalid_body: [400, 'the body cannot be understood'],
  token_mode_off: [400, 'tokens are not handed out here; sign in with a cookie'],
  username_invalid: [400, 'the username cannot be used'],
  password_too_short: [400, 'the password is too short'],
  password_too_long: [400, 'the password is too long'],
  password_common: [400, 'the password is one that is tried first'],
  password_username: [400, 'the password follows from the username'],
  password_malformed: [400, 'the password cannot be read'],
  unauthenticated: [401, 'not signed in'],
  invalid_credentials: [401, 'username or password is wrong'],
  wrong_password: [403, 'the password is wrong'],
  reauth_required: [403, 'prove again who you are'],
  forbidden: [403, 'this is not for you'],
  insufficient_scope: [403, 'the API key does not reach that far'],
  cross_origin: [403, 'the request does not come from this site'],
  insecure_host: [403, 'plain http is answered on a loopback address only'],
  not_found: [404, 'there is nothing here'],
  method_not_allowed: [405, 'the method is not used here'],
  timeout: [408, 'the request took too long to arrive'],
  count_changed: [409, 'the number of sessions has changed; look again'],
  username_taken: [409, 'the username belongs to somebody else'],
  session_limit: [409, 'too many sessions; end one first'],
  refused: [409, 'the session cannot be created'],
  conflict: [409, 'the request contradicts what is there'],
  gone: [410, 'the link has been used or is too old'],
  body_too_large: [413, 'the body is too large'],
  unsupported_media_type: [415, 'the body is of a type that is not read here'],
  throttled: [429, 'too many attempts; wait'],
  headers_too_large: [431, 'the cookies are too large'],
  internal: [500, 'something went wrong'],
  overloaded: [503, 'too much is waiting; try again'],
  unavailable: [503, 'it cannot be told right now; try again'],
} as const satisfies Record<string, readonly [status: number, title: string]>

/** What a problem is, for programs. */
export type ProblemCode = keyof typeof PROBLEMS

/** What a failure of the machinery looks like from outside: that it failed, and not how. */
const OF_ERRORS: Readonly<Record<ErrorCode, ProblemCode>> = {
  invalid_option: 'internal',
  invalid_argument: 'invalid_request',
  refused: 'refused',
  conflict: 'conflict',
  unsafe_settings: 'unavailable',
  schema_missing: 'unavailable',
  schema_outdated: 'unavailable',
  schema_newer: 'unavailable',
  schema_changed: 'unavailable',
  store_unavailable: 'unavailable',
  store_full: 'unavailable',
  store_corrupt: 'unavailable',
  overloaded: 'overloaded',
  dependency_missing: 'internal',
  closed: 'unavailable',
}

/** What a problem says besides its code. Never anything that was sent. */
export interface ProblemDetails {
  /** One sentence for the person who must act. */
  readonly detail?: string | undefined
  /** Seconds to wait before trying again. */
  readonly retryAfter?: number | undefined
  /** For `reauth_required`: how many seconds ago the proof may be. */
  readonly maxAge?: number | undefined
  /** For `count_changed`: how many there are now. */
  readonly count?: number | undefined
  readonly headers?: HeaderLines | undefined
}

/** A refusal as RFC 9457 has it, with a stable `code`. */
export function problem(
  code: ProblemCode,
  { detail, retryAfter, maxAge, count, headers = [] }: ProblemDetails = {},
): Response {
  const [status, title] = PROBLEMS[code]
  const body = { type: `urn:sojourn:problem:${code}`, title, status, code, detail, retryAfter, maxAge, count }
  return answer(status, body, [
    ['content-type', 'application/problem+json'],
    // A 401 has to name a scheme (RFC 9110, section 15.5.2); for this one no browser asks for a password by itself.
    ...(status === 401 ? [['www-authenticate', 'Bearer'] as const] : []),
    ...(retryAfter === undefined ? [] : [['retry-after', String(retryAfter)] as const]),
    ...headers,
  ])
}

/** What the outcomes of logins, registrations and password changes are called here. */
const OF_OUTCOMES = {
  username_taken: 'username_taken',
  username_invalid: 'username_invalid',
  too_short: 'password_too_short',
  too_long: 'password_too_long',
  common: 'password_common',
  username: 'password_username',
  malformed: 'password_malformed',
  invalid_credentials: 'invalid_credentials',
  throttled: 'throttled',
  overloaded: 'overloaded',
  limit: 'session_limit',
} as const satisfies Record<string, ProblemCode>

/** An outcome of `AuthManager` that is not the one hoped for. Its message, if it has one, is a sentence to show. */
export interface UnhappyOutcome {
  readonly reason: keyof typeof OF_OUTCOMES
  readonly message?: string
  readonly retryAfter?: number
}

/** The problem that stands for an outcome. */
export function problemOfOutcome({ reason, message, retryAfter }: UnhappyOutcome): Response {
  return problem(OF_OUTCOMES[reason], { detail: message, retryAfter })
}

/** The problem that stands for something that was thrown. */
export function problemOf(thrown: unknown): Response {
  if (!isSojournError(thrown)) return problem('internal')
  return problem(OF_ERRORS[thrown.code], { retryAfter: thrown.retryAfter })
}
