import type { EventRecord, Mark } from '../../core/events.ts'
import type { EndReason } from '../../core/session.ts'
import type { EndedSession } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys, Partition } from './keys.ts'
import { packMark } from './marks.ts'
import { pack } from './packing.ts'
import { END, RAISE } from './scripts/end.ts'

/** How long an end is remembered, in milliseconds. */
const SPAN = 600_000
/** How many are. */
const MOST = 20_000
/** How many are made again at a time, and how many sessions of a user are written down with it. */
const STEP = 100

/** A mark that says why a session ended. */
export type EndMark = Mark & { readonly reason: EndReason }

/** That a session ended, or that all of a user's did. */
type End =
  | { readonly userId: string; readonly mark: EndMark; readonly id: SessionId; readonly isOwn: boolean }
  | { readonly userId: string; readonly mark: EndMark; readonly epoch: number; readonly except: SessionId | undefined }

/**
 * The ends of the last ten minutes that this node made or was told of. A server that takes over from another may not have
 * heard of them all; whoever still knows them makes them again.
 */
export class RecentEnds {
  /** By the id of the session, or `user <id>`. */
  readonly #ends = new Map<string, End>()
  #latest = 0

  /** Remembers sessions that this node ended. */
  ofSessions(ended: readonly EndedSession[], mark: EndMark): void {
    for (const { id, userId } of ended) this.#remember(id, { userId, mark, id, isOwn: true })
  }

  /** How this node ended a session of late, or undefined if it did not. */
  markOf(id: SessionId): EndMark | undefined {
    const end = this.#ends.get(id)
    return end !== undefined && 'id' in end && end.isOwn ? end.mark : undefined
  }

  /** Forgets sessions that are gone for good. */
  forget(ids: readonly SessionId[]): void {
    for (const id of ids) this.#ends.delete(id)
  }

  /** Remembers that all sessions of a user ended, but for one. */
  ofUser(userId: string, mark: EndMark, epoch: number, except: SessionId | undefined): void {
    this.#remember(`user ${userId}`, { userId, mark, epoch, except })
  }

  /** Remembers what history tells of ends by others. */
  ofEvents(events: readonly EventRecord[]): void {
    for (const { type, sessionId: id, userId, at, actor, reason, ipAddress, detail } of events) {
      if (type !== 'session_ended' || id === null || userId === null || reason === null) continue
      if (this.#ends.has(id)) continue
      const mark = { at, actor, reason, ipAddress, detail }
      this.#remember(id, { userId, id, mark, isOwn: false })
    }
  }

  /** Makes them again in one partition. What has ended there stays as it is. */
  async apply(connection: RedisConnection, keys: Keys, partition: Partition): Promise<void> {
    const ends = [...this.#ends.values()].filter(({ userId }) => keys.ofUser(userId) === partition)
    for (let start = 0; start < ends.length; start += STEP) {
      await Promise.all(ends.slice(start, start + STEP).map((end) => endAgain(connection, partition, end)))
    }
  }

  #remember(name: string, end: End): void {
    this.#latest = Math.max(this.#latest, end.mark.at)
    this.#ends.delete(name)
    this.#ends.set(name, end)
    for (const [oldest, { mark }] of this.#ends) {
      if (this.#ends.size <= MOST && mark.at > this.#latest - SPAN) break
      this.#ends.delete(oldest)
    }
  }
}

async function endAgain(connection: RedisConnection, partition: Partition, end: End): Promise<void> {
  const mark = packMark(end.mark)
  if ('id' in end) await connection.run(END, partition, pack([end.id]), mark, 1)
  else {
    const { userId, except = '', epoch } = end
    await connection.withIndexes(partition, { userId }, () =>
      connection.run(RAISE, partition, userId, except, mark, STEP, epoch),
    )
  }
}
