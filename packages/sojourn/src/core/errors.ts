/**
 * What can go wrong with the machinery. Outcomes of a session's life (ended, expired, unknown) are
 * values and never arrive as errors.
 *
 * - `invalid_option` a setting cannot be used; thrown when it is given, never later
 * - `invalid_argument` a call was made with something it cannot use
 * - `refused` a session could not be created for this user; `reason` says why
 * - `conflict` the store already holds something that contradicts the call
 * - `unsafe_settings` the engine is set up so that a promise could not be kept
 * - `schema_missing` the database has no tables of ours
 * - `schema_outdated` the tables are older than this release; migrate
 * - `schema_newer` the tables were made by a newer release
 * - `schema_changed` a step that was applied is not the step this release knows
 * - `store_unavailable` the store did not answer; nothing is known, try again
 * - `store_full` the disk is full; ending sessions still works
 * - `store_corrupt` the database is damaged; nothing was acknowledged
 * - `overloaded` too much is waiting; `retryAfter` says when to come back
 * - `dependency_missing` an optional package that this call needs cannot be loaded; the message says which
 * - `closed` the manager or store was used after `close()`
 */
export type ErrorCode =
  | 'invalid_option'
  | 'invalid_argument'
  | 'refused'
  | 'conflict'
  | 'unsafe_settings'
  | 'schema_missing'
  | 'schema_outdated'
  | 'schema_newer'
  | 'schema_changed'
  | 'store_unavailable'
  | 'store_full'
  | 'store_corrupt'
  | 'overloaded'
  | 'dependency_missing'
  | 'closed'

/** Every error this library throws on purpose. `code` never changes; messages may. */
export class SojournError extends Error {
  readonly code: ErrorCode
  /** For `overloaded`: seconds to wait before trying again. */
  readonly retryAfter?: number
  /** For `refused`: `limit`, `disabled` or `epoch`. */
  readonly reason?: string

  constructor(code: ErrorCode, message: string, options: ErrorDetails = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'SojournError'
    this.code = code
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter
    if (options.reason !== undefined) this.reason = options.reason
  }
}

/** What an error may carry besides its message. */
export interface ErrorDetails {
  readonly cause?: unknown
  readonly retryAfter?: number
  readonly reason?: string
}

/** Whether something that was thrown is ours, and of this code when one is given. */
export function isSojournError(thrown: unknown, code?: ErrorCode): thrown is SojournError {
  return thrown instanceof SojournError && (code === undefined || thrown.code === code)
}

/** A value as a message may show it: short text and plain values as they are, of all else only what it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`
  if (value === null || typeof value === 'undefined' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value).slice(0, 40)
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
