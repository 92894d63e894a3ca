import type { EventType, Mark, EventRecord } from './events.ts'
import type { Standing } from './policy.ts'
import type { EndReason, SessionRecord } from './session.ts'
import type { SessionId } from './token.ts'

/**
 * Where sessions live. A store is told the time and never reads a clock, keeps what it is given to the
 * millisecond and the byte, and answers only when a write is as durable as `guarantees()` says.
 *
 * Two rules carry the rest. Nothing but `insert` makes a record: every other write is conditional on the
 * record still standing, so an ended or deleted session never comes back. And the event that tells of a deed
 * is written in the same transaction as the deed.
 *
 * A call that could not be carried out rejects with a `SojournError`; it never answers as though nothing
 * were there.
 */
export interface Store {
  /**
   * Adds a new session, unless something says it must not exist. In one transaction: refuses an id that is
   * taken, a disabled user, a user whose epoch is no longer `guard.epoch`, and a user at the cap with
   * `onExceed: 'deny'`; makes the user's row if there is none; notes the login as the user's latest; with
   * `onExceed: 'evict'` ends the least recently used standing sessions (reason `limit`, by `system`) until the new one fits.
   * However many logins arrive at once, no more than `cap.max` sessions of the user stand afterwards.
   *
   * The username of a user without a password here is a label that the host may give to somebody else: it
   * follows each login, and whoever had it before without a password becomes `name (id)`. A name whose holder has a
   * password is never taken away: for a new user that is a `conflict`, a known one keeps the name they had.
   */
  insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome>

  /** The record of a session, standing or ended, or null when there is none. */
  get(id: SessionId): Promise<SessionRecord | null>

  /**
   * `get`, but certainly as the store has it at the time of the call. Only a store whose `get` may answer from memory
   * for a while has this; whoever is about to refuse, end or change something because of a record asks here.
   */
  reread?: ((id: SessionId) => Promise<SessionRecord | null>) | undefined

  /**
   * Notes that sessions were used. Each note takes effect only if the session stands at that instant
   * (`endReason` unset and `endsAt + allowance > at`) and `at` is later than what is recorded: a late note
   * neither moves time back nor wakes the dead, and a note for an unknown id makes nothing. Leaves `version`
   * alone. Answers how many took effect.
   */
  touch(batch: readonly Touch[]): Promise<number>

  /**
   * Changes a session if it still has no end reason, its `endsAt` plus `allowance` is later than `mark.at`,
   * and its version is `version`; raises the version by one. `lastAccessedAt` only ever moves forwards, whatever the
   * patch says. Answers whether it did.
   */
  update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean>

