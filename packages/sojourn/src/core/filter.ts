import type { Standing } from './policy.ts'
import type { SessionRecord } from './session.ts'
import type { ListQuery, SessionFilter } from './store.ts'

/** Whether a record is one that a filter means. What a store in SQL says as conditions, in words. */
export function isMatch(record: SessionRecord, filter: SessionFilter): boolean {
  return (
    is(filter.userId, (userId) => record.userId === userId) &&
    is(filter.username, (username) => record.username === username) &&
    is(filter.ip, (ip) => record.ipAddress === ip) &&
    is(filter.text, (text) => mentions(record, text)) &&
    is(filter.standing, (standing) => passes(record, standing)) &&
    is(filter.notStanding, (standing) => !passes(record, standing)) &&
    is(filter.isEnded, (isEnded) => (record.endReason !== null) === isEnded) &&
    is(filter.endReason, (reason) => record.endReason === reason) &&
    is(filter.method, (method) => record.method === method) &&
    is(filter.createdSince, (instant) => record.createdAt >= instant) &&
    is(filter.createdBefore, (instant) => record.createdAt < instant) &&
    is(filter.accessedBy, (instant) => record.lastAccessedAt <= instant) &&
    is(filter.endsBy, (instant) => record.endsAt <= instant) &&
    is(filter.expiresBy, (instant) => record.expiresAt <= instant) &&
    is(filter.authenticatedBy, (instant) => record.authenticatedAt <= instant) &&
    is(filter.except, (id) => record.id !== id) &&
    is(filter.anyOf, (filters) => filters.some((each) => isMatch(record, each)))
  )
}

/** The order of a list: by the sort value, then by id. */
export function compareFor(
  query: Pick<ListQuery, 'sort' | 'descending'>,
): (a: SessionRecord, b: SessionRecord) => number {
  const direction = query.descending ? -1 : 1
  return (a, b) => direction * (a[query.sort] - b[query.sort] || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** Whether a record comes after the last one of the page before. */
export function isAfter(record: SessionRecord, query: ListQuery): boolean {
  const { after } = query
  if (after === undefined) return true
  const difference = record[query.sort] - after.value || (record.id < after.id ? -1 : record.id > after.id ? 1 : 0)
  return query.descending ? difference < 0 : difference > 0
}

function is<T>(wanted: T | undefined, holds: (wanted: T) => boolean): boolean {
  return wanted === undefined || holds(wanted)
}

function passes(record: SessionRecord, standing: Standing): boolean {
  return (
    record.endReason === null &&
    record.endsAt > standing.endsAfter &&
    record.lastAccessedAt > standing.accessedAfter &&
    record.authenticatedAt > standing.authenticatedAfter
  )
}

function mentions(record: SessionRecord, text: string): boolean {
  const wanted = asciiLower(text)
  return [record.username, record.userAgent, record.ipAddress].some(
    (value) => value !== null && asciiLower(value).includes(wanted),
  )
}

/** Lower case of the 26 letters only, which is what every engine agrees on. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
