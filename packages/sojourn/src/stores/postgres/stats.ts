import type { Standing } from '../../core/policy.ts'
import type { StoreStats } from '../../core/store.ts'
import type { PostgresConnection } from './connection.ts'
import { Bindings, selectionOf } from './query.ts'
import { instantText } from './rows.ts'

/** The figures of an installation, all of one instant. */
export async function postgresStats(
  connection: PostgresConnection,
  standing: Standing,
  createdSince: number,
): Promise<StoreStats> {
  const bindings = new Bindings()
  const text = `
    WITH standing AS (
      SELECT count(*) AS sessions, count(DISTINCT user_id) AS users FROM sojourn_sessions
      WHERE ${selectionOf({ standing }, bindings)}),
    most AS (
      SELECT user_id, count(*) AS sessions FROM sojourn_sessions
      GROUP BY user_id ORDER BY count(*) DESC, max(created_at) DESC LIMIT 1)
    SELECT (SELECT count(*) FROM sojourn_sessions), standing.sessions,
      (SELECT count(*) FROM sojourn_sessions
       WHERE created_at >= ${bindings.bind(instantText(createdSince), 'timestamptz')}),
      standing.users, most.user_id,
      (SELECT username FROM sojourn_sessions WHERE user_id = most.user_id
       ORDER BY created_at DESC, session_id DESC LIMIT 1),
      most.sessions
    FROM standing LEFT JOIN most ON true`
  const [total, active, created, usersOnline, userId, username, sessions] =
    (await connection.row({ text }, ...bindings.values)) ?? []
  return {
    total: Number(total),
    active: Number(active),
    createdSince: Number(created),
    usersOnline: Number(usersOnline),
    mostActive:
      typeof userId === 'string' ? { userId, username: username as string, sessions: Number(sessions) } : null,
  }
}
