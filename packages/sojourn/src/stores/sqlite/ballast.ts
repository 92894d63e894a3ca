import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, ftruncateSync, statSync, statfsSync, truncateSync, writeSync } from 'node:fs'
import { SojournError } from '../../core/errors.ts'
import { isOutOfRoom } from './errors.ts'
import { IN_MEMORY, companionPath, hasCode, openCompanion } from './files.ts'

const SIZE = 524_288

/**
 * Room on the disk that is held back for ending sessions: 512 KiB in a file beside the database. On a full disk
 * it is given up, so that whoever signs out is signed out; until it is held again nothing else is written.
 */
export class SqliteBallast {
  readonly #databasePath: string
  #file: number | null = null
  #isHeld = false

  constructor(databasePath: string) {
    this.#databasePath = databasePath
    this.hold()
  }

  /** Whether the room is there. An in-memory database has none. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Takes the room unless it is held. Answers false if the disk is too full for it; a file that cannot be made
   * for another reason is no reason to write nothing.
   */
  hold(): boolean {
    if (this.#databasePath === IN_MEMORY) return true
    try {
      this.#file ??= openCompanion(companionPath(this.#databasePath, '-ballast'), this.#databasePath, 'a')
      // Looked at every time: another process on the same database may have given the room up.
      this.#isHeld = fstatSync(this.#file).size >= SIZE || fill(this.#file, this.#databasePath)
      return this.#isHeld
    } catch (error) {
      this.#isHeld = false
      return !hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')
    }
  }

  /** Gives the room up. */
  release(): void {
    this.#isHeld = false
    if (this.#file !== null) ftruncateSync(this.#file, 0)
  }

  /** What is told to those who would use the room up. */
  refusal(): SojournError {
    return new SojournError(
      'store_full',
      `database '${this.#databasePath}' was not written because the disk is full and the room that is left is kept ` +
        'for ending sessions; free some space',
    )
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file)
    this.#file = null
  }
}

/**
 * Opens something of a database. If there is no room on the disk even for that, the ballast is given up and it is
 * tried again: a program that is started on a full disk is there to end sessions, too.
 */
export function withRoom<T>(databasePath: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (!isOutOfRoom(error) || !giveUp(databasePath)) throw error
    return open()
  }
}

function giveUp(databasePath: string): boolean {
  const path = companionPath(databasePath, '-ballast')
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 }
  if (size > 0) truncateSync(path)
  return size > 0
}

/**
 * Leaves as much room again as it takes, so that reserving never uses up what somebody else is about to write.
 * Random bytes: a file system that compresses or leaves holes would hold back nothing for zeros.
 */
function fill(file: number, databasePath: string): boolean {
  const { bavail, bsize } = statfsSync(databasePath)
  if (bavail * bsize < 2 * SIZE) return false
  try {
    ftruncateSync(file, 0)
    const bytes = randomBytes(SIZE)
    for (let written = 0; written < SIZE;) written += writeSync(file, bytes, written)
    fsyncSync(file)
    return true
  } catch (error) {
    ftruncateSync(file, 0)
    throw error
  }
}
