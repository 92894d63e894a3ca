import { expect, test } from 'vitest'
import { EVERYBODY, filterQuery, isFiltered, readFilter, writeFilter } from './filter.ts'
import type { UserFilter } from './filter.ts'

test('an address without a filter shows everybody', () => {
  expect(readFilter({})).toEqual(EVERYBODY)
  expect(isFiltered(readFilter({}))).toBe(false)
  expect(Object.values(writeFilter(EVERYBODY)).filter((value) => value !== undefined)).toEqual([])
})

test('what is written is read again', () => {
  const filter: UserFilter = { text: 'ada', state: 'disabled', role: 'operator' }
  expect(readFilter({ ...writeFilter(filter) })).toEqual(filter)
  expect(isFiltered(filter)).toBe(true)
})

test('what makes no sense is left out', () => {
  expect(readFilter({ text: ['ada'], state: 'gone', role: 'root' })).toEqual(EVERYBODY)
})

test('the service is asked for no more than is wanted', () => {
  expect(filterQuery(EVERYBODY)).toEqual({ state: 'all' })
  expect(filterQuery({ text: 'ada', state: 'active', role: 'user' })).toEqual({
    text: 'ada',
    state: 'active',
    role: 'user',
  })
})
