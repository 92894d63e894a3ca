import { assertNames, assertOneOf, assertText, assertWhole, instantOf } from './arguments.ts'
import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { SojournError, shown } from './errors.ts'
import { EVENT_TYPES } from './events.ts'
import type { EventType } from './events.ts'
import { standingAt } from './policy.ts'
import type { Policy } from './policy.ts'
import { END_REASONS } from './session.ts'
import type { EndReason, Session } from './session.ts'
import type { EventQuery, ListSort, SessionFilter as StoreFilter } from './store.ts'
import { isSessionId } from './token.ts'
import type { SessionId } from './token.ts'

/** Which sessions are meant. Everything given must hold; nothing given means all that are kept. */
export interface SessionFilter {
  readonly userId?: string | undefined
  readonly username?: string | undefined
  /** True for sessions that stand, false for those that do not. */
  readonly active?: boolean | undefined
  /**
   * True for sessions whose end is written down, false for those where it is not. Those that are neither active nor
   * ended are overdue: time has ended them, and the next clean-up writes it down.
   */
  readonly ended?: boolean | undefined
  readonly ip?: string | undefined
  /** Appears in the username, the user agent or the address. */
  readonly text?: string | undefined
  readonly endReason?: EndReason | undefined
  readonly method?: string | undefined
  readonly createdSince?: Date | undefined
  readonly createdBefore?: Date | undefined
  /** Not used for this long. */
  readonly unusedFor?: Duration | undefined
  /** Any session but this one. */
  readonly except?: SessionId | undefined
}

/** A list: which sessions, in which order. */
export interface ListOptions extends SessionFilter {
  /** Default `createdAt`. */
  readonly sort?: ListSort | undefined
  /** Default `desc`: newest first. */
  readonly order?: 'asc' | 'desc' | undefined
  /** The session that asks, marked `current` in the list. */
  readonly current?: SessionId | undefined
}

/** One page of a list. */
export interface PageOptions extends ListOptions {
  /** `next` of the page before. */
  readonly cursor?: string | null | undefined
  /** 1 to 500. Default 50. */
  readonly limit?: number | undefined
}

/** A page, and where the next one begins. */
export interface Page {
  readonly sessions: readonly Session[]
  /** Pass it as `cursor` to go on; null when this was the last page. */
  readonly next: string | null
}

/** Which lines of history are meant. Everything given must hold. */
export interface HistoryQuery {
  readonly sessionId?: SessionId | undefined
  readonly userId?: string | undefined
  /** Of this type, or of one of these. */
  readonly type?: EventType | readonly EventType[] | undefined
  readonly since?: Date | undefined
  /** Only positions before this one: that of the last event of the page before. */
  readonly before?: number | undefined
  /** 1 to 10,000. Default 50. */
  readonly limit?: number | undefined
}

/** The longest page. */
export const PAGE_LIMIT = 500
/** The longest stretch of history. */
export const HISTORY_LIMIT = 10_000
/** The length of a page when none is asked for. */
const DEFAULT_PAGE = 50

const TEXTS = ['userId', 'username', 'ip', 'text', 'method'] as const
const FLAGS = ['active', 'ended'] as const
const CONDITIONS = [
  ...TEXTS,
  ...FLAGS,
  ...(['endReason', 'createdSince', 'createdBefore', 'unusedFor', 'except'] as const),
]
/** Everything that a list may be asked. */
export const LIST_OPTIONS: readonly string[] = [...CONDITIONS, 'sort', 'order', 'current', 'cursor', 'limit']
const OF_HISTORY = ['sessionId', 'userId', 'type', 'since', 'before', 'limit']

/**
 * Throws `invalid_argument` unless the filter names at least one condition and every condition it names has a
 * value: for a deed, "nothing given" must not mean everybody by accident.
 */
export function assertMeant(filter: SessionFilter): void {
  assertNames(filter, 'where', CONDITIONS)
  const given = Object.entries(filter)
  const missing = given.find(([, value]) => value === undefined)
  if (missing !== undefined) {
    throw new SojournError('invalid_argument', `where.${missing[0]} is undefined; leave it out or give it a value`)
  }
  if (given.length === 0) {
    throw new SojournError('invalid_argument', 'where names no condition; to mean every session, give { active: true }')
  }
}

/** A filter as a store understands it: instants for what the policy calls active, unused or old. Throws `invalid_argument` for what cannot be a condition. */
export function storeFilter(filter: SessionFilter, now: number, policy: Policy): StoreFilter {
  assertNames(filter, 'filter', LIST_OPTIONS)
  for (const name of TEXTS) if (filter[name] !== undefined) assertText(filter[name], name)
  if (filter.endReason !== undefined) assertOneOf(filter.endReason, 'endReason', END_REASONS)
  for (const name of FLAGS) {
    if (filter[name] !== undefined && typeof filter[name] !== 'boolean') {
      throw new SojournError('invalid_argument', `${name} is ${shown(filter[name])}; give true or false`)
    }
  }
  if (filter.except !== undefined && !isSessionId(filter.except)) {
    // Not shown: what is given by mistake here is mostly a token.
    throw new SojournError('invalid_argument', 'except is no session id; give the id of a session, not its token')
  }
  const standing = standingAt(now, policy)
  return {
    userId: filter.userId,
    username: filter.username,
    ip: filter.ip,
    text: filter.text,
    endReason: filter.endReason,
    method: filter.method,
    standing: filter.active === true ? standing : undefined,
    notStanding: filter.active === false ? standing : undefined,
    isEnded: filter.ended,
    createdSince: instant(filter.createdSince, 'createdSince'),
    createdBefore: instant(filter.createdBefore, 'createdBefore'),
    accessedBy: filter.unusedFor === undefined ? undefined : now - milliseconds(filter.unusedFor, 'unusedFor'),
    except: filter.except,
  }
}

/** The order a list was asked for in. Throws `invalid_argument` for any other word. */
export function orderOf({ sort = 'createdAt', order = 'desc' }: ListOptions): { sort: ListSort; descending: boolean } {
  assertOneOf(sort, 'sort', ['createdAt', 'lastAccessedAt'])
  assertOneOf(order, 'order', ['asc', 'desc'])
  return { sort, descending: order === 'desc' }
}

/** The length of the page that was asked for. Throws `invalid_argument` unless it is from 1 to `most`. */
export function pageLimit(limit: number = DEFAULT_PAGE, most: number = PAGE_LIMIT): number {
  assertWhole(limit, 'limit', 1, most)
  return limit
}

/** A question about history as a store understands it. Throws `invalid_argument` for what cannot be a condition. */
export function eventQuery(query: HistoryQuery): EventQuery {
  assertNames(query, 'query', OF_HISTORY)
  const { sessionId, userId, type, since, before } = query
  if (sessionId !== undefined) assertText(sessionId, 'sessionId')
  if (userId !== undefined) assertText(userId, 'userId')
  for (const each of type === undefined ? [] : [type].flat()) assertOneOf(each, 'type', EVENT_TYPES)
  if (before !== undefined) assertWhole(before, 'before', 0, Number.MAX_SAFE_INTEGER)
  return {
    sessionId,
    userId,
    type,
    since: instant(since, 'since'),
    before,
    limit: pageLimit(query.limit, HISTORY_LIMIT),
  }
}

function instant(value: Date | undefined, name: string): number | undefined {
  return value === undefined ? undefined : instantOf(value, name)
}
