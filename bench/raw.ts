import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import type { SessionId, Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import type { SessionRecord } from '../packages/sojourn/src/core/session.ts'
import { mintSessionId } from '../packages/sojourn/src/core/token.ts'
import { SESSION_COLUMNS, encodeSession } from '../packages/sojourn/src/stores/sqlite/rows.ts'
import type { Value } from '../packages/sojourn/src/stores/sqlite/rows.ts'
import { DEVICE, newRecord, questionMarks, userAt, usersOf } from './fixture.ts'
import { pragmasDuring } from './statements.ts'

const DAY = 86_400_000

/** The values of a login, drawn before the clock runs. */
export interface RawLogin {
  readonly id: SessionId
  readonly userId: string
  readonly at: number
  readonly values: readonly Value[]
}

/**
 * The engine by itself: the statements that somebody would write by hand who wants the same rows read and
 * written, prepared once, on a connection with the same settings.
 */
export class RawDatabase {
  readonly #database: DatabaseSync
  /** Puts things back, so that no side finds the pages still in its memory that it has moved itself. */
  readonly #caretaker: DatabaseSync
  readonly #size: number
  readonly #noteLogin: StatementSync
  readonly #insert: StatementSync
  readonly #end: StatementSync
  readonly #touch: StatementSync
  readonly #tell: StatementSync

  /** Opens a connection with the settings that the store makes for its own. */
  static async open(file: string, size: number): Promise<RawDatabase> {
    return new RawDatabase(file, size, await pragmasDuring(() => SqliteStore.open(file).close()))
  }

  private constructor(file: string, size: number, pragmas: string) {
    this.#size = size
    this.#database = new DatabaseSync(file)
    this.#database.exec(pragmas)
    this.#caretaker = new DatabaseSync(file)
    this.#caretaker.exec(pragmas)
    this.#noteLogin = this.#database.prepare('UPDATE sojourn_users SET last_login_at = ? WHERE id = ?')
    this.#insert = this.#database.prepare(
      `INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) VALUES (${questionMarks(SESSION_COLUMNS)})`,
    )
    this.#end = this.#database.prepare(
      `UPDATE sojourn_sessions SET ends_at = ?, logged_out_at = ?, end_reason = 'revoked', ended_by = 'system', version = 2
       WHERE session_id = ? AND end_reason IS NULL`,
    )
    this.#touch = this.#database.prepare(
      'UPDATE sojourn_sessions SET last_accessed = ?, ends_at = ? WHERE session_id = ? AND end_reason IS NULL',
    )
    this.#tell = this.#database.prepare(
      `INSERT INTO sojourn_events (at, type, session_id, user_id, actor, reason, ip_address, detail)
       VALUES (?, ?, ?, ?, 'user', ?, ?, ?)`,
    )
  }

  /** The keyed read of one record. */
  readSession(form: 'arrays' | 'objects'): StatementSync {
    const statement = this.#database.prepare(`SELECT ${SESSION_COLUMNS} FROM sojourn_sessions WHERE session_id = ?`)
    statement.setReturnArrays(form === 'arrays')
    return statement
  }

  /** The newest sessions that stand, or those of a user; one more than a page, as keyset paging needs. */
  readPage(whose: 'everyone' | 'user'): StatementSync {
    const statement = this.#database.prepare(
      `SELECT ${SESSION_COLUMNS} FROM sojourn_sessions
       WHERE ${whose === 'user' ? 'user_id = ? AND' : ''} end_reason IS NULL
         AND +ends_at > ? AND +last_accessed > ? AND +authenticated_at > ?
       ORDER BY created_at DESC, session_id DESC LIMIT 51`,
    )
    statement.setReturnArrays(true)
    return statement
  }

  newLogins(count: number): readonly RawLogin[] {
    return Array.from({ length: count }, () => {
      const record = anyLogin(this.#size)
      return { id: record.id, userId: record.userId, at: record.createdAt, values: encodeSession(record) }
    })
  }

  /** The writes of a login. */
  create({ id, userId, at, values }: RawLogin): void {
    this.#noteLogin.run(at, userId)
    this.#insert.run(...values)
    this.#tell.run(at, 'session_created', id, userId, null, DEVICE.ip, 'password')
  }

  /** The writes of a sign-out. */
  revoke({ id, userId, at }: RawLogin): void {
    this.#end.run(at, at, id)
    this.#tell.run(at, 'session_ended', id, userId, 'revoked', null, null)
  }

  /** The write of a note of use. */
  touch(id: string, at: number): void {
    this.#touch.run(at, at + DAY, id)
  }

  /** Does work in a transaction of its own and returns when that is durable. */
  commit(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    work()
    this.#database.exec('COMMIT')
  }

  /** Takes back every login since an instant and empties the log, so that each turn finds the same database. */
  restore(since: number): void {
    this.#caretaker.exec(`
      BEGIN IMMEDIATE;
      DELETE FROM sojourn_sessions WHERE created_at >= ${since};
      DELETE FROM sojourn_events WHERE at >= ${since};
      COMMIT`)
    this.checkpoint()
  }

  /** Empties the log into the database. Nobody may be reading. */
  checkpoint(): void {
    this.#caretaker.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** The one number that a query answers with. */
  number(sql: string): number {
    return Number(Object.values(this.#database.prepare(sql).get() ?? {})[0])
  }

  close(): void {
    this.#caretaker.close()
    this.#database.close()
  }
}

/** The ids of tokens, each a text of its own and no view of the token. */
export function idsOf(tokens: readonly Token[]): readonly string[] {
  return tokens.map((token) => Buffer.from(token.slice(0, 36)).toString())
}

/** One of the database's users, at random. */
export function anyUser(size: number): ReturnType<typeof userAt> {
  return userAt(randomBytes(4).readUInt32BE() % usersOf(size))
}

/** A login of one of them at this moment, as a store would keep it. */
export function anyLogin(size: number): SessionRecord {
  const at = Date.now()
  const device = { ipAddress: DEVICE.ip, userAgent: DEVICE.userAgent }
  return newRecord({ ...anyUser(size), ...device, id: mintSessionId(at), secretHash: randomBytes(32) }, at, at)
}