  /**
   * Ends sessions: `endReason` and `endedBy` from the mark, `endsAt` and `loggedOutAt` at `mark.at` or at the
   * end the session already had, whichever is earlier; version plus one; one `session_ended` event each.
   * Sessions that have an end reason are left as they are, and of those named by id the ones that do not stand by
   * `target.standing`, where that is given. `target.userId` raises the user's epoch as well, so
   * that a login in flight produces nothing, and writes one `user_sessions_ended` event. Answers with the
   * sessions that this very call ended, at most `limit` of them (no limit applies to a user).
   */
  revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]>

  /** Records that match, in the order asked for, after the cursor: at most `limit`. */
  list(query: ListQuery): Promise<readonly SessionRecord[]>

  /** How many records match. Where that many are `enough` for who asks, a store may stop and answer with what it has. */
  count(filter: SessionFilter, enough?: number): Promise<number>

  /** The figures of an installation at an instant. */
  stats(standing: Standing, createdSince: number): Promise<StoreStats>

  /**
   * Deletes at most `limit` sessions whose `endsAt` is before the instant, and at most as many events older than it.
   * Answers how many of each went: as long as it is `limit` of either there may be more. A session that may still
   * stand is never among them.
   */
  prune(before: number, limit: number): Promise<Pruned>

  /**
   * The events after a cursor in the order of the log, at most `limit`, and the cursor to go on from. A reader
   * that passes each cursor back misses nothing, even what commits late. Null starts at the beginning, `'end'`
   * answers no events and the cursor of now. Fewer events than `limit` are the promise that
   * every deed acknowledged before the call has been told. Rejects with `invalid_argument` when it cannot go on
   * from the cursor without a gap, as when the log is not the one that gave it out.
   */
  changes(cursor: string | null, limit: number): Promise<Changes>

  /** Events that match, newest first, at most `limit`. */
  events(query: EventQuery): Promise<readonly EventRecord[]>

  /** The user's epoch, and whether a login may go on. An unknown user has epoch 0. */
  epoch(userId: string): Promise<number>

  /** The latest instant that is recorded, or 0: what has been written has happened. */
  latestInstant(): Promise<number>

  /**
   * The engine's own time at an instant between the call and its answer, in milliseconds since 1970, UTC. Only an
   * engine with a clock of its own has this; sessions are then judged by it, whatever the clock of the host says.
   */
  now?: (() => Promise<number>) | undefined

  /**
   * 32 bytes kept apart from the records, the same for every process on this store: successors in a renewal are
   * made with it. A store that has no such place answers null, and each process draws its own.
   */
  renewalKey(): Promise<Uint8Array | null>

  /**
   * Claims a name for one holder at a time, for work that one node does for all: whoever has it already, or anybody
   * while nobody has it at `now`, gets it until `now + span`; a span of 0 gives it back. Answers whether this holder
   * may go on. Keeps work from being done twice and decides nothing about a session. Optional: without it every node
   * does the work.
   */
  claim?: ((name: string, holder: string, now: number, span: number) => Promise<boolean>) | undefined

  /**
   * Deletes at most `limit` records of a user's sessions that have an end reason, however long ago they ended. Answers
   * how many went: 0 when none is left. Their events stay, and so does the user's epoch. A session without an
   * end reason is never among them, whatever became of its time: whoever wants it gone ends it first. Optional: without
   * it ended records stay until they are pruned.
   */
  forget?: ((userId: string, limit: number) => Promise<number>) | undefined

  /**
   * Listens for hints that another process has ended, renewed or otherwise taken something away of which memory may
   * still tell. Calls `hint` when it has begun to listen, for news from then on, and again each time it may have missed
   * some. Fulfils with how to stop, which the end of the store does as well; while the engine cannot be reached it goes on
   * trying, and rejects only where no hint can ever come. A hint is no proof and nothing may depend on it: it comes late,
   * twice, for nothing, or not at all, and is but a reason to ask `changes` sooner. What this very store does need not
   * come back to it. Optional: without it nobody is told, and everybody asks as often as ever.
   */
  listen?: ((hint: () => void) => Promise<() => Promise<void>>) | undefined

  /**
   * Appends lines of history that another store has written of the users, each as it is but for its position, and with
   * them how far that history was read, in one step; unless somebody has gone on from `from` meanwhile: then it does
   * nothing and answers false. `from` is null the first time. Optional: only of use where another store keeps the users.
   */
  copyHistory?: ((from: string | null, to: string, lines: readonly EventRecord[]) => Promise<boolean>) | undefined

  /** How far the history of the other store was copied: the last `to`, or null. There where `copyHistory` is. */
  historyCopiedTo?: (() => Promise<string | null>) | undefined

  /** What this store promises, as probed and not as configured. */
  guarantees(): Promise<Guarantees>

  /** Finishes what is in flight and lets go of the engine. Calling it again does nothing. */
  close(): Promise<void>
}

/** What a new session depends on. */
export interface InsertGuard {
  /** The user's epoch as read before the credentials were checked; undefined where no login went before. */
  readonly epoch?: number | undefined
  readonly cap?: SessionCap | undefined
  readonly mark: Mark
}

/** How many sessions of one user may stand. */
export interface SessionCap {
  readonly max: number
  readonly onExceed: 'evict' | 'deny'
  readonly standing: Standing
}

/** What became of an insert. */
export type InsertOutcome =
  | { readonly ok: true; readonly evicted: readonly EndedSession[] }
  | { readonly ok: false; readonly reason: 'id_taken' | 'epoch' | 'disabled' | 'limit' }

/** A note that a session was used. */
export interface Touch {
  readonly id: SessionId
  readonly at: number
  /** The end that follows from this use; the store never lets it pass `expiresAt`. */
  readonly endsAt: number
  /** By how much the recorded end may already have passed, in milliseconds. */
  readonly allowance: number
}

/** What a conditional update may change. */
export type SessionPatch = Partial<
  Pick<
    SessionRecord,
    | 'secretHash'
    | 'nextHash'
    | 'nextSalt'
    | 'previousHashes'
    | 'previousUntil'
    | 'authenticatedAt'
    | 'lastAccessedAt'
    | 'expiresAt'
    | 'endsAt'
    | 'attributes'
    | 'method'
  >
