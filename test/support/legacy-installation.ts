import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { mintSecret } from '../../packages/sojourn/src/core/token.ts'

/** The password of every made-up user, and a bcrypt hash of it at the least cost there is. */
export const LEGACY_PASSWORD = 'tabby cat on the mat'
const LEGACY_HASH = '$2y$04$kdQvqdNlIkTn5V78KHRhnOx9E4AGJfzxHEXaFoGQOxiI9vQvdXAke'

/** Shortly after the last thing that happens in a made-up installation. */
export const LEGACY_NOW = '2026-11-23T18:10:00Z'

const MINUTE = 60_000
/** How long ago things happened, to a millisecond that is not round: one that is cut off shows. */
const LOGIN = 5 * MINUTE + 23_003
const LAST_USE = 4 * MINUTE + 55_029
const REGISTRATION = 53 * 24 * 60 * MINUTE + 609 * MINUTE + 59_877

/** A cell by column name. What is left out is made up. */
export type LegacyRow = Readonly<Record<string, string | number | bigint | Uint8Array | null>>

/** What a client of the old system holds, and what is known of it. */
export interface LegacyClient {
  readonly username: string
  readonly password: string
  readonly token: string
  readonly isLoggedOut: boolean
}

/** An installation to adopt: its database, and its clients. */
export interface LegacyInstallation {
  readonly path: string
  readonly clients: readonly LegacyClient[]
}

const SCHEMA = `
CREATE TABLE users (
  id INTEGER NOT NULL, username VARCHAR NOT NULL, password_hash VARCHAR NOT NULL, created_at VARCHAR,
  last_login VARCHAR, is_active BOOLEAN NOT NULL, otp_secret VARCHAR, is_2fa_enabled BOOLEAN NOT NULL,
  last_activity VARCHAR, PRIMARY KEY (id), UNIQUE (username)
);
CREATE TABLE user_sessions (
  id INTEGER NOT NULL, session_id VARCHAR NOT NULL, user_id INTEGER NOT NULL, username VARCHAR NOT NULL,
  created_at VARCHAR, last_accessed VARCHAR, ip_address VARCHAR, user_agent VARCHAR, is_active BOOLEAN,
  logged_out_at VARCHAR, PRIMARY KEY (id), FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE UNIQUE INDEX ix_user_sessions_session_id ON user_sessions (session_id);
CREATE INDEX ix_user_sessions_user_id ON user_sessions (user_id);
CREATE INDEX idx_session_user_active ON user_sessions (user_id, is_active);
CREATE TABLE journal_entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, title TEXT, mood REAL, scan BLOB,
  FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_journal_entries_user ON journal_entries (user_id, title);
CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE VIEW busy_users AS SELECT user_id, count(*) AS entries FROM journal_entries GROUP BY user_id;
CREATE TRIGGER no_empty_title BEFORE INSERT ON journal_entries WHEN NEW.title = ''
  BEGIN SELECT RAISE(ABORT, 'a title, please'); END;
`

/** A database in the shape that the adoption expects, in the making. */
export class LegacyDatabase {
  readonly path: string
  readonly #now: number
  readonly #db: DatabaseSync

  /** Makes the tables in a new file. What is added to them happened shortly before `now`. */
  constructor(path: string, now: number = Date.parse(LEGACY_NOW)) {
    this.path = path
    this.#now = now
    // As SQLite itself has it: an old system that never asked for foreign keys has rows that point nowhere.
    this.#db = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    this.#db.exec(`PRAGMA synchronous = OFF; ${SCHEMA}`)
  }

