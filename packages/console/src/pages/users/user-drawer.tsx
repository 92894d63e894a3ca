import { useState } from 'react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { ExactTime } from '../../ui/exact-time.tsx'
import { Facts } from '../../ui/facts.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { ErrorState } from '../../ui/states.tsx'
import { sentence } from '../audit/event-words.ts'
import { Ending } from '../sessions/ending.tsx'
import { UserRole } from './user-columns.tsx'
import { UserDeeds } from './user-deeds.tsx'
import type { AdminSession, AdminUser, AuditEvent } from '../../api/types.ts'
import type { Doomed } from '../sessions/revocation.ts'

/** So many of their sessions, and lines of their history, are shown here. */
const SHOWN = 10

export interface UserDrawerProps {
  /** Null where nobody is looked at. */
  readonly id: string | null
  readonly onClose: () => void
}

/** A user, where they are signed in, and what happened lately. */
export function UserDrawer({ id, onClose }: UserDrawerProps) {
  // While the drawer goes it still says whom it was about.
  const [shown, setShown] = useState(id)
  if (id !== null && id !== shown) setShown(id)
  const details = useQuery({
    queryKey: ['users', 'one', shown],
    queryFn: ({ signal }) =>
      request<{ user: AdminUser }>(`/admin/users/${encodeURIComponent(shown ?? '')}`, { signal }),
    enabled: id !== null,
  })
  const user = details.data?.user
  return (
    <Drawer
      isOpen={id !== null}
      onClose={onClose}
      title={user === undefined ? 'User' : user.username}
      beside={user !== undefined && <UserRole user={user} />}
      actions={user !== undefined && <UserDeeds user={user} />}
    >
      {details.error !== null && <ErrorState error={details.error} onRetry={() => void details.refetch()} />}
      {user === undefined && details.error === null && <div aria-busy="true" className="min-h-96" />}
      {user !== undefined && (
        <>
          <Facts
            facts={{
              'Last login': user.lastLoginAt === null ? 'never' : <ExactTime at={user.lastLoginAt} />,
              Created: <ExactTime at={user.createdAt} />,
              'User id': <code className="text-sm">{user.id}</code>,
            }}
          />
          <Sessions user={user} />
          <Lately user={user} />
        </>
      )}
    </Drawer>
  )
}

function Sessions({ user: { id, activeSessions } }: { readonly user: AdminUser }) {
  const queries = useQueryClient()
  const [doomed, setDoomed] = useState<Doomed | null>(null)
  const query = new URLSearchParams({ userId: id, state: 'active', sort: 'lastAccessedAt', limit: String(SHOWN) })
  const list = useQuery({
    queryKey: ['sessions', 'of', id],
    queryFn: ({ signal }) => request<{ sessions: readonly AdminSession[] }>(`/admin/sessions?${query}`, { signal }),
  })
  const sessions = list.data?.sessions
  return (
    <section aria-labelledby="user-sessions" className="mt-6">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h3 id="user-sessions" className="font-semibold">
          Signed in on
        </h3>
        <Link to="/sessions" search={{ userId: id, state: 'all' }} className="text-sm text-accent underline">
          All of their sessions
        </Link>
      </div>
      {list.error !== null && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {sessions === undefined && list.error === null && <div aria-busy="true" className="min-h-24" />}
      {sessions?.length === 0 && <p className="mt-2 text-soft">No device at the moment.</p>}
      <ul className="mt-2 divide-y divide-line border-y border-line empty:hidden">
        {sessions?.map((session) => (
          <li key={session.id} className="flex items-center justify-between gap-4 py-2.5">
            <div className="min-w-0">
              <Link
                to="/sessions"
                search={{ userId: id, session: session.id }}
                className="block truncate font-medium hover:underline"
              >
                {session.device.label}
              </Link>
              <p className="truncate text-sm text-soft tabular-nums">
                {session.device.ip !== null && `${session.device.ip} · `}
                used <RelativeTime at={session.lastAccessedAt} />
              </p>
            </div>
            <Button onClick={() => setDoomed({ kind: 'picked', sessions: [session] })}>
              End…<span className="sr-only"> {session.device.label}</span>
            </Button>
          </li>
        ))}
      </ul>
      {activeSessions > SHOWN && (
        <p className="mt-2 text-sm text-soft">
          The {SHOWN} used last, of {activeSessions}.
        </p>
      )}
      <Ending
        doomed={doomed}
        onClose={() => setDoomed(null)}
        onDone={() => {
          void queries.invalidateQueries({ queryKey: ['sessions'] })
          void queries.invalidateQueries({ queryKey: ['users'] })
        }}
      />
    </section>
  )
}

function Lately({ user: { id } }: { readonly user: AdminUser }) {
  const events = useQuery({
    queryKey: ['events', 'of', id],
    queryFn: ({ signal }) =>
      request<{ events: readonly AuditEvent[] }>(
        `/admin/events?${new URLSearchParams({ userId: id, limit: String(SHOWN) })}`,
        { signal },
      ),
  })
  return (
    <section aria-labelledby="user-history" className="mt-6">
      <div className="flex flex-wrap items-baseline justify-between gap-x-4">
        <h3 id="user-history" className="font-semibold">
          Lately
        </h3>
        <Link to="/audit" search={{ userId: id }} className="text-sm text-accent underline">
          Everything about them
        </Link>
      </div>
      {events.error !== null && <ErrorState error={events.error} onRetry={() => void events.refetch()} />}
      {events.data === undefined && events.error === null && <div aria-busy="true" className="min-h-24" />}
      {events.data?.events.length === 0 && <p className="mt-2 text-soft">Nothing that is still kept.</p>}
      <ol className="mt-2 divide-y divide-line border-y border-line empty:hidden">
        {events.data?.events.map((event) => (
          <li key={event.position} className="flex items-baseline justify-between gap-4 py-2.5">
            <span className="min-w-0 wrap-anywhere">{sentence(event)}</span>
            <span className="text-sm whitespace-nowrap text-soft tabular-nums">
              <RelativeTime at={event.at} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
