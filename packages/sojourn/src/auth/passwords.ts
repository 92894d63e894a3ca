import { randomBytes, timingSafeEqual } from 'node:crypto'
import { SojournError } from '../core/errors.ts'
import { fastestArgon2 } from './argon2.ts'
import type { Argon2 } from './argon2.ts'
import { isBcrypt, verifyBcrypt } from './bcrypt.ts'
import { COST_LIMIT, formatPhc, parsePhc } from './phc.ts'

/** Turns passwords into what may be stored of them. Passwords arrive normalised and are never cut. */
export interface PasswordHasher {
  /** A hash with a salt of its own, at the present settings. */
  hash(password: string): Promise<string>

  /**
   * Whether the stored hash was made from this password. Null, and whatever it does not understand, never matches
   * and costs the same work as a hash at the present settings, so that nobody learns which accounts exist.
   */
  verify(password: string, stored: string | null): Promise<boolean>

  /** Whether a hash is weaker than one that would be made today. */
  needsRehash(stored: string): boolean
}

/** The cost of a hash. Both or neither. */
export interface Argon2Options {
  /** KiB. Default 47,104. */
  readonly memory: number
  /** How often the memory is gone through. Default 2. */
  readonly passes: number
}

/**
 * Twice the work of the row that OWASP asks for at this memory, and 46 MiB for each hash under way. Measured on two
 * cores of 2026: 22 ms with `@node-rs/argon2`, 70 ms with Node alone. A machine four times slower still answers a
 * login in 0.3 s, and three at once stay under 140 MiB.
 */
export const DEFAULT_ARGON2: Argon2Options = Object.freeze({ memory: 47_104, passes: 2 })

/** The OWASP floor: with so many passes, at least so much memory. */
const FLOOR: readonly Argon2Options[] = [
  { passes: 1, memory: 47_104 },
  { passes: 2, memory: 19_456 },
  { passes: 3, memory: 12_288 },
]
const SALT_BYTES = 16
const TAG_BYTES = 32
/** One login keeps one core busy. */
const PARALLELISM = 1

/** argon2id in PHC strings; verifies bcrypt hashes of other systems as well, where `@node-rs/bcrypt` is installed. */
export class Argon2Hasher implements PasswordHasher {
  readonly #cost: Argon2Options
  readonly #argon2: () => Promise<Argon2>

  /** Throws `invalid_option` when the cost is below the floor. `argon2` is the implementation; default the fastest there is. */
  constructor(cost: Argon2Options = DEFAULT_ARGON2, argon2: () => Promise<Argon2> = fastestArgon2) {
    this.#cost = checkedCost(cost)
    this.#argon2 = argon2
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const input = { ...this.#cost, parallelism: PARALLELISM, salt }
    const compute = await this.#argon2()
    return formatPhc({ ...input, tag: await compute({ ...input, password, length: TAG_BYTES }) })
  }

  async verify(password: string, stored: string | null): Promise<boolean> {
    if (stored !== null && isBcrypt(stored)) return verifyBcrypt(password, stored)
    const known = stored === null ? null : parsePhc(stored)
    if (known === null || password === '') {
      await this.hash(password)
      return false
    }
    const compute = await this.#argon2()
    return timingSafeEqual(await compute({ ...known, password, length: known.tag.length }), known.tag)
  }

  needsRehash(stored: string): boolean {
    const known = parsePhc(stored)
    return (
      known === null ||
      known.memory < this.#cost.memory ||
      known.passes < this.#cost.passes ||
      known.salt.length < SALT_BYTES ||
      known.tag.length < TAG_BYTES
    )
  }
}

function checkedCost({ memory, passes }: Argon2Options): Argon2Options {
  if (!isWithin(memory, COST_LIMIT.memory) || !isWithin(passes, COST_LIMIT.passes)) {
    throw new SojournError(
      'invalid_option',
      `passwords.argon2 is memory ${String(memory)}, passes ${String(passes)}; ` +
        `give whole numbers up to ${COST_LIMIT.memory} KiB and ${COST_LIMIT.passes} passes`,
    )
  }
  const floor = FLOOR.findLast((row) => passes >= row.passes)!
  if (memory < floor.memory) {
    throw new SojournError(
      'invalid_option',
      `passwords.argon2.memory is ${memory} KiB with ${passes} passes; give at least ${floor.memory} KiB`,
    )
  }
  return { memory, passes }
}

function isWithin(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= limit
}
