import { useMemo, useState } from 'react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { Page } from '../../ui/page.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { useSearch } from '../address.ts'
import { useThrottled } from '../overview/throttled.ts'
import { EventRow } from './event-row.tsx'
import { FilterBar } from './filter-bar.tsx'
import { EVERYTHING, filterQuery, isShown, readFilter, writeFilter } from './filter.ts'
import { useLiveEvents } from './live-events.ts'
import { LiveToggle } from './live-toggle.tsx'
import type { AuditFilter } from './filter.ts'
import type { AuditEvent } from '../../api/types.ts'

interface EventsPage {
  readonly events: readonly AuditEvent[]
  readonly next: number | null
}

const PAGE = 100
/** Of those that came in while the page is open. The list is loaded again well before. */
const MOST_LIVE = 500
const ASK_EVERY = 5_000

/** What happened, newest first, and as it happens. */
export function AuditPage() {
  const { filter, setFilter } = useFilter()
  const [isLive, setIsLive] = useState(true)
  // Where "the last hour" begins is settled when it is asked for, or every page of the list would begin elsewhere.
  const asked = useMemo(() => filterQuery(filter, Date.now()), [filter])
  const list = useInfiniteQuery({
    queryKey: ['events', asked.toString()],
    queryFn: ({ pageParam, signal }) => request<EventsPage>(`/admin/events?${pageOf(asked, pageParam)}`, { signal }),
    initialPageParam: null as number | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  })
  const loaded = list.data?.pages.flatMap(({ events }) => events) ?? []
  const arrivals = useArrivals(asked, loaded[0]?.position ?? 0)
  const showNewest = useThrottled(() => void list.refetch(), ASK_EVERY)
  const status = useLiveEvents({
    isOn: isLive,
    onEvent: (event) => {
      if (!isShown(filter, event)) return
      arrivals.add(event)
      if (arrivals.events.length >= MOST_LIVE / 2) showNewest()
    },
    onGap: showNewest,
  })
  const events = [...arrivals.events, ...loaded]

  return (
    <Page title="Audit" actions={<LiveToggle status={status} isOn={isLive} onChange={setIsLive} />}>
      <FilterBar filter={filter} onChange={setFilter} />
      {list.error !== null && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {(list.data !== undefined || list.error === null) && (
        <>
          <section aria-label="Events" className="overflow-hidden rounded-xl border border-line bg-surface">
            {list.data !== undefined && events.length === 0 && (
              <Nothing filter={filter} onClear={() => setFilter(EVERYTHING)} />
            )}
            {list.data === undefined && list.error === null && <div aria-busy="true" className="min-h-160" />}
            <ol className={`divide-y divide-line ${list.isPlaceholderData ? 'opacity-60' : ''}`}>
              {events.map((event) => (
                <EventRow key={event.position} event={event} />
              ))}
            </ol>
          </section>
          <footer className="flex flex-wrap items-center justify-between gap-3">
            {list.hasNextPage ? (
              <Button disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {list.isFetchingNextPage ? 'Loading…' : 'Show older ones'}
              </Button>
            ) : (
              <p className="text-sm text-soft">{events.length > 0 && 'That is all there is.'}</p>
            )}
            <Export query={asked} />
          </footer>
        </>
      )}
    </Page>
  )
}

function Nothing({ filter, onClear }: { readonly filter: AuditFilter; readonly onClear: () => void }) {
  const isFiltered = filterQuery(filter, 0).size > 0
  return (
    <EmptyState title={isFiltered ? 'Nothing matches the filter' : 'Nothing has happened yet'}>
      {isFiltered ? (
        <Button className="mt-3" onClick={onClear}>
          Show everything
        </Button>
      ) : (
        'Logins, ends and changes appear here as they happen.'
      )}
    </EmptyState>
  )
}

/** What the filter shows, as files. */
function Export({ query }: { readonly query: URLSearchParams }) {
  return (
    <p className="flex items-center gap-3 text-sm">
      <span className="text-soft">Export what is shown, all pages:</span>
      {['csv', 'json'].map((format) => (
        <a
          key={format}
          className="text-accent underline"
          download
          href={`/admin/events/export?${exported(query, format)}`}
        >
          {format.toUpperCase()}
        </a>
      ))}
    </p>
  )
}

function exported(query: URLSearchParams, format: string): string {
  return new URLSearchParams([['format', format], ...query]).toString()
}

function pageOf(query: URLSearchParams, before: number | null): string {
  const page: [string, string][] = [...query, ['limit', String(PAGE)]]
  if (before !== null) page.push(['before', String(before)])
  return new URLSearchParams(page).toString()
}

/** The filter in the address. */
function useFilter() {
  const navigate = useNavigate()
  const search = useSearch()
  const filter = useMemo(() => readFilter(search), [search])
  function setFilter(next: AuditFilter): void {
    void navigate({ to: '/audit', search: writeFilter(next), replace: true })
  }
  return { filter, setFilter }
}

/** Events that came in since the list was loaded. Another filter begins anew. */
function useArrivals(asked: URLSearchParams, loaded: number) {
  const [arrived, setArrived] = useState<Arrivals>({ for: asked, events: [] })
  const events = arrived.for === asked ? arrived.events.filter(({ position }) => position > loaded) : []
  return { events, add: (event: AuditEvent) => setArrived((before) => withNext(before, event, asked)) }
}

interface Arrivals {
  readonly for: URLSearchParams
  /** Newest first. */
  readonly events: readonly AuditEvent[]
}

function withNext(before: Arrivals, event: AuditEvent, asked: URLSearchParams): Arrivals {
  const events = before.for === asked ? before.events : []
  return (events[0]?.position ?? 0) >= event.position
    ? before
    : { for: asked, events: [event, ...events].slice(0, MOST_LIVE) }
}
