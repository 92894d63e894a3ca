import { SessionManager } from 'sojourn'
import type { Session, Token } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { SqliteStore } from 'sojourn/sqlite'
import type { DemoClock } from './clock.ts'

/** Devices that people really have. */
export const DEVICES = {
  laptop: {
    ip: '203.0.113.7',
    userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
  },
  phone: {
    ip: '198.51.100.24',
    userAgent:
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1',
  },
  terminal: { ip: '192.0.2.80', userAgent: 'curl/8.16.0' },
} as const

/** A password long enough to be taken, for people who exist only for a minute. */
export const PASSWORD = 'a quiet walk along the river'

/** What the tour plays with: the real library on a real file. */
export interface World {
  readonly sessions: SessionManager
  readonly auth: AuthManager
  readonly clock: DemoClock
}

/** Makes the world on a new database file. */
export function createWorld(path: string, clock: DemoClock): World {
  const store = SqliteStore.open(path, { migrate: true })
  const sessions = new SessionManager({ store, clock })
  return { sessions, clock, auth: new AuthManager({ sessions, users: store.users }) }
}

/** A person of the tour, also where somebody took their name in the first chapter. */
export async function castMember({ auth }: World, username: string): Promise<{ userId: string; username: string }> {
  const user = await auth.getUser(username)
  return { userId: user?.id ?? `demo-${username}`, username }
}

/** A token as it may be shown: enough to recognise it, too little to use it. */
export function shownToken(token: Token | string): string {
  const [id = '', secret = ''] = token.split('.')
  return `${shownId(id)}.${secret.slice(0, 4)}…`
}

/** An id short enough for a line of the tour. */
export function shownId(id: string): string {
  return `${id.slice(0, 8)}…${id.slice(-4)}`
}

/** The time of day of an instant, in UTC. */
export function time(at: Date): string {
  return `${at.toISOString().slice(5, 16).replace('T', ' ')}Z`
}

/** What a table of the tour says of a session. */
export function sessionRow(session: Session): readonly string[] {
  const state = session.isActive ? 'active' : (session.endReason ?? 'over')
  return [shownId(session.id), session.device.label, session.device.ip ?? '-', time(session.lastAccessedAt), state]
}

/** The columns of such a table. */
export const SESSION_COLUMNS = [
  { title: 'SESSION', rank: 1 },
  { title: 'DEVICE', rank: 2, least: 8 },
  { title: 'ADDRESS', rank: 5 },
  { title: 'LAST USED', rank: 4 },
  { title: 'STATE', rank: 3 },
] as const
