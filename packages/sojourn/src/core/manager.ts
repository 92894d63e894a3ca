import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { assertNames, assertOneOf, assertText, assertWhole, storedAttributes } from './arguments.ts'
import { SystemClock, pause } from './clock.ts'
import type { Clock } from './clock.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { keptIp, keptUserAgent } from './device.ts'
import type { DeviceInput } from './device.ts'
import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { EngineClock } from './engine-clock.ts'
import { SojournError, shown } from './errors.ts'
import { viewEvent } from './events.ts'
import type { Mark, SessionEvent } from './events.ts'
import { Issued } from './issued.ts'
import {
  HISTORY_LIMIT,
  LIST_OPTIONS,
  PAGE_LIMIT,
  assertMeant,
  eventQuery,
  orderOf,
  pageLimit,
  storeFilter,
} from './listing.ts'
import type { HistoryQuery, ListOptions, Page, PageOptions, SessionFilter } from './listing.ts'
import { assertLogin, newRecord } from './login.ts'
import type { NewSession } from './login.ts'
import { overdue } from './overdue.ts'
import type { Overdue } from './overdue.ts'
import { definePolicy, endOf, isStanding, judge, refusalFor, standingAt } from './policy.ts'
import type { Policy, PolicyOptions, ProfileName, RefusalReason } from './policy.ts'
import { newSuccessor, pendingSuccessor, promotion, replacement } from './renewal.ts'
import { END_REASONS, viewSession } from './session.ts'
import type { Attributes, EndReason, Session, SessionRecord } from './session.ts'
import type {
  EndedSession,
  Guarantees,
  InsertOutcome,
  RevokeTarget as StoreTarget,
  SessionFilter as StoreFilter,
  Store,
} from './store.ts'
import { hashSecret, isSessionId, joinToken, mintSecret, mintSessionId, parseToken } from './token.ts'
import type { RandomBytes, SessionId } from './token.ts'
import { Touches } from './touches.ts'

/** What a manager is made of. Only the store is required. */
export interface SessionManagerOptions {
  readonly store: Store
  /** How long sessions live: settings, or the name of a profile. */
  readonly policy?: PolicyOptions | ProfileName | undefined
  /** Default: the time of the store's engine where that has a clock of its own, else the host's clock, disciplined. */
  readonly clock?: Clock | undefined
  /**
   * True for a manager that asks the engine at every validation, even where the store may answer from memory for a
   * while: for operators, and wherever much depends on a session. Default false.
   */
  readonly isStrict?: boolean | undefined
  /** At least 32 bytes shared by every node, where the store has no place for a key of its own. */
  readonly renewalKey?: Uint8Array | undefined
  /** Default: the operating system's generator. */
  readonly random?: RandomBytes | undefined
  /** Told when something could not be written that no caller waits for, such as notes of use. Default: a process warning. */
  readonly onBackgroundError?: ((error: unknown) => void) | undefined
}

/** What came of a login. */
export type CreateOutcome = Issued | { readonly ok: false; readonly reason: 'limit' | 'disabled' | 'epoch' }

/** What is known of the request that presents a token. */
export interface Presentation extends DeviceInput {
  /** True for polling that should not keep the session alive. Default false: every validation counts as use. */
  readonly isPassive?: boolean | undefined
  /** True where even a store that answers from memory for a while must ask its engine, as before a payment. Default false. */
  readonly isStrict?: boolean | undefined
}

/** Whether a token still stands. */
export type Check =
  | {
      readonly ok: true
      readonly session: Session
      /** The policy's `renewEvery` has passed: call `renew` and hand out the new token. */
      readonly isRenewalDue: boolean
      /** The address or user agent presented is not the one of the login. A signal to look at, no reason to refuse. */
      readonly isDeviceChanged: boolean
    }
  | {
      readonly ok: false
      readonly reason: RefusalReason
      /** For `ended`: how. */
      readonly endReason?: EndReason
    }

/** What came of a renewal. */
export type RenewOutcome = Issued | { readonly ok: false; readonly reason: RefusalReason }

/** Who ends sessions, and why. */
export interface RevokeOptions {
  /** Default `revoked`. */
  readonly reason?: EndReason | undefined
  /** Default `system`. */
  readonly actor?: string | undefined
  /** One short sentence for history: why, in somebody's own words. */
  readonly detail?: string | undefined
  /** Called after each batch with how many have ended so far. */
  readonly onProgress?: ((ended: number) => void) | undefined
  /**
   * `everywhere`: answer only when the end holds in every other process too. Where processes answer from memory for
   * a while, that is the store's `revocationBound` later; elsewhere it is at once.
   */
  readonly wait?: 'everywhere' | undefined
}

