import type { User } from '../auth/users.ts'
import type { Session } from '../core/session.ts'
import type { Host } from './settings.ts'

/** A session as its own user sees it. What an application keeps with it is the application's business. */
export function sessionView(session: Session, current: boolean): object {
  const { id, userId, username, createdAt, authenticatedAt, lastAccessedAt, expiresAt, endsAt } = session
  const { ip, userAgent, label } = session.device
  return {
    id,
    userId,
    username,
    createdAt,
    authenticatedAt,
    lastAccessedAt,
    expiresAt,
    endsAt,
    isActive: session.isActive,
    method: session.method,
    device: { ip, userAgent, label },
    current,
  }
}

/** A user as they see themselves. */
export function userView({ id, username, role }: Pick<User, 'id' | 'username' | 'role'>): object {
  return { id, username, role }
}

/** Who a session belongs to, with the role they have at this moment; null where no users are kept here. */
export async function userOf(host: Host, { userId, username }: Session): Promise<User | null> {
  const user = (await host.auth?.getUser(username)) ?? null
  return user?.id === userId ? user : null
}
