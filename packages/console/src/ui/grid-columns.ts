import { createColumnHelper, rowSortingFeature, tableFeatures } from '@tanstack/react-table'
import type { RowData, TableOptions } from '@tanstack/react-table'

/** What a column says of its looks. */
interface Looks {
  /** For its heading and its cells: where they stand, and from which width on. */
  readonly className?: string
}

const LOOKS: Looks = {}

/** The rows come filtered and in order; the grid only tells what order is wanted. */
export const GRID = tableFeatures({ rowSortingFeature, columnMeta: LOOKS })

/** The columns of a grid of `T`. */
export type GridColumns<T extends RowData> = TableOptions<typeof GRID, T>['columns']

/** Makes the columns of a grid of `T`. */
export function gridColumns<T extends RowData>() {
  return createColumnHelper<typeof GRID, T>()
}