/**
 * Which sessions to end. Of those that a filter shows it is the ones that stand, with those that a use of a moment ago
 * may keep; `ended: false` means all whose end is not written down.
 */
export type RevokeTarget =
  | { readonly id: SessionId | string }
  | { readonly ids: readonly (SessionId | string)[] }
  | { readonly userId: string; readonly except?: SessionId | string | undefined }
  | { readonly where: SessionFilter }

/** The sessions that a call ended. */
export interface Revocation {
  readonly count: number
  readonly ids: readonly SessionId[]
}

/** A stretch of history. */
export interface Changes {
  readonly events: readonly SessionEvent[]
  /** Pass it back for what came since. */
  readonly cursor: string
}

/** How much is to be counted. */
export interface CountOptions {
  /** No more than so many. Default: all. */
  readonly upTo?: number | undefined
}

/** What a clean-up should do. */
export interface CleanupOptions {
  /** Also end sessions that were not used for this long. Left out: only what is overdue by policy. */
  readonly olderThan?: Duration | undefined
  /** Count and change nothing. Default false. */
  readonly dryRun?: boolean | undefined
  /** Called after each batch with the figures so far. */
  readonly onProgress?: ((sofar: CleanupResult) => void) | undefined
}

/** What a clean-up did, or would do. */
export interface CleanupResult {
  readonly ended: number
  readonly pruned: number
}

/** The figures of an installation. */
export interface Stats {
  readonly total: number
  readonly active: number
  readonly ended: number
  /** Since midnight UTC. */
  readonly createdToday: number
  /** Users with at least one active session. */
  readonly usersOnline: number
  /** The user with most sessions kept, whatever became of them. */
  readonly mostActiveUser: { readonly userId: string; readonly username: string; readonly sessions: number } | null
  /** The five newest sessions. */
  readonly recent: readonly Session[]
}

/** Rows a bulk write changes at once, so that nobody else waits long. */
const BATCH = 100
const ID_DRAWS = 3
/** Conditional writes lost in a row before giving up; each loss means somebody else made progress. */
const CONTENTION_LIMIT = 20
const DAY = 86_400_000

/** What history tells of the new secret that a proof of identity brings. */
const REAUTHENTICATED = 'authenticated again'

const MALFORMED: Check = Object.freeze({ ok: false, reason: 'malformed' })
const UNKNOWN = Object.freeze({ ok: false, reason: 'unknown' } as const)

/**
 * Tracks sessions: creates them, says whether a token still stands, lists and ends them.
 *
 * Every method rejects with a `SojournError` when the store fails; none ever answers as though a session were
 * alive or dead because it could not tell.
 */
export class SessionManager {
  readonly policy: Policy
  readonly #store: Store
  readonly #clock: Clock
  readonly #random: RandomBytes
  readonly #touches: Touches
  readonly #isStrict: boolean
  readonly #onBackgroundError: (error: unknown) => void
  #renewalKey: Uint8Array | null
  /** Uses from before this manager started may have been lost with the process that noted them. */
  #startedAt = 0
  #starting: Promise<void> | null = null
  #isStarted = false
  #isClosed = false

  /** Throws `invalid_option` when the policy or a key cannot be used. Does not touch the store. */
  constructor(options: SessionManagerOptions) {
    this.policy = definePolicy(options.policy)
    this.#store = options.store
    this.#clock = options.clock ?? clockOf(options.store)
    // Where get answers from no memory there is nothing to be strict about.
    this.#isStrict = options.isStrict === true || options.store.reread === undefined
    this.#random = options.random ?? randomBytes
    this.#renewalKey = usableKey(options.renewalKey)
    this.#onBackgroundError = options.onBackgroundError ?? warn
    this.#touches = new Touches(options.store, this.#clock, this.policy, this.#onBackgroundError)
  }

  /** The instant it is for this manager, in milliseconds since 1970, UTC. Before `ready()`, or any other call, that of the host. */
  now(): number {
    return this.#clock.now()
  }

