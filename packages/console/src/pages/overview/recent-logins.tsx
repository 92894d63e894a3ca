import { useEffect, useRef, useState } from 'react'
import { Link } from '@tanstack/react-router'
import { RelativeTime } from '../../ui/relative-time.tsx'
import type { AdminSession } from '../../api/types.ts'

/** How many are shown, and for how many there is room from the start. */
export const RECENT = 10

/** The newest logins. One that arrives while somebody looks on is marked for a moment. */
export function RecentLogins({ sessions }: { readonly sessions: readonly AdminSession[] }) {
  const arrived = useArrivals(sessions)
  return (
    <>
      <ol className="divide-y divide-line">
        {sessions.map(({ id, username, createdAt, device }) => (
          <li
            key={id}
            className={`min-h-14 px-4 py-2 transition-colors duration-700 ${arrived.has(id) ? 'bg-tint' : ''}`}
          >
            <p className="flex items-baseline justify-between gap-4">
              <Link
                to="/sessions"
                search={{ username }}
                className="min-w-0 truncate font-medium hover:underline"
                title={`Sessions of ${username}`}
              >
                {username}
              </Link>
              <span className="text-sm whitespace-nowrap text-soft tabular-nums">
                <RelativeTime at={createdAt} />
              </span>
            </p>
            <p className="truncate text-sm text-soft">
              {device.label}
              {device.ip !== null && ` · ${device.ip}`}
            </p>
          </li>
        ))}
      </ol>
      <Announcement newest={sessions.find(({ id }) => arrived.has(id))} />
    </>
  )
}

const MARKED_FOR = 4_000

/** The ids of those that came since the list was first shown, for a few seconds each. */
function useArrivals(sessions: readonly AdminSession[]): ReadonlySet<string> {
  const known = useRef<ReadonlySet<string> | null>(null)
  const [arrived, setArrived] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => {
    const before = known.current
    known.current = new Set(sessions.map(({ id }) => id))
    if (before === null) return
    const fresh = sessions.filter(({ id }) => !before.has(id)).map(({ id }) => id)
    if (fresh.length > 0) setArrived(new Set(fresh))
  }, [sessions])
  useEffect(() => {
    const timer = setTimeout(() => setArrived(new Set()), MARKED_FOR)
    return () => clearTimeout(timer)
  }, [arrived])
  return arrived
}

const QUIET_FOR = 15_000

/** Tells a screen reader of the newest login, and then holds its tongue for a while. */
function Announcement({ newest }: { readonly newest: AdminSession | undefined }) {
  const last = useRef(Number.NEGATIVE_INFINITY)
  const [text, setText] = useState('')
  useEffect(() => {
    if (newest === undefined) return
    const now = performance.now()
    if (now - last.current < QUIET_FOR) return
    last.current = now
    setText(`New login: ${newest.username}, ${newest.device.label}`)
  }, [newest])
  return (
    <p role="status" className="sr-only">
      {text}
    </p>
  )
}
