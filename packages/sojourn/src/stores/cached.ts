import type { UserStore } from '../auth/users.ts'
import { HOST_TIME } from '../core/clock.ts'
import type { Clock, TimeSources } from '../core/clock.ts'
import { formatDuration, milliseconds, patience } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError, isSojournError, shown } from '../core/errors.ts'
import type { EventRecord, Mark } from '../core/events.ts'
import type { Standing } from '../core/policy.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import type {
  Changes,
  EndedSession,
  EventQuery,
  Guarantees,
  InsertGuard,
  InsertOutcome,
  ListQuery,
  Pruned,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import { Follower } from './cached/follower.ts'
import { Lease } from './cached/lease.ts'
import { RecordMemory } from './cached/record-memory.ts'
import { CachedUsers } from './cached/users.ts'

/** How long memory may answer, and for how many. Anything left out has the default. */
export interface CachedOptions {
  /** How long a session that another process has ended may still be let in here, at most. Give every process the same. Default 1 s, at most 24 d. */
  readonly lease?: Duration | undefined
  /** How many records are kept in memory. Default 10,000. */
  readonly entries?: number | undefined
  /**
   * For how long after the lease memory may answer while the store cannot be reached, instead of `store_unavailable`.
   * By so much the bound grows. Never for a session or user of whom this process knows, or fears, that they have ended.
   * Default: not at all.
   */
  readonly degraded?: { readonly for: Duration } | undefined
  /** The clocks that a lease is measured by. Default: the host's. */
  readonly time?: TimeSources | undefined
  /** Whose timers renew the lease. Default: the host's. */
  readonly clock?: Pick<Clock, 'after'> | undefined
}

/** How a cached store has done since it was made. */
export interface CacheFigures {
  /** Records in memory. */
  readonly entries: number
  /** Reads that memory has answered. */
  readonly hits: number
  /** Reads that went to the store. */
  readonly misses: number
  /** Records dropped because something had happened to them. */
  readonly invalidations: number
  /** How often the log was read to its end. */
  readonly pulls: number
  /** How often it could not be read. */
  readonly failedPulls: number
  /** How often somebody said that something may have happened. */
  readonly hints: number
  /** Of the hits, those without a lease, because the store could not be reached. */
  readonly degraded: number
  /** Whether memory may answer at present. */
  readonly isLeaseHeld: boolean
}

const DEFAULTS = { lease: '1s', entries: 10_000 } as const
/** What happens without an event, such as a change of attributes, is seen elsewhere after this, in milliseconds. */
const LONGEST_KEPT = 60_000
/** Into how many parts the lease is divided: so long after the store failed, degraded answers do not ask it again. */
const ATTEMPTS = 4

/**
 * A store that answers reads of single sessions from memory for as long as it can prove that nothing has happened:
 * for one lease from the instant at which the event log was asked and told of nothing. Put it around a store that several
 * processes share over a network; around SQLite it is of no use, which has a memory of its own.
 *
 * What another process has ended is refused here after at most one lease, whatever breaks: without a lease the store
 * is read, and without the store every read rejects with `store_unavailable`. What this process ends is refused at once.
 * Only `get` is ever answered from memory, and only with a session that stands.
 */
export class CachedStore<Inner extends Store = Store> implements Store {
  /** The users of the store, where it has some. Use these and no others: whom they disable is refused here at once. */
  readonly users: UsersOf<Inner>
  readonly now?: () => Promise<number>
  readonly claim?: NonNullable<Store['claim']>
  readonly forget?: NonNullable<Store['forget']>
  readonly listen?: NonNullable<Store['listen']>
  readonly copyHistory?: NonNullable<Store['copyHistory']>
  readonly historyCopiedTo?: NonNullable<Store['historyCopiedTo']>
  /** For those who derive from this store to show what a test catches; not for applications. */
  protected readonly memory: RecordMemory
  protected readonly lease: Lease
  protected readonly follower: Follower
  readonly #store: Inner
  readonly #time: TimeSources
  readonly #span: number
  readonly #degradedFor: number
  #failedAt = -Infinity
  #hits = 0
  #misses = 0
  #degraded = 0

