import type { SqliteBallast } from './ballast.ts'
import type { SqliteConnection } from './connection.ts'
import { RESULT, isOutOfRoom, resultCode } from './errors.ts'

/** Whether a write takes authority away. Such a write gets through on a full disk. */
export interface WriteOptions {
  readonly isEnding?: boolean
}

interface Deed {
  readonly work: () => unknown
  readonly isEnding: boolean
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

/** How many writes share one commit at most, so that reads between two commits do not wait long. */
const GROUP = 128
/** For so many milliseconds another program's lock is asked for again and again, then less often. */
const PATIENT_AFTER = 20

/**
 * Carries out writes. Those that arrive in one turn of the event loop share a transaction, and none is answered
 * before the commit is durable. A write that fails spoils only itself; a commit that fails rejects everyone in it.
 * What a write does may be done again from the start, so it must have no effect but on the database.
 */
export class SqliteWriter {
  readonly #connection: SqliteConnection
  readonly #ballast: SqliteBallast
  readonly #patience: number
  readonly #queue: Deed[] = []
  #isScheduled = false
  #waited = 0
  readonly #whenIdle: (() => void)[] = []

  constructor(connection: SqliteConnection, ballast: SqliteBallast, busyTimeout: number) {
    this.#connection = connection
    this.#ballast = ballast
    this.#patience = busyTimeout
  }

  /** Runs `work` inside a transaction and answers with its result once that is durable. */
  write<T>(work: () => T, { isEnding = false }: WriteOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, isEnding, resolve: resolve as (value: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Resolves when nothing is waiting to be written. */
  async idle(): Promise<void> {
    if (this.#queue.length === 0) return
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve))
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#next())
  }

  #next(): void {
    const group = this.#queue.slice(0, GROUP)
    const lock = this.#carryOut(group)
    if (lock === null) {
      this.#queue.splice(0, group.length)
    } else if (this.#waited < this.#patience) {
      this.#tryAgainLater()
      return
    } else {
      rejectAll(this.#queue.splice(0), this.#connection.failure(lock))
    }
    this.#waited = 0
    this.#isScheduled = false
    if (this.#queue.length > 0) this.#schedule()
    else for (const done of this.#whenIdle.splice(0)) done()
  }

  /** Waiting here and not inside SQLite leaves the event loop to everybody who reads. */
  #tryAgainLater(): void {
    const pause = this.#waited < PATIENT_AFTER ? 1 : 5
    this.#waited += pause
    setTimeout(() => this.#next(), pause)
  }

  /** Settles every write of a group, or answers with the error if another program holds the lock. */
  #carryOut(group: readonly Deed[]): unknown {
    const hasRoom = this.#ballast.hold()
    const [admitted, turnedAway] = divide(group, ({ isEnding }) => isEnding || hasRoom)
    try {
      this.#commit(admitted)
    } catch (error) {
      if (resultCode(error) === RESULT.busy) return error
      if (isOutOfRoom(error)) this.#commitEndings(admitted, error)
      else rejectAll(admitted, this.#connection.failure(error))
    }
    if (turnedAway.length > 0) rejectAll(turnedAway, this.#ballast.refusal())
    return null
  }

  /** Room is made for the writes that take authority away; the others learn that the disk is full. */
  #commitEndings(group: readonly Deed[], full: unknown): void {
    const [endings, others] = divide(group, ({ isEnding }) => isEnding)
    rejectAll(others, this.#connection.failure(full))
    if (endings.length === 0) return
    try {
      this.#ballast.release()
      // What is in the log moves into the database, so that the log's own room can be used again.
      this.#connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
      this.#commit(endings, () => this.#connection.exec('BEGIN IMMEDIATE'))
    } catch (error) {
      rejectAll(endings, this.#connection.failure(error))
    }
  }

  /**
   * A savepoint for each write costs more than the write, and one that fails is rare: only when one has failed is
   * everything done again with savepoints, which tells who it was.
   */
  #commit(group: readonly Deed[], begin = () => this.#connection.begin()): void {
    if (group.length === 0) return
    try {
      this.#transact(group, begin, (deed) => this.#do(deed))
    } catch (error) {
      if (group.length === 1 || spoilsAll(error)) throw error
      this.#transact(group, begin, (deed) => this.#doGuarded(deed))
    }
  }

  #transact(group: readonly Deed[], begin: () => void, perform: (deed: Deed) => () => void): void {
    let settle: (() => void)[]
    try {
      begin()
      settle = group.map(perform)
      this.#connection.exec('COMMIT')
    } catch (error) {
      this.#abandon()
      throw error
    }
    for (const tell of settle) tell()
  }

  #do({ work, resolve }: Deed): () => void {
    const value = work()
    return () => resolve(value)
  }

  #doGuarded(deed: Deed): () => void {
    const connection = this.#connection
    connection.exec('SAVEPOINT deed')
    try {
      const settle = this.#do(deed)
      connection.exec('RELEASE deed')
      return settle
    } catch (error) {
      if (spoilsAll(error) || !connection.isInTransaction) throw error
      connection.exec('ROLLBACK TO deed; RELEASE deed')
      const reason = connection.failure(error)
      return () => deed.reject(reason)
    }
  }

  #abandon(): void {
    try {
      this.#connection.rollBack()
    } catch (error) {
      this.#connection.failure(error)
    }
  }
}

function spoilsAll(thrown: unknown): boolean {
  const result = resultCode(thrown)
  return result !== null && result !== RESULT.constraint
}

function divide(group: readonly Deed[], belongs: (deed: Deed) => boolean): readonly [readonly Deed[], readonly Deed[]] {
  return [group.filter(belongs), group.filter((deed) => !belongs(deed))]
}

function rejectAll(group: readonly Deed[], reason: unknown): void {
  for (const { reject } of group) reject(reason)
}
