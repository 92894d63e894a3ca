/**
 * Sessions over HTTP: one cookie, the routes to sign in and out, guards. Needs nothing but `Request` and `Response`.
 * @module
 */
export { SojournHttp } from './sojourn-http.ts'
export type { Entry, HostLogin, SignInOutcome } from './sojourn-http.ts'
export type { SojournHttpOptions } from './settings.ts'
export type { NoSessionReason, Peer, RequestSession, Signal } from './request-session.ts'
export { requireRecent, requireSession } from './guards.ts'
export { DEFAULT_COOKIE } from './cookie.ts'
export type { CookieOptions } from './cookie.ts'
export { addLines, answer } from './answer.ts'
export type { HeaderLines } from './answer.ts'
export { problem, problemOf } from './problem.ts'
export type { ProblemCode, ProblemDetails } from './problem.ts'
export { choiceField, flagField, optionalField, readForm, readJson, readJsonValue, textField } from './body.ts'
export type { BodyOf, BodyOutcome, Field, Fields } from './body.ts'