  /**
   * Fulfils once the store has answered and the time is known; rejects when that cannot be. Every method sees to it by
   * itself: it is for those who go by `now()` before they have called any.
   */
  async ready(): Promise<void> {
    if (this.#isClosed) throw new SojournError('closed', 'this SessionManager was closed; make a new one')
    if (this.#isStarted && this.#clock.isCertain?.() !== false) return
    this.#starting ??= this.#start()
    try {
      await this.#starting
    } finally {
      this.#starting = null
    }
  }

  /**
   * Starts a session for a user whose identity was checked, and answers with its token, which is shown this
   * once. Rejects with `refused` when the user is disabled, at a cap that denies, or was signed out everywhere
   * since `epoch` was read; `tryCreate` answers the same as a value.
   */
  async create(login: NewSession): Promise<Issued> {
    const outcome = await this.tryCreate(login)
    if (outcome.ok) return outcome
    throw new SojournError(
      'refused',
      `no session was created for user '${login.userId}': ${REFUSALS[outcome.reason]}`,
      {
        reason: outcome.reason,
      },
    )
  }

  /** `create` with every outcome as a value. */
  async tryCreate(login: NewSession): Promise<CreateOutcome> {
    assertLogin(login)
    await this.ready()
    for (let draw = 0; draw < ID_DRAWS; draw += 1) {
      const secret = mintSecret(this.#random)
      const now = this.#clock.now()
      if (this.policy.maxSessionsPerUser > 0) await this.#settleForCap(login.userId, now)
      const record = newRecord(mintSessionId(now, this.#random), secret, login, now, this.policy)
      const outcome = await this.#insert(record, login.epoch)
      if (outcome.ok) return new Issued(viewSession(record, true), joinToken(record.id, secret))
      if (outcome.reason !== 'id_taken') return { ok: false, reason: outcome.reason }
    }
    throw new SojournError(
      'conflict',
      `${ID_DRAWS} ids in a row were taken; the random generator of this host repeats itself`,
    )
  }

  /**
   * Says whether a token still stands, and counts as use of the session. Rubbish is refused without asking the
   * store. A refusal is an answer, not an error.
   */
  async validate(presented: unknown, presentation?: Presentation): Promise<Check> {
    const token = parseToken(presented)
    if (token === null) return MALFORMED
    if (!this.#isStarted || this.#clock.isCertain?.() === false) await this.ready()
    let isCertain = this.#isStrict || presentation?.isStrict === true
    for (let attempt = 0; attempt < CONTENTION_LIMIT; attempt += 1) {
      // As in #read, but without another promise on the one path that every request takes.
      const { writes } = this.#touches
      const stored = await (isCertain ? this.#fetch(token.id) : this.#store.get(token.id))
      if (stored === null) return UNKNOWN
      const record = this.#applyTo(stored, token.id)
      if (this.#isOutrun(record, writes)) continue
      const now = this.#clock.now()
      const allowance = this.#allowance(record)
      const verdict = judge(record, token.hash, now, this.policy, allowance)
      if (!verdict.stands) {
        if (!isCertain) {
          // Memory may not know yet of a use or a renewal elsewhere: it may let in, but not turn away.
          isCertain = true
          continue
        }
        if (verdict.isReuse) await this.#endReused(record, now, presentation?.ip)
        else if (record.endReason === null) await this.#writeDown(record.id, verdict.reason, now)
        return refusal(verdict.reason, record)
      }
      // Before anything that takes time, so that whoever judges after this instant knows of the use.
      const use = presentation?.isPassive === true ? record : this.#touches.note(record, now, allowance)
      if (verdict.generation === 'next' && !(await this.#promote({ stored, record }, now, allowance))) continue
      return {
        ok: true,
        session: viewSession(record, true, use),
        isRenewalDue: verdict.isRenewalDue,
        isDeviceChanged: isDeviceChanged(record, presentation),
      }
    }
    throw contended(token.id)
  }

  /**
   * Gives a session a new secret and keeps its id. The old one goes on working until the new one is first
   * presented, and `policy.renewalOverlap` longer, so a lost answer strands nobody; until then every renewal
   * hands out the same successor. An older secret that comes back after that ends the session.
   */
  async renew(id: SessionId | string): Promise<RenewOutcome> {
    if (!isSessionId(id)) return UNKNOWN
    await this.ready()
    const key = await this.#successorKey()
    for (let attempt = 0; attempt < CONTENTION_LIMIT; attempt += 1) {
      const found = await this.#readStanding(id)
      if (!found.ok) return found
      const { record, now, allowance } = found
      const pending = pendingSuccessor(record, key)
      if (pending !== null) return new Issued(viewSession(record, true), joinToken(id, pending))
      const { secret, patch } = newSuccessor(record, key, this.#random(32))
      const mark = { at: now, actor: 'user', event: 'session_renewed', allowance } as const
      if (await this.#store.update(id, record.version, patch, mark)) {
        return new Issued(viewSession(record, true), joinToken(id, secret))
      }
    }
    throw contended(id)
  }

  /**
   * To be called when the user of a session has proved again who they are: gives the session a new secret, sets
   * `authenticatedAt` to now and starts the idle time and the lifetime anew. Unlike after `renew`, every older secret is
   * refused from now on. One that comes back within `policy.renewalOverlap` is taken for a request that was under way
   * and only refused; later it ends the session.
   */
  async reauthenticated(id: SessionId | string): Promise<RenewOutcome> {
    if (!isSessionId(id)) return UNKNOWN
    await this.ready()
    for (let attempt = 0; attempt < CONTENTION_LIMIT; attempt += 1) {
      const found = await this.#readStanding(id)
      if (!found.ok) return found
      const { record, now, allowance } = found
      const secret = mintSecret(this.#random)
      const patch = replacement(record, hashSecret(secret), now, this.policy)
      const mark = { at: now, actor: 'user', event: 'session_renewed', detail: REAUTHENTICATED, allowance } as const
      if (await this.#store.update(id, record.version, patch, mark)) {
        return new Issued(viewSession({ ...record, ...patch }, true), joinToken(id, secret))
      }
    }
    throw contended(id)
  }

  /**
   * Logs out: ends the session whose token this is. Answers whether this very call ended it; a token that
   * stands no more is nothing to do, and a wrong one ends nothing.
   */
  async end(presented: unknown): Promise<boolean> {
    const token = parseToken(presented)
    if (token === null) return false
    await this.ready()
    const seen = await this.#read(token.id)
    if (seen === null) return false
    const { record } = seen
    const now = this.#clock.now()
    const verdict = judge(record, token.hash, now, this.policy, this.#allowance(record))
    if (!verdict.stands) {
      if (verdict.isReuse) await this.#endReused(record, now)
      return false
    }
    const mark = { at: now, actor: 'user', reason: 'logout' } as const
    return (await this.#store.revoke({ id: token.id }, mark, 1)).length > 0
  }

  /**
   * Ends sessions for good: one, several, all of a user (except one), or all that a filter shows. Answers with
   * those that stood until this very call. Ending all of a user also stops the logins that are under way.
   */
  async revoke(target: RevokeTarget, options: RevokeOptions = {}): Promise<Revocation> {
    assertNames(options, 'options', ['reason', 'actor', 'detail', 'onProgress', 'wait'])
    const { reason = 'revoked', actor = 'system', detail, wait } = options
    assertOneOf(reason, 'reason', END_REASONS)
    assertText(actor, 'actor')
    if (detail !== undefined) assertText(detail, 'detail')
    if (wait !== undefined) assertOneOf(wait, 'wait', ['everywhere'])
    assertTarget(target)
    await this.ready()
    await this.#ifPossible(() => this.#flushFor(target))
    const ended: SessionId[] = []
    for await (const batch of this.#revokeInBatches(target, { at: this.#clock.now(), actor, reason, detail })) {
      for (const session of batch) ended.push(session.id)
      options.onProgress?.(ended.length)
    }
    if (wait === 'everywhere') await this.#waitForEveryone()
    return { count: ended.length, ids: ended }
  }

  /** What is known of one session, standing or ended, or null. */
  async get(id: SessionId | string): Promise<Session | null> {
    if (!isSessionId(id)) return null
    await this.ready()
    const seen = await this.#read(id)
    return seen === null ? null : this.#view(seen.record)
  }

  /** Every session that matches, one after the other, however many there are. */
  async *list(options: ListOptions = {}): AsyncGenerator<Session, void, undefined> {
    let cursor: string | null = null
    do {
      const page: Page = await this.page({ ...options, cursor, limit: PAGE_LIMIT })
      yield* page.sessions
      cursor = page.next
    } while (cursor !== null)
  }

  /** One page of a list. Costs the same wherever in the list it is. */
  async page(options: PageOptions = {}): Promise<Page> {
    assertNames(options, 'options', LIST_OPTIONS)
    const limit = pageLimit(options.limit)
    const { sort, descending } = orderOf(options)
    const cursor = options.cursor ?? null
    const after = cursor === null ? undefined : readCursor(cursor, sort, descending)
    await this.ready()
    await this.#flushIfPossible()
    const filter = storeFilter(options, this.#clock.now(), this.policy)
    const records = await this.#store.list({ filter, sort, descending, after, limit: limit + 1 })
    const onPage = records.slice(0, limit)
    const last = onPage.at(-1)
    const next =
      records.length > limit && last !== undefined
        ? writeCursor(sort, descending, { value: last[sort], id: last.id })
        : null
    return { sessions: onPage.map((record) => this.#view(record, options.current)), next }
  }

  /**
   * How many sessions match. With `upTo`, a whole number from 1 on, no more are counted than that: the answer is `upTo`
   * where there are as many or more, which a text among many sessions may make very much quicker.
   */
  async count(filter: SessionFilter = {}, { upTo }: CountOptions = {}): Promise<number> {
    if (upTo !== undefined) assertWhole(upTo, 'upTo', 1, Number.MAX_SAFE_INTEGER)
    await this.ready()
    await this.#flushIfPossible()
    const count = await this.#store.count(storeFilter(filter, this.#clock.now(), this.policy), upTo)
    return Math.min(count, upTo ?? count)
  }

  /** The figures of the installation. */
  async stats(): Promise<Stats> {
    await this.ready()
    await this.#flushIfPossible()
    const now = this.#clock.now()
    const { createdSince, mostActive, ...figures } = await this.#store.stats(
      standingAt(now, this.policy),
      now - (now % DAY),
    )
    const { sessions: recent } = await this.page({ limit: 5 })
    return {
      ...figures,
      ended: figures.total - figures.active,
      createdToday: createdSince,
      mostActiveUser: mostActive,
      recent,
    }
  }

  /**
   * Writes down the ends that time has brought, ends what was not used for `olderThan`, and deletes records
   * and lines of history whose retention has passed. Works in batches of 100, so nobody waits for it.
   */
  async cleanup(options: CleanupOptions = {}): Promise<CleanupResult> {
    assertNames(options, 'options', ['olderThan', 'dryRun', 'onProgress'])
    const olderThan = options.olderThan === undefined ? null : milliseconds(options.olderThan, 'olderThan')
    await this.ready()
    await this.#touches.flush()
    const now = this.#clock.now()
    const steps = overdue(now, this.policy, olderThan)
    const pruneBefore = now - this.policy.retention
    if (options.dryRun === true) return this.#rehearse(steps, pruneBefore)
    let ended = 0
    let pruned = 0
    const report = (): void => options.onProgress?.({ ended, pruned })
    for (const { where, reason } of steps) {
      for await (const batch of this.#batches({ where }, { at: now, actor: 'system', reason })) {
        ended += batch.length
        report()
      }
    }
    for (let isMore = true; isMore; await nextTurn()) {
      const { sessions, events } = await this.#store.prune(pruneBefore, BATCH)
      pruned += sessions
      isMore = sessions === BATCH || events === BATCH
      report()
    }
    return { ended, pruned }
  }

  /** Replaces the application's attributes of a standing session. Answers false when it stands no more. */
  async setAttributes(id: SessionId | string, attributes: Attributes): Promise<boolean> {
    const stored = storedAttributes(attributes)
    if (!isSessionId(id)) return false
    await this.ready()
    for (let attempt = 0; attempt < CONTENTION_LIMIT; attempt += 1) {
      const seen = await this.#read(id)
      const now = this.#clock.now()
      if (seen === null || !isStanding(seen.record, now, this.policy)) return false
      const mark = { at: now, actor: 'system', allowance: slack(seen, 0) }
      if (await this.#store.update(id, seen.record.version, { attributes: stored }, mark)) return true
    }
    throw contended(id)
  }

  /** Read before checking a user's credentials and pass to `create`: a sign-out everywhere in between wins. */
  async epoch(userId: string): Promise<number> {
    assertText(userId, 'userId')
    return this.#store.epoch(userId)
  }

  /** The lines of history that match, newest first. */
  async events(query: HistoryQuery = {}): Promise<readonly SessionEvent[]> {
    const events = await this.#store.events(eventQuery(query))
    return events.map(viewEvent)
  }

  /** The lines of history since a cursor, oldest first, and the cursor to go on from. Null starts at the beginning, `'end'` at now. */
  async changes(cursor: string | null = null, limit: number = PAGE_LIMIT): Promise<Changes> {
    if (cursor !== null) assertText(cursor, 'cursor')
    const changes = await this.#store.changes(cursor, pageLimit(limit, HISTORY_LIMIT))
    return { events: changes.events.map(viewEvent), cursor: changes.cursor }
  }

  /** What the store promises, as it was probed. */
  async guarantees(): Promise<Guarantees> {
    return this.#store.guarantees()
  }

  /** Writes down the uses that are only in memory. Happens by itself once in a touch interval. */
  async flush(): Promise<void> {
    await this.#touches.flush()
  }

  /** Writes down the uses that are only in memory and closes the store. Calling it again does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    try {
      await this.#touches.flush()
    } finally {
      await this.#store.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Again when the time has become uncertain, as after the sleep of a machine: others have gone on meanwhile. */
  async #start(): Promise<void> {
    await this.#clock.becomeCertain?.()
    if (this.#isStarted) return
    if (this.#clock.atLeast !== undefined) this.#clock.atLeast(await this.#store.latestInstant())
    this.#startedAt = this.#clock.now()
    this.#isStarted = true
  }

  async #read(id: SessionId): Promise<Seen | null> {
    for (let attempt = 1; ; attempt += 1) {
      const { writes } = this.#touches
      const stored = await this.#fetch(id)
      if (stored === null) return null
      const record = this.#applyTo(stored, id)
      if (!this.#isOutrun(record, writes) || attempt === CONTENTION_LIMIT) return { stored, record }
    }
  }

  /** What the engine has, past any memory in front of it. */
  #fetch(id: SessionId): Promise<SessionRecord | null> {
    return this.#store.reread === undefined ? this.#store.get(id) : this.#store.reread(id)
  }

  /** Whatever another process believed before the end was written, it believes no longer. Also when nothing was ended: somebody else may just have. */
  async #waitForEveryone(): Promise<void> {
    const { revocationBound } = await this.#store.guarantees()
    if (revocationBound > 0) await pause(this.#clock, revocationBound)
  }

  /** The record of this very id: an answer meant for somebody else is a fault of the engine, never a session. */
  #applyTo(stored: SessionRecord, id: SessionId): SessionRecord {
    if (stored.id === id) return this.#touches.applyTo(stored)
    throw new SojournError('store_corrupt', `the store answered with session '${stored.id}' when asked for '${id}'`)
  }

  /** A use that was written down while the record was read is held no more, and what was read may be from before it. */
  #isOutrun(record: SessionRecord, writes: number): boolean {
    return writes !== this.#touches.writes && endOf(record, this.#clock.now(), this.policy) === 'idle'
  }

  /** A session that stands, the instant at which it does, and by how much its recorded end may have passed. */
  async #readStanding(
    id: SessionId,
  ): Promise<
    | { readonly ok: true; readonly record: SessionRecord; readonly now: number; readonly allowance: number }
    | { readonly ok: false; readonly reason: RefusalReason }
  > {
    const seen = await this.#read(id)
    if (seen === null) return UNKNOWN
    const now = this.#clock.now()
    const allowance = this.#allowance(seen.record)
    const end = endOf(seen.record, now, this.policy, allowance)
    if (end !== null) return { ok: false, reason: refusalFor(end) }
    return { ok: true, record: seen.record, now, allowance: slack(seen, allowance) }
  }

  #insert(record: SessionRecord, epoch: number | undefined): Promise<InsertOutcome> {
    const { maxSessionsPerUser: max, onExceed } = this.policy
    return this.#store.insert(record, {
      epoch,
      cap: max === 0 ? undefined : { max, onExceed, standing: standingAt(record.createdAt, this.policy) },
      mark: { at: record.createdAt, actor: 'user', ipAddress: record.ipAddress, detail: record.method },
    })
  }

  /**
   * What time has ended does not count against the cap, so it is written down first: a write that began before the end and
   * arrives late would bring back one session more than may stand.
   */
  async #settleForCap(userId: string, now: number): Promise<void> {
    await this.#touches.flush()
    const steps = overdue(now, this.policy, null, 0)
    const anyOf = steps.map(({ where }) => where)
    if ((await this.#store.count({ userId, isEnded: false, anyOf })) > 0) await this.#settle({ userId }, now, steps)
  }

  #allowance(record: SessionRecord): number {
    return record.lastAccessedAt < this.#startedAt ? this.policy.touchInterval : 0
  }

  /** The successor was presented: it becomes the secret, and the old one has the overlap left. */
  #promote(seen: Seen, now: number, allowance: number): Promise<boolean> {
    const { id, version } = seen.record
    const patch = promotion(seen.record, now + this.policy.renewalOverlap)
    return this.#store.update(id, version, patch, { at: now, actor: 'user', allowance: slack(seen, allowance) })
  }

  async #endReused(record: SessionRecord, now: number, ip?: string | null): Promise<void> {
    const mark = { at: now, actor: 'system', reason: 'token_reuse', ipAddress: keptIp(ip) } as const
    await this.#store.revoke({ id: record.id }, mark, 1)
  }

  /**
   * Who was turned away because time was up stays turned away: after a restart, or on a host whose clock has gone
   * back, the record alone would let them in again. Costs one write in the life of a session.
   */
  async #writeDown(id: SessionId, reason: RefusalReason, now: number): Promise<void> {
    if (reason !== 'idle' && reason !== 'expired') return
    await this.#ifPossible(() => this.#store.revoke({ id }, { at: now, actor: 'system', reason }, 1))
  }

  /** Writes notes of use for a call that goes on without them: a full disk keeps nobody from looking or from ending sessions. */
  async #flushIfPossible(): Promise<void> {
    await this.#ifPossible(() => this.#touches.flush())
  }

  /** Writes down the uses of those that are to end: of all, where only the store can tell who is meant. */
  #flushFor(target: RevokeTarget): Promise<void> {
    return 'userId' in target || 'where' in target ? this.#touches.flush() : this.#touches.flushOf(idsOf(target))
  }

  async #ifPossible(write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch (error) {
      this.#onBackgroundError(error)
    }
  }

  async *#revokeInBatches(target: RevokeTarget, mark: EndMark): AsyncGenerator<readonly EndedSession[]> {
    if ('where' in target) {
      yield* this.#batches({ where: this.#endable(target.where, mark.at) }, mark)
    } else if ('userId' in target) {
      assertText(target.userId, 'userId')
      await this.#settle({ userId: target.userId }, mark.at)
      yield await this.#store.revoke({ userId: target.userId, except: knownId(target.except) }, mark, BATCH)
    } else {
      const ids = idsOf(target)
      for (let start = 0; start < ids.length; start += BATCH) {
        yield await this.#endThese(ids.slice(start, start + BATCH), mark)
      }
    }
  }

  /** One step for those that stand, which are nearly all that anybody names; of the others, what time has ended is written down before. */
  async #endThese(ids: readonly SessionId[], mark: EndMark): Promise<readonly EndedSession[]> {
    const standing = standingAt(mark.at, this.policy)
    const ended = await this.#store.revoke({ ids, standing }, mark, BATCH)
    const done = new Set(ended.map(({ id }) => id))
    const others = ids.filter((id) => !done.has(id))
    if (others.length === 0) return ended
    await this.#settleIds(others, mark.at)
    return [...ended, ...(await this.#store.revoke({ ids: others }, mark, BATCH))]
  }

  /** Whom a filter means that is to end them: unless it says so itself, those that stand or may, for all that others know. */
  #endable(where: SessionFilter, now: number): StoreFilter {
    const filter = storeFilter('ended' in where ? where : { active: true, ...where }, now, this.policy)
    // A use of a moment ago may not be written yet, or was lost with its process: both let them in again.
    const standing = filter.standing && standingAt(now - this.policy.touchInterval, this.policy)
    return { ...filter, standing, isEnded: filter.isEnded ?? false }
  }

  /** Ends batch after batch until none is left, with a turn of the event loop for everybody else in between. */
  async *#batches(target: StoreTarget, mark: EndMark): AsyncGenerator<readonly EndedSession[]> {
    for (;;) {
      const batch = await this.#store.revoke(target, mark, BATCH)
      if (batch.length > 0) yield batch
      if (batch.length < BATCH) return
      await nextTurn()
    }
  }

  /**
   * Writes down the ends that time has brought, so that they are not told as the deed of whoever comes next. Where
   * that cannot be read or written, the deed is still done.
   */
  async #settle(filter: StoreFilter, now: number, steps = overdue(now, this.policy, null)): Promise<void> {
    for (const { where, reason } of steps) {
      const mark = { at: now, actor: 'system', reason }
      await this.#ifPossible(async () => {
        for await (const _ of this.#batches({ where: { ...where, ...filter } }, mark));
      })
    }
  }

