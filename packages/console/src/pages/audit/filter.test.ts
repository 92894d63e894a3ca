import { expect, test } from 'vitest'
import { EVERYTHING, filterQuery, readFilter, writeFilter } from './filter.ts'

test('a filter comes back from its address as it was', () => {
  const filter = { types: ['session_created', 'login_failed'], userId: '42', sessionId: 'abc', since: '24h' } as const
  expect(readFilter({ ...writeFilter(filter) })).toEqual(filter)
})

test('an address that asks for what we do not know shows everything', () => {
  expect(readFilter({ type: 'nonsense', since: 'toString', userId: ['a'] })).toEqual(EVERYTHING)
})

test('a user id of digits is read as text', () => {
  expect(readFilter({ userId: 42 }).userId).toBe('42')
})

test('nothing asked for leaves the address clean', () => {
  expect(JSON.stringify(writeFilter(EVERYTHING))).toBe('{}')
  expect(filterQuery(EVERYTHING, 0).toString()).toBe('')
})

test('a span is asked for as the instant where it begins', () => {
  const now = Date.parse('2026-11-24T10:00:00.000Z')
  expect(filterQuery({ ...EVERYTHING, since: '1h' }, now).get('since')).toBe('2026-11-24T09:00:00.000Z')
})
