import { AuthManager } from '../../auth/auth-manager.ts'
import type { PasswordHasher } from '../../auth/passwords.ts'
import { SessionManager } from '../../core/manager.ts'
import type { PolicyOptions } from '../../core/policy.ts'
import { SojournHttp } from '../../http/sojourn-http.ts'
import type { SojournHttpOptions } from '../../http/settings.ts'
import { MemoryStore } from '../../stores/memory.ts'
import { FaultyStore } from '../faulty-store.ts'
import { FixedClock } from '../fixed-clock.ts'
import { Client } from './client.ts'

/** What a server is started with. */
export interface AdapterSite {
  /** What the adapter is given. */
  readonly http: SojournHttp
  /** The path that everything is below: empty, or as `/app`. The routes of `http` are below it already. */
  readonly mount: string
  /** To be called by `POST /echo` before it does anything. */
  readonly onEcho: () => void
}

/** A server that listens on the loopback address. */
export interface StartedServer {
  /** As in `http://127.0.0.1:3000`. */
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * Starts a server with the adapter that is tried and these routes, each below `mount` and with any query:
 *
 * - `GET /whoami`: `{"username": …}` of the session that the adapter found, or null;
 * - `GET /private`: the same behind `requireSession`;
 * - `POST /danger`: the same behind `requireRecent({ within: '10m' })`;
 * - `POST /echo`: calls `onEcho` and answers with the body of the request, as text, up to 1 MB;
 * - `GET /cached`: any text with `Cache-Control: public, max-age=3600`, `Vary: Accept-Encoding` and `Set-Cookie: theme=dark`;
 * - `GET /throws`: throws an `Error`.
 */
export type StartServer = (site: AdapterSite) => Promise<StartedServer>

/** What a case has in its hands: the server with its client, and what is behind it. */
export interface Trial {
  readonly client: Client
  readonly clock: FixedClock
  readonly store: FaultyStore
  readonly sessions: SessionManager
  /** The path of a route of the application. */
  readonly at: (path: string) => string
  /** How often `POST /echo` has run. */
  readonly echoes: () => number
}

/** How the server of a case differs from the plainest one. */
export interface TrialOptions {
  readonly mount?: string
  readonly policy?: PolicyOptions
  readonly http?: Partial<SojournHttpOptions>
}

export const PASSWORD = 'correct horse battery staple'
/** What users have in their address bar, whatever the server's own address is. */
const SITE = 'https://app.example.com'

/** Opens a site with Ada and Eve for users, starts the server, tries and clears away. */
export async function withServer(
  start: StartServer,
  { mount = '', policy, http: options }: TrialOptions,
  attempt: (trial: Trial) => Promise<void>,
): Promise<void> {
  const memory = new MemoryStore()
  const store = new FaultyStore(memory)
  const clock = new FixedClock()
  const sessions = new SessionManager({ store, clock, policy })
  const auth = new AuthManager({ sessions, users: memory.users, hasher: PLAIN, clock })
  const prefix = `${mount}/auth`
  // The default would warn of every failure that a case provokes.
  const http = new SojournHttp({ sessions, auth, baseUrl: SITE, prefix, onError: () => {}, ...options })
  for (const username of ['ada', 'eve']) await auth.registerUser(username, PASSWORD)
  let echoes = 0
  const server = await start({ http, mount, onEcho: () => void (echoes += 1) })
  const client = new Client(server.url)
  try {
    await attempt({ client, clock, store, sessions, at: (path) => mount + path, echoes: () => echoes })
  } finally {
    client.close()
    await server.close()
    store.faults = {}
    await sessions.close()
  }
}

/** Keeps passwords as they are: hashing is not what is tried here. */
const PLAIN: PasswordHasher = {
  hash: async (password) => `kept:${password}`,
  verify: async (password, stored) => stored === `kept:${password}`,
  needsRehash: () => false,
}
