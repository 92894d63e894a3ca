import type { Mark } from '../../core/events.ts'
import type { Standing } from '../../core/policy.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type {
  EndedSession,
  InsertGuard,
  InsertOutcome,
  Pruned,
  SessionPatch,
  Touch,
  UpdateMark,
} from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys, Partition } from './keys.ts'
import type { Locators } from './locators.ts'
import { packMark } from './marks.ts'
import { pack } from './packing.ts'
import type { RecentEnds } from './recent-ends.ts'
import { Reads } from './reads.ts'
import { encodePatch, encodeSession } from './records.ts'
import { endedSessions, list, number, placeOf, text } from './replies.ts'
import type { Place } from './replies.ts'
import { END, RAISE, WRITE_DOWN } from './scripts/end.ts'
import { LATEST } from './scripts/figures.ts'
import { EPOCH, FORGET, PRUNE } from './scripts/history.ts'
import { INSERT } from './scripts/insert.ts'
import { TOUCH, UPDATE } from './scripts/write.ts'

/** How many sessions one step of a script changes. */
const STEP = 100

type EndMark = Mark & { readonly reason: EndReason }
type Refusal = Extract<InsertOutcome, { readonly ok: false }>['reason']

/** The deeds of a store, each in the partition of the user it concerns. */
export class RedisSessions {
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #locators: Locators
  readonly #ends: RecentEnds
  readonly #reads: Reads

  constructor(connection: RedisConnection, keys: Keys, locators: Locators, ends: RecentEnds) {
    this.#connection = connection
    this.#keys = keys
    this.#locators = locators
    this.#ends = ends
    this.#reads = new Reads(connection, ends)
  }

