import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** How a program is started. */
export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>> | undefined
  /** A command in front of the program, as in `['strace', '-f']`. */
  readonly under?: readonly string[] | undefined
}

/**
 * A program of this folder, run by the Node that runs the tests, which tells line by line what was acknowledged.
 * What it wrote before it was killed lies in the pipe, outside of it, and is still read. It ends by itself when
 * its work is done or its standard input closes, so none outlives the tests.
 */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #closed: Promise<unknown>
  readonly #spoke: Promise<unknown>
  #said = ''
  #complaint = ''

  constructor(program: string, args: readonly string[], options: ChildOptions = {}) {
    const path = fileURLToPath(new URL(program, import.meta.url))
    const [command, ...rest] = [...(options.under ?? []), process.execPath, path, ...args]
    this.#process = spawn(command!, rest, {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
    this.#closed = once(this.#process, 'close')
    this.#spoke = Promise.race([once(this.#process.stdout, 'data'), this.#closed])
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text))
    this.#process.stdin.on('error', () => undefined)
  }

  /** Hands it a line on standard input. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  /** Resolves when it has said something, or is gone. */
  async hasSpoken(): Promise<void> {
    await this.#spoke
  }

  /** Kills it with SIGKILL; answers with all the whole lines it wrote. */
  async kill(): Promise<readonly string[]> {
    this.#kill()
    return this.ended()
  }

  /** Waits for its end; answers with all the whole lines it wrote. Throws what it said on standard error. */
  async ended(): Promise<readonly string[]> {
    await this.#closed
    if (this.#complaint !== '') throw new Error(`a test program complained: ${this.#complaint}`)
    return this.#said.split('\n').slice(0, -1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill()
    await this.#closed
  }

  /** It leads a group of its own, so that what runs it goes with it. */
  #kill(): void {
    const { pid, exitCode, signalCode } = this.#process
    if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
  }
}
