import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { KeyboardEvent, MouseEvent, ReactNode } from 'react'
import { useTable } from '@tanstack/react-table'
import type { Header, RowData, SortingState } from '@tanstack/react-table'
import { defaultRangeExtractor, useWindowVirtualizer } from '@tanstack/react-virtual'
import { CurrentRow } from './current-row.ts'
import { GRID } from './grid-columns.ts'
import type { GridColumns } from './grid-columns.ts'
import { Icon } from './icons.tsx'

/** Which rows are selected, and how that changes. */
export interface GridSelection<T> {
  readonly isSelected: (row: T) => boolean
  /** `index` is the place of the row; `isRange` asks for all from the one before to this one. */
  readonly onToggle: (index: number, isRange: boolean) => void
  readonly onToggleAll: () => void
  /** What the box of a row is called. */
  readonly nameOf: (row: T) => string
}

export interface DataGridProps<T extends RowData> {
  readonly label: string
  readonly columns: GridColumns<T>
  /** Absent while the first of them are on their way. Keep the array as long as it says the same. */
  readonly rows: readonly T[] | undefined
  readonly idOf: (row: T) => string
  /** How many there are in all; absent where that is not known. */
  readonly total?: number | undefined
  readonly sorting: SortingState
  readonly onSort?: (column: string, isDescending: boolean) => void
  readonly selection?: GridSelection<T>
  readonly onOpen: (row: T) => void
  /** The widths of the columns, as a class. */
  readonly className: string
  /** The height of a row in rem: where there is room for columns, and on a phone. */
  readonly heights: { readonly wide: number; readonly narrow: number }
  /** Absent where all rows are there. */
  readonly onMore?: (() => void) | undefined
  readonly isOld?: boolean
  /** What stands below the rows. */
  readonly children?: ReactNode
}

const NONE: readonly never[] = []
/** So many rows before the last one, more are asked for. */
const AHEAD = 30
const WIDE = '(width >= 64rem)'

/**
 * Rows that are drawn only where they are seen, however many there are. One row at a time takes part in the order of
 * focus; the arrows lead to the others.
 */
