/** With so many tasks in a row at one instant, somebody is waiting in a loop for time to pass. */
const TASKS_AT_ONCE = 10_000

/** Time that passes only as far as somebody has something to do. Tasks run one after the other, each after all that the one before has set in motion has come to rest. */
export class VirtualTime {
  #now = 0
  #order = 0
  #tasks: { readonly at: number; readonly order: number; readonly task: () => void }[] = []
  /** Waited for between tasks. */
  readonly #rest: () => Promise<void>

  constructor(rest: () => Promise<void>) {
    this.#rest = rest
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** Calls a task after so many milliseconds. Returns how to cancel it. */
  after(milliseconds: number, task: () => void): () => void {
    this.#order += 1
    const entry = { at: this.#now + Math.max(0, milliseconds), order: this.#order, task }
    const place = this.#tasks.findLastIndex(({ at }) => at <= entry.at) + 1
    this.#tasks.splice(place, 0, entry)
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== entry)
    }
  }

  /** Lets time pass until an instant. */
  async runUntil(instant: number): Promise<void> {
    let atOnce = 0
    for (;;) {
      await this.#rest()
      const [next] = this.#tasks
      if (next === undefined || next.at > instant) break
      this.#tasks.shift()
      atOnce = next.at > this.#now ? 0 : atOnce + 1
      if (atOnce > TASKS_AT_ONCE)
        throw new Error(`time stands still at ${this.#now} ms: a task always asks for another`)
      this.#now = next.at
      next.task()
    }
    this.#now = instant
  }
}
