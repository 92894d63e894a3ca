import type { Session } from 'sojourn'
import type { ApiKey, ApiKeys, UserRecord, UserStore } from 'sojourn/auth'
import { problem, requireRecent, requireSession } from 'sojourn/http'
import type { Peer, RequestSession, SojournHttp } from 'sojourn/http'
import type { Logger } from 'pino'
import type { Access } from './access.ts'

/** Who calls: an operator in a session of theirs, or a program with its key. */
export type Caller = OperatorCaller | KeyCaller

/** An operator, with the role they had at this very request. */
export interface OperatorCaller {
  readonly kind: 'operator'
  /** As history shows it, as in `operator:grace`. */
  readonly actor: string
  readonly user: UserRecord
  readonly session: Session
  readonly context: RequestSession
}

/** A program. */
export interface KeyCaller {
  readonly kind: 'key'
  /** As history shows it, as in `key:nightly report`. */
  readonly actor: string
  readonly key: ApiKey
}

/** A request that may go on, or the response that it gets instead. */
export type Admission =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly response: Response }

/** What the gate looks at. */
export interface GateParts {
  /** Judges sessions by the profile for operators. */
  readonly http: SojournHttp
  readonly users: UserStore
  readonly keys: ApiKeys
  readonly log: Logger
}

/** How long ago a proof of identity may be. */
export const RECENT = '10m'

/** Exactly the scheme, one space and what is presented. */
const BEARER = /^Bearer ([^ ]+)$/
const KEY_PREFIX = 'sjk_'
/** The longest name that history keeps. */
const ACTOR_LIMIT = 255

/**
 * The one gate of everything below `/admin`. Two things open it: the session cookie of an enabled operator, and a key
 * whose scopes include the one that is asked for. The role and the key are read from the store at every request and
 * kept nowhere. Rejects when the store fails: what cannot be told is never let through.
 */
export class OperatorGate {
  readonly #parts: GateParts

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  /** Lets a request through, or says why not: 401 for nobody we know, 403 for whoever may not. */
  async admit(request: Request, peer: Peer, access: Access | null): Promise<Admission> {
    const presented = BEARER.exec(request.headers.get('authorization') ?? '')?.[1]
    // The token of a session opens nothing here; it is not even looked up.
    if (presented?.startsWith(KEY_PREFIX) === false) return refused(problem('unauthenticated'))
    const entry = await this.#parts.http.enter(request, peer)
    if (entry.response !== null) return refused(entry.response)
    const { context } = entry
    // A key and a cookie at once: one of them was planted, and nothing says which.
    if (context.reason === 'ambiguous') return refused(problem('unauthenticated', { headers: context.headers }))
    return presented === undefined ? this.#admitOperator(context, access) : this.#admitKey(presented, access)
  }

  async #admitOperator(context: RequestSession, access: Access | null): Promise<Admission> {
    const { session } = context
    if (session === null) return refused(requireSession(context) ?? problem('unauthenticated'))
    const user = await this.#parts.users.byId(session.userId)
    if (!isOperator(user)) return refused(problem('forbidden', { headers: context.headers }))
    const stale = access?.isRecent === true ? requireRecent(context, { within: RECENT }) : null
    if (stale !== null) return refused(stale)
    return { ok: true, caller: { kind: 'operator', actor: actorOf('operator', user.username), user, session, context } }
  }

  async #admitKey(presented: string, access: Access | null): Promise<Admission> {
    const check = await this.#parts.keys.check(presented)
    if (!check.ok) {
      this.#parts.log.warn({ reason: check.reason }, 'an API key was refused')
      return refused(problem('unauthenticated'))
    }
    const { key } = check
    if (access !== null && !key.scopes.includes(access.scope)) {
      return refused(problem('insufficient_scope', { detail: `this asks for a key with the scope '${access.scope}'` }))
    }
    if (access?.isPersonal === true)
      return refused(problem('forbidden', { detail: 'this is for operators themselves' }))
    return { ok: true, caller: { kind: 'key', actor: actorOf('key', key.name), key } }
  }
}

/** Whether a user, as read just now, may act as an operator. */
export function isOperator(user: UserRecord | null): user is UserRecord {
  return user !== null && user.role === 'operator' && user.disabledAt === null
}

function refused(response: Response): Admission {
  return { ok: false, response }
}

/** Whole characters only, as many as history keeps. */
function actorOf(kind: 'operator' | 'key', name: string): string {
  return `${kind}:${name}`.slice(0, ACTOR_LIMIT).toWellFormed()
}