export function DataGrid<T extends RowData>(props: DataGridProps<T>) {
  const { label, columns, rows: given, idOf, total, sorting, onSort, selection, onOpen, heights, onMore } = props
  const data = given ?? NONE
  const table = useTable({
    features: GRID,
    columns,
    data,
    getRowId: idOf,
    manualSorting: true,
    enableSortingRemoval: false,
    enableMultiSort: false,
    sortDescFirst: true,
    state: { sorting },
    onSortingChange: (change) => {
      const [first] = typeof change === 'function' ? change(sorting) : change
      if (first !== undefined) onSort?.(first.id, first.desc)
    },
  })
  const { rows } = table.getRowModel()

  const isWide = useSyncExternalStore(onWidthChange, () => matchMedia(WIDE).matches)
  const height = (isWide ? heights.wide : heights.narrow) * rem()
  const body = useRef<HTMLDivElement>(null)
  const [offset, setOffset] = useState(0)
  useLayoutEffect(() => {
    const top = body.current?.getBoundingClientRect().top
    if (top !== undefined) setOffset(Math.round(top + window.scrollY))
  })
  const [wanted, setWanted] = useState(0)
  const current = Math.max(0, Math.min(wanted, rows.length - 1))
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    scrollMargin: offset,
    scrollPaddingStart: 3 * rem(),
    scrollPaddingEnd: isWide ? 0 : 5 * rem(),
    // The row with the focus stays, wherever one scrolls.
    rangeExtractor: (range) => {
      const seen = defaultRangeExtractor(range)
      return seen.includes(current) || rows.length === 0 ? seen : [...seen, current].sort((a, b) => a - b)
    },
  })
  useEffect(() => virtualizer.measure(), [virtualizer, height])
  // Only a row that is drawn can take the focus, and by now the one that is gone to is.
  const takesFocus = useRef(false)
  useLayoutEffect(() => {
    if (!takesFocus.current) return
    takesFocus.current = false
    const row = body.current?.querySelector(`[data-index="${current}"]`)
    row?.querySelector<HTMLElement>('[data-main]')?.focus({ preventScroll: true })
  }, [current])
  const items = virtualizer.getVirtualItems()
  const last = virtualizer.range?.endIndex ?? 0
  useEffect(() => {
    if (onMore !== undefined && rows.length > 0 && last >= rows.length - AHEAD) onMore()
  }, [onMore, last, rows.length])

  function goTo(index: number): void {
    const next = Math.max(0, Math.min(index, rows.length - 1))
    takesFocus.current = true
    setWanted(next)
    virtualizer.scrollToIndex(next, { align: 'auto' })
  }

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const { key, shiftKey, target } = event
    if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return
    if (target.closest('[data-index]') === null) return
    const page = Math.max(1, Math.floor(window.innerHeight / height) - 3)
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page }
    const step = steps[key]
    if (step !== undefined) {
      goTo(current + step)
      if (shiftKey && key.startsWith('Arrow')) selection?.onToggle(Math.max(0, current + step), true)
    } else if (key === 'Home') goTo(0)
    else if (key === 'End') goTo(rows.length - 1)
    else if (key === 'ArrowLeft' || key === 'ArrowRight') besides(target, key === 'ArrowLeft' ? -1 : 1)?.focus()
    else if (key === ' ' && selection !== undefined && !target.matches('input')) selection.onToggle(current, false)
    else return
    event.preventDefault()
  }

  function onRowClick(event: MouseEvent<HTMLElement>, index: number, row: T): void {
    setWanted(index)
    if (!(event.target instanceof Element) || event.target.closest('a, button, input, label') !== null) return
    // Whoever selects text means to copy it.
    if (window.getSelection()?.isCollapsed === false) return
    if (selection !== undefined && (event.shiftKey || event.ctrlKey || event.metaKey)) {
      selection.onToggle(index, event.shiftKey)
      return
    }
    // So that the focus comes back to the row.
    event.currentTarget.querySelector<HTMLElement>('[data-main]')?.focus({ preventScroll: true })
    onOpen(row)
  }

  const selected = selection === undefined ? 0 : data.filter(selection.isSelected).length
  return (
    <div className="overflow-clip rounded-xl border border-line bg-surface">
      <div
        role="grid"
        aria-label={label}
        aria-rowcount={total === undefined ? -1 : total + 1}
        aria-busy={given === undefined}
        {...(selection !== undefined && { 'aria-multiselectable': true })}
        onKeyDown={onKeyDown}
      >
        <div role="rowgroup" className="sticky top-0 z-10 border-b border-line bg-surface">
          {table.getHeaderGroups().map((group) => (
            <div
              key={group.id}
              role="row"
              aria-rowindex={1}
              className={`h-11 items-center text-sm text-soft ${selection === undefined ? 'hidden lg:grid' : 'grid'} ${props.className}`}
            >
              {selection !== undefined && (
                <div role="columnheader" className="h-full max-lg:col-span-full">
                  <label className="flex h-full cursor-pointer items-center gap-3 pl-4">
                    <Box
                      isChecked={selected > 0 && selected === rows.length}
                      isMixed={selected > 0 && selected < rows.length}
                      isDisabled={rows.length === 0}
                      onChange={selection.onToggleAll}
                    />
                    <span className="lg:sr-only">Select all that are loaded</span>
                  </label>
                </div>
              )}
              {group.headers.map((header) => (
                <Heading key={header.id} header={header}>
                  <table.FlexRender header={header} />
                </Heading>
              ))}
            </div>
          ))}
        </div>
        {given === undefined ? (
          <Outline height={height} />
        ) : (
          <div
            ref={body}
            role="rowgroup"
            className={`relative ${props.isOld === true ? 'opacity-60' : ''}`}
            style={{ height: virtualizer.getTotalSize() }}
          >
            {items.map(({ index, start }) => {
              const row = rows[index]
              if (row === undefined) return null
              const isSelected = selection?.isSelected(row.original) ?? false
              return (
                <div
                  key={row.id}
                  role="row"
                  aria-rowindex={index + 2}
                  {...(selection !== undefined && { 'aria-selected': isSelected })}
                  data-index={index}
                  onClick={(event) => onRowClick(event, index, row.original)}
                  onFocus={() => setWanted(index)}
                  style={{ height, transform: `translateY(${start - offset}px)` }}
                  className={`absolute inset-x-0 top-0 grid cursor-pointer items-center border-b border-line last:border-b-0 max-lg:content-center ${props.className} ${isSelected ? 'bg-tint' : 'hover:bg-sunken'}`}
                >
                  {selection !== undefined && (
                    <div role="gridcell" className="self-stretch max-lg:row-span-3 max-lg:row-start-1">
                      <label className="flex h-full cursor-pointer items-center pl-4 max-lg:items-start max-lg:pt-0.5">
                        <Box
                          name={selection.nameOf(row.original)}
                          isChecked={isSelected}
                          isTabbable={index === current}
                          onChange={(isRange) => selection.onToggle(index, isRange)}
                        />
                      </label>
                    </div>
                  )}
                  <CurrentRow value={index === current}>
                    {row.getAllCells().map((cell) => (
                      <div
                        key={cell.id}
                        role="gridcell"
                        className={`min-w-0 ${cell.column.columnDef.meta?.className ?? ''}`}
                      >
                        <table.FlexRender cell={cell} />
                      </div>
                    ))}
                  </CurrentRow>
                </div>
              )
            })}
          </div>
        )}
      </div>
      {props.children}
    </div>
  )
}

