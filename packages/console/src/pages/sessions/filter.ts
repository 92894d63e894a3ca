import type { AdminSession, EndReason } from '../../api/types.ts'

/** Which sessions, in which order; all of it is in the address of the page. Empty strings ask for nothing. */
export interface SessionFilter {
  readonly text: string
  readonly userId: string
  readonly username: string
  readonly ip: string
  readonly method: string
  readonly state: State
  readonly endReason: EndReason | ''
  readonly signedIn: SignedIn
  readonly sort: Sort
  readonly order: 'asc' | 'desc'
}

export type State = keyof typeof STATES
export type SignedIn = 'any' | '1h' | '24h' | '7d' | '30d' | 'over-24h' | 'over-7d' | 'over-30d'
export type Sort = 'createdAt' | 'lastAccessedAt'

/** Where a session stands. `overdue`: it is refused already, and not yet marked as ended. */
export const STATES = { active: 'Active', ended: 'Ended', overdue: 'Overdue', all: 'All' } as const

const DAY = 86_400_000

/** When its user signed in: how long ago at most (`within`) or at least (`before`), in milliseconds. */
export const SIGNED_IN: Readonly<Record<SignedIn, Span>> = {
  any: { name: 'Any time' },
  '1h': { name: 'Last hour', within: 3_600_000 },
  '24h': { name: 'Last 24 hours', within: DAY },
  '7d': { name: 'Last 7 days', within: 7 * DAY },
  '30d': { name: 'Last 30 days', within: 30 * DAY },
  'over-24h': { name: 'Over 24 hours ago', before: DAY },
  'over-7d': { name: 'Over 7 days ago', before: 7 * DAY },
  'over-30d': { name: 'Over 30 days ago', before: 30 * DAY },
}

interface Span {
  readonly name: string
  readonly within?: number
  readonly before?: number
}

/** How a session ended, as one looks for it. */
export const END_REASONS: Readonly<Record<EndReason, string>> = {
  logout: 'Signed out',
  revoked: 'Ended by hand',
  password_change: 'Password changed',
  user_disabled: 'User disabled',
  user_deleted: 'User deleted',
  limit: 'Too many sessions',
  idle: 'Unused too long',
  expired: 'Time was up',
  token_reuse: 'Secret used twice',
  epoch: 'Signed out everywhere',
  cleanup: 'Cleaned up',
  adopted_elsewhere: 'Taken over elsewhere',
}

/** What an address without any filter shows: who is signed in, the newest first. */
export const EVERYBODY: SessionFilter = {
  text: '',
  userId: '',
  username: '',
  ip: '',
  method: '',
  state: 'active',
  endReason: '',
  signedIn: 'any',
  sort: 'createdAt',
  order: 'desc',
}

/** The filter in an address. What it does not understand it leaves out. */
export function readFilter(search: Readonly<Record<string, unknown>>): SessionFilter {
  const word = (name: keyof SessionFilter): string => text(search[name])
  const [state, endReason, signedIn] = [word('state'), word('endReason'), word('signedIn')]
  return {
    text: word('text'),
    userId: word('userId'),
    username: word('username'),
    ip: word('ip'),
    method: word('method'),
    state: isOneOf(STATES, state) ? state : 'active',
    endReason: isOneOf(END_REASONS, endReason) ? endReason : '',
    signedIn: isOneOf(SIGNED_IN, signedIn) ? signedIn : 'any',
    sort: word('sort') === 'lastAccessedAt' ? 'lastAccessedAt' : 'createdAt',
    order: word('order') === 'asc' ? 'asc' : 'desc',
  }
}

/** The filter in the address of the page. */
export type SessionSearch = { readonly [Name in keyof SessionFilter]?: string | undefined } & {
  /** The session that is looked at closely. */
  readonly session?: string | undefined
}

/** The same as an address has it; undefined where it is as without a filter. */
export function writeFilter(filter: SessionFilter): SessionSearch {
  return Object.fromEntries(NAMES.map((name) => [name, filter[name] === EVERYBODY[name] ? undefined : filter[name]]))
}

/** Whether a filter leaves anybody out who is signed in, or shows others. The order does not count. */
export function isFiltered(filter: SessionFilter): boolean {
  return CONDITIONS.some((name) => filter[name] !== EVERYBODY[name])
}

/**
 * The conditions as the service understands them, for lists, counts and deeds alike. `now` fixes where a span such as
 * the last hour begins.
 */
export function conditions(filter: SessionFilter, now: number): Readonly<Record<string, string>> {
  const { text: mentioned, userId, username, ip, method, state, endReason, signedIn } = filter
  const { within, before } = SIGNED_IN[signedIn]
  const given = {
    text: mentioned,
    userId,
    username,
    ip,
    method,
    state,
    // Only what has ended has ended somehow.
    endReason: state === 'active' || state === 'overdue' ? '' : endReason,
    createdSince: within === undefined ? '' : new Date(now - within).toISOString(),
    createdBefore: before === undefined ? '' : new Date(now - before).toISOString(),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}

/** `active`, or how it came to its end. */
export function stateOf({ isActive, endReason }: Pick<AdminSession, 'isActive' | 'endReason'>): string {
  if (isActive) return 'Active'
  return endReason === null ? 'Overdue' : END_REASONS[endReason]
}

const NAMES = Object.keys(EVERYBODY) as readonly (keyof SessionFilter)[]
const CONDITIONS = NAMES.filter((name) => name !== 'sort' && name !== 'order')

/** Whoever writes an address by hand may write a number. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

function isOneOf<T extends object>(known: T, value: string): value is keyof T & string {
  return Object.hasOwn(known, value)
}
