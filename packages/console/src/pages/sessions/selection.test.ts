import { describe, expect, test } from 'vitest'
import { NOTHING, allToggled, extended, toggled, without } from './selection.ts'
import type { Selection } from './selection.ts'

interface Row {
  readonly id: string
}

const ROWS: readonly Row[] = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }))

describe('selecting rows', () => {
  test('one is selected, and not any more', () => {
    const one = toggled<Row>(NOTHING, ROWS, 1)
    expect(ids(one)).toEqual(['b'])
    expect(ids(toggled(one, ROWS, 1))).toEqual([])
  })

  test('a range reaches from the last one to this one, in either direction', () => {
    expect(ids(extended(toggled<Row>(NOTHING, ROWS, 1), ROWS, 3))).toEqual(['b', 'c', 'd'])
    expect(ids(extended(toggled<Row>(NOTHING, ROWS, 3), ROWS, 1))).toEqual(['d', 'b', 'c'])
  })

  test('a range that is drawn twice begins at the same row', () => {
    const first = extended(toggled<Row>(NOTHING, ROWS, 2), ROWS, 3)
    expect(ids(extended(first, ROWS, 1)).sort()).toEqual(['b', 'c', 'd'])
  })

  test('a range without a beginning is the row itself', () => {
    expect(ids(extended<Row>(NOTHING, ROWS, 3))).toEqual(['d'])
    const elsewhere = toggled<Row>(NOTHING, [{ id: 'z' }], 0)
    expect(ids(extended(elsewhere, ROWS, 3))).toEqual(['z', 'd'])
  })

  test('all are selected, and then none', () => {
    const all = allToggled(toggled<Row>(NOTHING, ROWS, 1), ROWS)
    expect(ids(all).sort()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(ids(allToggled(all, ROWS))).toEqual([])
  })

  test('what another search has found stays selected', () => {
    const before = toggled<Row>(NOTHING, [{ id: 'z' }], 0)
    const all = allToggled(before, ROWS)
    expect(all.items.size).toBe(6)
    expect(ids(allToggled(all, ROWS))).toEqual(['z'])
  })

  test('a row that is not there changes nothing', () => {
    const one = toggled<Row>(NOTHING, ROWS, 1)
    expect(toggled(one, ROWS, 99)).toBe(one)
    expect(extended(one, ROWS, 99)).toBe(one)
  })

  test('what has ended is let go of', () => {
    const all = allToggled<Row>(NOTHING, ROWS)
    expect(ids(without(all, new Set(['a', 'e'])))).toEqual(['b', 'c', 'd'])
  })
})

function ids(selection: Selection<Row>): string[] {
  return [...selection.items.keys()]
}
