import { describe, expect, test } from 'vitest'
import { EVERYBODY, conditions, isFiltered, readFilter, stateOf, writeFilter } from './filter.ts'
import type { SessionFilter } from './filter.ts'

const NOW = Date.parse('2026-11-24T10:00:00Z')

describe('the filter in the address', () => {
  test('an address without a filter shows who is signed in, the newest first', () => {
    expect(readFilter({})).toEqual(EVERYBODY)
    expect(Object.values(writeFilter(EVERYBODY)).filter((value) => value !== undefined)).toEqual([])
  })

  test('what is written is read again', () => {
    const filter: SessionFilter = {
      text: 'firefox 145',
      userId: '42',
      username: 'ada',
      ip: '2001:db8::1',
      method: 'oauth:github',
      state: 'ended',
      endReason: 'token_reuse',
      signedIn: 'over-7d',
      sort: 'lastAccessedAt',
      order: 'asc',
    }
    expect(readFilter(writeFilter(filter))).toEqual(filter)
  })

  test('what makes no sense is left out', () => {
    expect(readFilter({ state: 'gone', endReason: 'toString', signedIn: '5y', sort: 'age', order: 1, ip: [] })).toEqual(
      EVERYBODY,
    )
  })

  test('a name of digits is a name', () => {
    expect(readFilter({ username: 1815 }).username).toBe('1815')
  })
})

describe('what the service is asked', () => {
  test('says which state is meant, always', () => {
    expect(conditions(EVERYBODY, NOW)).toEqual({ state: 'active' })
  })

  test('a span ends or begins at the same instant for the list, the count and the deed', () => {
    expect(conditions({ ...EVERYBODY, signedIn: '1h' }, NOW)).toEqual({
      state: 'active',
      createdSince: '2026-11-24T09:00:00.000Z',
    })
    expect(conditions({ ...EVERYBODY, signedIn: 'over-7d' }, NOW)).toEqual({
      state: 'active',
      createdBefore: '2026-11-17T10:00:00.000Z',
    })
  })

  test('how a session ended is asked only of those that have', () => {
    const filter: SessionFilter = { ...EVERYBODY, endReason: 'logout' }
    expect(conditions({ ...filter, state: 'active' }, NOW)).toEqual({ state: 'active' })
    expect(conditions({ ...filter, state: 'ended' }, NOW)).toEqual({ state: 'ended', endReason: 'logout' })
  })

  test('is the same whatever the order', () => {
    const other: SessionFilter = { ...EVERYBODY, sort: 'lastAccessedAt', order: 'asc' }
    expect(conditions(other, NOW)).toEqual(conditions(EVERYBODY, NOW))
    expect(isFiltered(other)).toBe(false)
  })
})

test('a session is active, overdue, or ended somehow', () => {
  expect(stateOf({ isActive: true, endReason: null })).toBe('Active')
  expect(stateOf({ isActive: false, endReason: null })).toBe('Overdue')
  expect(stateOf({ isActive: false, endReason: 'logout' })).toBe('Signed out')
})
