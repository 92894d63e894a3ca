import { DatabaseSync } from 'node:sqlite'
import { pino } from 'pino'
import { SqliteStore } from 'sojourn/sqlite'
import type * as App from '../packages/server/src/service/app.ts'
import type * as Parts from '../packages/server/src/service/service.ts'
import { figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { userAt, usersOf } from './fixture.ts'
import { quantile } from './harness.ts'

/** What a page of the console may wait for an answer, in milliseconds. */
const AT_MOST = 50
const ROUNDS = 9
const DAY = 86_400_000
const URL = 'http://127.0.0.1:3000'

/** Every call that a page of the console makes, from the request to the end of the answer, one after the other. */
export async function measureAdmin(file: string, size: number): Promise<readonly Finding[]> {
  const { createApp, Service } = await built()
  const store = SqliteStore.open(file)
  const service = new Service({
    settings: {
      baseUrl: URL,
      isDevelopment: true,
      trustedProxies: [],
      registration: false,
      policy: {},
      cleanupEvery: DAY,
      metrics: 'off',
    },
    store,
    users: store.users,
    apiKeys: store.apiKeys,
    log: pino({ enabled: false }),
  })
  const app = createApp(service)
  const { secret } = await service.keys.create({ name: 'bench', scopes: ['read', 'manage'], createdBy: 'system' })
  const headers = { authorization: `Bearer ${secret}` }
  const findings: Finding[] = []
  for (const [subject, path] of Object.entries(calls(file, size))) {
    const spans: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const start = performance.now()
      const response = await app.request(URL + path, { headers }, { incoming: undefined })
      await response.text()
      spans.push(performance.now() - start)
      if (!response.ok) throw new Error(`${path} was answered with ${response.status}`)
    }
    const sorted = spans.toSorted((a, b) => a - b)
    findings.push(figure(size, subject, Math.round(quantile(sorted, 0.5) * 100) / 100, 'ms', AT_MOST))
  }
  await service.close()
  return findings
}

/** The program as it was built: Node reads no JSX. */
async function built() {
  const folder = '../packages/server/dist/service'
  const app = (await import(`${folder}/app.js`)) as typeof App
  const parts = (await import(`${folder}/service.js`)) as typeof Parts
  return { createApp: app.createApp, Service: parts.Service }
}

/** By what a reader knows the call, and its path. */
function calls(file: string, size: number): Readonly<Record<string, string>> {
  const someone = userAt(Math.floor(usersOf(size) / 2))
  using database = new DatabaseSync(file, { readOnly: true })
  const session = String(database.prepare('SELECT session_id FROM sojourn_sessions LIMIT 1').get()?.['session_id'])
  const ago = (days: number): string => new Date(Date.now() - days * DAY).toISOString()
  return {
    'overview: figures, series and shares': '/admin/overview',
    'overview: newest logins': '/admin/sessions?sort=createdAt&order=desc&limit=10',
    'sessions: the first page': '/admin/sessions?state=active&limit=50',
    'sessions: by last use': '/admin/sessions?state=active&sort=lastAccessedAt&limit=50',
    'sessions: how many': '/admin/sessions/count?state=active',
    'sessions: of one user': `/admin/sessions?userId=${someone.userId}&limit=50`,
    'sessions: a piece of text that many have': '/admin/sessions?state=active&text=firefox&limit=50',
    'sessions: a piece of text that one has': `/admin/sessions?state=active&text=${someone.username}&limit=50`,
    'sessions: a piece of text that many have, how many, up to 10,000':
      '/admin/sessions/count?state=active&text=firefox&upTo=10001',
    'sessions: a piece of text that many have, how many in all': '/admin/sessions/count?state=active&text=firefox',
    'sessions: a piece of text that one has, how many': `/admin/sessions/count?state=active&text=${someone.username}&upTo=10001`,
    'sessions: a text that nobody has': '/admin/sessions?state=active&text=nothing%20has%20this&limit=50',
    'sessions: a piece of an address': '/admin/sessions?state=active&text=3.0.7.9&limit=50',
    'sessions: one address': '/admin/sessions?ip=203.0.7.9&limit=50',
    'sessions: ended ones': '/admin/sessions?state=ended&limit=50',
    'sessions: overdue ones': '/admin/sessions?state=overdue&limit=50',
    'sessions: one and its history': `/admin/sessions/${session}`,
    'users: the first page': '/admin/users?limit=50',
    'users: a piece of a name that many have': '/admin/users?text=user00&limit=50',
    'users: a piece of a name that one has': `/admin/users?text=${someone.username.slice(1)}&limit=50`,
    'users: operators': '/admin/users?role=operator&limit=50',
    'users: disabled ones': '/admin/users?state=disabled&limit=50',
    'audit: the first page': '/admin/events?limit=100',
    'audit: one type': '/admin/events?type=session_created&limit=100',
    'audit: types that are rare': '/admin/events?type=login_failed&type=role_changed&limit=100',
    'audit: one type of the last hour': `/admin/events?type=session_ended&since=${ago(1 / 24)}&limit=100`,
    'audit: the last 30 days': `/admin/events?since=${ago(30)}&limit=100`,
    'audit: one user': `/admin/events?userId=${someone.userId}&limit=100`,
    health: '/admin/health',
    keys: '/admin/keys',
    stats: '/admin/stats',
  }
}
