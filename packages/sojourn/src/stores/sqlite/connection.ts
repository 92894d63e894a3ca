import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { SojournError } from '../../core/errors.ts'
import { withRoom } from './ballast.ts'
import { RESULT, meaningOf, resultCode } from './errors.ts'
import { IN_MEMORY, assertPath, makeDatabaseFile } from './files.ts'
import type { Row, Value } from './rows.ts'
import { REQUIRED_SETTINGS, assertSafe, unsafeSettings } from './settings.ts'
import type { Settings } from './settings.ts'

/** How a connection is opened. */
export interface ConnectionOptions {
  /** How long to wait for another program's lock, in milliseconds. */
  readonly busyTimeout: number
  /** Refuse to make a file that is not there. */
  readonly mustExist: boolean
  /** Names of settings that may be other than the promises need. */
  readonly allowUnsafe: readonly string[]
}

/** Statements are kept prepared; lists by filter make the only ones that vary, and their forms are few. */
const STATEMENTS_KEPT = 500
/** How often to look whether a lock is gone while there is nobody to hold up yet, in milliseconds. */
const LOCK_POLL = 10
/** What SQLite can count to, in milliseconds. */
const LONGEST_WAIT = 2_147_483_647
/** Intermediate results stay in memory, and so do enough pages for what a bulk write changes. */
const PRAGMAS = `
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -8000`
const SHOWN_SETTINGS = [...Object.keys(REQUIRED_SETTINGS), 'busy_timeout', 'page_size']

/**
 * One connection to one file. Statements are prepared once and kept. After an I/O error nothing is answered
 * until the file was opened again and checked: what SQLite holds in memory may not be what is on the disk.
 */
export class SqliteConnection {
  readonly path: string
  readonly #options: ConnectionOptions
  #database: DatabaseSync | null = null
  readonly #statements = new Map<string, StatementSync>()
  #settings: Settings = {}
  #isClosed = false
  #onLost: () => void = () => {}

  constructor(path: string, options: ConnectionOptions) {
    this.path = path
    this.#options = { ...options, busyTimeout: Math.min(options.busyTimeout, LONGEST_WAIT) }
    assertPath(path)
    makeDatabaseFile(path, options.mustExist)
    this.#open()
  }

  get isInMemory(): boolean {
    return this.path === IN_MEMORY
  }

  /** The settings as the engine read them back when the connection was opened. */
  get settings(): Settings {
    return this.#settings
  }

  /** Which of them break a promise. Not empty only where that was allowed by name. */
  get unsafe(): readonly string[] {
    return unsafeSettings(this.#settings, this.isInMemory)
  }

  get isInTransaction(): boolean {
    return this.#database?.isTransaction === true
  }

  /** Has something done whenever the connection is given up: what was known through it is known no more. */
  whenLost(task: () => void): void {
    this.#onLost = task
  }

  assertOpen(): void {
    if (this.#isClosed) throw new SojournError('closed', `the store on '${this.path}' was closed; open a new one`)
  }

  /** The prepared statement for a text of SQL; rows come as arrays. */
  statement(sql: string): StatementSync {
    return this.#statements.get(sql) ?? this.#prepare(sql)
  }

  /** The first row, or undefined. */
  row(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.statement(sql).get(...values) as Row | undefined
  }

  /** Every row. */
  rows(sql: string, ...values: readonly Value[]): readonly Row[] {
    return this.statement(sql).all(...values) as unknown as readonly Row[]
  }

  /** Runs a statement and answers how many rows it changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.statement(sql).run(...values).changes)
  }

  /** Runs statements that have no parameters and no answer. */
  exec(sql: string): void {
    this.#opened().exec(sql)
  }

  /** Begins a write at once or throws SQLITE_BUSY: who has to wait does so without holding up the event loop. */
  begin(): void {
    this.exec('PRAGMA busy_timeout = 0')
    try {
      this.exec('BEGIN IMMEDIATE')
    } finally {
      this.exec(`PRAGMA busy_timeout = ${this.#options.busyTimeout}`)
    }
  }

  /** Does work in a write transaction of its own, waiting for the lock. For the time before there is anyone to hold up. */
  transaction<T>(work: () => T): T {
    return this.#within('BEGIN IMMEDIATE', work)
  }

  /** Reads several things as of one moment. */
  snapshot<T>(work: () => T): T {
    return this.#within('BEGIN', work)
  }

  rollBack(): void {
    if (this.isInTransaction) this.exec('ROLLBACK')
  }

  /** What a failure means to the caller. After an I/O error the connection is given up, so that the next use opens it anew. */
  failure(thrown: unknown): unknown {
    if (resultCode(thrown) === RESULT.ioerr && !this.isInMemory) this.#letGo()
    return meaningOf(thrown, this.path)
  }

  close(): void {
    this.#isClosed = true
    this.#letGo()
  }

  #within<T>(begin: string, work: () => T): T {
    this.exec(begin)
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (error) {
      this.rollBack()
      throw error
    }
  }

  #opened(): DatabaseSync {
    return this.#database ?? this.#reopen()
  }

  #reopen(): DatabaseSync {
    this.assertOpen()
    makeDatabaseFile(this.path, true)
    const database = this.#open()
    this.#check()
    return database
  }

  #prepare(sql: string): StatementSync {
    const database = this.#opened()
    if (this.#statements.size >= STATEMENTS_KEPT) this.#statements.clear()
    const statement = database.prepare(sql)
    statement.setReturnArrays(true)
    this.#statements.set(sql, statement)
    return statement
  }

  #open(): DatabaseSync {
    try {
      return withRoom(this.path, () => this.#connect())
    } catch (error) {
      this.#letGo()
      throw meaningOf(error, this.path)
    }
  }

  #connect(): DatabaseSync {
    this.#letGo()
    const database = new DatabaseSync(this.path)
    this.#database = database
    this.#useWal()
    this.exec(`PRAGMA busy_timeout = ${this.#options.busyTimeout}; ${PRAGMAS}`)
    this.#settings = this.#readSettings()
    assertSafe(this.#settings, this.unsafe, this.#options.allowUnsafe, this.path)
    return database
  }

  /** Waits by itself: two processes that switch a new file to WAL at once are told SQLITE_BUSY without any waiting. */
  #useWal(): void {
    for (let waited = 0; ; waited += LOCK_POLL) {
      try {
        this.exec('PRAGMA journal_mode = WAL')
        return
      } catch (error) {
        if (resultCode(error) !== RESULT.busy || waited >= this.#options.busyTimeout) throw error
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL)
      }
    }
  }

  #readSettings(): Settings {
    const read: Record<string, string | number> = {}
    for (const name of SHOWN_SETTINGS) read[name] = this.row(`PRAGMA ${name}`)?.[0] as string | number
    return { ...read, sqlite_version: this.row('SELECT sqlite_version()')?.[0] as string }
  }

  #check(): void {
    const found = this.row('PRAGMA quick_check(1)')?.[0]
    if (found === 'ok') return
    this.#letGo()
    throw new SojournError(
      'store_corrupt',
      `database '${this.path}' is damaged after an I/O error (${String(found)}); restore it from a backup`,
    )
  }

  #letGo(): void {
    const database = this.#database
    this.#database = null
    this.#statements.clear()
    try {
      if (database?.isOpen === true) database.close()
    } catch {
      // It was given up because it failed; that it fails once more changes nothing.
    }
    this.#onLost()
  }
}