  /** Adds a user and answers with the row's number. */
  addUser(row: LegacyRow = {}): number {
    const id = row['id'] ?? this.#next('users')
    return this.#insert('users', {
      id,
      username: `user${String(id)}`,
      password_hash: LEGACY_HASH,
      created_at: this.ago(REGISTRATION),
      last_login: this.ago(LOGIN),
      is_active: 1,
      is_2fa_enabled: 0,
      ...row,
    })
  }

  /** Adds a session of user 1 that is live, and answers with its row and what its client holds. */
  addSession(row: LegacyRow = {}): { readonly row: number; readonly token: string } {
    const { session_id: token = mintSecret() } = row
    const number = this.#insert('user_sessions', {
      session_id: token,
      user_id: 1,
      username: 'user1',
      created_at: this.ago(LOGIN),
      last_accessed: this.ago(LAST_USE),
      ip_address: '203.0.113.7',
      user_agent: 'curl/8.5.0',
      is_active: 1,
      ...row,
    })
    return { row: number, token: String(token) }
  }

  /** A moment before now as the old system writes it, which is finer than we do. */
  ago(span: number): string {
    return new Date(this.#now - span).toISOString().replace('Z', '348+00:00')
  }

  /** Whatever else a test needs to be so. */
  run(sql: string): void {
    this.#db.exec(sql)
  }

  close(): void {
    this.#db.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #next(table: string): number {
    return Number(this.#db.prepare(`SELECT coalesce(max(rowid), 0) + 1 AS next FROM ${table}`).get()!['next'])
  }

  #insert(table: string, row: LegacyRow): number {
    const columns = Object.keys(row)
    const marks = columns.map(() => '?').join(', ')
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`
    return Number(this.#db.prepare(sql).run(...Object.values(row)).lastInsertRowid)
  }
}

/** An installation as a real one looks: several users with several sessions each, some ended, beside other tables. */
export function madeUpInstallation(path: string, now?: number): LegacyInstallation {
  using legacy = new LegacyDatabase(path, now)
  legacy.run('PRAGMA user_version = 7; BEGIN')
  const clients: LegacyClient[] = []
  for (let id = 1; id <= 12; id += 1) {
    const username = `user${id}`
    legacy.addUser({ id, username })
    for (let nth = 0; nth <= id % 4; nth += 1) {
      const isLoggedOut = nth === 1
      const { token } = legacy.addSession({
        user_id: id,
        username,
        is_active: isLoggedOut ? 0 : 1,
        logged_out_at: isLoggedOut ? legacy.ago(4 * MINUTE) : null,
      })
      clients.push({ username, password: LEGACY_PASSWORD, token, isLoggedOut })
    }
    legacy.run(
      `INSERT INTO journal_entries (user_id, title, mood, scan) VALUES (${id}, 'day ${id}', 0.1 * ${id}, x'00ff')`,
    )
  }
  legacy.run(`INSERT INTO settings VALUES ('theme', 'dark'), ('limit', 3), ('nothing', NULL); COMMIT; ANALYZE`)
  return { path, clients }
}

/** A copy of the installation that a real program made, or null where it is not at hand. */
export function realInstallation(path: string): LegacyInstallation | null {
  const fixture = join(import.meta.dirname, '../../../shared/fixtures/legacy')
  if (!existsSync(fixture)) return null
  copyFileSync(join(fixture, 'soulsense.db'), path)
  const listed = JSON.parse(readFileSync(join(fixture, 'soulsense.json'), 'utf8')) as readonly Listed[]
  const clients = listed.map(({ username, password, session_id, logged_out }) => ({
    username,
    password,
    token: session_id,
    isLoggedOut: logged_out,
  }))
  return { path, clients }
}

interface Listed {
  readonly username: string
  readonly password: string
  readonly session_id: string
  readonly logged_out: boolean
}

/**
 * Everything in a database that is not ours, value by value with its type, with the places of its tables in the
 * file and the settings that the file carries. Two dumps are equal when nothing that belongs to others has changed.
 */
export function foreignDump(path: string): string {
  using db = new DatabaseSync(path, { readOnly: true })
  const objects = db.prepare("SELECT * FROM sqlite_schema WHERE tbl_name NOT LIKE 'sojourn\\_%' ESCAPE '\\'").all()
  const rows = objects
    .filter(({ type }) => type === 'table')
    .map(({ name }) => [name, db.prepare(`SELECT ${quotedColumns(db, String(name))} FROM "${String(name)}"`).all()])
  const settings = ['user_version', 'application_id', 'encoding'].map((name) => db.prepare(`PRAGMA ${name}`).get())
  return JSON.stringify({ objects, rows, settings }, null, 1)
}

/** Every cell of the tables that are ours, as text and as bytes. */
export function ownDump(path: string): string {
  using db = new DatabaseSync(path, { readOnly: true })
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'sojourn\\_%' ESCAPE '\\'")
    .all()
  const rows = names.map(({ name }) =>
    db.prepare(`SELECT ${quotedColumns(db, String(name))} FROM "${String(name)}"`).all(),
  )
  return JSON.stringify(rows)
}

/** A folder that is gone when it goes out of scope. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'sojourn-legacy-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

function quotedColumns(db: DatabaseSync, table: string): string {
  const columns = db.prepare('SELECT name FROM pragma_table_info(?)').all(table)
  return columns.map(({ name }) => `quote("${String(name)}") AS "${String(name)}"`).join(', ')
}
