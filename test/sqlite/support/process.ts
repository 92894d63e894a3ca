import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Question } from './other-process.ts'

const PROGRAM = fileURLToPath(new URL('other-process.ts', import.meta.url))

/** Another process on the same database, or any program that answers in this way. */
export class OtherProcess<Asked = Question> implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #asked = 0

  /** `under` is a command in front of the program, as in `['ip', 'netns', 'exec', 'somewhere']`. */
  constructor(program = PROGRAM, under: readonly string[] = []) {
    const [execPath, ...execArgv] = [...under, process.execPath]
    this.#process = fork(program, { execPath, execArgv })
    this.#process.on('message', ({ number, value }: { number: number; value: unknown }) => {
      this.#waiting.get(number)!.resolve(value)
      this.#waiting.delete(number)
    })
    this.#process.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the other process is gone'))
    })
  }

  /** Asks and waits for the answer; a failure is answered with its code. */
  ask(question: Asked): Promise<unknown> {
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
