import { isMatch } from '../../core/filter.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { SessionFilter } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { Recent } from '../recent.ts'

/** A record in memory. */
export interface Entry {
  readonly record: SessionRecord
  /** The record as an answer, made once. */
  readonly answer: Promise<SessionRecord>
  /** When the store was asked for it, on the monotonic clock. */
  readonly readAt: number
}

/** A read of the store that is under way. */
export interface Reading {
  readonly id: SessionId
  readonly sentAt: number
  readonly generation: number
}

/** Ids share counters by their last three digits: now and then a read is not kept that could have been. */
const COUNTERS = 4_096

/** What an end or a proof of identity changes, and what may hold any of these: more is dropped rather than less. */
const NOT_LOOKED_AT = {
  isEnded: undefined,
  endReason: undefined,
  standing: undefined,
  method: undefined,
  anyOf: undefined,
} satisfies SessionFilter

/**
 * Records of standing sessions, and the rule that nothing gets in which has been overtaken: every id has a
 * generation that goes up when something happens to the session, and what was read under an earlier one is not kept.
 */
export class RecordMemory {
  readonly #recent: Recent<SessionId, Entry>
  readonly #generations = Array.from({ length: COUNTERS }, () => 0)
  /** Goes up when something happens to sessions of whom only the user is known, or nothing. */
  #generation = 0
  /** Ids of sessions and users that somebody is about to change, and how many are. */
  readonly #withheld = new Map<string, number>()
  #invalidations = 0

  constructor(entries: number) {
    this.#recent = new Recent(entries)
  }

  get size(): number {
    return this.#recent.size
  }

  /** How many records were dropped because something had happened to them. */
  get invalidations(): number {
    return this.#invalidations
  }

  get(id: SessionId): Entry | undefined {
    return this.#recent.get(id)
  }

  /** To be called before the store is asked for a record. */
  begin(id: SessionId, sentAt: number): Reading {
    return { id, sentAt, generation: this.generationOf(id) }
  }

  /**
   * Keeps what the store has answered if nothing has happened since it was asked. Only a yes is kept: a session
   * that has ended or is not there is asked for again, and so is one whose successor may be presented at any node,
   * of which no event would tell.
   */
  settle({ id, sentAt, generation }: Reading, record: SessionRecord | null): void {
    if (record === null || record.endReason !== null || record.nextHash !== null) {
      this.drop(id)
      return
    }
    if (this.generationOf(id) !== generation) return
    if (this.#withheld.size > 0 && (this.#withheld.has(id) || this.#withheld.has(record.userId))) return
    this.#recent.set(id, { record, answer: Promise.resolve(record), readAt: sentAt })
  }

  /** Something has happened to a session. */
  drop(id: SessionId): void {
    const place = placeOf(id)
    this.#generations[place] = (this.#generations[place] ?? 0) + 1
    if (this.#recent.drop(id)) this.#invalidations += 1
  }

  /** Something has happened to all sessions of these users. */
  dropUsers(userIds: ReadonlySet<string>): void {
    if (userIds.size === 0) return
    this.#generation += 1
    for (const [id, { record }] of this.#recent.entries()) {
      if (userIds.has(record.userId)) this.drop(id)
    }
  }

  /**
   * All sessions that a filter means have ended, whoever ended them. Of what changes with each use memory has an earlier
   * state, which such a filter means all the more.
   */
  dropMatching(filter: SessionFilter): void {
    this.#generation += 1
    const meant = { ...filter, ...NOT_LOOKED_AT }
    for (const [id, { record }] of this.#recent.entries()) {
      if (isMatch(record, meant)) this.drop(id)
    }
  }

  /** Anything may have happened. */
  forgetAll(): void {
    this.#generation += 1
    this.#invalidations += this.#recent.size
    this.#recent.clear()
  }

  /** Drops sessions, and keeps none of them until the function that is answered is called, which drops them again. */
  withhold(ids: readonly SessionId[]): () => void {
    return this.#withhold(ids, () => ids.forEach((id) => this.drop(id)))
  }

  /** `withhold` for all sessions of a user. */
  withholdUser(userId: string): () => void {
    return this.#withhold([userId], () => this.dropUsers(new Set([userId])))
  }

  /** Differs from an earlier answer if something has happened to the session in between. */
  protected generationOf(id: SessionId): number {
    return this.#generation + (this.#generations[placeOf(id)] ?? 0)
  }

  #withhold(names: readonly string[], drop: () => void): () => void {
    for (const name of names) this.#withheld.set(name, (this.#withheld.get(name) ?? 0) + 1)
    drop()
    return () => {
      for (const name of names) {
        const others = (this.#withheld.get(name) ?? 1) - 1
        if (others === 0) this.#withheld.delete(name)
        else this.#withheld.set(name, others)
      }
      drop()
    }
  }
}

function placeOf(id: SessionId): number {
  return Number.parseInt(id.slice(-3), 16) % COUNTERS
}
