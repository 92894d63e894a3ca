import type { EndReason } from './session.ts'
import type { SessionId } from './token.ts'

/** What a line of history tells. A closed list. */
export const EVENT_TYPES = [
  'session_created',
  'session_renewed',
  'session_ended',
  'user_sessions_ended',
  'user_created',
  'user_adopted',
  'user_deleted',
  'user_disabled',
  'user_enabled',
  'role_changed',
  'password_changed',
  'login_failed',
  'key_created',
  'key_revoked',
] as const

/** One of `EVENT_TYPES`. */
export type EventType = (typeof EVENT_TYPES)[number]

/** One line of history as a store keeps it, written in the same transaction as what it tells. Carries no secret. */
export interface EventRecord {
  /** Where it stands in the log; grows with every event, never reused. */
  readonly position: number
  /** Milliseconds since 1970, UTC. */
  readonly at: number
  readonly type: EventType
  readonly sessionId: SessionId | null
  readonly userId: string | null
  /** Who did it: `user`, `system`, or the name the caller gave, as in `ops:grace`. */
  readonly actor: string
  readonly reason: EndReason | null
  readonly ipAddress: string | null
  /** One short sentence or name, or null. */
  readonly detail: string | null
}

/** One line of history, as anyone who may read history sees it. */
export interface SessionEvent extends Omit<EventRecord, 'at'> {
  readonly at: Date
}

/** The public view of an event. */
export function viewEvent(event: EventRecord): SessionEvent {
  return { ...event, at: new Date(event.at) }
}

/** Who did something, when and why: what a store needs to write the event that goes with a deed. */
export interface Mark {
  readonly at: number
  readonly actor: string
  readonly reason?: EndReason | undefined
  readonly ipAddress?: string | null | undefined
  readonly detail?: string | null | undefined
}
