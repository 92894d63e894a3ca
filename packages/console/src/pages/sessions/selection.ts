/**
 * What is selected, by id. It outlasts a change of the filter, so that several searches can be gathered; each item is
 * kept as it was when it was selected, to say later what it is about.
 */
export interface Selection<T> {
  readonly items: ReadonlyMap<string, T>
  /** The one that was selected last, where a range begins. */
  readonly anchor: string | null
}

interface Item {
  readonly id: string
}

export const NOTHING: Selection<never> = { items: new Map<string, never>(), anchor: null }

/** The one at `index` is selected, or not any more. */
export function toggled<T extends Item>(selection: Selection<T>, rows: readonly T[], index: number): Selection<T> {
  const row = rows[index]
  if (row === undefined) return selection
  const items = new Map(selection.items)
  if (!items.delete(row.id)) items.set(row.id, row)
  return { items, anchor: row.id }
}

/** All from the one selected last to `index` are selected. Where the last one is not in the list, only `index` is. */
export function extended<T extends Item>(selection: Selection<T>, rows: readonly T[], index: number): Selection<T> {
  const row = rows[index]
  if (row === undefined) return selection
  const anchor = rows.findIndex(({ id }) => id === selection.anchor)
  const [from, to] = anchor === -1 ? [index, index] : anchor < index ? [anchor, index] : [index, anchor]
  const items = new Map(selection.items)
  for (const each of rows.slice(from, to + 1)) items.set(each.id, each)
  return { items, anchor: anchor === -1 ? row.id : selection.anchor }
}

/** All of the list are selected; if they were, none of them is. */
export function allToggled<T extends Item>(selection: Selection<T>, rows: readonly T[]): Selection<T> {
  const items = new Map(selection.items)
  const areAll = rows.every(({ id }) => items.has(id))
  for (const row of rows) {
    if (areAll) items.delete(row.id)
    else items.set(row.id, row)
  }
  return { items, anchor: null }
}

/** The same without these. */
export function without<T>(selection: Selection<T>, ids: ReadonlySet<string>): Selection<T> {
  return { ...selection, items: new Map([...selection.items].filter(([id]) => !ids.has(id))) }
}
