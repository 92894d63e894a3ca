import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes that can be filled to the last byte. Gone at the end of the block that holds it. */
export class SmallDisk implements Disposable {
  readonly path: string
  readonly #unmount = (): void => this[Symbol.dispose]()
  #isMounted = true

  private constructor(path: string) {
    this.path = path
    process.once('exit', this.#unmount)
  }

  /** Null where this machine does not let us mount one: that takes root on Linux. */
  static mount(bytes: number): SmallDisk | null {
    const path = mkdtempSync(join(tmpdir(), 'sojourn-disk-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tmpfs', path], { stdio: 'ignore' })
      return new SmallDisk(path)
    } catch {
      rmdirSync(path)
      return null
    }
  }

  /** The path of a file on it. */
  file(name: string): string {
    return join(this.path, name)
  }

  /** Takes up all the room there is. */
  fill(): void {
    const filler = openSync(this.file('filler'), 'a')
    try {
      for (const size of [65_536, 4_096, 1]) writeUntilFull(filler, Buffer.alloc(size, 1))
    } finally {
      closeSync(filler)
    }
  }

  /** Gives all the room back that `fill` took. */
  free(): void {
    rmSync(this.file('filler'), { force: true })
  }

  [Symbol.dispose](): void {
    if (!this.#isMounted) return
    this.#isMounted = false
    process.off('exit', this.#unmount)
    execFileSync('umount', ['-l', this.path])
    rmdirSync(this.path)
  }
}

function writeUntilFull(file: number, bytes: Uint8Array): void {
  try {
    for (;;) writeSync(file, bytes)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
}
