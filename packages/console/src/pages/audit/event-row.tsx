import { memo } from 'react'
import type { ReactNode } from 'react'
import { Link } from '@tanstack/react-router'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { EVENT_NAMES, isWorrying, reasonName, sentence } from './event-words.ts'
import type { AuditEvent } from '../../api/types.ts'

/** What happened in a sentence; opened, everything that was written down of it. */
export const EventRow = memo(function EventRow({ event }: { readonly event: AuditEvent }) {
  const isBad = isWorrying(event)
  return (
    <li className="[contain-intrinsic-size:auto_3rem] [content-visibility:auto]">
      <details className="group">
        <summary className="flex min-h-12 cursor-pointer list-none items-baseline gap-x-3 px-4 py-3 -outline-offset-2 group-open:bg-sunken hover:bg-sunken">
          <span
            aria-hidden="true"
            className={`size-2 flex-none -translate-y-px rounded-full ${isBad ? 'bg-danger' : 'bg-line'}`}
          />
          <span className="flex min-w-0 grow flex-wrap justify-between gap-x-4">
            <span className="min-w-0 wrap-anywhere">{sentence(event)}</span>
            <span className="text-sm whitespace-nowrap text-soft tabular-nums">
              <RelativeTime at={event.at} />
            </span>
          </span>
        </summary>
        <Columns event={event} />
      </details>
    </li>
  )
})

function Columns({ event }: { readonly event: AuditEvent }) {
  const { position, at, type, sessionId, userId, username, actor, reason, ipAddress, detail } = event
  const columns: readonly (readonly [name: string, value: ReactNode])[] = [
    ['Position', position],
    [
      'At',
      <time key="at" dateTime={at}>
        {at}
      </time>,
    ],
    ['Event', `${type} (${EVENT_NAMES[type].toLowerCase()})`],
    ['User', username ?? 'not known'],
    ['User id', userId],
    ['Session', sessionId],
    ['By', actor],
    ['Reason', reason === null ? null : reasonName(reason)],
    ['Address', ipAddress],
    ['Detail', detail],
  ]
  return (
    <div className="bg-sunken px-4 pb-4 pl-9 text-sm">
      <dl className="grid gap-x-6 gap-y-1 sm:grid-cols-2">
        {columns.map(([name, value]) => (
          <div key={name} className="flex gap-2">
            <dt className="w-20 flex-none text-soft">{name}</dt>
            <dd className="min-w-0 wrap-anywhere tabular-nums">{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
      <p className="mt-3 flex flex-wrap gap-x-4">
        {sessionId !== null && (
          <Link to="/audit" search={{ sessionId }} className="text-accent underline">
            Everything about this session
          </Link>
        )}
        {userId !== null && (
          <Link to="/audit" search={{ userId }} className="text-accent underline">
            Everything about this user
          </Link>
        )}
      </p>
    </div>
  )
}
