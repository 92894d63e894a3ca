import type { SessionRecord } from '../../core/session.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { Gathering } from './gathering.ts'
import { SESSION_READ, SESSION_READ_WIDTH, decodeSession } from './rows.ts'

/**
 * A server can be found to be a replica only by asking it, and behind a pooler each statement may meet another
 * server; so the one read on which access depends asks along, and hears null from a primary. There is a row for each id,
 * with a session or without.
 *
 * The ids are hidden in a query of their own: a server that sees how many there are plans the statement anew each time
 * for the sake of few, which takes three times as long as the read. And each session is looked for by itself (`OFFSET 0`),
 * since that plan is kept, and for tables that were never analysed the planner would rather read them whole.
 */
const GET = statement(
  'get',
  `SELECT ${SESSION_READ}, nullif(pg_is_in_recovery(), false)
   FROM unnest((SELECT $1::uuid[])::uuid[]) AS wanted (id)
   LEFT JOIN LATERAL (SELECT * FROM sojourn_sessions WHERE session_id = wanted.id OFFSET 0) AS found ON true`,
)
/** How many sessions are asked for at once at most: with more, the server works on some while others are taken in. */
const MOST = 128

/** Reads of sessions by id. Those that are asked for in one turn of the event loop share a round trip. */
export class PostgresReads {
  readonly #engine: PostgresEngine
  readonly #wanted: Gathering<SessionId, SessionRecord | null>

  constructor(engine: PostgresEngine) {
    this.#engine = engine
    this.#wanted = new Gathering(MOST, (ids) => engine.read((connection) => this.#find(connection, ids)))
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return isSessionId(id) ? this.#wanted.ask(id) : this.#none()
  }

  /** Resolves when nobody waits to be asked for. */
  idle(): Promise<void> {
    return this.#wanted.idle()
  }

  async #none(): Promise<null> {
    this.#engine.assertOpen()
    return null
  }

  async #find(connection: PostgresConnection, ids: readonly SessionId[]): Promise<readonly (SessionRecord | null)[]> {
    const rows = await connection.rows(GET, `{${ids.join(',')}}`)
    this.#engine.assertPrimary(rows[0]?.[SESSION_READ_WIDTH] !== null)
    const found = new Map<string, SessionRecord>()
    for (const row of rows) if (row[0] !== null) found.set(row[0] as string, decodeSession(row))
    return ids.map((id) => found.get(id) ?? null)
  }
}