  /** The same for sessions by their ids, which are read all at once: a store that can shares its round trips. */
  async #settleIds(ids: readonly SessionId[], now: number): Promise<void> {
    const settle = (id: SessionId): Promise<void> =>
      this.#ifPossible(async () => {
        const seen = await this.#read(id)
        if (seen === null || seen.record.endReason !== null) return
        const reason = endOf(seen.record, now, this.policy, this.policy.touchInterval)
        if (reason !== null) await this.#store.revoke({ id }, { at: now, actor: 'system', reason }, 1)
      })
    await Promise.all(ids.map(settle))
  }

  async #rehearse(steps: readonly Overdue[], pruneBefore: number): Promise<CleanupResult> {
    const ending = await this.#store.count({ isEnded: false, anyOf: steps.map(({ where }) => where) })
    return { ended: ending, pruned: await this.#store.count({ endsBy: pruneBefore - 1 }) }
  }

  async #successorKey(): Promise<Uint8Array> {
    this.#renewalKey ??= (await this.#store.renewalKey()) ?? this.#random(32)
    return this.#renewalKey
  }

  #view(record: SessionRecord, current?: SessionId): Session {
    const view = viewSession(record, isStanding(record, this.#clock.now(), this.policy))
    return current === undefined ? view : { ...view, current: record.id === current }
  }
}

