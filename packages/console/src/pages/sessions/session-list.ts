import { useMemo, useState } from 'react'
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import type { InfiniteData } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { useLiveEvents } from '../audit/live-events.ts'
import { conditions } from './filter.ts'
import { afterEvent, isNewcomer } from './live-rows.ts'
import type { SessionFilter } from './filter.ts'
import type { AdminSession, AuditEvent } from '../../api/types.ts'

interface SessionsPage {
  readonly sessions: readonly AdminSession[]
  readonly next: string | null
}

const PAGE = 100
/** More than so many are not counted one by one where a text is searched for, which would take a while among a million. */
const MOST_COUNTED = 10_000

/**
 * The sessions that a filter shows, page by page, and how many there are. What happens meanwhile is noted: a session
 * that ends says so where it stands, and newcomers are counted, so that nothing moves under the hand of the operator.
 */
export function useSessionList(filter: SessionFilter) {
  const queries = useQueryClient()
  const [round, setRound] = useState(0)
  const { sort, order } = filter
  // Where "the last hour" begins is settled when it is asked for, or every page of the list would begin elsewhere.
  const spelled = JSON.stringify(filter)
  const where = useMemo(
    () => conditions(JSON.parse(spelled) as SessionFilter, Date.now()),
    // Another round is as of another now.
    [spelled, round],
  )
  const listKey = ['sessions', 'list', where, round, sort, order]
  const newcomers = useNewcomers(where)

  const list = useInfiniteQuery({
    queryKey: listKey,
    queryFn: ({ pageParam, signal }) => {
      const page = { ...where, sort, order, limit: String(PAGE), ...(pageParam !== null && { cursor: pageParam }) }
      return request<SessionsPage>(`/admin/sessions?${new URLSearchParams(page)}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
  const count = useQuery({
    queryKey: ['sessions', 'count', where, round],
    queryFn: ({ signal }) => {
      const asked = { ...where, ...('text' in where && { upTo: String(MOST_COUNTED + 1) }) }
      return request<{ count: number }>(`/admin/sessions/count?${new URLSearchParams(asked)}`, { signal })
    },
    placeholderData: keepPreviousData,
    gcTime: 0,
  })

  useLiveEvents({
    isOn: true,
    onEvent: (event: AuditEvent) => {
      if (event.sessionId !== null && isNewcomer(filter, event)) newcomers.add(event.sessionId)
      queries.setQueryData<InfiniteData<SessionsPage>>(listKey, (data) => {
        if (data === undefined) return undefined
        const pages = data.pages.map((page) => {
          const sessions = afterEvent(page.sessions, event)
          return sessions === page.sessions ? page : { ...page, sessions }
        })
        return pages.every((page, place) => page === data.pages[place]) ? data : { ...data, pages }
      })
    },
    onGap: () => undefined,
  })

  const isMore = 'text' in where && (count.data?.count ?? 0) > MOST_COUNTED
  // A session that is used while one pages may turn up twice.
  const rows = useMemo(
    () => list.data && [...new Map(list.data.pages.flatMap(({ sessions }) => sessions.map((s) => [s.id, s]))).values()],
    [list.data],
  )
  return {
    rows,
    where,
    list,
    count: isMore ? MOST_COUNTED : count.data?.count,
    /** Whether there are more than that, and nobody has counted how many. */
    isMore,
    isCountOld: count.isPlaceholderData,
    newcomers: newcomers.count,
    /** Asks for everything again, as of now. */
    refresh: () => setRound((before) => before + 1),
    /** Asks how many there are now; the rows stay. */
    recount: () => void count.refetch(),
  }
}

/** Sessions that began since the list was loaded. Another list begins anew. */
function useNewcomers(list: object) {
  const [seen, setSeen] = useState<{ readonly of: object; readonly ids: ReadonlySet<string> }>({
    of: list,
    ids: NOBODY,
  })
  return {
    count: seen.of === list ? seen.ids.size : 0,
    add: (id: string) =>
      setSeen((before) => ({ of: list, ids: new Set(before.of === list ? [...before.ids, id] : [id]) })),
  }
}

const NOBODY: ReadonlySet<string> = new Set()
