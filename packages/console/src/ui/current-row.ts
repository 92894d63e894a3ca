import { createContext, use } from 'react'

/** Whether the row around is the one that takes part in the order of focus. */
export const CurrentRow = createContext(false)

/** For whatever can have the focus in a row: of all rows, one is reached by the Tab key. */
export function useRowTabIndex(): 0 | -1 {
  return use(CurrentRow) ? 0 : -1
}
