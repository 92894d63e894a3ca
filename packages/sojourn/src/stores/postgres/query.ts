import type { Standing } from '../../core/policy.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import { instantText } from './rows.ts'
import type { Value } from './rows.ts'

/** The values of a statement that is being written, each under its `$1`, `$2`, … */
export class Bindings {
  readonly values: Value[] = []

  /** Keeps a value and answers what stands for it in the text. */
  bind(value: Value, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

/** The conditions of a filter. They look at one row only, so the server may ask again whether a row that it waited for still meets them. */
export function selectionOf(filter: SessionFilter, bindings: Bindings): string {
  const compare = (column: string, comparison: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [`${column} ${comparison} ${bindings.bind(value, 'text')}`]
  const measure = (column: string, comparison: string, instant: number | undefined): readonly string[] =>
    instant === undefined ? [] : [`${column} ${comparison} ${bindings.bind(instantText(instant), 'timestamptz')}`]
  return joined([
    ...compare('user_id', '=', filter.userId),
    ...compare('username', '=', filter.username),
    ...compare('ip_address', '=', filter.ip),
    ...given(filter.text, (text) => mentions(text, bindings)),
    ...given(filter.standing, (standing) => stands(standing, bindings)),
    ...given(filter.notStanding, (standing) => `NOT (${stands(standing, bindings)})`),
    ...given(filter.isEnded, (isEnded) => `end_reason IS ${isEnded ? 'NOT ' : ''}NULL`),
    ...measure('ends_at', '<=', filter.endsBy),
    ...measure('expires_at', '<=', filter.expiresBy),
    ...measure('authenticated_at', '<=', filter.authenticatedBy),
    ...compare('end_reason', '=', filter.endReason),
    ...compare('method', '=', filter.method),
    ...measure('created_at', '>=', filter.createdSince),
    ...measure('created_at', '<', filter.createdBefore),
    ...measure('last_accessed', '<=', filter.accessedBy),
    ...given(filter.except, (id) => `session_id <> ${bindings.bind(id, 'uuid')}`),
    ...given(filter.anyOf, (filters) => anyOf(filters, bindings)),
  ])
}

/** The conditions, order and limit of a page. */
export function pageOf({ filter, sort, descending, after, limit }: ListQuery, bindings: Bindings): string {
  const order = sort === 'createdAt' ? 'created_at' : 'last_accessed'
  const [direction, ahead] = descending ? ['DESC', '<'] : ['ASC', '>']
  const conditions = [selectionOf(filter, bindings)]
  if (after !== undefined) {
    const value = bindings.bind(instantText(after.value), 'timestamptz')
    conditions.push(`(${order}, session_id) ${ahead} (${value}, ${bindings.bind(after.id, 'uuid')})`)
  }
  const most = bindings.bind(Math.max(0, limit), 'bigint')
  return `${joined(conditions)} ORDER BY ${order} ${direction}, session_id ${direction} LIMIT ${most}`
}

function stands({ endsAfter, accessedAfter, authenticatedAfter }: Standing, bindings: Bindings): string {
  const after = (instant: number): string => bindings.bind(instantText(instant), 'timestamptz')
  return joined([
    'end_reason IS NULL',
    `ends_at > ${after(endsAfter)}`,
    `last_accessed > ${after(accessedAfter)}`,
    `authenticated_at > ${after(authenticatedAfter)}`,
  ])
}

/** `strpos` knows no wildcards, and in the collation of our columns only the 26 letters have a lower case. */
function mentions(text: string, bindings: Bindings): string {
  // No text here can hold a zero, and PostgreSQL does not even let one be asked for.
  if (text.includes('\0')) return 'FALSE'
  const wanted = `lower(${bindings.bind(text, 'text')} COLLATE "C")`
  const found = ['username', 'user_agent', 'ip_address'].map(
    (column) => `coalesce(strpos(lower(${column}), ${wanted}), 0) > 0`,
  )
  return `(${found.join(' OR ')})`
}

function anyOf(filters: readonly SessionFilter[], bindings: Bindings): string {
  if (filters.length === 0) return 'FALSE'
  return `(${filters.map((filter) => `(${selectionOf(filter, bindings)})`).join(' OR ')})`
}

function given<T>(wanted: T | undefined, condition: (wanted: T) => string): readonly string[] {
  return wanted === undefined ? [] : [condition(wanted)]
}

function joined(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ')
}
