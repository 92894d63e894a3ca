import type { EndReason, EventType, SessionEvent } from 'sojourn'

/** A line of history in plain words. */
export interface Happening {
  readonly text: string
  /** Whether somebody other than the user may be behind it, so that it deserves a second look. */
  readonly isWorrying: boolean
}

/**
 * What an event means to the user it is about; null for what means nothing to them. Says of others only that they are
 * an administrator. `device` is the label of the session it concerns.
 */
export function tell(event: SessionEvent, device: string | null): Happening | null {
  const by = event.actor === 'user' || event.actor === 'system' ? event.actor : 'administrator'
  const where = device === null || device === 'unknown device' ? 'a device we do not know' : device
  const text = WORDS[event.type](by, where, event)
  return text === null ? null : { text, isWorrying: event.type === 'login_failed' || event.reason === 'token_reuse' }
}

type Actor = 'user' | 'system' | 'administrator'
type Words = (by: Actor, where: string, event: SessionEvent) => string | null

const WORDS: Readonly<Record<EventType, Words>> = {
  session_created: (_, where) => `Signed in with ${where}`,
  session_renewed: () => null,
  session_ended: (by, where, { reason }) => ended(by, where, reason),
  user_sessions_ended: (by) =>
    by === 'administrator' ? 'An administrator signed you out everywhere' : 'Signed out everywhere else',
  user_created: () => 'Your account was created',
  user_adopted: () => 'Your account was brought over from the system before',
  user_deleted: () => null,
  key_created: () => null,
  key_revoked: () => null,
  user_disabled: (by) => `Your account was disabled${passively(by)}`,
  user_enabled: (by) => `Your account was enabled again${passively(by)}`,
  role_changed: (by) => `Your role was changed${passively(by)}`,
  password_changed: (by) => (by === 'user' ? 'You changed your password' : `Your password was reset${passively(by)}`),
  login_failed: (_by, _where, { detail }) =>
    detail === 'wrong password' ? 'A wrong password was tried' : 'Somebody tried to sign in and was refused',
}

function ended(by: Actor, where: string, reason: EndReason | null): string {
  if (reason === 'revoked' && by === 'user') return `You signed out ${where} from another device`
  if (reason === 'revoked' && by === 'administrator') return `An administrator signed you out of ${where}`
  const why = reason === null ? undefined : WHY[reason]
  return why === undefined ? `Signed out of ${where}` : `Signed out of ${where}, ${why}`
}

const WHY: Readonly<Partial<Record<EndReason, string>>> = {
  password_change: 'because the password changed',
  user_disabled: 'because the account was disabled',
  limit: 'to make room for a newer sign-in',
  idle: 'after a long time without use',
  cleanup: 'after a long time without use',
  expired: 'because its time was up',
  token_reuse: 'because somebody may have copied its cookie',
}

function passively(by: Actor): string {
  return by === 'administrator' ? ' by an administrator' : ''
}
