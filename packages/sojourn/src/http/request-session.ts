import type { SessionManager } from '../core/manager.ts'
import type { RefusalReason } from '../core/policy.ts'
import type { Session } from '../core/session.ts'
import { NO_STORE, addLines, setsCookieOf } from './answer.ts'
import type { HeaderLines } from './answer.ts'
import type { SessionCookie } from './cookie.ts'
import { Turn } from './turn.ts'

/** What a host knows of a request that the request does not say of itself. */
export interface Peer {
  /** The client's address, as the host has found it. */
  readonly ip?: string | null | undefined
  /** True for polling that should not keep the session alive. Default false. */
  readonly isPassive?: boolean | undefined
  /** True for a route on which much depends: the engine is asked, even where sessions may be answered from memory. Default false. */
  readonly isStrict?: boolean | undefined
}

/** A request that looks like an attack. Carries no secret and no query. */
export interface Signal {
  /** `ambiguous`: several credentials at once. `cross_origin`: another site's write. `insecure_host`: not the loopback name it should be. */
  readonly type: 'ambiguous' | 'cross_origin' | 'insecure_host'
  readonly method: string
  readonly path: string
  readonly ip: string | null
}

/** Everything in a request that could be a token of ours. Only one at a time is believed. */
export interface Presented {
  readonly cookies: readonly string[]
  readonly bearer: string | null
}

/** Why a request has no session: nothing was presented, several things were, or what was presented is refused. */
export type NoSessionReason = 'absent' | 'ambiguous' | RefusalReason

/** The session of one request, found once and never changed. */
export class RequestSession {
  readonly session: Session | null
  /** Null where there is a session. For the host's eyes: to the client all reasons look the same. */
  readonly reason: NoSessionReason | null
  /** What carried the token, whether or not it stands. */
  readonly via: 'cookie' | 'bearer' | null
  /** The address or the user agent is not that of the login. A signal, no reason to refuse. */
  readonly isDeviceChanged: boolean
  /** When this was found. */
  readonly at: Date
  /** May hold a secret, so nothing that prints the object gets to see it. */
  readonly #headers: HeaderLines

  constructor(found: Found, at: number, headers: HeaderLines) {
    this.session = found.session
    this.reason = found.reason
    this.via = found.via
    this.isDeviceChanged = found.isDeviceChanged
    this.at = new Date(at)
    this.#headers = headers
    Object.freeze(this)
  }

  /**
   * What the response to this request must carry: that no cache keeps it and, only if it changes, the cookie.
   * Append `set-cookie` and `vary`; set the rest. `applyTo` does it for a `Headers`.
   */
  get headers(): HeaderLines {
    return this.#headers
  }

  /** Adds `headers` to those of a response. What the response itself says of the cookie stays: it came later. */
  applyTo(headers: Headers): void {
    addLines(
      headers,
      this.#headers.filter(([name, value]) => name !== 'set-cookie' || !setsCookieOf(value, headers)),
    )
  }
}

type Found = Pick<RequestSession, 'session' | 'reason' | 'via' | 'isDeviceChanged'>

/** What a reader works with. */
export interface ReaderParts {
  readonly sessions: SessionManager
  readonly cookie: SessionCookie
  readonly hasTokens: boolean
  readonly onSignal: (signal: Signal) => void
  readonly onError: (error: unknown) => void
}

/** Exactly the scheme, one space and the token. Any other scheme is somebody else's business. */
const BEARER = /^Bearer ([^ ]+)$/

/**
 * Finds the one token of a request and asks once whether it stands. A token counts in the cookie or, where tokens are
 * switched on, in `Authorization: Bearer`; nowhere else. A request with two cookies of our name, or with both a cookie
 * and a bearer token, is nobody's: one of them was planted, and nothing says which.
 */
export class SessionReader {
  readonly #parts: ReaderParts
  readonly #turn = new Turn()
  /** The same for nearly every request, so made once. */
  readonly #headers: HeaderLines

  constructor(parts: ReaderParts) {
    this.#parts = parts
    this.#headers = Object.freeze([NO_STORE, ['vary', parts.hasTokens ? 'Cookie, Authorization' : 'Cookie']] as const)
  }

  /** Takes from the headers what could be a token. Asks nobody. */
  present(headers: Headers): Presented {
    const bearer = this.#parts.hasTokens ? BEARER.exec(headers.get('authorization') ?? '')?.[1] : undefined
    return { cookies: this.#parts.cookie.read(headers), bearer: bearer ?? null }
  }

  /** The session of a request, by at most one validation. Rejects when the store fails. */
  async read(request: Request, { ip = null, isPassive, isStrict }: Peer): Promise<RequestSession> {
    const { sessions, cookie, onSignal } = this.#parts
    const { cookies, bearer } = this.present(request.headers)
    const [token = bearer] = cookies
    if (token === null) return this.#nobody('absent', null)
    const via = cookies.length === 0 ? 'bearer' : 'cookie'
    if (cookies.length > 1 || (via === 'cookie' && bearer !== null)) {
      onSignal({ type: 'ambiguous', method: request.method, path: new URL(request.url).pathname, ip })
      // The cookie stays: taking ours away would leave the planted one alone in its place.
      return this.#nobody('ambiguous', via)
    }
    const userAgent = request.headers.get('user-agent')
    await this.#turn.isOver()
    const check = await sessions.validate(token, { ip, userAgent, isPassive, isStrict })
    if (check.ok) {
      const { session, isDeviceChanged } = check
      const found = { session, reason: null, via, isDeviceChanged } as const
      // A bearer token is not renewed by itself: nothing in a response would tell the program about it.
      return check.isRenewalDue && via === 'cookie' ? this.#renewed(found) : this.#found(found)
    }
    // A secret that was replaced may have been under way while its successor reached the same browser: an answer that
    // comes late must not take that one away.
    const isCleared = via === 'cookie' && check.reason !== 'superseded'
    return this.#nobody(check.reason, via, isCleared ? cookie.clear() : null)
  }

  async #renewed(found: Found & { readonly session: Session }): Promise<RequestSession> {
    const { sessions, cookie, onError } = this.#parts
    try {
      const renewed = await sessions.renew(found.session.id)
      if (!renewed.ok) return this.#nobody(renewed.reason, found.via, cookie.clear())
      return this.#found(found, cookie.write(renewed.token, renewed.session, sessions.now()))
    } catch (error) {
      // The session stands, and the next request tries again.
      onError(error)
      return this.#found(found)
    }
  }

  #nobody(reason: NoSessionReason, via: Found['via'], setCookie: string | null = null): RequestSession {
    return this.#found({ session: null, reason, via, isDeviceChanged: false }, setCookie)
  }

  #found(found: Found, setCookie: string | null = null): RequestSession {
    const headers =
      setCookie === null ? this.#headers : Object.freeze([...this.#headers, ['set-cookie', setCookie] as const])
    return new RequestSession(found, this.#parts.sessions.now(), headers)
  }
}