>

/** The instant of an update and, where history should tell of it, the event that goes with it. */
export interface UpdateMark extends Mark {
  readonly event?: EventType | undefined
  /** By how much the recorded end may already have passed, in milliseconds. Default 0. */
  readonly allowance?: number | undefined
}

/** Which sessions to end. */
export type RevokeTarget =
  | { readonly id: SessionId; readonly standing?: Standing | undefined }
  | { readonly ids: readonly SessionId[]; readonly standing?: Standing | undefined }
  | { readonly userId: string; readonly except?: SessionId | undefined }
  | { readonly where: SessionFilter }

/** A session that a call ended. */
export interface EndedSession {
  readonly id: SessionId
  readonly userId: string
  readonly username: string
}

/** Which sessions are meant. Everything given must hold; nothing given means all. */
export interface SessionFilter {
  readonly userId?: string | undefined
  readonly username?: string | undefined
  readonly ip?: string | undefined
  /** Appears in the username, user agent or address, whatever the case of ASCII letters; `%` and `_` are letters like any other. */
  readonly text?: string | undefined
  /** Only those that stand by these instants. */
  readonly standing?: Standing | undefined
  /** Only those that do not. */
  readonly notStanding?: Standing | undefined
  /** Only those with (true) or without (false) an end reason. */
  readonly isEnded?: boolean | undefined
  /** `endsAt` at or before this instant. */
  readonly endsBy?: number | undefined
  /** `expiresAt` at or before this instant. */
  readonly expiresBy?: number | undefined
  /** `authenticatedAt` at or before this instant. */
  readonly authenticatedBy?: number | undefined
  readonly endReason?: EndReason | undefined
  readonly method?: string | undefined
  /** `createdAt` at or after this instant. */
  readonly createdSince?: number | undefined
  /** `createdAt` before this instant. */
  readonly createdBefore?: number | undefined
  /** `lastAccessedAt` at or before this instant. */
  readonly accessedBy?: number | undefined
  /** Any session but this one. */
  readonly except?: SessionId | undefined
  /** At least one of these holds. */
  readonly anyOf?: readonly SessionFilter[] | undefined
}

/** The columns a list can be sorted by. The id breaks ties. */
export type ListSort = 'createdAt' | 'lastAccessedAt'

/** A page of a list, by keyset: no page depends on how many came before it. */
export interface ListQuery {
  readonly filter: SessionFilter
  readonly sort: ListSort
  readonly descending: boolean
  /** The sort value and id of the last record of the page before. */
  readonly after?: { readonly value: number; readonly id: SessionId } | undefined
  readonly limit: number
}

/** Which events are meant. */
export interface EventQuery {
  readonly sessionId?: SessionId | undefined
  readonly userId?: string | undefined
  /** Of this type, or of one of these. An empty list means none. */
  readonly type?: EventType | readonly EventType[] | undefined
  /** `at` at or after this instant. */
  readonly since?: number | undefined
  /** Only positions before this one. */
  readonly before?: number | undefined
  readonly limit: number
}

/** A stretch of the event log. */
export interface Changes {
  readonly events: readonly EventRecord[]
  readonly cursor: string
}

/** How much of what is old one call has deleted. */
export interface Pruned {
  readonly sessions: number
  readonly events: number
}

/** The figures of an installation. */
export interface StoreStats {
  readonly total: number
  readonly active: number
  readonly createdSince: number
  /** Users with at least one standing session. */
  readonly usersOnline: number
  /** The user with most records of sessions, the most recent login breaking ties. */
  readonly mostActive: { readonly userId: string; readonly username: string; readonly sessions: number } | null
}

/** What a store promises. Facts that were probed at start. */
export interface Guarantees {
  /** `sqlite`, `memory`, … and the version of the engine. */
  readonly engine: string
  /** Whether what was acknowledged survives the kill of the process. */
  readonly survivesProcessKill: boolean
  /** Whether what was acknowledged survives the loss of power. */
  readonly survivesPowerLoss: boolean
  /** Milliseconds after which an end holds in every other process; 0 means at once. */
  readonly revocationBound: number
  /** Each setting that was read, as the engine names it. */
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** Sentences for what is weaker than it could be. Empty when all is well. */
  readonly warnings: readonly string[]
}
