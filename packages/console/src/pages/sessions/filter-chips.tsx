import { Button } from '../../ui/button.tsx'
import { Icon } from '../../ui/icons.tsx'
import { isFiltered } from './filter.ts'
import type { SessionFilter } from './filter.ts'

export interface FilterChipsProps {
  readonly filter: SessionFilter
  readonly onChange: (filter: SessionFilter) => void
  readonly onClear: () => void
}

/** What a link has asked for exactly, each to be taken away, and the way back to everybody. */
export function FilterChips({ filter, onChange, onClear }: FilterChipsProps) {
  return (
    <>
      <Chips filter={filter} onChange={onChange} />
      {isFiltered(filter) && <Button onClick={onClear}>Clear the filter</Button>}
    </>
  )
}

const EXACT = { username: 'User', userId: 'User id', ip: 'Address', method: 'Signed in with' } as const

function Chips({ filter, onChange }: Pick<FilterChipsProps, 'filter' | 'onChange'>) {
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
