import type { RedisConnection } from './connection.ts'
import type { Keys, Partition } from './keys.ts'
import { readFacts } from './facts.ts'
import type { RecentEnds } from './recent-ends.ts'

/** How often a server is asked whether it is still the same, in milliseconds. */
const INTERVAL = 1_000

/**
 * Notices that another server answers for a partition than before, or the same one after a restart, and makes the
 * recent ends again there: a replica that took over may not have heard of the latest.
 */
export class Watch {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #ends: RecentEnds
  readonly #identities = new Map<Partition, string>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  #looking: Promise<void> | null = null

  constructor(connection: RedisConnection, keys: Keys, ends: RecentEnds) {
    this.#connection = connection
    this.#keys = keys
    this.#ends = ends
  }

  /** Remembers which servers answer now, and looks again each second. */
  async start(): Promise<void> {
    await this.look()
    this.#later()
  }

  /** Looks at every partition now. A server that does not answer is looked at again later. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = null))
    return this.#looking
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#looking
  }

  #later(): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.look().finally(() => this.#later()), INTERVAL)
    this.#timer.unref()
  }

  async #lookAtAll(): Promise<void> {
    await Promise.allSettled(this.#keys.partitions.map((partition) => this.#lookAt(partition)))
  }

  async #lookAt(partition: Partition): Promise<void> {
    const { identity } = await readFacts(this.#connection, partition)
    const before = this.#identities.get(partition)
    if (before !== undefined && before !== identity) await this.#ends.apply(this.#connection, this.#keys, partition)
    this.#identities.set(partition, identity)
  }
}
