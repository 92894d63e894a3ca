import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCursor, writeCursor } from './cursor.ts'
import { mintSessionId } from './token.ts'

const after = { value: Date.UTC(2026, 0, 1), id: mintSessionId(Date.UTC(2026, 0, 1)) }

test('a cursor reads back as what it was written from', () => {
  const cursor = writeCursor('lastAccessedAt', true, after)
  expect(cursor).toMatch(/^[\w-]+$/)
  expect(readCursor(cursor, 'lastAccessedAt', true)).toEqual(after)
})

test('a cursor of another order is refused', () => {
  const cursor = writeCursor('createdAt', true, after)
  for (const [sort, descending] of [
    ['createdAt', false],
    ['lastAccessedAt', true],
  ] as const) {
    expect(() => readCursor(cursor, sort, descending)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
  }
})

test.each([
  ['another value', ['createdAt', true, 'x', after.id]],
  ['a value that is no instant', ['createdAt', true, 1.5, after.id]],
  ['an id that is none', ['createdAt', true, 1, "' OR 1=1"]],
  ['too little', ['createdAt', true, 1]],
  ['too much', ['createdAt', true, 1, after.id, 1]],
  ['an object', { sort: 'createdAt' }],
])('a cursor with %s is refused', (_, parts) => {
  const cursor = Buffer.from(JSON.stringify(parts)).toString('base64url')
  expect(() => readCursor(cursor, 'createdAt', true)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
})

test('rubbish is refused with the same sentence and never with another error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.constant('A'.repeat(100_000))), (cursor) => {
      expect(() => readCursor(cursor, 'createdAt', true)).toThrow(/^cursor is not one of this list/)
    }),
    { numRuns: 2_000 },
  )
})
