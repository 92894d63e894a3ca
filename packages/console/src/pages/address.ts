import { useMemo } from 'react'
import { useLocation, useNavigate } from '@tanstack/react-router'

/** What the address says behind its `?`: the same object for as long as it says the same. */
export function useSearch(): Readonly<Record<string, unknown>> {
  const spelled = useLocation({ select: ({ search }) => JSON.stringify(search) })
  return useMemo(() => JSON.parse(spelled) as Record<string, unknown>, [spelled])
}

/** How a page with a list and a drawer is spelled in the address. */
export interface AddressOf<Filter> {
  readonly to: '/sessions' | '/users'
  /** The parameter that names what is in the drawer. */
  readonly opens: string
  read(search: Readonly<Record<string, unknown>>): Filter
  /** Its parameters; what is undefined is left out. */
  write(filter: Filter): object
}

/** The filter, and the id of what is looked at, as the address has them. `page` is to be the same each time. */
export function useAddress<Filter>(page: AddressOf<Filter>) {
  const { to, opens } = page
  const navigate = useNavigate()
  const search = useSearch()
  const filter = useMemo(() => page.read(search), [page, search])
  const named = search[opens]
  const open = typeof named === 'string' && named !== '' ? named : null
  function go(next: Filter, id: string | null): void {
    void navigate({
      to,
      search: { ...page.write(next), [opens]: id ?? undefined },
      replace: true,
      resetScroll: false,
    })
  }
  return {
    filter,
    open,
    setFilter: (next: Filter) => go(next, open),
    setOpen: (id: string | null) => go(filter, id),
  }
}
