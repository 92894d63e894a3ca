import { closeSync, fstatSync, openSync, readSync, statSync, statfsSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { IN_MEMORY, companionPath } from './files.ts'

/** The part of the index of the log that every commit changes: one of the two copies of its header. */
const HEAD_BYTES = 48
/** The only format there has been, in the first four bytes. */
const FORMAT = 3_007_000
/** Local file systems of Linux on which reading a file shows what is written to the same file in shared memory. */
const COHERENT: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x794c7630])

/**
 * A look at the index of SQLite's write-ahead log that costs a third of `PRAGMA data_version`, which takes and
 * gives back two locks. A commit is acknowledged only after it has changed the head of the index: a counter, the
 * length of the log and its checksum. As long as these bytes are the same, nobody has committed anything.
 *
 * It only ever says that nothing has changed. Whether something has, and what it means, is asked of SQLite.
 */
export class WalIndex {
  readonly #file: number
  #seen = Buffer.alloc(HEAD_BYTES)
  #accepted = Buffer.alloc(HEAD_BYTES)

  /** Null where there is no such file or it cannot be relied upon. */
  static open(databasePath: string): WalIndex | null {
    if (databasePath === IN_MEMORY || process.platform !== 'linux') return null
    try {
      if (!COHERENT.has(statfsSync(databasePath).type)) return null
      const index = new WalIndex(shared(companionPath(databasePath, '-shm')))
      index.isUnchanged()
      return index.#seen.readUInt32LE(0) === FORMAT || index.#seen.readUInt32BE(0) === FORMAT ? index : null
    } catch {
      return null
    }
  }

  private constructor(file: number) {
    this.#file = file
  }

  /** Whether the head is the one that was accepted last. One that cannot be read is not. */
  isUnchanged(): boolean {
    try {
      return readSync(this.#file, this.#seen, 0, HEAD_BYTES, 0) === HEAD_BYTES && this.#seen.equals(this.#accepted)
    } catch {
      return false
    }
  }

  /** Takes the head as it was read last for the one that what is known belongs to. */
  accept(): void {
    const seen = this.#seen
    this.#seen = this.#accepted
    this.#accepted = seen
  }

  /** To be called after SQLite has closed the database. */
  static closed(): void {
    for (const [name, file] of files) {
      if (fstatSync(file).nlink > 0) continue
      files.delete(name)
      closeSync(file)
    }
  }
}

/**
 * The files that are open, by device and inode. Closing a file takes away every lock that this process has on it,
 * SQLite's included, so each is opened once and closed when it is removed from its folder: that is what SQLite does
 * when the last connection to it has gone.
 */
const files = new Map<string, number>()

function shared(path: string): number {
  const known = files.get(nameOf(statSync(path)))
  if (known !== undefined) return known
  const file = openSync(path, 'r')
  files.set(nameOf(fstatSync(file)), file)
  return file
}

function nameOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`
}
