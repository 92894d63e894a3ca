import type { Standing } from '../../core/policy.ts'
import type { StoreStats } from '../../core/store.ts'
import type { SqliteConnection } from './connection.ts'
import { selectionOf } from './query.ts'

/** The figures of an installation, each from an index alone. */
export function sqliteStats(database: SqliteConnection, standing: Standing, createdSince: number): StoreStats {
  const { sql, values } = selectionOf({ standing })
  const [active, usersOnline] = database.row(
    `SELECT count(*), count(DISTINCT user_id) FROM sojourn_sessions WHERE ${sql}`,
    ...values,
  ) as [number, number]
  return {
    total: database.row('SELECT count(*) FROM sojourn_sessions')?.[0] as number,
    active,
    createdSince: database.row(
      'SELECT count(*) FROM sojourn_sessions WHERE created_at >= ?',
      createdSince,
    )?.[0] as number,
    usersOnline,
    mostActive: mostActive(database),
  }
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
