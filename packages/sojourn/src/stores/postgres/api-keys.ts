import type { ApiKeyRecord, ApiKeyStore } from '../../auth/api-keys.ts'
import type { Mark } from '../../core/events.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { EVENT_COLUMNS } from './events.ts'
import { API_KEY_COLUMNS, API_KEY_READ, API_KEY_VALUES, decodeApiKey, encodeApiKey, instantText } from './rows.ts'

const ADD = statement(
  'add_api_key',
  `WITH added AS (
    INSERT INTO sojourn_api_keys (${API_KEY_COLUMNS})
    SELECT ${API_KEY_VALUES} WHERE ${IS_PATIENT} AND NOT EXISTS (SELECT FROM sojourn_api_keys WHERE key_id = $1::text)
    RETURNING name)
  INSERT INTO sojourn_events (${EVENT_COLUMNS})
  SELECT $10::timestamptz, 'key_created', NULL, NULL, $11::text, NULL, $12::text, name FROM added RETURNING 1`,
)
const BY_ID = statement('api_key', `SELECT ${API_KEY_READ} FROM sojourn_api_keys WHERE key_id = $1`)
const LIST = statement(
  'api_keys',
  `SELECT ${API_KEY_READ} FROM sojourn_api_keys ORDER BY sojourn_api_keys.created_at DESC, key_id DESC`,
)
const REVOKE = statement(
  'revoke_api_key',
  `WITH revoked AS (
    UPDATE sojourn_api_keys SET revoked_at = $2::timestamptz
    WHERE key_id = $1 AND revoked_at IS NULL AND ${IS_PATIENT} RETURNING name)
  INSERT INTO sojourn_events (${EVENT_COLUMNS})
  SELECT $2::timestamptz, 'key_revoked', NULL, NULL, $3::text, NULL, $4::text, name FROM revoked RETURNING 1`,
)
const NOTE_USE = statement(
  'use_api_key',
  `UPDATE sojourn_api_keys SET last_used_at = $2::timestamptz
   WHERE key_id = $1 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at < $2::timestamptz)
     AND ${IS_PATIENT}`,
)

/** Keys of programs in a PostgreSQL store. */
export class PostgresApiKeys implements ApiKeyStore {
  readonly #engine: PostgresEngine

  constructor(engine: PostgresEngine) {
    this.#engine = engine
  }

  async add(key: ApiKeyRecord, { at, actor, ipAddress }: Mark): Promise<boolean> {
    const values = [...encodeApiKey(key), instantText(at), actor, ipAddress ?? null]
    return (await this.#engine.write((connection) => connection.rows(ADD, ...values))).length > 0
  }

  async byId(id: string): Promise<ApiKeyRecord | null> {
    const row = await this.#engine.read((connection) => connection.row(BY_ID, id))
    return row === undefined ? null : decodeApiKey(row)
  }

  async list(): Promise<readonly ApiKeyRecord[]> {
    return (await this.#engine.read((connection) => connection.rows(LIST))).map(decodeApiKey)
  }

  async revoke(id: string, { at, actor, ipAddress }: Mark): Promise<boolean> {
    const values = [id, instantText(at), actor, ipAddress ?? null]
    return (await this.#engine.write((connection) => connection.rows(REVOKE, ...values))).length > 0
  }

  async noteUse(id: string, at: number): Promise<void> {
    await this.#engine.write((connection) => connection.rows(NOTE_USE, id, instantText(at)))
  }
}
