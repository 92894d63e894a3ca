import { SojournError } from '../core/errors.ts'
import type { CreateOutcome } from '../core/manager.ts'
import type { NewSession } from '../core/login.ts'
import type { Session } from '../core/session.ts'
import { NO_STORE } from './answer.ts'
import type { HeaderLines } from './answer.ts'
import { REMEMBER } from './cookie.ts'
import { endPresented, farewell } from './hand-over.ts'
import { isForgeable, isSafe } from './origin.ts'
import { problem, problemOf } from './problem.ts'
import type { Peer, RequestSession } from './request-session.ts'
import { routeAt, routesOf } from './routes.ts'
import type { Methods } from './routes.ts'
import { hostOf, isLoopback } from './settings.ts'
import type { Host, SojournHttpOptions } from './settings.ts'
import { deviceOf } from './visit.ts'
import type { Handler } from './visit.ts'

/** What became of a request: it is answered, or it goes on with its session. */
export type Entry =
  | { readonly response: Response; readonly context: null }
  | { readonly response: null; readonly context: RequestSession }

/** A login that the application itself has checked. */
export interface HostLogin extends Omit<NewSession, 'device'> {
  /** Keeps the cookie when the browser closes. Default false. */
  readonly remember?: boolean | undefined
}

/** What came of such a login. The headers go on the response, `set-cookie` among them. */
export type SignInOutcome =
  | { readonly ok: true; readonly session: Session; readonly headers: HeaderLines }
  | Extract<CreateOutcome, { readonly ok: false }>

/** The most that is read of cookies, in characters. */
const COOKIES_LIMIT = 8_192

/**
 * Sessions over HTTP, in terms of `Request`, `Response` and `Headers` only. A host hands every request to `enter`,
 * sends the response if there is one, and otherwise puts `context.headers` on its own.
 */
export class SojournHttp {
  /** Where the routes are. */
  readonly prefix: string
  /** Where users reach the service: what a host makes the address of a request with, instead of the `Host` that a client sends. */
  readonly origin: string
  readonly #host: Host
  readonly #routes: ReadonlyMap<string, Methods>

  /** Throws `invalid_option` for a setting that cannot be used or would weaken the whole. Touches no store. */
  constructor(options: SojournHttpOptions) {
    this.#host = hostOf(options)
    this.#routes = routesOf(this.#host)
    this.prefix = this.#host.prefix
    this.origin = this.#host.origins.own
  }

