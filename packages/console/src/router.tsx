import { Link, createRootRoute, createRoute, createRouter, lazyRouteComponent, useRouter } from '@tanstack/react-router'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { readFilter as readAudit, writeFilter as writeAudit } from './pages/audit/filter.ts'
import { readFilter as readSessions, writeFilter as writeSessions } from './pages/sessions/filter.ts'
import { readFilter as readUsers, writeFilter as writeUsers } from './pages/users/filter.ts'
import { Shell } from './shell/shell.tsx'
import { Page } from './ui/page.tsx'
import { ErrorState } from './ui/states.tsx'
import type { AuditSearch } from './pages/audit/filter.ts'
import type { SessionSearch } from './pages/sessions/filter.ts'
import type { UserSearch } from './pages/users/filter.ts'

type Search = Readonly<Record<string, unknown>>

const root = createRootRoute({ component: Shell })

const overview = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview/overview-page.tsx'), 'OverviewPage'),
})
const sessions = createRoute({
  getParentRoute: () => root,
  path: '/sessions',
  validateSearch: (search: Search): SessionSearch => ({
    ...writeSessions(readSessions(search)),
    session: idIn(search['session']),
  }),
  component: lazyRouteComponent(() => import('./pages/sessions/sessions-page.tsx'), 'SessionsPage'),
})
const users = createRoute({
  getParentRoute: () => root,
  path: '/users',
  validateSearch: (search: Search): UserSearch => ({ ...writeUsers(readUsers(search)), user: idIn(search['user']) }),
  component: lazyRouteComponent(() => import('./pages/users/users-page.tsx'), 'UsersPage'),
})
const audit = createRoute({
  getParentRoute: () => root,
  path: '/audit',
  validateSearch: (search: Search): AuditSearch => writeAudit(readAudit(search)),
  component: lazyRouteComponent(() => import('./pages/audit/audit-page.tsx'), 'AuditPage'),
})
const health = createRoute({
  getParentRoute: () => root,
  path: '/health',
  component: lazyRouteComponent(() => import('./pages/health/health-page.tsx'), 'HealthPage'),
})
const keys = createRoute({
  getParentRoute: () => root,
  path: '/keys',
  component: lazyRouteComponent(() => import('./pages/keys/keys-page.tsx'), 'KeysPage'),
})

/** Which page an address leads to. A page is fetched when it is first gone to, or pointed at. */
export const router = createRouter({
  routeTree: root.addChildren([overview, sessions, users, audit, health, keys]),
  basepath: '/console',
  defaultPreload: 'intent',
  scrollRestoration: true,
  // Words as they are: `?userId=42`, and not a number that happens to look like one.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch,
  defaultPendingComponent: () => <div aria-busy="true" className="min-h-dvh" />,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: Nowhere,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

function stringifySearch(search: Search): string {
  const words = Object.entries(search).filter(([, value]) => typeof value === 'string') as [string, string][]
  return words.length === 0 ? '' : `?${new URLSearchParams(words)}`
}

function idIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A page that failed, or of which a newer version was installed since this one was opened. */
function Broken({ error }: ErrorComponentProps) {
  const { invalidate } = useRouter()
  const why = error instanceof Error ? ` (${error.message})` : ''
  const message = `This page could not be shown${why}. If it happens again, reload the page.`
  return (
    <Page title="That did not work">
      <ErrorState error={new Error(message)} onRetry={() => void invalidate()} />
    </Page>
  )
}

function Nowhere() {
  return (
    <Page title="Nothing here">
      <p>
        There is no such page. Go to the{' '}
        <Link to="/" className="text-accent underline">
          overview
        </Link>
        .
      </p>
    </Page>
  )
}
