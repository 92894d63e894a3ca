import { callAfter } from './clock.ts'
import type { Clock } from './clock.ts'
import { extendedEnd } from './policy.ts'
import type { Policy } from './policy.ts'
import type { SessionRecord, Use } from './session.ts'
import type { Store, Touch } from './store.ts'
import type { SessionId } from './token.ts'

/** How many sessions' notes are held at most before they are written early. */
const HELD_AT_MOST = 10_000
/** How many notes go into one write. */
const BATCH = 500

/** Notes become due on the strokes of this span, so that those of many sessions share a write, in milliseconds. */
const STROKE = 1_000

interface Note extends Touch {
  at: number
  endsAt: number
  allowance: number
  /** When it is to be written. */
  readonly dueAt: number
}

/**
 * The uses that have not been written yet. A validation leaves a note here and writes nothing; the notes go to
 * the store together, at most once in a touch interval for each session, and when the manager closes. A session
 * that was not used for an interval is written within a second of its next use, so that a kill takes no more than an
 * interval along.
 */
export class Touches {
  readonly #store: Pick<Store, 'touch'>
  readonly #clock: Clock
  readonly #policy: Policy
  readonly #onFailure: (error: unknown) => void
  readonly #notes = new Map<SessionId, Note>()
  /** Taken out to be written, and still true until they are. */
  #inFlight: ReadonlyMap<SessionId, Note> = new Map()
  #writing: Promise<void> | null = null
  #writes = 0
  #cancel: (() => void) | null = null
  /** When the next notes are due, if `#cancel` is set. */
  #nextAt = 0

  constructor(store: Pick<Store, 'touch'>, clock: Clock, policy: Policy, onFailure: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#policy = policy
    this.#onFailure = onFailure
  }

  /** How many sessions have a note that is not written. */
  get size(): number {
    return this.#notes.size
  }

  /** How many writes have come to an end. While it stays the same, a record that is read and its note are all there is. */
  get writes(): number {
    return this.#writes
  }

  /** Leaves a note that a session was used, in memory only, and answers with its latest use. */
  note(record: SessionRecord, at: number, allowance: number): Use {
    const held = this.#notes.get(record.id)
    const earlier = held ?? this.#inFlight.get(record.id)
    if (at <= (earlier?.at ?? record.lastAccessedAt)) return useIn(record, earlier)
    const use = {
      id: record.id,
      at,
      endsAt: extendedEnd(record, at, this.#policy),
      // The store may still know only the end from before the earlier note, which this use is allowed to be past.
      allowance: earlier === undefined ? allowance : earlier.allowance + at - earlier.at,
    }
    if (held !== undefined) {
      held.at = at
      held.endsAt = use.endsAt
      held.allowance = use.allowance
      return useIn(record, use)
    }
    // Only where the store is not keeping up at all; what is dropped here is dropped rather than memory.
    if (this.#notes.size >= HELD_AT_MOST) return useIn(record, earlier)
    const dueAt = this.#dueAt(record, use)
    this.#notes.set(record.id, { ...use, dueAt })
    if (this.#notes.size === HELD_AT_MOST) this.#flushInBackground(Infinity)
    else if (dueAt <= at) this.#flushInBackground(at)
    else this.#flushBy(dueAt)
    return useIn(record, use)
  }

  /** The record as it will be once its note is written. */
  applyTo(record: SessionRecord): SessionRecord {
    return withUse(record, this.#notes.get(record.id) ?? this.#inFlight.get(record.id))
  }

  /** Writes every note down. Rejects when the store does; the notes are then kept for the next time. */
  async flush(): Promise<void> {
    await this.#flush(() => true)
  }

  /** Writes the notes of these sessions down, as `flush` does. */
  async flushOf(ids: readonly SessionId[]): Promise<void> {
    if (!ids.some((id) => this.#notes.has(id) || this.#inFlight.has(id))) return
    const meant = new Set(ids)
    await this.#flush(({ id }) => meant.has(id))
  }

  /**
   * An interval after what is recorded, or at once if that is past. Before the recorded end in any case: another
   * process would find the session idle, and whom it has refused must not be let in again.
   */
  #dueAt(record: SessionRecord, { at, endsAt }: Touch): number {
    const { touchInterval } = this.#policy
    if (endsAt > record.endsAt && record.endsAt - at <= touchInterval) return at
    const later = record.lastAccessedAt + touchInterval
    return later > at ? later - (later % STROKE) : at + STROKE - (at % STROKE)
  }

  async #flush(isMeant: (note: Note) => boolean): Promise<void> {
    while (this.#writing !== null) await this.#writing
    this.#writing = this.#write(isMeant)
    try {
      await this.#writing
    } finally {
      this.#writing = null
      this.#schedule()
    }
  }

  async #write(isMeant: (note: Note) => boolean): Promise<void> {
    const due = new Map([...this.#notes].filter(([, note]) => isMeant(note)))
    if (due.size === 0) return
    for (const id of due.keys()) this.#notes.delete(id)
    this.#inFlight = due
    const batch: readonly Touch[] = [...due.values()]
    let written = 0
    try {
      for (; written < batch.length; written += BATCH) await this.#store.touch(batch.slice(written, written + BATCH))
    } catch (error) {
      this.#keep(batch.slice(written))
      throw error
    } finally {
      this.#inFlight = new Map()
      this.#writes += 1
    }
  }

  #keep(unwritten: readonly Touch[]): void {
    const dueAt = this.#clock.now() + this.#policy.touchInterval
    for (const touch of unwritten) {
      if (this.#notes.size >= HELD_AT_MOST) break
      if (!this.#notes.has(touch.id)) this.#notes.set(touch.id, { ...touch, dueAt })
    }
  }

  #schedule(): void {
    this.#cancel?.()
    this.#cancel = null
    let earliest = Infinity
    for (const { dueAt } of this.#notes.values()) earliest = Math.min(earliest, dueAt)
    if (earliest < Infinity) this.#flushBy(earliest)
  }

  #flushBy(instant: number): void {
    if (this.#cancel !== null && this.#nextAt <= instant) return
    this.#cancel?.()
    this.#nextAt = instant
    this.#cancel = callAfter(this.#clock, Math.max(0, instant - this.#clock.now()), () => {
      this.#cancel = null
      this.#flushInBackground(this.#clock.now())
    })
  }

  /** While a write is under way nothing is begun: its end looks for what has become due. */
  #flushInBackground(until: number): void {
    if (this.#writing === null) this.#flush(({ dueAt }) => dueAt <= until).catch(this.#onFailure)
  }
}

function withUse(record: SessionRecord, note: Readonly<Touch> | undefined): SessionRecord {
  const use = useIn(record, note)
  return use === record ? record : { ...record, ...use }
}

/** The later use of the one that a record tells of and the one that a note does. */
function useIn(record: SessionRecord, note: Readonly<Touch> | undefined): Use {
  if (note === undefined || record.endReason !== null || note.at <= record.lastAccessedAt) return record
  return { lastAccessedAt: note.at, endsAt: note.endsAt }
}
