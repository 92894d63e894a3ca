import type { Standing } from '../../core/policy.ts'
import type { ListSort, SessionFilter } from '../../core/store.ts'
import type { Packable } from './packing.ts'
import { PLACES } from './records.ts'

/** A stretch of an index that holds everything a filter means, and what is left to ask of each session in it. */
export interface Selection {
  readonly index: string
  /** Whose index it is, if it is of one user or one name. */
  readonly userId?: string
  readonly username?: string
  readonly low: string
  readonly high: string
  readonly conditions: readonly Packable[]
  /** Whether everything in the stretch is meant, so that counting it is enough. */
  readonly isExact: boolean
}

type Bounds = Pick<Selection, 'low' | 'high'>

/** The shortest stretch for a filter where the order does not matter. */
export function selectionOf(filter: SessionFilter): Selection {
  const { userId, username, endsBy, accessedBy, authenticatedBy } = filter
  if (userId !== undefined || username !== undefined) return ordered(filter, 'createdAt')
  const shelf = shelfOf(filter)
  if (endsBy !== undefined) return stretch(`${shelf}:end`, filter, ['endsBy'], upTo(endsBy))
  if (shelf === 'open' && authenticatedBy !== undefined) {
    return stretch('open:authenticated', filter, ['authenticatedBy'], upTo(authenticatedBy))
  }
  return ordered(filter, accessedBy === undefined ? 'createdAt' : 'lastAccessedAt')
}

/** The stretch for a list in this order. A user or a name has one by creation only. */
export function ordered(filter: SessionFilter, sort: ListSort): Selection {
  const { userId, username } = filter
  const shelf = shelfOf(filter)
  if (userId !== undefined) {
    return { ...stretch(`${shelf}:user:${userId}`, filter, ['userId', ...CREATION], created(filter)), userId }
  }
  if (username !== undefined) {
    return { ...stretch(`all:name:${username}`, filter, ['username', ...CREATION], created(filter)), username }
  }
  return sort === 'createdAt'
    ? stretch(`${shelf}:created`, filter, CREATION, created(filter))
    : stretch(`${shelf}:accessed`, filter, ['accessedBy'], accessed(filter))
}

/** Whether the index for a list has the order that it asks for. */
export function isInOrder({ userId, username }: SessionFilter, sort: ListSort): boolean {
  return sort === 'createdAt' || (userId === undefined && username === undefined)
}

const CREATION: readonly (keyof SessionFilter)[] = ['createdSince', 'createdBefore']

/** Which family of indexes a filter needs: that of the sessions without an end reason is much smaller. */
function shelfOf({ isEnded, standing }: SessionFilter): 'open' | 'all' {
  return isEnded === false || standing !== undefined ? 'open' : 'all'
}

/** A stretch of an index that answers for these parts of a filter. The others are asked of every session in it. */
function stretch(
  index: string,
  filter: SessionFilter,
  answered: readonly (keyof SessionFilter)[],
  bounds: Bounds,
): Selection {
  const asked = Object.entries(filter).filter(
    ([name, value]) => value !== undefined && !answered.some((each) => each === name),
  )
  const isImplied = ([name, value]: readonly [string, unknown]): boolean =>
    name === 'isEnded' && value === false && index.startsWith('open:')
  const conditions = conditionsOf(Object.fromEntries(asked))
  return { index, ...bounds, conditions, isExact: asked.every(isImplied) }
}

function upTo(instant: number): Bounds {
  return { low: '-inf', high: String(instant) }
}

function created({ createdSince, createdBefore }: SessionFilter): Bounds {
  return {
    low: createdSince === undefined ? '-inf' : String(createdSince),
    high: createdBefore === undefined ? '+inf' : String(createdBefore - 1),
  }
}

/** Those who stand were used later than an instant, which the condition asks again. */
function accessed({ accessedBy, standing }: SessionFilter): Bounds {
  return {
    low: standing === undefined ? '-inf' : String(standing.accessedAfter + 1),
    high: accessedBy === undefined ? '+inf' : String(accessedBy),
  }
}

/** A filter in the words of the scripts: each condition with what it is about. */
function conditionsOf(filter: SessionFilter): readonly Packable[] {
  return [
    ...given(filter.userId, (userId) => ['is', PLACES.userId, userId]),
    ...given(filter.username, (username) => ['is', PLACES.username, username]),
    ...given(filter.ip, (ip) => ['is', PLACES.ipAddress, ip]),
    ...given(filter.method, (method) => ['is', PLACES.method, method]),
    ...given(filter.endReason, (reason) => ['is', PLACES.endReason, reason]),
    ...given(filter.isEnded, (isEnded) => ['ended', isEnded]),
    ...given(filter.standing, (standing) => ['standing', ...limits(standing)]),
    ...given(filter.notStanding, (standing) => ['fallen', ...limits(standing)]),
    ...given(filter.createdSince, (instant) => ['since', PLACES.createdAt, instant]),
    ...given(filter.createdBefore, (instant) => ['by', PLACES.createdAt, instant - 1]),
    ...given(filter.accessedBy, (instant) => ['by', PLACES.lastAccessedAt, instant]),
    ...given(filter.endsBy, (instant) => ['by', PLACES.endsAt, instant]),
    ...given(filter.expiresBy, (instant) => ['by', PLACES.expiresAt, instant]),
    ...given(filter.authenticatedBy, (instant) => ['by', PLACES.authenticatedAt, instant]),
    ...given(filter.text, (text) => ['text', text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())]),
    ...given(filter.except, (id) => ['not', PLACES.id, id]),
    ...given(filter.anyOf, (filters) => ['any', filters.map(conditionsOf)]),
  ]
}

function limits({ endsAfter, accessedAfter, authenticatedAfter }: Standing): readonly number[] {
  return [endsAfter, accessedAfter, authenticatedAfter]
}

function given<T>(wanted: T | undefined, condition: (wanted: T) => Packable): readonly Packable[] {
  return wanted === undefined ? [] : [condition(wanted)]
}
