import { useState } from 'react'
import { useQueryClient } from '@tanstack/react-query'
import { Button } from '../../ui/button.tsx'
import { DataGrid } from '../../ui/data-grid.tsx'
import { Icon } from '../../ui/icons.tsx'
import { Page } from '../../ui/page.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useAddress } from '../address.ts'
import { counted } from '../health/measures.ts'
import { Ending } from './ending.tsx'
import { FilterBar } from './filter-bar.tsx'
import { FilterChips } from './filter-chips.tsx'
import { EVERYBODY, isFiltered, readFilter, writeFilter } from './filter.ts'
import { SelectionBar } from './selection-bar.tsx'
import { NOTHING, allToggled, extended, toggled, without } from './selection.ts'
import { SESSION_COLUMNS } from './session-columns.tsx'
import { SessionDrawer } from './session-drawer.tsx'
import { useSessionList } from './session-list.ts'
import type { SessionFilter, State } from './filter.ts'
import type { Doomed } from './revocation.ts'
import type { Selection } from './selection.ts'
import type { AdminSession } from '../../api/types.ts'

const ADDRESS = { to: '/sessions', opens: 'session', read: readFilter, write: writeFilter } as const

/** Everybody's sessions: find them, look at them closely, end them. */
export function SessionsPage() {
  const { filter, open, setFilter, setOpen } = useAddress(ADDRESS)
  const { rows, where, list, count, isMore, isCountOld, newcomers, refresh, recount } = useSessionList(filter)
  const [selection, setSelection] = useState<Selection<AdminSession>>(NOTHING)
  const [doomed, setDoomed] = useState<Doomed | null>(null)
  const queries = useQueryClient()
  const loaded = rows ?? []

  function clearFilter(): void {
    setFilter({ ...EVERYBODY, sort: filter.sort, order: filter.order })
    tell({ title: 'Filter cleared', onUndo: () => setFilter(filter) })
  }

  function clearSelection(): void {
    setSelection(NOTHING)
    tell({
      title: `${counted(selection.items.size, 'session')} no longer selected`,
      onUndo: () => setSelection(selection),
    })
  }

  function afterwards(done: Doomed): void {
    void queries.invalidateQueries({ queryKey: ['sessions', 'one'] })
    if (done.kind === 'shown') {
      setSelection(NOTHING)
      window.scrollTo({ top: 0 })
      refresh()
      return
    }
    setSelection(without(selection, new Set(done.sessions.map(({ id }) => id))))
    recount()
  }

  const isEndable =
    (filter.state === 'active' || filter.state === 'all') && count !== undefined && count > 0 && !isCountOld
  return (
    <Page
      title="Sessions"
      actions={
        <>
          <Button onClick={refresh}>
            <Icon name="refresh" className="size-4" />
            <span className={newcomers === 0 ? 'max-sm:sr-only' : ''}>
              {newcomers === 0 ? 'Refresh' : `Show ${newcomers} new`}
            </span>
          </Button>
          <Button
            disabled={!isEndable}
            onClick={() => setDoomed({ kind: 'shown', where })}
            className="enabled:border-danger enabled:text-danger enabled:hover:bg-danger-tint"
          >
            <span>
              End all<span className="max-sm:hidden"> shown</span>…
            </span>
          </Button>
        </>
      }
    >
      <FilterBar filter={filter} onChange={setFilter} />
      {list.error !== null && !list.isFetchNextPageError && (
        <ErrorState error={list.error} onRetry={() => void list.refetch()} />
      )}
      {(rows !== undefined || list.error === null) && (
        <div className="space-y-3">
          <div className="flex min-h-9 flex-wrap items-center gap-2">
            <p role="status" className={`grow text-soft tabular-nums ${isCountOld ? 'opacity-60' : ''}`}>
              {isMore && 'more than '}
              {count !== undefined && counted(count, `${STATE_WORDS[filter.state]}session`)}
            </p>
            <FilterChips filter={filter} onChange={setFilter} onClear={clearFilter} />
          </div>
          <DataGrid
            label="Sessions"
            columns={SESSION_COLUMNS}
            rows={rows}
            idOf={({ id }) => id}
            total={isCountOld || isMore ? undefined : count}
            sorting={[{ id: filter.sort, desc: filter.order === 'desc' }]}
            onSort={(column, isDescending) =>
              setFilter({
                ...filter,
                sort: column === 'lastAccessedAt' ? 'lastAccessedAt' : 'createdAt',
                order: isDescending ? 'desc' : 'asc',
              })
            }
            selection={{
              isSelected: ({ id }) => selection.items.has(id),
              onToggle: (index, isRange) =>
                setSelection((before) => (isRange ? extended : toggled)(before, loaded, index)),
              onToggleAll: () => setSelection((before) => allToggled(before, loaded)),
              nameOf: ({ username, device }) => `Select ${username}, ${device.label}`,
            }}
            onOpen={({ id }) => setOpen(id)}
            onMore={list.hasNextPage && !list.isFetching && !list.isError ? () => void list.fetchNextPage() : undefined}
            isOld={list.isPlaceholderData}
            heights={{ wide: 3.25, narrow: 5.75 }}
            className="grid-cols-[2.5rem_minmax(0,1fr)_auto] gap-x-3 pr-4 text-sm lg:grid-cols-[2.5rem_minmax(0,1fr)_minmax(0,1.2fr)_7.5rem_7.5rem_10.5rem] xl:grid-cols-[2.5rem_minmax(0,1fr)_minmax(0,1.1fr)_minmax(0,1.1fr)_7.5rem_7.5rem_10.5rem]"
          >
            {rows?.length === 0 && <Nothing filter={filter} onClear={clearFilter} />}
            {list.isFetchNextPageError && (
              <div className="border-t border-line p-4">
                <ErrorState error={list.error} onRetry={() => void list.fetchNextPage()} />
              </div>
            )}
            {list.hasNextPage && !list.isFetchNextPageError && (
              <p className="border-t border-line px-4 py-3 text-sm text-soft">Loading more…</p>
            )}
          </DataGrid>
        </div>
      )}
      <SelectionBar
        count={selection.items.size}
        onClear={clearSelection}
        onEnd={() => setDoomed({ kind: 'picked', sessions: [...selection.items.values()] })}
      />
      <SessionDrawer id={open} onClose={() => setOpen(null)} onEnded={afterwards} />
      <Ending doomed={doomed} onClose={() => setDoomed(null)} onDone={afterwards} />
    </Page>
  )
}

const STATE_WORDS = { active: 'active ', ended: 'ended ', overdue: 'overdue ', all: '' } as const satisfies Record<
  State,
  string
>

function Nothing({ filter, onClear }: { readonly filter: SessionFilter; readonly onClear: () => void }) {
  return (
    <EmptyState title={isFiltered(filter) ? 'Nothing matches the filter' : 'Nobody is signed in'}>
      {isFiltered(filter) ? (
        <Button className="mt-3" onClick={onClear}>
          Clear the filter
        </Button>
      ) : (
        'Sessions appear here as people sign in.'
      )}
    </EmptyState>
  )
}
