import { createApp } from '../../packages/server/src/service/app.ts'
import { createLog } from '../../packages/server/src/service/log.ts'
import { listen } from '../../packages/server/src/service/listener.ts'
import { Service } from '../../packages/server/src/service/service.ts'
import type { ServiceSettings } from '../../packages/server/src/service/service.ts'
import type { ApiKeyStore, PasswordHasher, UserStore } from '../../packages/sojourn/src/auth/index.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import type { Clock } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { FaultyStore } from '../../packages/sojourn/src/testing/index.ts'

/** The first operator of a service that `openService` has opened. */
export const OPERATOR = { username: 'grace', password: 'a compiler of her own making' } as const

export interface OpenServiceOptions {
  /** Default: the host's. A `FixedClock` makes time stand still. */
  readonly clock?: Clock
  readonly settings?: Partial<ServiceSettings>
  /** Default: a database in memory. */
  readonly path?: string
  /** Default: one that costs nothing. */
  readonly hasher?: PasswordHasher
}

/** Where a service keeps everything. */
export interface ServiceStores {
  readonly store: Store
  readonly users: UserStore
  readonly apiKeys: ApiKeyStore
}

/**
 * The whole product over real HTTP on a free port of the loopback address, on a real SQLite store, with one operator
 * and, unless asked otherwise, with hashing that costs nothing.
 */
export async function openService({ path = ':memory:', ...options }: OpenServiceOptions = {}) {
  const sqlite = SqliteStore.open(path, { migrate: true })
  const { users, apiKeys } = sqlite
  return { ...(await openServiceOn({ store: sqlite, users, apiKeys }, options)), sqlite }
}

/** The same on any stores, which end with it. */
export async function openServiceOn(
  stores: ServiceStores,
  { clock, settings, hasher = PLAIN }: Omit<OpenServiceOptions, 'path'> = {},
) {
  const store = new FaultyStore(stores.store)
  const late: { fetch: Parameters<typeof listen>[0] } = { fetch: () => new Response(null, { status: 503 }) }
  const listener = await listen((...request) => late.fetch(...request), { host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${listener.port}`
  const lines: string[] = []
  const service = new Service({
    settings: {
      baseUrl: url,
      isDevelopment: true,
      trustedProxies: [],
      registration: true,
      policy: {},
      cleanupEvery: 600_000,
      metrics: 'loopback',
      ...settings,
    },
    store,
    users: stores.users,
    apiKeys: stores.apiKeys,
    log: createLog('trace', { write: (line: string) => lines.push(line) }),
    clock,
    hasher,
  })
  const app = createApp(service)
  late.fetch = app.fetch
  await service.auth.registerUser(OPERATOR.username, OPERATOR.password)
  await service.auth.setRole(OPERATOR.username, 'operator')
  return {
    url,
    app,
    service,
    store,
    sessions: service.sessions,
    auth: service.auth,
    operator: OPERATOR,
    /** What was logged, a line of JSON each. */
    lines,
    async close(): Promise<void> {
      await listener.close()
      await service.close()
    },
  }
}

export type OpenService = Awaited<ReturnType<typeof openService>>
/** Without what is only there on SQLite. */
export type OpenServiceAnywhere = Awaited<ReturnType<typeof openServiceOn>>

/** Keeps passwords as they are: for tests that are about something else. */
const PLAIN: PasswordHasher = {
  hash: async (password) => `kept:${password}`,
  verify: async (password, stored) => stored === `kept:${password}`,
  needsRehash: () => false,
}
