import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { SojournError } from '../core/errors.ts'
import { canonicalUsername } from '../core/username.ts'

/** What is read of a user, under the names that are looked for when nothing else is said. */
export const USER_COLUMNS = ['id', 'username', 'password_hash', 'created_at', 'last_login', 'is_active'] as const
/** What is read of a session, likewise. */
export const SESSION_COLUMNS = [
  'session_id',
  'user_id',
  'created_at',
  'last_accessed',
  'ip_address',
  'user_agent',
  'is_active',
  'logged_out_at',
] as const

/** A column by the table it belongs to, as in `sessions.session_id`. */
export type AdoptedColumn = `users.${(typeof USER_COLUMNS)[number]}` | `sessions.${(typeof SESSION_COLUMNS)[number]}`

/** How the old system calls its tables and columns. */
export interface SourceNames {
  readonly tables: { readonly users: string; readonly sessions: string }
  /** The name of each column; null for one that the old system does not have. */
  readonly columns: Readonly<Record<AdoptedColumn, string | null>>
}

/** What one column of one row holds. */
export type Cell = string | number | bigint | Uint8Array | null

/** The number of a row in its table, whole: ids that are drawn from 63 bits do not fit a `number`. */
export type RowNumber = bigint

/** A user as the old table has it. */
export type SourceUser = { readonly row: RowNumber } & Readonly<Record<(typeof USER_COLUMNS)[number], Cell>>
/** A session as the old table has it. */
export type SourceSession = { readonly row: RowNumber } & Readonly<Record<(typeof SESSION_COLUMNS)[number], Cell>>

/** A user beside one of its sessions, or beside none. The rows of one user follow each other. */
interface SourceRow {
  readonly user: SourceUser
  readonly session: SourceSession | null
}

/** What more than one row lays claim to. */
export interface Claims {
  /** Ids that several users have. */
  readonly repeatedUserIds: ReadonlySet<Cell>
  /**
   * Usernames that are one and the same in their canonical form, each with the one row that has it to the letter:
   * only for that user does the name go on meaning who it meant. Null where none or several have it so.
   */
  readonly contestedUsernames: ReadonlyMap<string, RowNumber | null>
  /**
   * Session ids that several sessions have, each with the first of their rows, or null where they disagree about
   * whose session it is or whether it stands.
   */
  readonly repeatedSessionIds: ReadonlyMap<Cell, RowNumber | null>
}

/** What may be absent in a system that otherwise fits. */
const DISPENSABLE: readonly AdoptedColumn[] = [
  'users.created_at',
  'users.last_login',
  'users.is_active',
  'sessions.ip_address',
  'sessions.user_agent',
  'sessions.logged_out_at',
]
const BUSY_TIMEOUT = 5_000

/**
 * The tables of another system in an SQLite file, read and never written: the connection is opened for reading
 * only, and everything it answers comes from one snapshot, however much the other system goes on writing.
 */
export class UserSessionsSource {
  readonly #path: string
  readonly #db: DatabaseSync
  readonly #users: string
  readonly #sessions: string
  readonly #names: SourceNames

