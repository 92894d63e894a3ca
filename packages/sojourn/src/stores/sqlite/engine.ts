import { SojournError } from '../../core/errors.ts'
import { SqliteBallast } from './ballast.ts'
import { RecordCache } from './cache.ts'
import type { SqliteConnection } from './connection.ts'
import { WalIndex } from './wal-index.ts'
import { SqliteWriter } from './writer.ts'

/** What sessions and users share: one connection, its writer, and the records in memory. */
export class SqliteEngine {
  readonly connection: SqliteConnection
  readonly cache: RecordCache
  readonly ballast: SqliteBallast
  readonly #writer: SqliteWriter
  /** Undefined until it is first needed. */
  #walIndex: WalIndex | null | undefined
  /** The look that is about to be taken, for all who have asked for it. */
  #look: Promise<boolean> | null = null
  #closing: Promise<void> | null = null

  constructor(connection: SqliteConnection, busyTimeout: number, cacheEntries: number) {
    this.connection = connection
    this.cache = new RecordCache(cacheEntries)
    connection.whenLost(() => this.#forget())
    this.ballast = new SqliteBallast(connection.path)
    this.#writer = new SqliteWriter(connection, this.ballast, busyTimeout)
  }

  /**
   * Whether everything in memory is as good as the file at this moment. What is not is forgotten.
   *
   * `data_version` moves when any other connection commits, and what this connection writes it drops itself. A
   * record read after the last look is kept under that look: a commit between the two makes the next look differ and
   * costs one needless read, a commit after both makes it differ as well. The head of the log's index is read before
   * `data_version`, so that a commit between these two is seen as well: then the head has changed once more.
   */
  isCurrent(): boolean {
    if (this.#walIndex === undefined) this.#walIndex = WalIndex.open(this.connection.path)
    if (this.#walIndex?.isUnchanged() === true) return true
    const isCurrent = this.cache.isCurrent(this.connection.row('PRAGMA data_version')?.[0] as number)
    this.#walIndex?.accept()
    return isCurrent
  }

  /**
   * `isCurrent`, asked once for all who ask in one go. The look is taken after the last of them has asked: it tells none
   * of them what was so before their call.
   */
  isCurrentAfterAll(): Promise<boolean> {
    this.#look ??= Promise.resolve().then(() => {
      this.#look = null
      return this.read(() => this.isCurrent())
    })
    return this.#look
  }

  /** Answers from what is committed, without waiting for anyone. */
  read<T>(work: (database: SqliteConnection) => T): T {
    this.assertOpen()
    try {
      return work(this.connection)
    } catch (error) {
      throw this.connection.failure(error)
    }
  }

  /** Answers when what `work` wrote is durable. */
  write<T>(work: (database: SqliteConnection) => T): Promise<T> {
    this.assertOpen()
    return this.#writer.write(() => work(this.connection))
  }

  /** A write that takes authority away, which gets through on a full disk. */
  end<T>(work: (database: SqliteConnection) => T): Promise<T> {
    this.assertOpen()
    return this.#writer.write(() => work(this.connection), { isEnding: true })
  }

  assertOpen(): void {
    if (this.#closing === null) return
    throw new SojournError('closed', `the store on '${this.connection.path}' was closed; open a new one`)
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  #forget(): void {
    this.cache.clear()
    this.#walIndex = undefined
    WalIndex.closed()
  }

  async #finish(): Promise<void> {
    await this.#writer.idle()
    this.ballast.close()
    this.connection.close()
  }
}
