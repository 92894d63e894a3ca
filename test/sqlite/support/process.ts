import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Question } from './other-process.ts'

const PROGRAM = fileURLToPath(new URL('other-process.ts', import.meta.url))

/** Another process on the same database. */
export class OtherProcess implements AsyncDisposable {
  readonly #process: ChildProcess = fork(PROGRAM, { execArgv: [] })
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #asked = 0

  constructor() {
    this.#process.on('message', ({ number, value }: { number: number; value: unknown }) => {
      this.#waiting.get(number)!.resolve(value)
      this.#waiting.delete(number)
    })
    this.#process.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the other process is gone'))
    })
  }

  /** Asks and waits for the answer; a failure is answered with its code. */
  ask(question: Question): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>()
    this.#asked += 1
    this.#waiting.set(this.#asked, waiting)
    this.#process.send({ number: this.#asked, question })
    return waiting.promise
  }

  /** Stops it where it is. What it is asked from now on waits. */
  stop(): void {
    this.#process.kill('SIGSTOP')
  }

  goOn(): void {
    this.#process.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#process, 'exit')
    this.#process.disconnect()
    await gone
  }
}
