import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys, Partition } from './keys.ts'
import { text } from './replies.ts'
import { WITHDRAW } from './scripts/locator.ts'

/** How many places are remembered. */
const REMEMBERED = 100_000
/** How long a place is kept of a session that never came to be, in milliseconds. */
const UNCONFIRMED = 3_600_000

/**
 * Knows in which partition a session is. On one server there is one partition. In a cluster a session is where its user
 * is; what a token says is the id, so a small key of its own says in which partition that is. It never changes while
 * there is the session, so what was read once need not be read again.
 */
export class Locators {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #known = new Map<SessionId, number>()

  constructor(connection: RedisConnection, keys: Keys) {
    this.#connection = connection
    this.#keys = keys
  }

  /** The partition of a session as far as this node knows: it may not be there any more. */
  known(id: SessionId): Partition | undefined {
    if (!this.#connection.isCluster) return this.#keys.numbered(0)
    const number = this.#known.get(id)
    return number === undefined ? undefined : this.#keys.numbered(number)
  }

  /** The partition of a session, from the engine whatever is known, or null when there is no such session. */
  async ask(id: SessionId): Promise<Partition | null> {
    const reply = await this.#connection.command(this.#keys.locator(id), ['GET', this.#keys.locator(id)])
    if (reply === null) {
      this.#known.delete(id)
      return null
    }
    return this.#remember(id, this.#keys.numbered(Number(text(reply))))
  }

  /** Ids by the partition they are in; those of no session are left out. */
  async group(ids: Iterable<SessionId>): Promise<ReadonlyMap<Partition, readonly SessionId[]>> {
    const places = await Promise.all(
      [...ids].map(async (id) => ({ id, partition: this.known(id) ?? (await this.ask(id)) })),
    )
    const groups = new Map<Partition, SessionId[]>()
    for (const { id, partition } of places) {
      if (partition === null) continue
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [id])
      else group.push(id)
    }
    return groups
  }

  /**
   * Says where a session is going to be, before it is. Answers false when another partition has that id. What is said
   * here runs out by itself unless it is confirmed, so a login that broke off leaves nothing behind.
   */
  async announce(id: SessionId, partition: Partition): Promise<boolean> {
    if (!this.#connection.isCluster) return true
    const key = this.#keys.locator(id)
    const words = ['SET', key, String(partition.number), 'NX', 'PX', String(UNCONFIRMED)]
    if ((await this.#connection.command(key, words)) !== null) return true
    return (await this.ask(id))?.number === partition.number
  }

  /** Takes back what was announced, unless somebody's login under the same id has confirmed it. */
  async withdraw(id: SessionId): Promise<void> {
    if (!this.#connection.isCluster) return
    await this.#connection.evaluate(WITHDRAW, { number: 0, base: this.#keys.locator(id) }, [])
  }

  /** Makes what was announced last as long as the session. A login is answered only after this. */
  async confirm(id: SessionId, partition: Partition): Promise<void> {
    if (!this.#connection.isCluster) return
    const key = this.#keys.locator(id)
    await this.#connection.command(key, ['SET', key, String(partition.number)])
    this.#remember(id, partition)
  }

  /** Forgets sessions that are gone for good. */
  async forget(ids: readonly SessionId[]): Promise<void> {
    if (!this.#connection.isCluster) return
    for (const id of ids) this.#known.delete(id)
    await Promise.all(
      ids.map((id) => this.#connection.command(this.#keys.locator(id), ['DEL', this.#keys.locator(id)])),
    )
  }

  #remember(id: SessionId, partition: Partition): Partition {
    this.#known.delete(id)
    this.#known.set(id, partition.number)
    if (this.#known.size > REMEMBERED) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    return partition
  }
}
