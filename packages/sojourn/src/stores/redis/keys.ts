import { createHash } from 'node:crypto'
import { SojournError, shown } from '../../core/errors.ts'
import type { SessionId } from '../../core/token.ts'

/*
 * Every key of ours begins with the prefix; in a cluster its partition's tag follows. Below that:
 *
 *   session:<id>            the session itself, packed: the truth
 *   user:<id>               hash: epoch, and who raised it last, when and why
 *   all:created, all:accessed, all:end            every session, by an instant of it
 *   all:user:<id>, all:name:<username>            the sessions of one user or name, by creation
 *   open:created, open:accessed, open:end, open:authenticated, open:user:<id>   those without an end reason
 *   users, open:users, names   how many sessions, and how many open ones, each user or name has
 *   totals                  hash: how many sessions there are, how many open ones, and how many entries these three
 *                           have; kept when they may be relied upon, mending while the indexes are made again
 *   events                  the stream of history; events:at, events:session:<id>, events:user:<id> find lines in it
 *   copied                  how far the history of another store was copied into this, in the first partition
 *   claim:<name>            hash, in the first partition: who may do some work for all, and until when
 *
 * Beside the partitions: <prefix>layout says how many there are, <prefix>at:{<id>} in which one a session is. The
 * channel of hints is <prefix>hints:<database>.
 */

/** A part of the store whose keys all lie in one slot, so that a script sees all of them at once. */
export interface Partition {
  readonly number: number
  /** What all of its keys begin with. */
  readonly base: string
}

/**
 * The tags of the partitions of a cluster, chosen so that their slots lie evenly: one in the middle of each sixteenth of
 * the slots. Where a session is follows from them, so they never change.
 */
const TAGS = [
  'a49',
  'b13',
  'c69',
  'd65',
  'e5',
  'f44',
  'g29',
  'h41',
  'i38',
  'j62',
  'k18',
  'l14',
  'm78',
  'n22',
  'o58',
  'p0',
] as const

/** Where a partition, a layout or a session's place is kept. */
export class Keys {
  readonly partitions: readonly Partition[]
  readonly #prefix: string

  constructor(prefix: string, isCluster: boolean) {
    assertPrefix(prefix)
    this.#prefix = prefix
    this.partitions = isCluster
      ? TAGS.map((tag, number) => ({ number, base: `${prefix}{${tag}}:` }))
      : [{ number: 0, base: prefix }]
  }

  /** Says which arrangement the keys have, so that no other is ever laid over it. */
  get layout(): string {
    return `${this.#prefix}layout`
  }

  /** The channel on which processes hear of each other's ends, in a database of that number. */
  hints(database: number): string {
    return `${this.#prefix}hints:${database}`
  }

  /** The partition of a user: everything of theirs is in it. */
  ofUser(userId: string): Partition {
    const { partitions } = this
    const [first] = partitions
    if (first !== undefined && partitions.length === 1) return first
    return this.numbered(createHash('sha256').update(userId).digest().readUInt8(0) % partitions.length)
  }

  numbered(number: number): Partition {
    const partition = this.partitions[number]
    if (partition !== undefined) return partition
    throw new SojournError('store_corrupt', `a session is said to be in partition ${number}; there is none`)
  }

  /** Says in which partition of a cluster a session is. */
  locator(id: SessionId): string {
    return `${this.#prefix}at:{${id}}`
  }
}

function assertPrefix(prefix: unknown): void {
  if (typeof prefix === 'string' && prefix !== '' && !/[{}]/.test(prefix)) return
  throw new SojournError(
    'invalid_option',
    `prefix is ${shown(prefix)}; give text without braces that no other keys begin with, such as 'sojourn:'`,
  )
}
