import type { ApiKeyRecord, ApiKeyStore } from '../../auth/api-keys.ts'
import type { Mark } from '../../core/events.ts'
import { assertInstants } from '../kept-record.ts'
import type { SqliteConnection } from './connection.ts'
import type { SqliteEngine } from './engine.ts'
import { tell } from './events.ts'
import { API_KEY_COLUMNS, decodeApiKey, encodeApiKey } from './rows.ts'

const BY_ID = `SELECT ${API_KEY_COLUMNS} FROM sojourn_api_keys WHERE key_id = ?`
const INSERT = `INSERT INTO sojourn_api_keys (${API_KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** The keys of programs of an SQLite store. */
export class SqliteApiKeys implements ApiKeyStore {
  readonly #engine: SqliteEngine

  constructor(engine: SqliteEngine) {
    this.#engine = engine
  }

  async add(key: ApiKeyRecord, mark: Mark): Promise<boolean> {
    const { createdAt, expiresAt, lastUsedAt, revokedAt } = key
    assertInstants({ createdAt, expiresAt, lastUsedAt: lastUsedAt ?? 0, revokedAt: revokedAt ?? 0 })
    return this.#engine.write((database) => {
      if (database.row(BY_ID, key.id) !== undefined) return false
      database.run(INSERT, ...encodeApiKey(key))
      tell(database, 'key_created', { ...mark, detail: key.name }, { userId: null })
      return true
    })
  }

  async byId(id: string): Promise<ApiKeyRecord | null> {
    return this.#engine.read((database) => {
      const row = database.row(BY_ID, id)
      return row === undefined ? null : decodeApiKey(row)
    })
  }

  async list(): Promise<readonly ApiKeyRecord[]> {
    return this.#engine.read((database) =>
      database
        .rows(`SELECT ${API_KEY_COLUMNS} FROM sojourn_api_keys ORDER BY created_at DESC, key_id DESC`)
        .map(decodeApiKey),
    )
  }

  /** Takes authority away, so it gets through on a full disk. */
  async revoke(id: string, mark: Mark): Promise<boolean> {
    assertInstants({ at: mark.at })
    return this.#engine.end((database) => revokeKey(database, id, mark))
  }

  async noteUse(id: string, at: number): Promise<void> {
    assertInstants({ at })
    const sql = `UPDATE sojourn_api_keys SET last_used_at = ?
                 WHERE key_id = ? AND revoked_at IS NULL AND ifnull(last_used_at, 0) < ?`
    await this.#engine.write((database) => database.run(sql, at, id, at))
  }
}

function revokeKey(database: SqliteConnection, id: string, mark: Mark): boolean {
  const sql = 'UPDATE sojourn_api_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL RETURNING name'
  const name = database.row(sql, mark.at, id)?.[0]
  if (name === undefined) return false
  tell(database, 'key_revoked', { ...mark, detail: name as string }, { userId: null })
  return true
}
