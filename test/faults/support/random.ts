/** Numbers that follow from a seed, so that a run that failed can be repeated. Not fit for secrets. */
export class Random {
  readonly seed: number
  #state: number

  constructor(seed: number) {
    this.seed = seed
    this.#state = seed | 0
  }

  /** At least 0 and less than 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number of at least 0 and less than `below`. */
  integer(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.integer(list.length)]!
  }

  /** True so often out of once. */
  chance(often: number): boolean {
    return this.fraction() < often
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.integer(256))
  }
}

/** A seed from the environment, to repeat a run, or a fresh one. */
export function seedFrom(variable: string): number {
  const given = process.env[variable]
  return given === undefined ? Date.now() | 0 : Number(given)
}
