import { SessionManager } from 'sojourn'
import type { Clock, PolicyOptions, Store } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import type { ApiKeyStore, PasswordHasher, UserStore } from 'sojourn/auth'
import { ApiKeys } from 'sojourn/auth'
import { SojournHttp } from 'sojourn/http'
import type { Logger } from 'pino'
import { Metrics } from './metrics.ts'
import { SetupLink } from './setup-link.ts'
import { Upkeep } from './upkeep.ts'

/** What whoever runs the service decides. Checked and complete; see `settings.ts` for where it comes from. */
export interface ServiceSettings {
  /** The origin that users see, as in `https://id.example.com`. */
  readonly baseUrl: string
  /** Plain http on a loopback address, with a cookie that is not `Secure`. */
  readonly isDevelopment: boolean
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed. Empty: nobody's. */
  readonly trustedProxies: readonly string[]
  /** Whether everybody may register. */
  readonly registration: boolean
  readonly policy: PolicyOptions
  /** How often what is overdue is ended, in milliseconds. */
  readonly cleanupEvery: number
}

/** What a service is made of. */
export interface ServiceParts {
  readonly settings: ServiceSettings
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
  readonly log: Logger
  readonly clock?: Clock | undefined
  readonly hasher?: PasswordHasher | undefined
}

/** The engine and what stands around it, for everything that answers requests. */
export class Service {
  readonly settings: ServiceSettings
  readonly store: Store
  readonly users: UserStore
  readonly log: Logger
  readonly metrics: Metrics
  readonly sessions: SessionManager
  /** The same sessions, judged by the profile `high`. */
  readonly operatorSessions: SessionManager
  readonly auth: AuthManager
  /** The routes below `/auth`, and the session of every other request. */
  readonly http: SojournHttp
  /** Judges operators' sessions by the profile `high`: 10 minutes without use, 8 hours in all. */
  readonly operatorHttp: SojournHttp
  readonly keys: ApiKeys
  readonly setup: SetupLink
  readonly upkeep: Upkeep
  readonly startedAt: Date
  /** False from the moment the service is asked to stop. */
  isReady = true

  constructor({ settings, store, users, apiKeys, log, clock, hasher }: ServiceParts) {
    const metrics = new Metrics()
    const observed = metrics.observe(store)
    const onBackgroundError = (error: unknown): void => log.error({ err: error }, 'a background task failed')
    const sessions = new SessionManager({ store: observed, policy: settings.policy, clock, onBackgroundError })
    const strict = new SessionManager({ store: observed, policy: 'high', clock, onBackgroundError })
    const auth = new AuthManager({ sessions, users, clock, hasher })
    const shared = {
      auth,
      baseUrl: settings.baseUrl,
      bearer: true,
      registration: settings.registration,
      development: settings.isDevelopment ? { insecureLoopback: true } : undefined,
      onSignal: (signal: object) => log.warn({ signal }, 'a suspicious request'),
      onError: (error: unknown) => log.error({ err: error }, 'a request could not be answered'),
    }
    this.settings = settings
    this.store = observed
    this.users = users
    this.log = log
    this.metrics = metrics
    this.sessions = sessions
    this.operatorSessions = strict
    this.auth = auth
    this.http = new SojournHttp({ ...shared, sessions })
    this.operatorHttp = new SojournHttp({ ...shared, sessions: strict })
    this.keys = new ApiKeys({ store: apiKeys, clock })
    this.setup = new SetupLink({ users, auth, clock })
    this.upkeep = new Upkeep({ sessions, store: observed, every: settings.cleanupEvery, log })
    this.startedAt = new Date(sessions.now())
  }

  /** Writes down what is in memory and lets go of the store. */
  async close(): Promise<void> {
    await this.upkeep.stop()
    await this.operatorSessions.flush()
    await this.sessions.close()
  }
}
