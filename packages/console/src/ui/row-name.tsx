import { Link } from '@tanstack/react-router'
import { useRowTabIndex } from './current-row.ts'

export interface RowNameProps {
  readonly name: string
  readonly to: '/sessions' | '/users'
  /** What is put into the address to look at it closely; the filter stays. */
  readonly opens: Readonly<Record<string, string>>
  readonly isFaint: boolean
}

/** What a row is about, leading to all that is known of it. Whoever goes to a row by keys gets here. */
export function RowName({ name, to, opens, isFaint }: RowNameProps) {
  const tabIndex = useRowTabIndex()
  return (
    <Link
      to={to}
      search={(before) => ({ ...before, ...opens })}
      replace
      resetScroll={false}
      data-main=""
      tabIndex={tabIndex}
      className={`block truncate text-base font-medium hover:underline ${isFaint ? 'text-soft' : ''}`}
    >
      {name}
    </Link>
  )
}
