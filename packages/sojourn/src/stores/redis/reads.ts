import { SojournError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { decodeSession } from './records.ts'
import { list } from './replies.ts'
import { GET, SETTLE } from './scripts/get.ts'

/** How many sessions are read in one step, so that none holds the engine up for long. */
const MOST = 64
/** What the script answers for a session that a raised epoch has ended. */
const MUST_BE_SETTLED = 1
/** What it answers for something that it cannot read. */
const UNREADABLE = 2

interface Waiting {
  readonly id: SessionId
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Reads sessions. Those that are asked for at the same time share a round trip. */
export class Reads {
  readonly #connection: RedisConnection
  readonly #waiting = new Map<Partition, Waiting[]>()

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  /** The record of a session, or null when there is none. Never that of another: what comes back is compared. */
  async read(partition: Partition, id: SessionId): Promise<SessionRecord | null> {
    const found = await this.#inCompany(partition, id)
    const isPlain = found !== MUST_BE_SETTLED && found !== UNREADABLE
    const bytes = isPlain ? found : await this.#connection.run(SETTLE, partition, id)
    if (bytes === null) return null
    const record = decodeSession(bytes)
    if (record.id === id) return record
    const message = `under session '${id}' there is another, '${record.id}'; nothing was answered`
    throw new SojournError('store_corrupt', message)
  }

  #inCompany(partition: Partition, id: SessionId): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(partition)
      if (waiting !== undefined && waiting.length < MOST) {
        waiting.push({ id, resolve, reject })
        return
      }
      const company = [{ id, resolve, reject }]
      this.#waiting.set(partition, company)
      // After everybody who was woken by the same answer has asked.
      process.nextTick(() => {
        if (this.#waiting.get(partition) === company) this.#waiting.delete(partition)
        void this.#readAll(partition, company)
      })
    })
  }

  async #readAll(partition: Partition, company: readonly Waiting[]): Promise<void> {
    try {
      const ids = company.map(({ id }) => id)
      const found = list(await this.#connection.evaluate(GET, partition, ids))
      for (const [place, { resolve }] of company.entries()) resolve(found[place] ?? null)
    } catch (error) {
      for (const { reject } of company) reject(error)
    }
  }
}
