/** Numbers that look like chance and are the same for the same seed (mulberry32). */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True so often in a hundred. */
  is(percent: number): boolean {
    return this.next() * 100 < percent
  }

  /** In place of a generator fit for secrets, so that ids and what is ordered by them come out the same as well. */
  bytes(size: number): Uint8Array {
    return Buffer.from(Array.from({ length: size }, () => this.below(256)))
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}
