import type { AuthManager } from '../auth/auth-manager.ts'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError } from '../core/errors.ts'
import type { SessionManager } from '../core/manager.ts'
import { SessionCookie } from './cookie.ts'
import type { CookieOptions } from './cookie.ts'
import { parseOrigin } from './origin.ts'
import type { OriginRules } from './origin.ts'
import { SessionReader } from './request-session.ts'
import type { Signal } from './request-session.ts'

/** What sessions over HTTP are made of. `sessions` and `baseUrl` are required. */
export interface SojournHttpOptions {
  readonly sessions: SessionManager
  /** Without it there are no routes for passwords; sign users in with `signIn`. */
  readonly auth?: AuthManager | undefined
  /** The origin that users reach the service under, as in `https://app.example.com`. Never taken from a request. */
  readonly baseUrl: string
  /** Where the routes are. Default `/auth`. */
  readonly prefix?: string | undefined
  readonly cookie?: CookieOptions | undefined
  /** Whether API clients may get a token at login and present it as `Authorization: Bearer`. Default false. */
  readonly bearer?: boolean | undefined
  /** Whether everybody may register. Default true where there is `auth`. */
  readonly registration?: boolean | undefined
  /** How long ago a proof of identity may be for ending other sessions. Default 10 min. */
  readonly recent?: Duration | undefined
  /** Other origins whose pages may write. Default none. */
  readonly trustedOrigins?: readonly string[] | undefined
  /** Lets clients that send neither `Sec-Fetch-Site` nor `Origin` sign in and use cookies. Default false: let them send `Origin`. */
  readonly acceptWithoutOrigin?: boolean | undefined
  /** Plain http with a cookie that is not `Secure`, for requests to a loopback address only. */
  readonly development?: { readonly insecureLoopback: boolean } | undefined
  /** Told of requests that look like an attack. */
  readonly onSignal?: ((signal: Signal) => void) | undefined
  /** Told of everything that became an answer of 500 or more. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** What the routes work with: the options, checked and completed. */
export interface Host {
  readonly sessions: SessionManager
  readonly auth: AuthManager | null
  readonly prefix: string
  readonly cookie: SessionCookie
  readonly reader: SessionReader
  readonly origins: OriginRules
  readonly hasTokens: boolean
  readonly hasRegistration: boolean
  readonly recent: Duration
  readonly isInsecure: boolean
  readonly onSignal: (signal: Signal) => void
  readonly onError: (error: unknown) => void
}

const DEFAULTS = { prefix: '/auth', recent: '10m' } as const
const PREFIX = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/
const LOOPBACK = /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Checks the options. Throws `invalid_option` for any that cannot be used or would weaken the whole. */
export function hostOf(options: SojournHttpOptions): Host {
  const { sessions, bearer = false, prefix = DEFAULTS.prefix, recent = DEFAULTS.recent } = options
  const isInsecure = options.development?.insecureLoopback === true
  const own = ownOrigin(options.baseUrl, isInsecure)
  if (!PREFIX.test(prefix)) throw invalid('prefix', prefix, "give a path such as '/auth', without a slash at its end")
  milliseconds(recent, 'recent')
  const cookie = new SessionCookie(options.cookie, isInsecure)
  const onSignal = options.onSignal ?? (() => {})
  const onError = options.onError ?? warn
  return {
    sessions,
    auth: options.auth ?? null,
    prefix,
    cookie,
    reader: new SessionReader({ sessions, cookie, hasTokens: bearer, onSignal, onError }),
    origins: {
      own,
      trusted: new Set((options.trustedOrigins ?? []).map(trustedOrigin)),
      isAcceptedWithout: options.acceptWithoutOrigin ?? false,
    },
    hasTokens: bearer,
    hasRegistration: options.registration ?? true,
    recent,
    isInsecure,
    onSignal,
    onError,
  }
}

/** Whether a host is this very machine: `localhost`, 127.0.0.0/8 or `[::1]`, as a URL spells it. */
export function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.test(hostname)
}

function ownOrigin(baseUrl: string, isInsecure: boolean): string {
  const url = URL.parse(baseUrl)
  if (url === null || parseOrigin(url.origin) === null || url.href !== `${url.origin}/`) {
    throw invalid('baseUrl', baseUrl, "give the origin that users see, such as 'https://app.example.com'")
  }
  if (isInsecure && !(url.protocol === 'http:' && isLoopback(url))) {
    throw invalid('baseUrl', baseUrl, "development.insecureLoopback goes with 'http://localhost:3000' and the like")
  }
  if (!isInsecure && url.protocol !== 'https:') {
    throw invalid('baseUrl', baseUrl, 'give an https address, or set development.insecureLoopback on this machine')
  }
  return url.origin
}

function trustedOrigin(text: string): string {
  const origin = parseOrigin(text)
  if (origin === null) throw invalid('trustedOrigins', text, "give origins such as 'https://www.example.com'")
  return origin
}

function invalid(option: string, found: unknown, advice: string): SojournError {
  return new SojournError('invalid_option', `${option} is '${String(found).slice(0, 80)}'; ${advice}`)
}

function warn(error: unknown): void {
  process.emitWarning(`a request could not be answered: ${String(error)}`, 'SojournWarning')
}
