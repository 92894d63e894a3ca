import type { CachedStore } from 'sojourn/cached'
import type { Clock, PolicyOptions, SessionManager, Store } from 'sojourn'
import { ApiKeys } from 'sojourn/auth'
import type { ApiKeyStore, AuthManager, PasswordHasher, UserStore } from 'sojourn/auth'
import { SojournHttp } from 'sojourn/http'
import type { Signal } from 'sojourn/http'
import type { Logger } from 'pino'
import { TrustedProxies } from './client-address.ts'
import { CountedAuth, CountedSessions } from './counted.ts'
import { pathForLog } from './log.ts'
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
  /** Who may read `/metrics`: whoever asks from this machine, everybody, or nobody. */
  readonly metrics: 'loopback' | 'open' | 'off'
}

/** Where a schema stands. */
export interface SchemaState {
  readonly applied: number
  readonly pending: number
}

/** What a service is made of. */
export interface ServiceParts {
  readonly settings: ServiceSettings
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
  /** How many steps the schema is at, and how many it is behind. Default: a store that needs none. */
  readonly schema?: SchemaState | undefined
  /** The memory in front of the store, if it has one: the store is this then. */
  readonly memory?: CachedStore | null | undefined
  /** 32 bytes that all nodes have in common. Default: what the store has, else each node draws its own. */
  readonly renewalKey?: Uint8Array | null | undefined
  readonly log: Logger
  readonly clock?: Clock | undefined
  readonly hasher?: PasswordHasher | undefined
}

/** The engine and what stands around it, for everything that answers requests. */
export class Service {
  readonly settings: ServiceSettings
  readonly store: Store
  readonly users: UserStore
  readonly schema: SchemaState
  readonly log: Logger
  /** Whose timers are used. Instants come from `sessions`. */
  readonly clock: Clock | undefined
  readonly proxies: TrustedProxies
  readonly metrics: Metrics
  readonly sessions: SessionManager
  /** The same sessions, judged by the profile `high` and never from memory. */
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
  readonly #stopping = new AbortController()

  constructor(parts: ServiceParts) {
    const { settings, store, users, apiKeys, schema, memory = null, log, clock, hasher } = parts
    const metrics = new Metrics(memory)
    const observed = metrics.observe(store)
    const onBackgroundError = (error: unknown): void => log.error({ err: error }, 'a background task failed')
    const managed = { store: observed, clock, renewalKey: parts.renewalKey ?? undefined, onBackgroundError }
    const sessions = new CountedSessions({ ...managed, policy: settings.policy }, metrics)
    const strict = new CountedSessions({ ...managed, policy: 'high', isStrict: true }, metrics)
    const auth = new CountedAuth({ sessions, users, clock, hasher, onBackgroundError }, metrics)
    const shared = {
      auth,
      baseUrl: settings.baseUrl,
      bearer: true,
      registration: settings.registration,
      development: settings.isDevelopment ? { insecureLoopback: true } : undefined,
      onSignal: (signal: Signal) => {
        metrics.noteSuspicion(signal.type)
        log.warn({ signal: { ...signal, path: pathForLog(signal.path) } }, 'a suspicious request')
      },
      onError: (error: unknown) => log.error({ err: error }, 'a request could not be answered'),
    }
    this.settings = settings
    this.store = observed
    this.users = users
    this.schema = schema ?? { applied: 0, pending: 0 }
    this.log = log
    this.clock = clock
    this.proxies = new TrustedProxies(settings.trustedProxies)
    this.metrics = metrics
    this.sessions = sessions
    this.operatorSessions = strict
    this.auth = auth
    this.http = new SojournHttp({ ...shared, sessions })
    this.operatorHttp = new SojournHttp({ ...shared, sessions: strict })
    this.keys = new ApiKeys({ store: apiKeys, clock })
    this.setup = new SetupLink({ users, auth, now: () => sessions.now() })
    this.upkeep = new Upkeep({ sessions, store: observed, users, every: settings.cleanupEvery, log, metrics, clock })
    this.startedAt = new Date(sessions.now())
  }

  /** False from the moment the service is asked to stop. */
  get isReady(): boolean {
    return !this.stopping.aborted
  }

  /** Aborted when the service is asked to stop: streams end then, as everything else does by itself. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  /** From here on it is not ready. What is under way goes on. */
  stop(): void {
    this.#stopping.abort()
  }

  /** Writes down what is in memory and lets go of the store. */
  async close(): Promise<void> {
    this.stop()
    await this.upkeep.stop()
    try {
      await this.operatorSessions.flush()
    } finally {
      this.metrics.close()
      await this.sessions.close()
    }
  }
}