  /**
   * The one thing to do with every request: answers the routes below the prefix, refuses writes that another site
   * may have forged, and finds the session. Rejects with nothing: a store that fails is an answer of 503, after which
   * the client still has its cookie.
   */
  async enter(request: Request, peer: Peer = {}): Promise<Entry> {
    const path = this.#pathOf(request)
    if (path !== null) return { response: await this.#respond(request, peer, path), context: null }
    try {
      const refusal = this.#refusal(request, peer, false)
      if (refusal !== null) return { response: refusal, context: null }
      return { response: null, context: await this.#host.reader.read(request, peer) }
    } catch (error) {
      return { response: this.failure(error), context: null }
    }
  }

  /** Answers the routes below the prefix; null for every other path. */
  async handle(request: Request, peer: Peer = {}): Promise<Response | null> {
    const path = this.#pathOf(request)
    return path === null ? null : this.#respond(request, peer, path)
  }

  /**
   * The session of a request. Validates it every time, so ask once and pass on what you get. Rejects when the store
   * fails. For places that only look, such as a page rendered on the server; it does not ask where a write comes from.
   */
  async read(request: Request, peer: Peer = {}): Promise<RequestSession> {
    this.#assertDirected(request)
    return this.#host.reader.read(request, peer)
  }

  /**
   * Signs in a user whose identity the application has checked itself, and ends the session that the request presents.
   * `SessionManager.create` alone is enough where the token goes to a program.
   */
  async signIn(request: Request, { remember = false, ...login }: HostLogin, peer: Peer = {}): Promise<SignInOutcome> {
    this.#assertDirected(request)
    const attributes = remember ? { ...login.attributes, [REMEMBER]: true } : login.attributes
    const { sessions, cookie } = this.#host
    const outcome = await sessions.tryCreate({ ...login, attributes, device: deviceOf({ request, peer }) })
    if (!outcome.ok) return outcome
    await endPresented(this.#host, request)
    const setCookie = cookie.write(outcome.token, outcome.session, sessions.now())
    return { ok: true, session: outcome.session, headers: [...STORED_NOWHERE, ['set-cookie', setCookie]] }
  }

  /** Ends the session that a request presents, and answers with the headers for the response. Rejects when the store fails. */
  async signOut(request: Request): Promise<HeaderLines> {
    await endPresented(this.#host, request)
    return [...STORED_NOWHERE, ...farewell(this.#host, request)]
  }

  /**
   * The answer to something that was thrown while a request was handled: 503 where the store failed, otherwise 500,
   * and in no case how. For hosts that have no such answer of their own; tells `onError`.
   */
  failure(error: unknown): Response {
    const response = problemOf(error)
    if (response.status >= 500) this.#host.onError(error)
    return response
  }

  /** What comes behind the prefix, or null where another path is asked for. */
  #pathOf({ url }: Request): string | null {
    // Spares nearly every request of an application the taking apart of its address.
    if (!url.includes(this.prefix)) return null
    const { pathname } = new URL(url)
    const isOurs = pathname === this.prefix || pathname.startsWith(`${this.prefix}/`)
    return isOurs ? pathname.slice(this.prefix.length) : null
  }

  async #respond(request: Request, peer: Peer, path: string): Promise<Response> {
    const response = await this.#answer(request, peer, path)
    return request.method === 'HEAD' ? new Response(null, response) : response
  }

  async #answer(request: Request, peer: Peer, path: string): Promise<Response> {
    const route = routeAt(this.#routes, path)
    if (route === undefined) return problem('not_found')
    if (typeof route === 'function') return this.#answerProxy(request, peer, route)
    const handler = route.get(request.method === 'HEAD' ? 'GET' : request.method)
    if (handler === undefined) return problem('method_not_allowed', { headers: [['allow', allowed(route)]] })
    try {
      return this.#refusal(request, peer, true) ?? (await handler(this.#host, { request, peer }))
    } catch (error) {
      return this.failure(error)
    }
  }

  /**
   * Forward-auth. A proxy understands yes, 401 and 503, and nothing else. Where a write comes from is not asked: the
   * question writes nothing, and whether the request behind it may is for the application to say.
   */
  async #answerProxy(request: Request, peer: Peer, verify: Handler): Promise<Response> {
    try {
      if (this.#unfit(request, peer) !== null) return problem('unauthenticated')
      return await verify(this.#host, { request, peer })
    } catch (error) {
      this.#host.onError(error)
      const failure = problemOf(error)
      return failure.status === 503 ? failure : problem('unavailable')
    }
  }

  /** Why nothing may be done for a request, whoever sends it. */
  #refusal(request: Request, peer: Peer, isLoginLike: boolean): Response | null {
    const unfit = this.#unfit(request, peer)
    if (unfit !== null) return unfit
    const { method, headers } = request
    if (isSafe(method)) return null
    const { cookies, bearer } = this.#host.reader.present(headers)
    const credential = cookies.length > 0 ? 'cookie' : bearer === null ? null : 'bearer'
    if (!isForgeable({ method, headers, credential, isLoginLike }, this.#host.origins)) return null
    return this.#suspect('cross_origin', request, peer)
  }

  /** Why a request is not even read. */
  #unfit(request: Request, peer: Peer): Response | null {
    if (this.#isMisdirected(request)) return this.#suspect('insecure_host', request, peer)
    return (request.headers.get('cookie')?.length ?? 0) > COOKIES_LIMIT ? problem('headers_too_large') : null
  }

  #suspect(type: 'cross_origin' | 'insecure_host', { method, url }: Request, peer: Peer): Response {
    this.#host.onSignal({ type, method, path: new URL(url).pathname, ip: peer.ip ?? null })
    return problem(type, { detail: ADVICE[type] })
  }

  /** In development over plain http: a request to another name than this machine's, as after DNS rebinding. */
  #isMisdirected({ url, headers }: Request): boolean {
    if (!this.#host.isInsecure) return false
    // An adapter makes the address with the origin of `baseUrl`; what the browser believes is then in `Host` only.
    const named = URL.parse(`http://${headers.get('host') ?? 'localhost'}`)
    return !isLoopback(new URL(url)) || named === null || !isLoopback(named)
  }

  #assertDirected(request: Request): void {
    if (!this.#isMisdirected(request)) return
    throw new SojournError(
      'unsafe_settings',
      'development.insecureLoopback is for requests to a loopback address; take it out and serve https',
    )
  }
}

const ADVICE = {
  cross_origin: 'a client that is no browser says where it belongs in the header Origin',
  insecure_host: undefined,
}
const STORED_NOWHERE: HeaderLines = [NO_STORE, ['vary', 'Cookie']]

function allowed(methods: Methods): string {
  return [...methods.keys()].map((method) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ')
}
