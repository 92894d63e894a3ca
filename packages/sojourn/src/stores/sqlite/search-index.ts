import type { SqliteConnection } from './connection.ts'
import { mentionedIn } from './query.ts'

/** Up to which row everything is in the index, and how often it was begun anew. */
export interface Mark {
  readonly place: number
  readonly round: number
}

/** Before every row that there may be. */
export const BEFORE_ALL = Number.MIN_SAFE_INTEGER

const KNOWN = `SELECT 1 FROM sojourn_search_values AS known WHERE known.value = found.value`
const WITHIN = 'rowid > ?1 AND rowid <= ?2'
const ADD_VALUES = `
  INSERT INTO sojourn_search_values (value)
  SELECT value FROM (
    SELECT username AS value FROM sojourn_sessions WHERE ${WITHIN}
    UNION SELECT ip_address FROM sojourn_sessions WHERE ${WITHIN}
    UNION SELECT user_agent FROM sojourn_sessions WHERE ${WITHIN}) AS found
  WHERE value IS NOT NULL AND NOT EXISTS (${KNOWN})`
const ADD_AGENTS = `
  INSERT INTO sojourn_search_agents (value_id, place)
  SELECT value_id, session.rowid FROM sojourn_sessions AS session CROSS JOIN sojourn_search_values
  WHERE session.rowid > ?1 AND session.rowid <= ?2 AND value = user_agent AND NOT EXISTS (
    SELECT 1 FROM sojourn_search_agents AS known
    WHERE known.value_id = sojourn_search_values.value_id AND known.place = session.rowid)`

/**
 * The index says which rows may mention a text; the rows themselves are asked whether they do. So it may say too
 * much at any time, but up to its mark never too little. The mark is believed only while the very session lies at
 * its place that lay there when it was set: after rows were copied into another file the places are others.
 */
export function markOf(database: SqliteConnection): Mark {
  const [place, round] = database.row(`
    SELECT session.rowid, round FROM sojourn_search_mark AS mark
    LEFT JOIN sojourn_sessions AS session ON session.rowid = mark.place AND session.session_id = mark.session_id`)!
  return { place: (place as number | null) ?? BEFORE_ALL, round: round as number }
}

/** Takes the next rows into the index, and answers whether there were any. Runs inside a transaction. */
export function indexNext(database: SqliteConnection, limit: number): boolean {
  const { place } = markOf(database)
  if (place === BEFORE_ALL) beginAnew(database)
  const sql = 'SELECT max(rowid) FROM (SELECT rowid FROM sojourn_sessions WHERE rowid > ? ORDER BY rowid LIMIT ?)'
  const last = database.row(sql, place, limit)?.[0] as number | null
  if (last === null) return false
  database.run(ADD_VALUES, place, last)
  database.run(ADD_AGENTS, place, last)
  database.run(
    `UPDATE sojourn_search_mark SET (place, session_id) = (
       SELECT rowid, session_id FROM sojourn_sessions WHERE rowid = ?)`,
    last,
  )
  return true
}

/** The last value there is. */
export function lastValue(database: SqliteConnection): number {
  return (database.row('SELECT max(value_id) FROM sojourn_search_values')?.[0] as number | null) ?? 0
}

/** Rows that may mention a text because one of these values does, and at most so many. */
export function placesOf(
  database: SqliteConnection,
  text: string,
  after: number,
  last: number,
  limit: number,
): readonly number[] {
  const sql = `
    WITH found AS MATERIALIZED (
      SELECT value_id, value FROM sojourn_search_values
      WHERE value_id > ? AND value_id <= ? AND ${mentionedIn('value')})
    SELECT session.rowid FROM found CROSS JOIN sojourn_sessions AS session WHERE username = value
    UNION ALL SELECT session.rowid FROM found CROSS JOIN sojourn_sessions AS session WHERE ip_address = value
    UNION ALL SELECT place FROM found CROSS JOIN sojourn_search_agents AS agent WHERE agent.value_id = found.value_id
    LIMIT ?`
  return database.rows(sql, after, last, text, limit).map(([place]) => place as number)
}

/** What is there belongs to other rows. */
function beginAnew(database: SqliteConnection): void {
  database.run('DELETE FROM sojourn_search_agents')
  database.run('DELETE FROM sojourn_search_values')
  database.run('UPDATE sojourn_search_mark SET place = NULL, session_id = NULL, round = round + 1')
}