  /** Throws `invalid_argument` when there is no such database, or it lacks a table or column. */
  constructor(path: string, names: SourceNames) {
    this.#path = path
    this.#names = names
    this.#users = quoted(names.tables.users)
    this.#sessions = quoted(names.tables.sessions)
    this.#db = opened(path)
    try {
      this.#assertTable(names.tables.users, 'users')
      this.#assertTable(names.tables.sessions, 'sessions')
      this.#db.function('canonical_username', { deterministic: true }, canonical)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** How many rows the two tables have. */
  count(): { readonly users: number; readonly sessions: number } {
    const [row] = this.#all(`
      SELECT (SELECT count(*) FROM ${this.#users}) AS users, (SELECT count(*) FROM ${this.#sessions}) AS sessions`)
    return { users: Number(row!['users']), sessions: Number(row!['sessions']) }
  }

  /** Every user beside each of its sessions. */
  *rows(): Generator<SourceRow> {
    const columns = [
      'u.rowid AS user_row',
      ...USER_COLUMNS.map((name) => `${this.#column('u', `users.${name}`)} AS user_${name}`),
      's.rowid AS session_row',
      ...SESSION_COLUMNS.map((name) => `${this.#column('s', `sessions.${name}`)} AS session_${name}`),
    ]
    const sql = `
      SELECT ${columns.join(', ')}
      FROM ${this.#users} AS u LEFT JOIN ${this.#sessions} AS s ON ${this.#belongs('s', 'u')}
      ORDER BY u.rowid`
    for (const row of this.#iterate(sql)) {
      yield { user: decodeUser(row), session: row['session_row'] === null ? null : decodeSession(row) }
    }
  }

  /** The rows of sessions whose user is not in the users table. */
  *orphans(): Generator<RowNumber> {
    const sql = `
      SELECT s.rowid AS orphan
      FROM ${this.#sessions} AS s LEFT JOIN ${this.#users} AS u ON ${this.#belongs('s', 'u')}
      WHERE u.rowid IS NULL
      ORDER BY s.rowid`
    for (const row of this.#iterate(sql)) yield rowNumber(row['orphan'])!
  }

  /** Who claims what somebody else claims, too. */
  claims(): Claims {
    return {
      repeatedUserIds: this.#repeatedUserIds(),
      contestedUsernames: this.#contestedUsernames(),
      repeatedSessionIds: this.#repeatedSessionIds(),
    }
  }

  /** Lets go of the file. */
  close(): void {
    this.#db.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #repeatedUserIds(): ReadonlySet<Cell> {
    const id = this.#column('u', 'users.id')
    const rows = this.#all(`
      SELECT ${id} AS id FROM ${this.#users} AS u WHERE ${id} IS NOT NULL GROUP BY ${id} HAVING count(*) > 1`)
    return new Set(rows.map((row) => row['id'] ?? null))
  }

  #contestedUsernames(): ReadonlyMap<string, RowNumber | null> {
    const username = this.#column('u', 'users.username')
    const rows = this.#all(`
      SELECT name, CASE WHEN sum(is_exact) = 1 THEN max(CASE WHEN is_exact THEN row END) END AS holder
      FROM (
        SELECT u.rowid AS row, canonical_username(${username}) AS name,
          canonical_username(${username}) = ${username} COLLATE BINARY AS is_exact
        FROM ${this.#users} AS u
        WHERE typeof(${username}) = 'text'
      )
      GROUP BY name HAVING count(*) > 1`)
    return new Map(rows.map((row) => [String(row['name']), rowNumber(row['holder'])]))
  }

  #repeatedSessionIds(): ReadonlyMap<Cell, RowNumber | null> {
    const id = this.#column('s', 'sessions.session_id')
    const user = this.#column('s', 'sessions.user_id')
    const isActive = this.#column('s', 'sessions.is_active')
    const rows = this.#all(`
      SELECT ${id} AS id,
        CASE WHEN min(${user}) IS max(${user}) AND min(${isActive}) IS max(${isActive}) THEN min(s.rowid) END AS first
      FROM ${this.#sessions} AS s
      WHERE ${id} IS NOT NULL
      GROUP BY ${id} COLLATE BINARY HAVING count(*) > 1`)
    return new Map(rows.map((row) => [row['id'] ?? null, rowNumber(row['first'])]))
  }

  #belongs(sessions: string, users: string): string {
    return `${this.#column(sessions, 'sessions.user_id')} = ${this.#column(users, 'users.id')}`
  }

  #column(table: string, column: AdoptedColumn): string {
    const name = this.#names.columns[column]
    return name === null ? 'NULL' : `${table}.${quoted(name)}`
  }

  #assertTable(table: string, role: 'users' | 'sessions'): void {
    const [found] = this.#all('SELECT type, wr FROM pragma_table_list WHERE schema = ? AND name = ? COLLATE NOCASE', [
      'main',
      table,
    ])
    if (found === undefined) {
      throw unusable(`'${this.#path}' has no table '${table}'; name its table of ${role}`)
    }
    if (found['type'] !== 'table' || found['wr'] !== 0n) {
      throw unusable(`'${table}' in '${this.#path}' has no row numbers; name an ordinary table of ${role}`)
    }
    const present = this.#all('SELECT lower(name) AS name FROM pragma_table_xinfo(?)', [table]).map(
      (row) => row['name'],
    )
    const wanted =
      role === 'users'
        ? USER_COLUMNS.map((name) => `users.${name}` as const)
        : SESSION_COLUMNS.map((name) => `sessions.${name}` as const)
    for (const column of wanted) {
      const name = this.#names.columns[column]
      if (name === null ? DISPENSABLE.includes(column) : present.includes(name.toLowerCase())) continue
      throw unusable(missingColumn(table, column, name))
    }
  }

  #all(sql: string, values: readonly string[] = []): Record<string, Cell>[] {
    return this.#reading(() => this.#statement(sql).all(...values) as Record<string, Cell>[])
  }

  *#iterate(sql: string): Generator<Record<string, Cell>> {
    const rows = this.#reading(() => this.#statement(sql).iterate() as Iterator<Record<string, Cell>>)
    for (;;) {
      const next = this.#reading(() => rows.next())
      if (next.done === true) return
      yield next.value
    }
  }

  #statement(sql: string): StatementSync {
    const statement = this.#db.prepare(sql)
    // Ids beyond 2^53 would otherwise be refused in the middle of a table.
    statement.setReadBigInts(true)
    return statement
  }

  #reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw new SojournError('store_unavailable', `'${this.#path}' could not be read: ${told(error)}`, { cause: error })
    }
  }
}

function opened(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT })
    // One read transaction from here to the end; the first statement takes the snapshot.
    db.exec('BEGIN')
    db.exec('SELECT count(*) FROM sqlite_schema')
    return db
  } catch (error) {
    db?.close()
    throw new SojournError(
      'invalid_argument',
      `'${path}' could not be opened for reading: ${told(error)}; give the path of an SQLite database`,
      { cause: error },
    )
  }
}

function missingColumn(table: string, column: AdoptedColumn, name: string | null): string {
  if (name === null) return `${column} cannot be done without; name its column in table '${table}'`
  const orNone = DISPENSABLE.includes(column) ? ', or say that there is none' : ''
  return `table '${table}' has no column '${name}'; name the column that is ${column}${orNone}`
}

function decodeUser(row: Record<string, Cell>): SourceUser {
  return decoded(row, 'user', USER_COLUMNS)
}

function decodeSession(row: Record<string, Cell>): SourceSession {
  return decoded(row, 'session', SESSION_COLUMNS)
}

function decoded<Name extends string>(
  row: Record<string, Cell>,
  prefix: string,
  names: readonly Name[],
): { row: RowNumber } & Record<Name, Cell> {
  const cells = Object.fromEntries(names.map((name) => [name, row[`${prefix}_${name}`]])) as Record<Name, Cell>
  return { ...cells, row: rowNumber(row[`${prefix}_row`])! }
}

function rowNumber(cell: Cell | undefined): RowNumber | null {
  return typeof cell === 'bigint' ? cell : null
}

function canonical(username: unknown): string | null {
  return typeof username === 'string' ? canonicalUsername(username) : null
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function unusable(message: string): SojournError {
  return new SojournError('invalid_argument', message)
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
