import { displayWidth, pad, shorten } from './text.ts'

/** A column of a table, and what it may give up where a terminal is narrow. */
export interface Column {
  readonly title: string
  /** The least columns it can be shortened to. Left out: it is shown whole or not at all. */
  readonly least?: number
  /** Columns with higher numbers go first when there is no room. The lowest always stays. */
  readonly rank: number
  readonly align?: 'left' | 'right'
}

/** A row: one text for each column, without control characters. */
export type Row = readonly string[]

/** Which columns are shown, and how wide. */
export interface Layout {
  readonly columns: readonly PlacedColumn[]
}

interface PlacedColumn {
  readonly index: number
  readonly width: number
  readonly column: Column
}

const GAP = 2

/** Fits columns into a terminal: drops the least important, then shortens the widest. `width` null means there is no limit. */
export function layOut(columns: readonly Column[], rows: readonly Row[], width: number | null): Layout {
  const shown = columns.map((column, index) => {
    const natural = rows.reduce(
      (widest, row) => Math.max(widest, displayWidth(row[index] ?? '')),
      displayWidth(column.title),
    )
    return { index, column, width: natural, least: Math.min(natural, column.least ?? natural) }
  })
  if (width === null) return { columns: shown }
  while (shown.length > 1 && total(shown.map(({ least }) => least)) > width) {
    const least = shown.reduce((worst, each) => (each.column.rank > worst.column.rank ? each : worst))
    shown.splice(shown.indexOf(least), 1)
  }
  for (let excess = total(shown.map((each) => each.width)) - width; excess > 0; excess -= 1) {
    const roomy = shown.filter((each) => each.width > each.least)
    if (roomy.length === 0) break
    const widest = roomy.reduce((most, each) => (each.width > most.width ? each : most))
    widest.width -= 1
  }
  return { columns: shown }
}

/** The titles of a table as one line. */
export function titleLine(layout: Layout): string {
  return line(layout, ({ column }) => column.title)
}

/** A row of a table as one line, which is never wider than the layout. */
export function rowLine(layout: Layout, row: Row): string {
  return line(layout, ({ index }) => row[index] ?? '')
}

function line(layout: Layout, cell: (placed: PlacedColumn) => string): string {
  return layout.columns
    .map((placed) => pad(shorten(cell(placed), placed.width), placed.width, placed.column.align))
    .join(' '.repeat(GAP))
    .trimEnd()
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * Math.max(0, widths.length - 1)
}
