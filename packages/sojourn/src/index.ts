/**
 * Session tracking: one secret and one record for every login.
 * @module
 */
export { SessionManager } from './core/manager.ts'
export type {
  Changes,
  Check,
  CleanupOptions,
  CleanupResult,
  CountOptions,
  CreateOutcome,
  Presentation,
  RenewOutcome,
  Revocation,
  RevokeOptions,
  RevokeTarget,
  SessionManagerOptions,
  Stats,
} from './core/manager.ts'
export type { NewSession } from './core/login.ts'
export type { HistoryQuery, ListOptions, Page, PageOptions, SessionFilter } from './core/listing.ts'
export { Issued } from './core/issued.ts'
export { END_REASONS } from './core/session.ts'
export type { Attributes, EndReason, Json, Session } from './core/session.ts'
export { DEFAULT_POLICY, PROFILES, definePolicy } from './core/policy.ts'
export type { Policy, PolicyOptions, ProfileName, RefusalReason } from './core/policy.ts'
export { deviceLabel } from './core/device.ts'
export type { Device, DeviceInput } from './core/device.ts'
export { EVENT_TYPES } from './core/events.ts'
export type { EventRecord, EventType, SessionEvent } from './core/events.ts'
export { isSessionId } from './core/token.ts'
export type { SessionId, Token } from './core/token.ts'
export { EngineClock } from './core/engine-clock.ts'
export { SystemClock } from './core/clock.ts'
export type { Clock, TimeSources } from './core/clock.ts'
export { formatDuration } from './core/duration.ts'
export type { Duration } from './core/duration.ts'
export { SojournError, isSojournError } from './core/errors.ts'
export type { ErrorCode } from './core/errors.ts'
export type { Guarantees, ListSort, Store } from './core/store.ts'
