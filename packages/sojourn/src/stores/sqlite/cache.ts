import type { SessionRecord } from '../../core/session.ts'
import type { SessionId } from '../../core/token.ts'
import { Recent } from '../recent.ts'

/** The records that were read most recently, under one version of the file. */
export class RecordCache extends Recent<SessionId, SessionRecord> {
  #version = NEVER_SEEN

  /** Tells the version of the file as it was just read. What was kept under another one is forgotten. */
  isCurrent(version: number): boolean {
    if (version === this.#version) return true
    this.clear()
    this.#version = version
    return false
  }

  keep(record: SessionRecord): void {
    this.set(record.id, record)
  }

  /** Forgets everything, and under which version it was kept: another connection counts from another number. */
  override clear(): void {
    super.clear()
    this.#version = NEVER_SEEN
  }
}

const NEVER_SEEN = -1