  /** Throws `invalid_option` when a setting cannot be used. Asks nothing of the store. */
  constructor(store: Inner, options: CachedOptions = {}) {
    this.#store = store
    this.#time = options.time ?? HOST_TIME
    this.#span = patience(options.lease ?? DEFAULTS.lease, 'lease')
    this.#degradedFor = options.degraded === undefined ? 0 : milliseconds(options.degraded.for, 'degraded.for')
    this.memory = this.makeMemory(entriesOf(options.entries ?? DEFAULTS.entries))
    this.lease = this.makeLease(this.#span, this.#time)
    const clock = options.clock ?? {}
    this.follower = new Follower({ log: store, memory: this.memory, lease: this.lease, span: this.#span, clock })
    this.users = usersOf(store, this.memory)
    const { now, claim, forget, listen, copyHistory, historyCopiedTo } = store
    if (now !== undefined) this.now = () => now.call(store)
    if (claim !== undefined) this.claim = (...wish) => claim.apply(store, wish)
    if (forget !== undefined) {
      this.forget = (userId, limit) =>
        this.#denying(this.memory.withholdUser(userId), () => forget.call(store, userId, limit))
    }
    if (listen !== undefined) this.listen = (hint) => listen.call(store, hint)
    if (copyHistory !== undefined) this.copyHistory = (...lines) => copyHistory.apply(store, lines)
    if (historyCopiedTo !== undefined) this.historyCopiedTo = () => historyCopiedTo.call(store)
  }

  /** How long ago the event log was last read to its end, in milliseconds; null before the first time. */
  lag(): number | null {
    return this.lease.age()
  }

  /** How it has done so far. */
  figures(): CacheFigures {
    return {
      entries: this.memory.size,
      hits: this.#hits,
      misses: this.#misses,
      invalidations: this.memory.invalidations,
      pulls: this.follower.pulls,
      failedPulls: this.follower.failures,
      hints: this.follower.hints,
      degraded: this.#degraded,
      isLeaseHeld: this.lease.isHeld(this.#time.monotonic()),
    }
  }

  /** Reads the event log to its end and renews the lease. Happens by itself while somebody asks. Rejects when the store does. */
  async pull(): Promise<void> {
    await this.follower.pull()
  }

  /**
   * Tells that something may have happened: the log is read now rather than soon. A store that hears of such news
   * (`Store.listen`) calls this by itself, from the first read on. However often it is called, the log is read for it
   * every 20 ms at most, and nothing but what was read renews the lease.
   */
  hint(): void {
    this.follower.hint()
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    this.follower.want()
    const entry = this.memory.get(id)
    if (entry !== undefined) {
      const monotonic = this.#time.monotonic()
      if (monotonic - entry.readAt < LONGEST_KEPT && this.lease.isHeld(monotonic)) {
        this.#hits += 1
        return entry.answer
      }
    }
    return this.#degradedFor > 0 ? this.#readOrMakeDo(id) : this.reread(id)
  }

  async reread(id: SessionId): Promise<SessionRecord | null> {
    const sentAt = this.#time.monotonic()
    if (!this.lease.isHeld(sentAt)) this.follower.pullInBackground()
    this.#misses += 1
    const reading = this.memory.begin(id, sentAt)
    const record = await (this.#store.reread === undefined ? this.#store.get(id) : this.#store.reread(id))
    this.memory.settle(reading, record)
    return record
  }

  insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    if (guard.cap?.onExceed !== 'evict') return this.#store.insert(record, guard)
    return this.#denying(this.memory.withholdUser(record.userId), () => this.#store.insert(record, guard))
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    try {
      return await this.#store.touch(batch)
    } finally {
      for (const { id } of batch) this.memory.drop(id)
    }
  }

  update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    return this.#denying(this.memory.withhold([id]), () => this.#store.update(id, version, patch, mark))
  }

  revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    const revoke = (): Promise<readonly EndedSession[]> => this.#store.revoke(target, mark, limit)
    const release = this.#withhold(target)
    if (release !== null) return this.#denying(release, revoke)
    return 'where' in target ? this.#denyingWhomItMeans(target.where, revoke) : revoke()
  }

  list(query: ListQuery): Promise<readonly SessionRecord[]> {
    return this.#store.list(query)
  }

  count(...call: Parameters<Store['count']>): Promise<number> {
    return this.#store.count(...call)
  }

  stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.#store.stats(standing, createdSince)
  }

  prune(before: number, limit: number): Promise<Pruned> {
    return this.#store.prune(before, limit)
  }

  changes(cursor: string | null, limit: number): Promise<Changes> {
    return this.#store.changes(cursor, limit)
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#store.events(query)
  }

  epoch(userId: string): Promise<number> {
    return this.#store.epoch(userId)
  }

  latestInstant(): Promise<number> {
    return this.#store.latestInstant()
  }

  renewalKey(): Promise<Uint8Array | null> {
    return this.#store.renewalKey()
  }

  async guarantees(): Promise<Guarantees> {
    const inner = await this.#store.guarantees()
    const warnings = [...inner.warnings]
    if (this.#degradedFor > 0) {
      const span = formatDuration(this.#degradedFor)
      warnings.push(
        `while the store cannot be reached, sessions are answered from memory for ${span}; leave degraded out to answer 503`,
      )
    }
    return {
      ...inner,
      revocationBound: inner.revocationBound + this.#span + this.#degradedFor,
      settings: { ...inner.settings, lease: this.#span, degraded: this.#degradedFor },
      warnings,
    }
  }

  async close(): Promise<void> {
    const isDeaf = this.follower.close()
    this.memory.forgetAll()
    await isDeaf
    await this.#store.close()
  }

  protected makeMemory(entries: number): RecordMemory {
    return new RecordMemory(entries)
  }

  protected makeLease(span: number, time: TimeSources): Lease {
    return new Lease(span, time)
  }

  /** Deny first: from before the store hears of a deed until its outcome is known, and of what is not known later either, memory says nothing. */
  async #denying<Answer>(release: () => void, deed: () => Promise<Answer>): Promise<Answer> {
    try {
      return await deed()
    } finally {
      release()
    }
  }

  /**
   * Deny as soon as the store has said whom it ended, and whom memory knows of those that were meant: another process may
   * just have ended them. Without its answer it may be anybody.
   */
  async #denyingWhomItMeans(
    filter: SessionFilter,
    revoke: () => Promise<readonly EndedSession[]>,
  ): Promise<readonly EndedSession[]> {
    try {
      const ended = await revoke()
      for (const { id } of ended) this.memory.drop(id)
      this.memory.dropMatching(filter)
      return ended
    } catch (error) {
      this.memory.forgetAll()
      throw error
    }
  }

  /** Null when only the store can tell who is meant. */
  #withhold(target: RevokeTarget): (() => void) | null {
    if ('id' in target) return this.memory.withhold([target.id])
    if ('ids' in target) return this.memory.withhold(target.ids)
    const { userId } = 'where' in target ? target.where : target
    return userId === undefined ? null : this.memory.withholdUser(userId)
  }

