type AtEndOfTurn = (task: () => void) => unknown

/** Node has one, and what is like Node. */
const { setImmediate: ofHost = null } = globalThis as { readonly setImmediate?: AtEndOfTurn }

/**
 * The turn of the event loop in which requests arrive. Those that wait for its end go on together: the store is asked
 * about all of them at once, and their responses leave one right after the other, which is less than half the work of
 * taking each request from its arrival to its response before the next one is looked at.
 */
export class Turn {
  readonly #atEnd: AtEndOfTurn | null
  #over: Promise<void> | null = null

  constructor(atEnd: AtEndOfTurn | null = ofHost) {
    this.#atEnd = atEnd
  }

  /** Fulfils when everything that has arrived so far has been looked at, and at once where the host has no turns. */
  isOver(): Promise<void> | undefined {
    const atEnd = this.#atEnd
    if (atEnd === null) return undefined
    this.#over ??= new Promise((resolve) => {
      atEnd(() => {
        this.#over = null
        resolve()
      })
    })
    return this.#over
  }
}
