import { Button } from '../../ui/button.tsx'
import { counted } from '../health/measures.ts'

export interface SelectionBarProps {
  readonly count: number
  readonly onClear: () => void
  readonly onEnd: () => void
}

/** What can be done with what is selected. It lies over the page, so that nothing jumps when it comes. */
export function SelectionBar({ count, onClear, onEnd }: SelectionBarProps) {
  return (
    <>
      <p role="status" className="sr-only">
        {count > 0 && `${counted(count, 'session')} selected`}
      </p>
      {count > 0 && (
        <div
          role="toolbar"
          aria-label="Selected sessions"
          className="fixed inset-x-4 bottom-20 z-20 mx-auto flex w-fit max-w-[calc(100vw-2rem)] flex-wrap items-center justify-center gap-3 rounded-xl border border-line-strong bg-surface px-4 py-2.5 shadow-xl md:bottom-6 md:left-[13.5rem]"
        >
          <span className="text-sm font-semibold tabular-nums">
            {count}
            <span className="max-sm:sr-only"> {count === 1 ? 'session' : 'sessions'}</span> selected
          </span>
          <Button onClick={onClear}>Clear</Button>
          <Button variant="danger" onClick={onEnd}>
            End them…
          </Button>
        </div>
      )}
    </>
  )
}