  async #readOrMakeDo(id: SessionId): Promise<SessionRecord | null> {
    const isDown = this.#time.monotonic() - this.#failedAt < this.#span / ATTEMPTS
    const remembered = isDown ? this.#remembered(id) : null
    if (remembered !== null) return remembered
    try {
      return await this.reread(id)
    } catch (error) {
      if (!isSojournError(error, 'store_unavailable')) throw error
      this.#failedAt = this.#time.monotonic()
      const record = this.#remembered(id)
      if (record === null) throw error
      return record
    }
  }

  /** What memory has, lease or no lease, while that is recent enough for an emergency. */
  #remembered(id: SessionId): SessionRecord | null {
    const entry = this.memory.get(id)
    if (entry === undefined || !this.lease.isHeld(this.#time.monotonic(), this.#degradedFor)) return null
    this.#hits += 1
    this.#degraded += 1
    return entry.record
  }
}

/** The users that a store has, if it has some. */
export type UsersOf<Inner extends Store> = Inner extends { readonly users: UserStore } ? UserStore : undefined

/** The store, with a memory in front of it whose answers are at most one lease old. See `CachedStore`. */
export function cached<Inner extends Store>(store: Inner, options?: CachedOptions): CachedStore<Inner> {
  return new CachedStore(store, options)
}

function entriesOf(count: number): number {
  if (Number.isSafeInteger(count) && count >= 2) return count
  throw new SojournError('invalid_option', `entries is ${shown(count)}; give a whole number of at least 2`)
}

function usersOf<Inner extends Store>(store: Inner, memory: RecordMemory): UsersOf<Inner> {
  const { users } = store as { readonly users?: UserStore }
  return (users === undefined ? undefined : new CachedUsers(users, memory)) as UsersOf<Inner>
}
