import type { AuditEvent, EndReason, EventType } from '../../api/types.ts'

/** What the operator picks from, in the order of how often one looks for it. */
export const EVENT_NAMES: Readonly<Record<EventType, string>> = {
  session_created: 'Signed in',
  login_failed: 'Failed to sign in',
  session_ended: 'Session ended',
  user_sessions_ended: 'Signed out everywhere',
  session_renewed: 'Session renewed',
  password_changed: 'Password changed',
  role_changed: 'Role changed',
  user_disabled: 'User disabled',
  user_enabled: 'User enabled',
  user_created: 'User created',
  user_adopted: 'User taken over',
  user_deleted: 'User deleted',
  key_created: 'Key created',
  key_revoked: 'Key revoked',
}

/** Whether an event deserves a second look. */
export function isWorrying({ type, reason }: AuditEvent): boolean {
  return type === 'login_failed' || reason === 'token_reuse'
}

/** What happened, as an operator would tell it to another. */
export function sentence(event: AuditEvent): string {
  return SENTENCES[event.type]({
    ...event,
    who: event.username ?? event.userId ?? 'somebody unknown',
    from: event.ipAddress === null ? '' : ` from ${event.ipAddress}`,
    by: actorName(event.actor),
  })
}

/** `ops:grace` and `operator:grace` are grace; null is the user or the system itself. */
export function actorName(actor: string): string | null {
  if (actor === 'user' || actor === 'system') return null
  const [kind, name] = split(actor)
  return kind === 'key' ? `the key ${name}` : name
}

interface Told extends AuditEvent {
  readonly who: string
  /** Empty where no address is known. */
  readonly from: string
  readonly by: string | null
}

const SENTENCES: Readonly<Record<EventType, (told: Told) => string>> = {
  session_created: ({ who, from, detail }) =>
    `${who} signed in${from}${detail === null || detail === 'password' ? '' : ` with ${detail}`}`,
  session_renewed: ({ who, detail }) =>
    detail === 'authenticated again' ? `${who} proved again who they are` : `${who}’s session got a new secret`,
  session_ended: ended,
  user_sessions_ended: ({ who, by, actor, reason }) =>
    by === null
      ? `${who} was signed out everywhere${actor === 'user' ? ' by themselves' : ''}${because(reason)}`
      : `${by} signed ${who} out everywhere${because(reason)}`,
  user_created: ({ who, by, actor }) =>
    by === null
      ? actor === 'user'
        ? `${who} registered`
        : `The user ${who} was created`
      : `${by} created the user ${who}`,
  user_adopted: ({ who }) => `${who} was taken over from another system`,
  user_deleted: ({ who, by }) => (by === null ? `The user ${who} was deleted` : `${by} deleted the user ${who}`),
  user_disabled: ({ who, by }) => (by === null ? `${who} was disabled` : `${by} disabled ${who}`),
  user_enabled: ({ who, by }) => (by === null ? `${who} was enabled again` : `${by} enabled ${who} again`),
  key_created: ({ by, detail }) => `${by ?? 'Somebody'} created the key ${detail ?? ''}`,
  key_revoked: ({ by, detail }) => `${by ?? 'Somebody'} revoked the key ${detail ?? ''}`,
  role_changed: ({ who, by }) => (by === null ? `The role of ${who} was changed` : `${by} changed the role of ${who}`),
  password_changed: ({ who, by, actor }) =>
    by === null
      ? actor === 'user'
        ? `${who} changed their password`
        : `The password of ${who} was changed`
      : `${by} changed the password of ${who}`,
  login_failed: ({ username, userId, who, from, detail }) => {
    const name = username === null && userId === null ? 'an unknown name' : who
    const why = detail === null || detail === 'unknown user' ? '' : `: ${FAILURES[detail] ?? detail}`
    return `Somebody failed to sign in as ${name}${from}${why}`
  },
}

function ended({ who, by, actor, reason, detail }: Told): string {
  if (by !== null) return `${by} ended ${who}’s session: ${detail ?? reasonName(reason)}`
  if (reason === 'logout' && actor === 'user') return `${who} signed out`
  if (reason === 'revoked' && actor === 'user') return `${who} signed out one of their devices`
  return `${who}’s session ended${because(reason)}`
}

function because(reason: EndReason | null): string {
  const why = reason === null ? undefined : WHY[reason]
  return why === undefined ? '' : `, ${why}`
}

/** A reason as a noun, for lists. */
export function reasonName(reason: EndReason | null): string {
  return reason === null ? 'no reason given' : reason.replaceAll('_', ' ')
}

const WHY: Readonly<Partial<Record<EndReason, string>>> = {
  password_change: 'because the password changed',
  user_disabled: 'because the user was disabled',
  user_deleted: 'because the user was deleted',
  limit: 'to make room for a newer one',
  idle: 'after a long time without use',
  cleanup: 'after a long time without use',
  expired: 'because its time was up',
  token_reuse: 'because an old secret was used again: somebody may have copied it',
  epoch: 'because the user was signed out everywhere',
  adopted_elsewhere: 'because another system took it over',
}

const FAILURES: Readonly<Record<string, string>> = {
  disabled: 'the user is disabled',
  'no password is kept': 'no password is kept for them here',
}

function split(actor: string): [kind: string, name: string] {
  const colon = actor.indexOf(':')
  return colon === -1 ? ['', actor] : [actor.slice(0, colon), actor.slice(colon + 1)]
}
