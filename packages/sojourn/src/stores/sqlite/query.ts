import type { Standing } from '../../core/policy.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import type { Value } from './rows.ts'

/** A piece of SQL and the values for its question marks. */
export interface Condition {
  readonly sql: string
  readonly values: readonly Value[]
}

/** The column of each order. */
export const ORDERS = { createdAt: 'created_at', lastAccessedAt: 'last_accessed' } as const

/** No column at all. */
const NONE = ''

/** Whether a comparison is one that the index meant for a statement should serve. */
type IsIndexed = (column: string, comparison: string) => boolean

/** The conditions of a filter, written so that the index with the fewest rows to read is used. */
export function selectionOf(asked: SessionFilter): Condition {
  const filter = narrowed(asked)
  const driver = driverOf(filter)
  return conditionsOf(filter, (column) => column === driver)
}

/** The conditions, order and limit of a page. */
export function pageOf({ filter: asked, sort, descending, after, limit }: ListQuery): Condition {
  const filter = narrowed(asked)
  const order = ORDERS[sort]
  const owner = ownerOf(filter)
  const [direction, ahead, behind] = descending ? ['DESC', '<', '>'] : ['ASC', '>', '<']
  const conditions = [
    // The page before is where the index begins; of the filter only the far end of the range is left for it.
    conditionsOf(
      filter,
      (column, comparison) =>
        column === owner || (column === order && (after === undefined || comparison.startsWith(behind))),
    ),
  ]
  if (after !== undefined) {
    conditions.push({ sql: `(${order}, session_id) ${ahead} (?, ?)`, values: [after.value, after.id] })
  }
  const { sql, values } = joined(conditions)
  return {
    sql: `${sql} ORDER BY ${order} ${direction}, session_id ${direction} LIMIT ?`,
    values: [...values, Math.max(0, limit)],
  }
}

/** What is neither standing nor ended is overdue, one way or another; for each way there is an index. */
export function overdueBy({ endsAfter, accessedAfter, authenticatedAfter }: Standing): readonly SessionFilter[] {
  return [{ endsBy: endsAfter }, { accessedBy: accessedAfter }, { authenticatedBy: authenticatedAfter }].map(
    (each) => ({
      ...each,
      isEnded: false,
    }),
  )
}

function narrowed(filter: SessionFilter): SessionFilter {
  const { notStanding, isEnded, anyOf } = filter
  if (notStanding === undefined || isEnded !== false || anyOf !== undefined) return filter
  return { ...filter, notStanding: undefined, anyOf: overdueBy(notStanding) }
}

/** The column that says whose sessions they are, or where they came from. */
function ownerOf({ userId, username }: SessionFilter): string {
  if (userId !== undefined) return 'user_id'
  return username === undefined ? 'ip_address' : 'username'
}

function driverOf(filter: SessionFilter): string {
  const { userId, username, ip } = filter
  if (userId !== undefined || username !== undefined || ip !== undefined) return ownerOf(filter)
  // Every row is looked at, so in the order in which they lie and not in that of an index.
  if (filter.text !== undefined) return NONE
  if (filter.expiresBy !== undefined && filter.isEnded === false) return 'expires_at'
  if (filter.authenticatedBy !== undefined && filter.isEnded === false) return 'authenticated_at'
  if (filter.accessedBy !== undefined || filter.standing !== undefined) return 'last_accessed'
  return filter.endsBy === undefined ? 'created_at' : 'ends_at'
}

/**
 * Without statistics the planner guesses, and a wrong guess reads a million rows; so a column that should not be
 * looked up is written `+column`, which no index serves.
 */
function conditionsOf(filter: SessionFilter, isIndexed: IsIndexed): Condition {
  const compare = (column: string, comparison: string, value: Value | undefined): readonly Condition[] =>
    value === undefined
      ? []
      : [{ sql: `${isIndexed(column, comparison) ? '' : '+'}${column} ${comparison} ?`, values: [value] }]
  const ofAny = isIndexed(NONE, '') ? '+' : ''
  const standing = ({ endsAfter, accessedAfter, authenticatedAfter }: Standing): Condition =>
    joined([
      { sql: `${ofAny}end_reason IS NULL`, values: [] },
      ...compare('ends_at', '>', endsAfter),
      ...compare('last_accessed', '>', accessedAfter),
      ...compare('authenticated_at', '>', authenticatedAfter),
    ])
  return joined([
    ...compare('user_id', '=', filter.userId),
    ...compare('username', '=', filter.username),
    ...compare('ip_address', '=', filter.ip),
    ...given(filter.text, mentions),
    ...given(filter.standing, standing),
    ...given(filter.notStanding, (instants) => not(standing(instants))),
    ...given(filter.isEnded, (isEnded) => ({ sql: `${ofAny}end_reason IS ${isEnded ? 'NOT ' : ''}NULL`, values: [] })),
    ...compare('ends_at', '<=', filter.endsBy),
    ...compare('expires_at', '<=', filter.expiresBy),
    ...compare('authenticated_at', '<=', filter.authenticatedBy),
    ...given(filter.endReason, () => ({ sql: 'end_reason IS NOT NULL', values: [] })),
    ...compare('end_reason', '=', filter.endReason),
    ...compare('method', '=', filter.method),
    ...compare('created_at', '>=', filter.createdSince),
    ...compare('created_at', '<', filter.createdBefore),
    ...compare('last_accessed', '<=', filter.accessedBy),
    ...given(filter.except, (id) => ({ sql: '+session_id <> ?', values: [id] })),
    ...given(filter.anyOf, anyOfThem),
  ])
}

/** `instr` and `lower` as SQLite has them: no wildcards, and only the 26 letters have a lower case. */
export function mentionedIn(column: string): string {
  return `ifnull(instr(lower(${column}), lower(?)), 0) > 0`
}

function given<T>(wanted: T | undefined, condition: (wanted: T) => Condition): readonly Condition[] {
  return wanted === undefined ? [] : [condition(wanted)]
}

function joined(conditions: readonly Condition[]): Condition {
  if (conditions.length === 0) return { sql: 'TRUE', values: [] }
  return {
    sql: conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}

function not({ sql, values }: Condition): Condition {
  return { sql: `NOT (${sql})`, values }
}

function mentions(text: string): Condition {
  const columns = ['username', 'user_agent', 'ip_address']
  return { sql: `(${columns.map(mentionedIn).join(' OR ')})`, values: columns.map(() => text) }
}

/** Each alternative by its own index. */
function anyOfThem(filters: readonly SessionFilter[]): Condition {
  if (filters.length === 0) return { sql: 'FALSE', values: [] }
  const alternatives = filters.map(selectionOf)
  const selects = alternatives.map(({ sql }) => `SELECT rowid FROM sojourn_sessions WHERE ${sql}`)
  return { sql: `rowid IN (${selects.join(' UNION ALL ')})`, values: alternatives.flatMap(({ values }) => values) }
}
