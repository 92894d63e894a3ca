import type { z } from '@hono/zod-openapi'
import type { Session, SessionEvent, SessionManager } from 'sojourn'
import type { ApiKey, UserRecord, UserStore } from 'sojourn/auth'
import type * as schemas from './schemas.ts'

/** A session as operators see it. */
export function sessionView(session: Session): z.output<typeof schemas.AdminSession> {
  const { id, userId, username, device, method, attributes, isActive, endReason, endedBy } = session
  return {
    id,
    userId,
    username,
    createdAt: session.createdAt.toISOString(),
    authenticatedAt: session.authenticatedAt.toISOString(),
    lastAccessedAt: session.lastAccessedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    endsAt: session.endsAt.toISOString(),
    isActive,
    loggedOutAt: instantView(session.loggedOutAt),
    endReason,
    endedBy,
    device: { ip: device.ip, userAgent: device.userAgent, label: device.label },
    method,
    attributes,
  }
}

/** A user as operators see them. */
export function userView(user: UserRecord, activeSessions: number): z.output<typeof schemas.AdminUser> {
  const { id, username, role, disabledAt, createdAt, lastLoginAt } = user
  return {
    id,
    username,
    role,
    isDisabled: disabledAt !== null,
    createdAt: new Date(createdAt).toISOString(),
    lastLoginAt: lastLoginAt === null ? null : new Date(lastLoginAt).toISOString(),
    activeSessions,
  }
}

/** Where the names of people are found. */
export interface Names {
  readonly users: UserStore
  readonly sessions: Pick<SessionManager, 'page'>
}

/** Lines of history with the present names of the users they are about, each looked up once. */
export async function eventViews(
  events: readonly SessionEvent[],
  names: Names,
): Promise<readonly z.output<typeof schemas.AuditEvent>[]> {
  const ids = [...new Set(events.map(({ userId }) => userId))].filter((id) => id !== null)
  const found = await Promise.all(ids.map((id) => nameOf(id, names)))
  const nameById = new Map(ids.map((id, place) => [id, found[place]]))
  return events.map((event) => ({
    position: event.position,
    at: event.at.toISOString(),
    type: event.type,
    sessionId: event.sessionId,
    userId: event.userId,
    username: event.userId === null ? null : (nameById.get(event.userId) ?? null),
    actor: event.actor,
    reason: event.reason,
    ipAddress: event.ipAddress,
    detail: event.detail,
  }))
}

/** Users of an application that keeps its own are only known by their sessions. */
async function nameOf(userId: string, { users, sessions }: Names): Promise<string | null> {
  const user = await users.byId(userId)
  if (user !== null) return user.username
  const { sessions: newest } = await sessions.page({ userId, limit: 1 })
  return newest[0]?.username ?? null
}

/** A key without its secret. */
export function keyView(key: ApiKey): z.output<typeof schemas.ApiKey> {
  return {
    id: key.id,
    name: key.name,
    scopes: [...key.scopes],
    createdAt: key.createdAt.toISOString(),
    createdBy: key.createdBy,
    expiresAt: key.expiresAt.toISOString(),
    lastUsedAt: instantView(key.lastUsedAt),
    revokedAt: instantView(key.revokedAt),
  }
}

function instantView(instant: Date | null): string | null {
  return instant === null ? null : instant.toISOString()
}
