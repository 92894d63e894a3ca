import type { Pool } from 'pg'
import {
  SESSION_COLUMNS,
  SESSION_VALUES,
  encodeSession,
  instantText,
} from '../packages/sojourn/src/stores/postgres/rows.ts'
import type { Value } from '../packages/sojourn/src/stores/postgres/rows.ts'
import { POSTGRES_STEPS } from '../packages/sojourn/src/stores/postgres/schema.ts'
import type { RawDeeds, RawSessions } from './networked.ts'
import { anyLogin } from './raw.ts'

/** The store's own tables under another name. A copy by `LIKE` would leave out the foreign key and the room for updates. */
const TABLES = POSTGRES_STEPS.map(({ up }) => up.replaceAll('sojourn_', 'bench_')).join('\n')

/** The instant of a login is its ninth value, the address its seventeenth. */
const CREATE = `
  WITH noted AS (UPDATE bench_users SET last_login_at = $9::timestamptz WHERE id = $2),
  added AS (INSERT INTO bench_sessions (${SESSION_COLUMNS}) VALUES (${SESSION_VALUES}))
  INSERT INTO bench_events (at, type, session_id, user_id, actor, ip_address, detail)
  VALUES ($9::timestamptz, 'session_created', $1::uuid, $2, 'user', $17, 'password')`
const REVOKE = `
  WITH ended AS (
    UPDATE bench_sessions
    SET ends_at = $2::timestamptz, logged_out_at = $2::timestamptz, end_reason = 'revoked', ended_by = 'system',
      version = version + 1
    WHERE session_id = $1::uuid AND end_reason IS NULL
    RETURNING session_id, user_id)
  INSERT INTO bench_events (at, type, session_id, user_id, actor, reason)
  SELECT $2::timestamptz, 'session_ended', session_id, user_id, 'system', 'revoked' FROM ended`

/** Sessions in tables like the store's, each deed in one statement, prepared once on each connection. */
export class RawPostgres implements RawSessions {
  readonly form = '; raw with the same rows and indexes'
  readonly #pool: Pool
  readonly #size: number

  /** Makes the tables, and fills them with the users and sessions that the store's have. */
  static async open(pool: Pool, size: number): Promise<RawPostgres> {
    await pool.query(TABLES)
    await pool.query('INSERT INTO bench_users SELECT * FROM sojourn_users')
    await pool.query('INSERT INTO bench_sessions SELECT * FROM sojourn_sessions')
    return new RawPostgres(pool, size)
  }

  private constructor(pool: Pool, size: number) {
    this.#pool = pool
    this.#size = size
  }

  login(): RawDeeds {
    const record = anyLogin(this.#size)
    const values = encodeSession(record)
    const end = [record.id, instantText(record.createdAt)]
    return {
      create: () => this.#write('create', CREATE, values),
      revoke: () => this.#write('revoke', REVOKE, end),
    }
  }

  async #write(name: string, text: string, values: readonly Value[]): Promise<void> {
    const { rowCount } = await this.#pool.query({ name, text, values: [...values] })
    if (rowCount !== 1) throw new Error(`${name} by hand wrote ${rowCount} lines of history`)
  }
}
