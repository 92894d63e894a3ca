import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Page } from '../../ui/page.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { useLiveEvents } from '../audit/live-events.ts'
import { LiveToggle } from '../audit/live-toggle.tsx'
import { Card } from './card.tsx'
import { Figures } from './figures.tsx'
import { LoginsChart, told } from './logins-chart.tsx'
import { RECENT, RecentLogins } from './recent-logins.tsx'
import { Shares } from './shares.tsx'
import { useThrottled } from './throttled.ts'
import type { AdminSession, Overview } from '../../api/types.ts'

const POLL_EVERY = 15_000
/** However many sign in: the list is asked for this often at most. */
const ASK_EVERY = 1_000

/** How the installation is doing at a glance, and who signs in. */
export function OverviewPage() {
  const [isLive, setIsLive] = useState(true)
  const overview = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => request<Overview>('/admin/overview', { signal }),
    refetchInterval: POLL_EVERY,
  })
  const recent = useQuery({
    queryKey: ['sessions', 'newest'],
    queryFn: ({ signal }) =>
      request<{ sessions: readonly AdminSession[] }>(`/admin/sessions?sort=createdAt&order=desc&limit=${RECENT}`, {
        signal,
      }),
  })
  const showNewest = useThrottled(() => void recent.refetch(), ASK_EVERY)
  const status = useLiveEvents({
    isOn: isLive,
    onEvent: ({ type }) => {
      if (type === 'session_created') showNewest()
    },
    onGap: showNewest,
  })

  const figures = overview.data
  // Room is kept for what is on its way, and none for what could not be had.
  const hasFigures = figures !== undefined || overview.error === null
  return (
    <Page title="Overview" actions={<LiveToggle status={status} isOn={isLive} onChange={setIsLive} />}>
      {overview.error !== null && <ErrorState error={overview.error} onRetry={() => void overview.refetch()} />}
      {hasFigures && <Figures overview={figures} />}
      <div className="grid items-start gap-6 lg:grid-cols-3">
        <div className="min-w-0 space-y-6 lg:col-span-2">
          {hasFigures && (
            <Card title="Logins over the last 24 hours" beside={figures && told(figures.series.points)}>
              {figures === undefined ? <Waiting className="h-74" /> : <LoginsChart points={figures.series.points} />}
            </Card>
          )}
          <Card title="Recent logins" isFlush>
            {recent.error !== null && (
              <div className="p-4">
                <ErrorState error={recent.error} onRetry={() => void recent.refetch()} />
              </div>
            )}
            {recent.data === undefined && recent.error === null && <Waiting className="h-142" />}
            {recent.data?.sessions.length === 0 && (
              <EmptyState title="Nobody has signed in yet">
                Logins appear here as they happen. Try it: sign in from another browser.
              </EmptyState>
            )}
            {recent.data !== undefined && <RecentLogins sessions={recent.data.sessions} />}
          </Card>
        </div>
        {hasFigures && (
          <Card title="Devices" beside={figures && `of the last ${COUNT.format(figures.sample)} used`}>
            {figures === undefined ? <Waiting className="h-118" /> : <Devices overview={figures} />}
          </Card>
        )}
      </div>
    </Page>
  )
}

const COUNT = new Intl.NumberFormat('en')

function Devices({ overview: { sample, browsers, systems } }: { readonly overview: Overview }) {
  if (sample === 0) return <p className="text-soft">Nobody has signed in yet.</p>
  return (
    <div className="space-y-6">
      <Shares name="Browsers" shares={browsers} />
      <Shares name="Systems" shares={systems} />
    </div>
  )
}

function Waiting({ className }: { readonly className: string }) {
  return <div aria-busy="true" className={className} />
}
