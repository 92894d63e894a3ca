import fc from 'fast-check'
import { expect, test } from 'vitest'
import { layOut, rowLine, titleLine } from './table.ts'
import type { Column, Row } from './table.ts'
import { displayWidth, visible } from './text.ts'

const COLUMNS: readonly Column[] = [
  { title: 'ID', rank: 1 },
  { title: 'USER', rank: 2, least: 6 },
  { title: 'COUNT', rank: 4, align: 'right' },
  { title: 'DEVICE', rank: 3, least: 8 },
]
const ROWS: readonly Row[] = [
  ['0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11', 'ada', '7', 'Firefox on Windows'],
  ['0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e12', 'grace.hopper', '12', 'curl'],
]

function lines(columns: readonly Column[], rows: readonly Row[], width: number | null): readonly string[] {
  const layout = layOut(columns, rows, width)
  return [titleLine(layout), ...rows.map((row) => rowLine(layout, row))]
}

test('with room, every column is as wide as its widest cell', () => {
  expect(lines(COLUMNS, ROWS, null)).toEqual([
    'ID                                    USER          COUNT  DEVICE',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11  ada               7  Firefox on Windows',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e12  grace.hopper     12  curl',
  ])
})

test('in a narrow terminal the widest column that may give way is shortened first', () => {
  expect(lines(COLUMNS, ROWS, 72)).toEqual([
    'ID                                    USER          COUNT  DEVICE',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11  ada               7  Firefox on W…',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e12  grace.hopper     12  curl',
  ])
})

test('where that is not enough the least important column goes, and never the first or an id', () => {
  expect(lines(COLUMNS, ROWS, 60)).toEqual([
    'ID                                    USER        DEVICE',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11  ada         Firefox o…',
    '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e12  grace.hop…  curl',
  ])
  expect(lines(COLUMNS, ROWS, 36)[1]).toBe('0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11')
  expect(lines(COLUMNS, ROWS, 10)[1]).toBe('0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11')
})

test('no line is wider than the terminal, from 60 to 200 columns, whatever the cells hold', () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 60 }).map(visible)
  const row = fc.tuple(fc.constant('0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'), cell, cell, cell)
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.integer({ min: 60, max: 200 }), (rows, width) => {
      const columns = COLUMNS.map((column) => (column.rank === 1 ? column : { ...column, least: 6 }))
      for (const line of lines(columns, rows, width)) expect(displayWidth(line)).toBeLessThanOrEqual(width)
    }),
  )
})
