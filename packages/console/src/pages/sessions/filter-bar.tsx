import { SearchField } from '../../ui/search-field.tsx'
import { SelectField } from '../../ui/select-field.tsx'
import { END_REASONS, SIGNED_IN, STATES } from './filter.ts'
import type { SessionFilter, SignedIn, Sort } from './filter.ts'

export interface FilterBarProps {
  readonly filter: SessionFilter
  readonly onChange: (filter: SessionFilter) => void
}

/** Fields that share a line where there is room for several. */
const SHARED = 'sm:min-w-40 sm:flex-1 lg:w-48 lg:flex-none'
const SPANS = Object.fromEntries(Object.entries(SIGNED_IN).map(([key, { name }]) => [key, name])) as Readonly<
  Record<SignedIn, string>
>
const ENDS = { '': 'However', ...END_REASONS } as const
const ORDERS = {
  'createdAt desc': 'Signed in last',
  'createdAt asc': 'Signed in first',
  'lastAccessedAt desc': 'Used last',
  'lastAccessedAt asc': 'Not used for longest',
} as const

/** Which sessions to show. Every change is in the address at once. */
export function FilterBar({ filter, onChange }: FilterBarProps) {
  const { state, sort, order } = filter
  const hasEnds = state === 'ended' || state === 'all'
  return (
    <search className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap" aria-label="Filter sessions">
      <SearchField
        what="sessions"
        placeholder="Name, device or address"
        value={filter.text}
        onChange={(text) => onChange({ ...filter, text })}
        className="col-span-2 grow sm:min-w-64 sm:flex-1"
      />
      <SelectField
        label="State"
        value={state}
        choices={STATES}
        onChange={(next) => onChange({ ...filter, state: next })}
        className="sm:w-32"
      />
      <SelectField
        label="Signed in"
        value={filter.signedIn}
        choices={SPANS}
        onChange={(signedIn) => onChange({ ...filter, signedIn })}
        className={SHARED}
      />
      {hasEnds && (
        <SelectField
          label="Ended how"
          value={filter.endReason}
          choices={ENDS}
          onChange={(endReason) => onChange({ ...filter, endReason })}
          className={SHARED}
        />
      )}
      <SelectField
        label="Order"
        value={`${sort} ${order}` as const}
        choices={ORDERS}
        onChange={(choice) => {
          const [by, direction] = choice.split(' ') as [Sort, SessionFilter['order']]
          onChange({ ...filter, sort: by, order: direction })
        }}
        className={`${SHARED} lg:hidden ${hasEnds ? '' : 'max-sm:col-span-2'}`}
      />
    </search>
  )
}