/** A mark that says why sessions end. */
type EndMark = Mark & { readonly reason: EndReason }

/** A session as the store has it, and as it is with the uses that are not written yet. */
interface Seen {
  readonly stored: SessionRecord
  readonly record: SessionRecord
}

/** By how much the end that the store knows may have passed for a session that stands with its unwritten uses. */
function slack({ stored, record }: Seen, allowance: number): number {
  return allowance + record.endsAt - stored.endsAt
}

const REFUSALS = {
  limit: 'the user has as many sessions as the policy allows; end one, or set policy.onExceed to evict',
  disabled: 'the user is disabled; enable the user first',
  epoch: 'the user was signed out everywhere while this login was under way; sign in again',
} as const

function clockOf(store: Store): Clock {
  const { now } = store
  return now === undefined ? new SystemClock() : new EngineClock(() => now.call(store))
}

function refusal(reason: RefusalReason, { endReason }: SessionRecord): Check {
  return reason === 'ended' && endReason !== null ? { ok: false, reason, endReason } : { ok: false, reason }
}

function isDeviceChanged(record: SessionRecord, presentation: Presentation | undefined): boolean {
  if (presentation === undefined || presentation === null) return false
  const { ip, userAgent } = presentation
  return (
    (ip !== undefined && record.ipAddress !== null && keptIp(ip) !== record.ipAddress) ||
    (userAgent !== undefined && record.userAgent !== null && keptUserAgent(userAgent) !== record.userAgent)
  )
}

