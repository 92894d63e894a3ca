import { SojournError } from '../../core/errors.ts'
import type { EndedSession } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'

/** Text that a script answered with. */
export function text(reply: unknown): string {
  return String(reply)
}

/** A number that a script answered with, as one or as text. */
export function number(reply: unknown): number {
  return Number(reply)
}

/** A list that a script answered with. */
export function list(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  throw new SojournError('store_corrupt', 'the redis server answered with something else where a list was expected')
}

/** The sessions that a script ended. */
export function endedSessions(replies: readonly unknown[]): readonly EndedSession[] {
  return replies.map((reply) => {
    const [id, userId, username] = list(reply).map(text)
    return { id: id as SessionId, userId: userId ?? '', username: username ?? '' }
  })
}

/** A place in an index, to go on after. */
export interface Place {
  readonly value: string
  readonly id: string
}

/** Where a script says to go on, or null at the end. */
export function placeOf(reply: unknown): Place | null {
  if (reply === null || reply === undefined) return null
  const [value, id] = list(reply).map(text)
  return { value: value ?? '', id: id ?? '' }
}
