import { Button } from '../../ui/button.tsx'
import { Icon } from '../../ui/icons.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { SelectField } from '../../ui/select-field.tsx'
import { END_REASONS, SIGNED_IN, STATES, isFiltered } from './filter.ts'
import type { SessionFilter, SignedIn, Sort } from './filter.ts'

export interface FilterBarProps {
  readonly filter: SessionFilter
  readonly onChange: (filter: SessionFilter) => void
  readonly onClear: () => void
}

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
export function FilterBar({ filter, onChange, onClear }: FilterBarProps) {
  const { state, sort, order } = filter
  const hasEnds = state === 'ended' || state === 'all'
  return (
    <search className="space-y-3" aria-label="Filter sessions">
      <div className="grid grid-cols-2 items-end gap-3 sm:flex sm:flex-wrap">
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
          className="sm:w-48"
        />
        {hasEnds && (
          <SelectField
            label="Ended how"
            value={filter.endReason}
            choices={ENDS}
            onChange={(endReason) => onChange({ ...filter, endReason })}
            className="sm:w-48"
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
          className={`sm:w-48 lg:hidden ${hasEnds ? '' : 'max-sm:col-span-2'}`}
        />
      </div>
      {isFiltered(filter) && (
        <div className="flex flex-wrap items-center gap-2">
          <Chips filter={filter} onChange={onChange} />
          <Button onClick={onClear}>Clear the filter</Button>
        </div>
      )}
    </search>
  )
}

const EXACT = { username: 'User', userId: 'User id', ip: 'Address', method: 'Signed in with' } as const

/** What a link has asked for exactly, each to be taken away. */
function Chips({ filter, onChange }: Pick<FilterBarProps, 'filter' | 'onChange'>) {
  return (Object.entries(EXACT) as [keyof typeof EXACT, string][])
    .filter(([name]) => filter[name] !== '')
    .map(([name, word]) => (
      <span
        key={name}
        className="inline-flex min-h-9 max-w-full items-center gap-1 rounded-lg bg-tint pr-1 pl-3 text-sm text-on-tint"
      >
        <span className="truncate">
          {word} <strong className="font-semibold">{filter[name]}</strong>
        </span>
        <button
          type="button"
          aria-label={`Whatever ${word.toLowerCase()}`}
          onClick={() => onChange({ ...filter, [name]: '' })}
          className="flex size-7 flex-none cursor-pointer items-center justify-center rounded-md hover:bg-surface"
        >
          <Icon name="close" className="size-4" />
        </button>
      </span>
    ))
}
