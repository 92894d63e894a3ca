import type { Standing } from '../../core/policy.ts'
import type { StoreStats } from '../../core/store.ts'
import type { SqliteConnection } from './connection.ts'
import { overdueBy, selectionOf } from './query.ts'

/** The figures of an installation, each from an index alone. */
export function sqliteStats(database: SqliteConnection, standing: Standing, createdSince: number): StoreStats {
  return {
    total: database.row('SELECT count(*) FROM sojourn_sessions')?.[0] as number,
    active: countStanding(database, standing),
    createdSince: database.row(
      'SELECT count(*) FROM sojourn_sessions WHERE created_at >= ?',
      createdSince,
    )?.[0] as number,
    usersOnline: countOnline(database, standing),
    mostActive: mostActive(database),
  }
}

/** Those that have not ended, but for the few that are overdue: to compare the instants of every one takes longer. */
export function countStanding(database: SqliteConnection, standing: Standing): number {
  const { sql, values } = selectionOf({ anyOf: overdueBy(standing) })
  const all = 'SELECT count(*) FROM sojourn_sessions WHERE end_reason IS NULL'
  const overdue = `SELECT count(*) FROM sojourn_sessions WHERE ${sql}`
  return database.row(`SELECT (${all}) - (${overdue})`, ...values)?.[0] as number
}

/** Likewise: users with a session that has not ended, but for those of whom none stands. */
function countOnline(database: SqliteConnection, standing: Standing): number {
  const overdue = selectionOf({ anyOf: overdueBy(standing) })
  const own = selectionOf({ userId: '', standing })
  const all = 'SELECT DISTINCT user_id FROM sojourn_sessions WHERE end_reason IS NULL'
  const away = `
    SELECT DISTINCT user_id FROM sojourn_sessions AS one WHERE ${overdue.sql} AND NOT EXISTS (
      SELECT 1 FROM sojourn_sessions WHERE ${own.sql.replace('user_id = ?', 'user_id = one.user_id')})`
  const sql = `SELECT (SELECT count(*) FROM (${all})) - (SELECT count(*) FROM (${away}))`
  return database.row(sql, ...overdue.values, ...own.values.slice(1))?.[0] as number
}

function mostActive(database: SqliteConnection): StoreStats['mostActive'] {
  const row = database.row(`
    SELECT user_id, count(*), max(created_at) FROM sojourn_sessions
    GROUP BY user_id ORDER BY 2 DESC, 3 DESC LIMIT 1`)
  if (row === undefined) return null
  const userId = row[0] as string
  const newest = database.row(
    'SELECT username FROM sojourn_sessions WHERE user_id = ? ORDER BY created_at DESC, session_id DESC LIMIT 1',
    userId,
  )
  return { userId, username: newest?.[0] as string, sessions: row[1] as number }
}
