import { setImmediate as nextTurn } from 'node:timers/promises'
import { SojournError } from '../../core/errors.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { packMark } from './marks.ts'
import { pack } from './packing.ts'
import type { EndMark, RecentEnds } from './recent-ends.ts'
import { decodeSession } from './records.ts'
import { list } from './replies.ts'
import { END } from './scripts/end.ts'
import { GET, SETTLE } from './scripts/get.ts'

/** How many sessions are read in one step at most, so that none holds the engine up for long. */
const MOST = 128
/** How many are read in one step even if nobody else asks: two steps would cost more than they save. */
const FEW = 16
/** What the script answers for a session that a raised epoch has ended. */
const MUST_BE_SETTLED = 1
/** What it answers for something that it cannot read. */
const UNREADABLE = 2

interface Waiting {
  readonly id: SessionId
  readonly resolve: (record: SessionRecord | null | Promise<SessionRecord | null>) => void
  readonly reject: (error: unknown) => void
}

/**
 * Reads sessions. Those that are asked for at the same time share a round trip; many make two, whose answers are handed
 * out one after the other, so that the engine reads for the one half while Node works for the other.
 */
export class Reads {
  readonly #connection: RedisConnection
  readonly #ends: RecentEnds
  readonly #waiting = new Map<Partition, Waiting[]>()
  /** How many have asked and not been answered. */
  #unanswered = 0
  /** Fulfils when what those have asked for in turn is on its way who were answered last. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(connection: RedisConnection, ends: RecentEnds) {
    this.#connection = connection
    this.#ends = ends
  }

  /**
   * The record of a session, or null when there is none. Never that of another: what comes back is compared. One promise
   * and no more, since every request waits for this.
   */
  read(partition: Partition, id: SessionId): Promise<SessionRecord | null> {
    return new Promise((resolve, reject) => {
      this.#connection.assertOpen()
      this.#unanswered += 1
      const waiting = this.#waiting.get(partition)
      if (waiting !== undefined) {
        waiting.push({ id, resolve, reject })
        return
      }
      this.#waiting.set(partition, [{ id, resolve, reject }])
      // After everybody who was woken by the same answer has asked.
      process.nextTick(() => this.#ask(partition))
    })
  }

  #ask(partition: Partition): void {
    const waiting = this.#waiting.get(partition) ?? []
    this.#waiting.delete(partition)
    const most = Math.max(FEW, Math.min(MOST, Math.ceil(this.#unanswered / 2)))
    for (let start = 0; start < waiting.length; start += most) {
      void this.#readAll(partition, waiting.slice(start, start + most))
    }
  }

  async #readAll(partition: Partition, company: readonly Waiting[]): Promise<void> {
    const ids = company.map(({ id }) => id)
    try {
      const found = list(await this.#connection.evaluate(GET, partition, ids))
      if (company.length >= FEW) await this.#takeTurn()
      for (const [place, waiting] of company.entries()) this.#answer(partition, waiting, found[place] ?? null)
    } catch (error) {
      for (const { reject } of company) reject(error)
    } finally {
      this.#unanswered -= company.length
    }
  }

  /** The client writes what it is given at the end of a turn of the event loop: it has done so when the next one is over. */
  #takeTurn(): Promise<unknown> {
    const turn = this.#turn
    this.#turn = turn.then(() => nextTurn()).then(() => nextTurn())
    return turn
  }

  #answer(partition: Partition, { id, resolve, reject }: Waiting, reply: unknown): void {
    if (reply === null) return resolve(null)
    if (reply === MUST_BE_SETTLED || reply === UNREADABLE) return resolve(this.#settle(partition, id))
    try {
      const record = decoded(reply, id)
      const mark = record.endReason === null ? this.#ends.markOf(id) : undefined
      resolve(mark === undefined ? record : this.#endAgain(partition, id, mark))
    } catch (error) {
      reject(error)
    }
  }

  async #settle(partition: Partition, id: SessionId): Promise<SessionRecord | null> {
    const bytes = await this.#connection.run(SETTLE, partition, id)
    return bytes === null ? null : decoded(bytes, id)
  }

  /** This node has ended it, and a server that took over has not heard of that: it ends now, and is not seen standing. */
  async #endAgain(partition: Partition, id: SessionId, mark: EndMark): Promise<SessionRecord | null> {
    await this.#connection.run(END, partition, pack([id]), packMark(mark), 1)
    return this.#settle(partition, id)
  }
}

function decoded(bytes: unknown, id: SessionId): SessionRecord {
  const record = decodeSession(bytes)
  if (record.id === id) return record
  const message = `under session '${id}' there is another, '${record.id}'; nothing was answered`
  throw new SojournError('store_corrupt', message)
}