/** Throws `invalid_argument` unless exactly one way of saying whom is used, and used right. */
function assertTarget(target: RevokeTarget): void {
  assertNames(target, 'target', ['id', 'ids', 'userId', 'except', 'where'])
  const ways = ['id', 'ids', 'userId', 'where'].filter((way) => Object.hasOwn(target, way))
  if (ways.length !== 1 || (Object.hasOwn(target, 'except') && ways[0] !== 'userId')) {
    throw new SojournError(
      'invalid_argument',
      'target does not say whom; give one of id, ids, userId (with except) or where',
    )
  }
  if ('where' in target) assertMeant(target.where)
  if ('ids' in target && !Array.isArray(target.ids)) {
    throw new SojournError('invalid_argument', `ids is ${shown(target.ids)}; give a list of session ids`)
  }
}

/** The sessions that are named; what is no id names none. */
function idsOf(target: { readonly id: string } | { readonly ids: readonly string[] }): readonly SessionId[] {
  return ('id' in target ? [target.id] : target.ids).filter(isSessionId)
}

function knownId(id: SessionId | string | undefined): SessionId | undefined {
  if (id === undefined || isSessionId(id)) return id
  // Not shown: what is given by mistake here is mostly a token.
  throw new SojournError('invalid_argument', 'except is no session id; give the id of a session, not its token')
}

function usableKey(key: Uint8Array | undefined): Uint8Array | null {
  if (key === undefined) return null
  if (!(key instanceof Uint8Array) || key.length < 32 || key.every((byte) => byte === key[0])) {
    throw new SojournError(
      'invalid_option',
      'renewalKey is not 32 random bytes or more; make one with crypto.randomBytes(32)',
    )
  }
  return key
}

function contended(id: SessionId): SojournError {
  return new SojournError(
    'store_unavailable',
    `session '${id}' changed ${CONTENTION_LIMIT} times while it was read; try again`,
  )
}

function warn(error: unknown): void {
  process.emitWarning(
    `something could not be written to the session store, which will be tried again: ${String(error)}`,
    'SojournWarning',
  )
}
