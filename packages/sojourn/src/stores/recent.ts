/**
 * What was used most recently, at most so many. Two halves: what is asked for again moves into the young one, and when
 * that is full the old one is forgotten, which keeps what is in use without counting.
 */
export class Recent<Name, Value> {
  readonly #half: number
  #young = new Map<Name, Value>()
  #old = new Map<Name, Value>()

  constructor(entries: number) {
    this.#half = Math.floor(entries / 2)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  has(name: Name): boolean {
    return this.#young.has(name) || this.#old.has(name)
  }

  get(name: Name): Value | undefined {
    const young = this.#young.get(name)
    if (young !== undefined) return young
    const old = this.#old.get(name)
    if (old === undefined) return undefined
    this.#old.delete(name)
    this.set(name, old)
    return old
  }

  set(name: Name, value: Value): void {
    if (this.#half === 0) return
    this.#old.delete(name)
    if (this.#young.size >= this.#half && !this.#young.has(name)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, value)
  }

  /** Answers whether there was something to forget. */
  drop(name: Name): boolean {
    return this.#young.delete(name) || this.#old.delete(name)
  }

  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
  }

  /** Everything that is held, in no particular order. */
  *entries(): Iterable<[Name, Value]> {
    yield* this.#young
    yield* this.#old
  }
}
