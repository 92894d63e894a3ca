import { expect, test } from 'vitest'
import { makeRecord } from '../testing/index.ts'
import { compareFor, isAfter, isMatch } from './filter.ts'
import type { ListQuery } from './store.ts'

const NOON = Date.UTC(2026, 0, 1, 12)

test('a filter that says nothing means every record', () => {
  expect(isMatch(makeRecord(), {})).toBe(true)
  expect(isMatch(makeRecord(), { userId: undefined, anyOf: undefined })).toBe(true)
})

test('one condition that does not hold is enough', () => {
  const record = makeRecord({ userId: 'ada', method: 'password' })
  expect(isMatch(record, { userId: 'ada', method: 'password' })).toBe(true)
  expect(isMatch(record, { userId: 'ada', method: 'passkey' })).toBe(false)
})

test('false is a condition like any other', () => {
  expect(isMatch(makeRecord(), { isEnded: false })).toBe(true)
  expect(isMatch(makeRecord({ endReason: 'logout' }), { isEnded: false })).toBe(false)
})

test('standing and not standing leave nobody out and count nobody twice', () => {
  const standing = { endsAfter: NOON, accessedAfter: NOON - 10, authenticatedAfter: NOON - 20 }
  for (const record of [makeRecord(), makeRecord({ endsAt: NOON }), makeRecord({ endReason: 'idle' })]) {
    expect(isMatch(record, { standing })).toBe(!isMatch(record, { notStanding: standing }))
  }
})

test('text ignores the case of ASCII letters and nothing else', () => {
  const record = makeRecord({ username: 'Ärger', userAgent: 'CURL/8', ipAddress: null })
  expect(isMatch(record, { text: 'curl' })).toBe(true)
  expect(isMatch(record, { text: 'äRGER' })).toBe(false)
  expect(isMatch(record, { text: 'ÄRGER' })).toBe(true)
  expect(isMatch(record, { text: '.*' })).toBe(false)
})

test('after the last record of a page comes what the order says, and never that record again', () => {
  const ids = [makeRecord().id, makeRecord().id, makeRecord().id].toSorted()
  const [before, last, next] = ids.map((id) => makeRecord({ id }))
  const query: ListQuery = { filter: {}, sort: 'createdAt', descending: false, limit: 1 }
  const after = { value: NOON, id: last!.id }
  expect([before!, last!, next!].map((record) => isAfter(record, { ...query, after }))).toEqual([false, false, true])
  const backwards = [before!, last!, next!].map((record) => isAfter(record, { ...query, descending: true, after }))
  expect(backwards).toEqual([true, false, false])
  expect(isAfter(makeRecord({ createdAt: NOON + 1 }), { ...query, after })).toBe(true)
  expect(isAfter(makeRecord({ createdAt: NOON - 1 }), { ...query, after })).toBe(false)
  expect(isAfter(last!, query)).toBe(true)
})

test('the order is by the instant and then by the id, and the other way round when descending', () => {
  const [first, second] = [makeRecord().id, makeRecord().id].toSorted()
  const records = [
    makeRecord({ id: second!, createdAt: NOON }),
    makeRecord({ createdAt: NOON - 1 }),
    makeRecord({ id: first!, createdAt: NOON }),
  ]
  const ascending = records.toSorted(compareFor({ sort: 'createdAt', descending: false }))
  expect(ascending.map(({ createdAt }) => createdAt)).toEqual([NOON - 1, NOON, NOON])
  expect(ascending.map(({ id }) => id).slice(1)).toEqual([first, second])
  const descending = records.toSorted(compareFor({ sort: 'createdAt', descending: true }))
  expect(descending).toEqual(ascending.toReversed())
})
