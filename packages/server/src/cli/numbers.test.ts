import { expect, test } from 'vitest'
import { hours, wholeNumber } from './numbers.ts'

test.each([
  ['1', 1],
  ['500', 500],
])('%s is a count', (text, number) => {
  expect(wholeNumber(text)).toBe(number)
})

test.each(['0', '-1', '1.5', '1e3', 'x', '', ' 1', '99999999999999999999'])('%j is no count', (text) => {
  expect(() => wholeNumber(text)).toThrow(/give a whole number from 1 on/)
})

test.each([
  ['24', 24],
  ['0.5', 0.5],
  ['.25', 0.25],
  ['1e3', 1_000],
])('%s are hours', (text, number) => {
  expect(hours(text)).toBe(number)
})

test.each(['0', '-5', 'abc', '', '1.2.3', '0x10', 'Infinity', '1e9'])('%j are no hours', (text) => {
  expect(() => hours(text)).toThrow(/give a positive number/)
})
