import { useMemo } from 'react'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { DataGrid } from '../../ui/data-grid.tsx'
import { Page } from '../../ui/page.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { SelectField } from '../../ui/select-field.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useAddress } from '../address.ts'
import { EVERYBODY, ROLES, STATES, filterQuery, isFiltered, readFilter, writeFilter } from './filter.ts'
import { USER_COLUMNS } from './user-columns.tsx'
import { UserDrawer } from './user-drawer.tsx'
import type { UserFilter } from './filter.ts'
import type { AdminUser } from '../../api/types.ts'

interface UsersPageOf {
  readonly users: readonly AdminUser[]
  readonly next: string | null
}

const PAGE = 100

const ADDRESS = { to: '/users', opens: 'user', read: readFilter, write: writeFilter } as const

/** Everybody who can sign in here: find them, see where they are signed in, let them in or not. */
export function UsersPage() {
  const { filter, open, setFilter, setOpen } = useAddress(ADDRESS)
  const asked = filterQuery(filter)
  const list = useInfiniteQuery({
    queryKey: ['users', 'list', asked],
    queryFn: ({ pageParam, signal }) => {
      const page = { ...asked, limit: String(PAGE), ...(pageParam !== null && { after: pageParam }) }
      return request<UsersPageOf>(`/admin/users?${new URLSearchParams(page)}`, { signal })
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  })
  const rows = useMemo(() => list.data?.pages.flatMap(({ users }) => users), [list.data])

  function clear(): void {
    setFilter(EVERYBODY)
    tell({ title: 'Filter cleared', onUndo: () => setFilter(filter) })
  }

  return (
    <Page title="Users" actions={isFiltered(filter) && <Button onClick={clear}>Clear the filter</Button>}>
      <search className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap" aria-label="Filter users">
        <SearchField
          what="users"
          placeholder="Name"
          value={filter.text}
          onChange={(text) => setFilter({ ...filter, text })}
          className="col-span-2 grow sm:min-w-64 sm:flex-1"
        />
        <SelectField
          label="State"
          value={filter.state}
          choices={STATES}
          onChange={(state) => setFilter({ ...filter, state })}
          className="sm:w-36"
        />
        <SelectField
          label="Role"
          value={filter.role}
          choices={ROLES}
          onChange={(role) => setFilter({ ...filter, role })}
          className="sm:w-36"
        />
      </search>
      {list.error !== null && !list.isFetchNextPageError && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      )}
      {(rows !== undefined || list.error === null) && (
        <DataGrid
          label="Users"
          columns={USER_COLUMNS}
          rows={rows}
          idOf={({ id }) => id}
          total={list.hasNextPage ? undefined : rows?.length}
          sorting={UNSORTED}
          onOpen={({ id }) => setOpen(id)}
          onMore={list.hasNextPage && !list.isFetching && !list.isError ? () => void list.fetchNextPage() : undefined}
          isOld={list.isPlaceholderData}
          heights={{ wide: 3.25, narrow: 4.5 }}
          className="grid-cols-[minmax(0,1fr)_auto] gap-x-4 px-4 text-sm lg:grid-cols-[minmax(0,1.5fr)_minmax(0,1fr)_9rem_9rem_9rem]"
        >
          {rows?.length === 0 && <Nothing filter={filter} onClear={clear} />}
          {list.isFetchNextPageError && (
            <div className="border-t border-line p-4">
              <ErrorState error={list.error} onRetry={() => void list.fetchNextPage()} />
            </div>
          )}
          {list.hasNextPage && !list.isFetchNextPageError && (
            <p className="border-t border-line px-4 py-3 text-sm text-soft">Loading more…</p>
          )}
        </DataGrid>
      )}
      <UserDrawer id={open} onClose={() => setOpen(null)} />
    </Page>
  )
}

const UNSORTED: [] = []

function Nothing({ filter, onClear }: { readonly filter: UserFilter; readonly onClear: () => void }) {
  return (
    <EmptyState title={isFiltered(filter) ? 'Nobody matches the filter' : 'Nobody is kept here'}>
      {isFiltered(filter) ? (
        <Button className="mt-3" onClick={onClear}>
          Clear the filter
        </Button>
      ) : (
        'Users appear here when they register or are added from the command line: sojourn user add'
      )}
    </EmptyState>
  )
}