  async insert(record: SessionRecord, { epoch, cap, mark }: InsertGuard): Promise<InsertOutcome> {
    const partition = this.#keys.ofUser(record.userId)
    const packed = pack(encodeSession(record))
    const packedCap = cap === undefined ? '' : pack([cap.max, cap.onExceed, ...limits(cap.standing)])
    const packedMark = packMark(mark)
    if (!(await this.#locators.announce(record.id, partition))) return { ok: false, reason: 'id_taken' }
    const reply = await this.#connection.withIndexes(partition, { userId: record.userId }, async () =>
      list(await this.#connection.run(INSERT, partition, packed, epoch ?? '', packedMark, packedCap)),
    )
    const [outcome, ...evicted] = reply
    const reason = text(outcome)
    if (reason !== 'ok') {
      await this.#locators.withdraw(record.id)
      return { ok: false, reason: reason as Refusal }
    }
    this.#ends.forget([record.id])
    await this.#locators.confirm(record.id, partition)
    const ended = endedSessions(evicted)
    this.#ends.ofSessions(ended, { at: mark.at, actor: 'system', reason: 'limit', ipAddress: mark.ipAddress })
    return { ok: true, evicted: ended }
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    const known = this.#locators.known(id)
    if (known !== undefined && !this.#connection.isCluster) return this.#reads.read(known, id)
    return this.#find(known, id)
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    const groups = await this.#locators.group(new Set(batch.map(({ id }) => id)))
    const counts = await Promise.all(
      [...groups].flatMap(([partition, ids]) => {
        const meant = new Set(ids)
        const notes = batch.filter(({ id }) => meant.has(id))
        return inSteps(notes).map(async (step) => {
          const packed = pack(step.map(({ id, at, endsAt, allowance }) => [id, at, endsAt, allowance]))
          return number(await this.#connection.run(TOUCH, partition, packed))
        })
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    const [changes, packedMark] = [pack(encodePatch(patch)), packMark(mark)]
    const partition = this.#locators.known(id) ?? (await this.#locators.ask(id))
    if (partition === null) return false
    const { allowance = 0, event = '' } = mark
    return (await this.#connection.run(UPDATE, partition, id, version, changes, allowance, packedMark, event)) === 1
  }

  /** Ends these sessions, at most so many; with `standing` only those that stand by these instants. */
  async end(
    ids: readonly SessionId[],
    mark: EndMark,
    limit: number,
    standing: Standing | undefined,
  ): Promise<readonly EndedSession[]> {
    const groups = await this.#locators.group(new Set(ids))
    const packedMark = packMark(mark)
    const since = standing === undefined ? [] : [pack(limits(standing))]
    const ended: EndedSession[] = []
    for (const [partition, group] of groups) {
      for (const step of inSteps(group)) {
        if (ended.length >= limit) break
        const most = limit - ended.length
        const reply = await this.#connection.run(END, partition, pack(step), packedMark, most, ...since)
        ended.push(...endedSessions(list(reply)))
      }
    }
    this.#ends.ofSessions(ended, mark)
    return ended
  }

  /** Ends all sessions of a user, but for one: all at once by the epoch, and then each is written down. */
  async endAllOf(userId: string, except: SessionId | undefined, mark: EndMark): Promise<readonly EndedSession[]> {
    const partition = this.#keys.ofUser(userId)
    const reply = await this.#connection.withIndexes(partition, { userId }, () =>
      this.#connection.run(RAISE, partition, userId, except ?? '', packMark(mark), STEP, ''),
    )
    if (reply === null) return []
    const [epoch, isLost, isMore, ...ended] = list(reply)
    this.#ends.ofUser(userId, mark, number(epoch), except)
    const all = [...endedSessions(ended)]
    if (isLost === 1) {
      const found = await this.#connection.rebuild(partition, { userId })
      all.push(...found.filter((session) => session.userId === userId))
    }
    if (isLost === 1 || isMore === 1) all.push(...(await this.#writeDown(partition, userId)))
    this.#ends.ofSessions(all, mark)
    return all
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    let [sessions, events] = [limit, limit]
    for (const partition of this.#keys.partitions) {
      for (let isMore = true; isMore;) {
        const [someSessions, someEvents] = [Math.min(STEP, sessions), Math.min(STEP, events)]
        if (someSessions + someEvents === 0) break
        const reply = await this.#connection.run(PRUNE, partition, before, someSessions, someEvents)
        const [gone, ...ids] = list(reply)
        const pruned = ids.map((id) => text(id) as SessionId)
        this.#ends.forget(pruned)
        await this.#locators.forget(pruned)
        sessions -= pruned.length
        events -= number(gone)
        isMore = pruned.length === STEP || gone === STEP
      }
    }
    return { sessions: limit - sessions, events: limit - events }
  }

  /**
   * Deletes records of a user's sessions that have ended. That they have ended is remembered all the same: a server that
   * takes over, and has heard of neither, must not have them stand.
   */
  async forget(userId: string, limit: number): Promise<number> {
    const partition = this.#keys.ofUser(userId)
    let count = 0
    let from: Place | null = { value: '', id: '' }
    while (from !== null && count < limit) {
      const place: Place = from
      const most = Math.min(STEP, limit - count)
      const reply = await this.#connection.withIndexes(partition, { userId }, async () =>
        list(await this.#connection.run(FORGET, partition, userId, STEP, most, place.value, place.id)),
      )
      from = placeOf(reply[0])
      const forgotten = reply.slice(1).map((id) => text(id) as SessionId)
      await this.#locators.forget(forgotten)
      count += forgotten.length
    }
    return count
  }

  async epoch(userId: string): Promise<number> {
    return number(text(await this.#connection.run(EPOCH, this.#keys.ofUser(userId), userId)))
  }

  async latestInstant(): Promise<number> {
    const instants = await Promise.all(
      this.#keys.partitions.map((partition) => this.#connection.run(LATEST, partition)),
    )
    return Math.max(0, ...instants.flatMap((reply) => list(reply).map((instant) => number(text(instant)))))
  }

  /** In a cluster what is known of a session's place may be out of date. */
  async #find(known: Partition | undefined, id: SessionId): Promise<SessionRecord | null> {
    this.#connection.assertOpen()
    const partition = known ?? (await this.#locators.ask(id))
    if (partition === null) return null
    const record = await this.#reads.read(partition, id)
    if (record !== null || known === undefined) return record
    const elsewhere = await this.#locators.ask(id)
    return elsewhere === null || elsewhere === partition ? null : this.#reads.read(elsewhere, id)
  }

  async #writeDown(partition: Partition, userId: string): Promise<readonly EndedSession[]> {
    const ended: EndedSession[] = []
    let from: Place | null = { value: '', id: '' }
    while (from !== null) {
      const reply = list(await this.#connection.run(WRITE_DOWN, partition, userId, STEP, from.value, from.id))
      from = placeOf(reply[0])
      ended.push(...endedSessions(reply.slice(1)))
    }
    return ended
  }
}

function limits({ endsAfter, accessedAfter, authenticatedAfter }: Standing): readonly number[] {
  return [endsAfter, accessedAfter, authenticatedAfter]
}

function inSteps<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / STEP) }, (_, place) => all.slice(place * STEP, (place + 1) * STEP))
}
