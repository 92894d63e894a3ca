import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { ExactTime } from '../../ui/exact-time.tsx'
import { Facts } from '../../ui/facts.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { ErrorState } from '../../ui/states.tsx'
import { actorName, isWorrying, sentence } from '../audit/event-words.ts'
import { Ending } from './ending.tsx'
import { SessionState } from './session-state.tsx'
import { stateOf } from './filter.ts'
import type { Doomed } from './revocation.ts'
import type { AdminSession, AuditEvent } from '../../api/types.ts'

interface Details {
  readonly session: AdminSession
  readonly history: readonly AuditEvent[]
}

export interface SessionDrawerProps {
  /** Null where none is looked at. */
  readonly id: string | null
  readonly onClose: () => void
  /** Called when it has been ended here. */
  readonly onEnded: (done: Doomed) => void
}

/** All that is known of a session, and its history. */
export function SessionDrawer({ id, onClose, onEnded }: SessionDrawerProps) {
  // While the drawer goes it still says what it was about.
  const [shown, setShown] = useState(id)
  if (id !== null && id !== shown) setShown(id)
  const details = useQuery({
    queryKey: ['sessions', 'one', shown],
    queryFn: ({ signal }) => request<Details>(`/admin/sessions/${encodeURIComponent(shown ?? '')}`, { signal }),
    enabled: id !== null,
  })
  const session = details.data?.session
  const [doomed, setDoomed] = useState<Doomed | null>(null)
  return (
    <Drawer
      isOpen={id !== null}
      onClose={onClose}
      title={session === undefined ? 'Session' : session.username}
      beside={session !== undefined && <SessionState session={session} />}
      actions={
        session !== undefined && (
          <>
            {session.isActive && (
              <Button variant="danger" onClick={() => setDoomed({ kind: 'picked', sessions: [session] })}>
                End this session…
              </Button>
            )}
            <Link to="/sessions" search={{ userId: session.userId, state: 'all' }} className={LINK}>
              All of their sessions
            </Link>
          </>
        )
      }
    >
      {details.error !== null && <ErrorState error={details.error} onRetry={() => void details.refetch()} />}
      {details.data === undefined && details.error === null && <div aria-busy="true" className="min-h-96" />}
      {details.data !== undefined && (
        <>
          <Known session={details.data.session} />
          <History history={details.data.history} />
          <Attributes attributes={details.data.session.attributes} />
        </>
      )}
      <Ending doomed={doomed} onClose={() => setDoomed(null)} onDone={onEnded} />
    </Drawer>
  )
}

const LINK =
  'inline-flex min-h-9 items-center rounded-lg border border-line-strong px-3.5 text-sm font-semibold hover:border-text focus-visible:rounded-lg'

function Known({ session }: { readonly session: AdminSession }) {
  const { id, userId, device, method, createdAt, authenticatedAt, lastAccessedAt, endsAt, expiresAt } = session
  const { isActive, endReason, endedBy, loggedOutAt } = session
  return (
    <section aria-label="What is known">
      <Facts
        facts={{
          User: (
            <Link to="/users" search={{ user: userId }} className="text-accent underline">
              {session.username}
            </Link>
          ),
          Device: device.label,
          Address:
            device.ip === null ? null : (
              <Link to="/sessions" search={{ ip: device.ip, state: 'all' }} className="text-accent underline">
                {device.ip}
              </Link>
            ),
          'Signed in': <ExactTime at={createdAt} />,
          With: method,
          'Proved identity': authenticatedAt === createdAt ? undefined : <ExactTime at={authenticatedAt} />,
          'Last used': <ExactTime at={lastAccessedAt} />,
          'Ends if unused': isActive ? <ExactTime at={endsAt} /> : undefined,
          'Ends for certain': isActive ? <ExactTime at={expiresAt} /> : undefined,
          Ended: isActive || endReason === null ? undefined : <ExactTime at={loggedOutAt ?? endsAt} />,
          Why: isActive || endReason === null ? undefined : stateOf(session),
          By: endedBy === null ? undefined : (actorName(endedBy) ?? (endedBy === 'user' ? 'the user' : 'the system')),
          Overdue: isActive || endReason !== null ? undefined : <ExactTime at={endsAt} />,
          'Session id': <code className="text-sm">{id}</code>,
          'User id': <code className="text-sm">{userId}</code>,
          'User agent': device.userAgent === null ? null : <span className="text-sm">{device.userAgent}</span>,
        }}
      />
    </section>
  )
}

/** What the application keeps with the session; it means something to it alone. */
function Attributes({ attributes }: Pick<AdminSession, 'attributes'>) {
  if (Object.keys(attributes).length === 0) return null
  return (
    <section aria-labelledby="session-attributes" className="mt-6">
      <h3 id="session-attributes" className="font-semibold">
        Kept with it by the application
      </h3>
      <pre
        tabIndex={0}
        role="region"
        aria-labelledby="session-attributes"
        className="mt-2 max-h-64 overflow-auto rounded-lg bg-sunken p-3 text-sm"
      >
        {JSON.stringify(attributes, null, 2)}
      </pre>
    </section>
  )
}

function History({ history }: { readonly history: readonly AuditEvent[] }) {
  return (
    <section aria-labelledby="session-history" className="mt-6">
      <h3 id="session-history" className="font-semibold">
        History
      </h3>
      {history.length === 0 && <p className="mt-2 text-soft">Nothing is kept of it any more.</p>}
      <ol className="mt-2 divide-y divide-line border-y border-line">
        {history.map((event) => (
          <li key={event.position} className="flex items-baseline gap-3 py-2.5">
            <span
              aria-hidden="true"
              className={`size-2 flex-none -translate-y-px rounded-full ${isWorrying(event) ? 'bg-danger' : 'bg-line'}`}
            />
            <span className="min-w-0 grow wrap-anywhere">{sentence(event)}</span>
            <span className="text-sm whitespace-nowrap text-soft tabular-nums">
              <RelativeTime at={event.at} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
