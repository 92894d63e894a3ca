interface Waiting<Wish, Answer> {
  readonly wish: Wish
  readonly resolve: (answer: Answer | Promise<Answer>) => void
  readonly reject: (reason: unknown) => void
}

/**
 * What is asked for in one turn of the event loop, to be done together. It begins after the last of it was asked for: nobody
 * is answered with what was so before their call.
 */
export class Gathering<Wish, Answer> {
  readonly #most: number
  readonly #fulfil: (wishes: readonly Wish[]) => Promise<readonly (Answer | Promise<Answer>)[]>
  #waiting: Waiting<Wish, Answer>[] = []

  /** `fulfil` is given so many wishes at most, and answers each in its place. If it rejects, all of them do. */
  constructor(most: number, fulfil: (wishes: readonly Wish[]) => Promise<readonly (Answer | Promise<Answer>)[]>) {
    this.#most = most
    this.#fulfil = fulfil
  }

  ask(wish: Wish): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ wish, resolve, reject }) === 1) setImmediate(() => this.#begin())
    })
  }

  /** Resolves when nobody waits for a beginning. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  #begin(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (let start = 0; start < waiting.length; start += this.#most) {
      void this.#answer(waiting.slice(start, start + this.#most))
    }
  }

  async #answer(waiting: readonly Waiting<Wish, Answer>[]): Promise<void> {
    try {
      const answers = await this.#fulfil(waiting.map(({ wish }) => wish))
      for (const [place, { resolve }] of waiting.entries()) resolve(answers[place]!)
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }
}
