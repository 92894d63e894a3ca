import type { Session, SessionManager } from 'sojourn'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { LoginSeries } from './login-series.ts'
import { Overview, Stats } from './schemas.ts'
import { Unhurried } from './unhurried.ts'
import { sessionView } from './views.ts'

/** How many sessions the shares of browsers and systems are of: the last used. */
const SAMPLE = 500
const DAY = 86_400_000

/** `/admin/stats` and `/admin/overview`: the installation in figures. */
export function overviewRoutes(api: AdminApi, { sessions }: Service): void {
  const series = new LoginSeries(sessions)
  const online = new Unhurried(async () => (await sessions.stats()).usersOnline)

  api.add(
    'GET /admin/stats',
    { summary: 'The figures of the installation', tag: 'Figures', answer: Stats },
    async () => {
      const stats = await sessions.stats()
      return { ...stats, recent: stats.recent.map(sessionView) }
    },
  )

  api.add(
    'GET /admin/overview',
    {
      summary: 'The installation at a glance',
      description: 'Figures, logins by the hour over the last 24, and what the last used sessions were used with.',
      tag: 'Figures',
      answer: Overview,
    },
    async () => {
      const midnight = new Date(sessions.now() - (sessions.now() % DAY))
      const [total, active, createdToday, usersOnline, points, sample] = await Promise.all([
        sessions.count(),
        sessions.count({ active: true }),
        sessions.count({ createdSince: midnight }),
        online.value(),
        series.points(),
        lastUsed(sessions),
      ])
      return {
        total,
        active,
        createdToday,
        usersOnline,
        series: { points: [...points] },
        sample: sample.length,
        browsers: [...shares(sample, ([browser]) => browser)],
        systems: [...shares(sample, ([browser, system]) => system ?? browser)],
      }
    },
  )
}

async function lastUsed(sessions: SessionManager): Promise<readonly Session[]> {
  const page = await sessions.page({ sort: 'lastAccessedAt', order: 'desc', limit: SAMPLE })
  return page.sessions
}

/** How often each name occurs, the most frequent first. */
function shares(
  sample: readonly Session[],
  nameOf: (label: readonly [browser: string, system?: string]) => string,
): readonly { readonly name: string; readonly count: number }[] {
  const byName = Map.groupBy(sample, ({ device }) => {
    const [browser = device.label, system] = device.label.split(' on ')
    return nameOf(system === undefined ? [browser] : [browser, system])
  })
  return [...byName].map(([name, those]) => ({ name, count: those.length })).toSorted((a, b) => b.count - a.count)
}
