import type { SessionRecord } from '../../core/session.ts'
import type { SessionId } from '../../core/token.ts'

/**
 * The records that were read most recently, at most so many. Two halves: what is asked for again moves into the
 * young one, and when that is full the old one is forgotten, which keeps what is in use without counting.
 */
export class RecordCache {
  readonly #half: number
  #young = new Map<SessionId, SessionRecord>()
  #old = new Map<SessionId, SessionRecord>()
  #version = NEVER_SEEN

  constructor(entries: number) {
    this.#half = Math.floor(entries / 2)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Tells the version of the file as it was just read. What was kept under another one is forgotten. */
  isCurrent(version: number): boolean {
    if (version === this.#version) return true
    this.clear()
    this.#version = version
    return false
  }

  get(id: SessionId): SessionRecord | undefined {
    const young = this.#young.get(id)
    if (young !== undefined) return young
    const old = this.#old.get(id)
    if (old === undefined) return undefined
    this.#old.delete(id)
    this.keep(old)
    return old
  }

  keep(record: SessionRecord): void {
    if (this.#half === 0) return
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(record.id, record)
  }

  drop(id: SessionId): void {
    this.#young.delete(id)
    this.#old.delete(id)
  }

  /** Forgets everything, and under which version it was kept: another connection counts from another number. */
  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#version = NEVER_SEEN
  }
}

const NEVER_SEEN = -1
