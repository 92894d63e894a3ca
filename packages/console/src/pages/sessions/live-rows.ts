import type { SessionFilter } from './filter.ts'
import type { AdminSession, AuditEvent } from '../../api/types.ts'

/** The rows as they are after what has happened; the same array where it was about none of them. */
export function afterEvent(rows: readonly AdminSession[], event: AuditEvent): readonly AdminSession[] {
  const isMeant = (row: AdminSession): boolean =>
    row.isActive &&
    ((event.type === 'session_ended' && row.id === event.sessionId) ||
      (event.type === 'user_sessions_ended' && row.userId === event.userId && row.createdAt <= event.at))
  if (!rows.some(isMeant)) return rows
  return rows.map((row) => (isMeant(row) ? ended(row, event) : row))
}

function ended(row: AdminSession, { at, actor, reason, type }: AuditEvent): AdminSession {
  const endReason = reason ?? (type === 'user_sessions_ended' ? 'epoch' : 'revoked')
  return { ...row, isActive: false, endsAt: at, loggedOutAt: at, endReason, endedBy: actor }
}

/**
 * Whether an event tells of a session that the filter would show if the list were loaded now. Where that cannot be
 * told from the event, it does not count.
 */
export function isNewcomer(filter: SessionFilter, { type, userId, username, ipAddress }: AuditEvent): boolean {
  const { state, signedIn, text, method } = filter
  return (
    type === 'session_created' &&
    (state === 'active' || state === 'all') &&
    !signedIn.startsWith('over-') &&
    text === '' &&
    method === '' &&
    (filter.userId === '' || filter.userId === userId) &&
    (filter.username === '' || filter.username === username) &&
    (filter.ip === '' || filter.ip === ipAddress)
  )
}
