import { callAfter } from '../../core/clock.ts'
import type { Clock } from '../../core/clock.ts'
import { isSojournError } from '../../core/errors.ts'
import type { EventRecord, EventType } from '../../core/events.ts'
import type { Changes, Store } from '../../core/store.ts'
import type { Lease } from './lease.ts'
import type { RecordMemory } from './record-memory.ts'

/** Events asked for at once. */
const PAGE = 1_000
/** With more than so many pages to read, starting over costs less. */
const PAGES_AT_MOST = 10
/** After so long without a look at the log, what memory has is too old to be given out anyway; in milliseconds. */
const LONGEST_GAP = 60_000
/** How soon after it was read for a hint the log may be read for another, in milliseconds: many ends make few reads. */
const SHORTEST_GAP = 20
/** Into how many parts the lease is divided: while somebody asks, it is renewed after each. */
const RENEWALS = 4

/** What changes nothing about a session that stands. Whatever else an event tells, memory gives way to it. */
const HARMLESS: ReadonlySet<EventType> = new Set([
  'session_created',
  'user_created',
  'user_adopted',
  'user_enabled',
  'login_failed',
  'key_created',
  'key_revoked',
])

/** What a follower works with. */
export interface FollowerParts {
  readonly log: Pick<Store, 'changes' | 'listen'>
  readonly memory: RecordMemory
  readonly lease: Lease
  /** The length of the lease in milliseconds. */
  readonly span: number
  readonly clock: Pick<Clock, 'after'>
}

/**
 * Reads the log of the store to its end, drops from memory whatever it tells about, and renews the lease. Goes on
 * in the background only while somebody asks. Where the store hears of news it is read early, and no less often.
 */
export class Follower {
  readonly #parts: FollowerParts
  readonly #period: number
  #cursor: string | null = null
  #pulling: Promise<void> | null = null
  #isHinted = false
  /** When the log was last read for a hint, on the monotonic clock. */
  #heededAt = -Infinity
  #cancelHeeding: (() => void) | null = null
  /** How to stop listening, once that is known; null where the store cannot listen. */
  #listening: Promise<(() => Promise<void>) | null> | null = null
  #isWanted = false
  #cancel: (() => void) | null = null
  #isClosed = false
  #pulls = 0
  #failures = 0
  #hints = 0

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.#period = parts.span / RENEWALS
  }

  /** How often the log was read to its end. */
  get pulls(): number {
    return this.#pulls
  }

  /** How often it could not be read. */
  get failures(): number {
    return this.#failures
  }

  /** How often somebody said that something may have happened. */
  get hints(): number {
    return this.#hints
  }

  /** Reads the log to its end; whoever calls while that is under way shares it. Rejects when the store does. */
  async pull(): Promise<void> {
    this.#pulling ??= this.#pull()
    return this.#pulling
  }

  /** Somebody asks memory: see to it that the lease goes on. */
  want(): void {
    this.#isWanted = true
    if (this.#cancel !== null || this.#isClosed) return
    this.#renewLater()
    this.#listening ??= this.#listen()
  }

  /** `pull` for nobody in particular. Whoever needs its outcome looks at the lease. */
  pullInBackground(): void {
    if (!this.#isClosed) this.pull().catch(ignore)
  }

  /** Something may have happened, somebody says. */
  hint(): void {
    this.#hints += 1
    this.#heed()
  }

  /** Fulfils when nobody listens any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    this.#cancel = null
    this.#cancelHeeding?.()
    const stop = await this.#listening
    await stop?.()
  }

  /** Where nobody can listen, the log is read by itself, as it is anyway. */
  async #listen(): Promise<(() => Promise<void>) | null> {
    try {
      return (await this.#parts.log.listen?.(() => this.hint())) ?? null
    } catch {
      return null
    }
  }

  /** Reads the log, unless it was read for a hint just now: then in a moment. */
  #heed(): void {
    // What is being read already may have been asked for before.
    this.#isHinted = this.#pulling !== null
    if (this.#isHinted || this.#isClosed) return
    const { lease, clock } = this.#parts
    const { monotonic } = lease.moment()
    const left = this.#heededAt + SHORTEST_GAP - monotonic
    if (left > 0) {
      this.#cancelHeeding ??= callAfter(clock, left, () => {
        this.#cancelHeeding = null
        // The timer decides: by a clock that rounds otherwise a hair may be left, and again after each further timer.
        this.#heededAt = -Infinity
        this.#heed()
      })
      return
    }
    this.#heededAt = monotonic
    this.pullInBackground()
  }

  async #pull(): Promise<void> {
    try {
      await this.#readOn()
      this.#pulls += 1
    } catch (error) {
      this.#failures += 1
      throw error
    } finally {
      this.#pulling = null
      if (this.#isHinted) this.#heed()
    }
  }

  async #readOn(): Promise<void> {
    const { lease } = this.#parts
    if (this.#cursor === null || (lease.age() ?? Infinity) > LONGEST_GAP) return this.#startOver()
    for (let page = 0; page < PAGES_AT_MOST; page += 1) {
      const sentAt = lease.moment()
      const changes = await this.#ask(this.#cursor)
      if (changes === null) break
      this.#learn(changes.events)
      this.#cursor = changes.cursor
      if (changes.events.length < PAGE) {
        lease.renew(sentAt)
        return
      }
    }
    await this.#startOver()
  }

  /** What came after a cursor, or null when the log cannot go on from there. */
  async #ask(cursor: string): Promise<Changes | null> {
    try {
      return await this.#parts.log.changes(cursor, PAGE)
    } catch (error) {
      if (isSojournError(error, 'invalid_argument')) return null
      throw error
    }
  }

  /** Follows from now on. Of what happened before nothing is known, so nothing from before is kept. */
  async #startOver(): Promise<void> {
    const { log, lease, memory } = this.#parts
    const sentAt = lease.moment()
    const { cursor } = await log.changes('end', PAGE)
    memory.forgetAll()
    this.#cursor = cursor
    lease.renew(sentAt)
  }

  #learn(events: readonly EventRecord[]): void {
    const { memory } = this.#parts
    const userIds = new Set<string>()
    for (const { type, sessionId, userId } of events) {
      if (HARMLESS.has(type)) continue
      if (sessionId !== null) memory.drop(sessionId)
      else if (userId !== null) userIds.add(userId)
      else memory.forgetAll()
    }
    memory.dropUsers(userIds)
  }

  #renewLater(): void {
    this.#cancel = callAfter(this.#parts.clock, this.#period, () => {
      this.#cancel = null
      if (!this.#isWanted) return
      this.#isWanted = false
      this.pullInBackground()
      this.#renewLater()
    })
  }
}

function ignore(): void {}