function Heading<T extends RowData>({
  header: { column },
  children,
}: {
  readonly header: Header<typeof GRID, T>
  readonly children: ReactNode
}) {
  const className = `hidden lg:block ${column.columnDef.meta?.className ?? ''}`
  if (!column.getCanSort()) {
    return (
      <div role="columnheader" className={className}>
        {children}
      </div>
    )
  }
  const sorted = column.getIsSorted()
  return (
    <div
      role="columnheader"
      aria-sort={sorted === false ? 'none' : sorted === 'asc' ? 'ascending' : 'descending'}
      className={className}
    >
      <button
        type="button"
        onClick={column.getToggleSortingHandler()}
        className={`-ml-2 inline-flex h-8 cursor-pointer items-center gap-1 rounded-lg px-2 hover:bg-sunken hover:text-text ${sorted === false ? '' : 'font-semibold text-text'}`}
      >
        {children}
        <Icon name={sorted === 'asc' ? 'up' : 'down'} className={`size-4 ${sorted === false ? 'invisible' : ''}`} />
      </button>
    </div>
  )
}

interface BoxProps {
  readonly name?: string
  readonly isChecked: boolean
  readonly isMixed?: boolean
  readonly isDisabled?: boolean
  readonly isTabbable?: boolean
  readonly onChange: (isRange: boolean) => void
}

function Box({ name, isChecked, isMixed = false, isDisabled = false, isTabbable = true, onChange }: BoxProps) {
  const box = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = isMixed
  }, [isMixed])
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label={name}
      checked={isChecked}
      disabled={isDisabled}
      tabIndex={isTabbable ? 0 : -1}
      onChange={({ nativeEvent }) => onChange(nativeEvent instanceof PointerEvent && nativeEvent.shiftKey)}
      className="size-4.5 flex-none cursor-pointer accent-accent"
    />
  )
}

/** Room for rows that are on their way. */
function Outline({ height }: { readonly height: number }) {
  return (
    <div aria-hidden="true" className="divide-y divide-line overflow-hidden">
      {Array.from({ length: 12 }, (_, place) => (
        <div key={place} className="flex items-center gap-6 px-4" style={{ height }}>
          <span className="size-4.5 rounded bg-sunken" />
          <span className="h-3 w-1/5 rounded bg-sunken" />
          <span className="h-3 w-1/3 rounded bg-sunken" />
          <span className="ml-auto h-3 w-1/6 rounded bg-sunken" />
        </div>
      ))}
    </div>
  )
}

/** What can have the focus next to this one, in the same row. */
function besides(target: HTMLElement, step: number): HTMLElement | undefined {
  const all = [...(target.closest('[data-index]')?.querySelectorAll<HTMLElement>('input, a, button') ?? [])]
  return all[all.indexOf(target) + step]
}

function rem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
}

function onWidthChange(listener: () => void): () => void {
  const query = matchMedia(WIDE)
  query.addEventListener('change', listener)
  return () => query.removeEventListener('change', listener)
}
