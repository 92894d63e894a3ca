/** What takes longer is not looked for while somebody waits, in milliseconds. */
const QUICK = 10
/** It takes at most so small a part of the time: one in a hundred. */
const SHARE = 100

interface Found<T> {
  readonly value: T
  readonly at: number
  readonly took: number
}

/**
 * A figure that takes long to find in a large installation. While it is found quickly, it is found anew each time;
 * otherwise the last one is answered, and the next one is looked for meanwhile, now and then.
 */
export class Unhurried<T> {
  readonly #find: () => Promise<T>
  readonly #now: () => number
  #found: Found<T> | null = null
  #finding: Promise<T> | null = null

  constructor(find: () => Promise<T>, now: () => number = () => performance.now()) {
    this.#find = find
    this.#now = now
  }

  /** The figure. Rejects when it had to be found and could not be. */
  async value(): Promise<T> {
    const found = this.#found
    if (found === null || found.took <= QUICK) return this.#look()
    // Where it fails, the next call looks for itself, and is told why.
    if (this.#now() - found.at >= found.took * SHARE) this.#look().catch(() => {})
    return found.value
  }

  #look(): Promise<T> {
    this.#finding ??= this.#measured().finally(() => {
      this.#finding = null
    })
    return this.#finding
  }

  async #measured(): Promise<T> {
    const start = this.#now()
    try {
      const value = await this.#find()
      const at = this.#now()
      this.#found = { value, at, took: at - start }
      return value
    } catch (error) {
      this.#found = null
      throw error
    }
  }
}
