import { expect, test } from 'vitest'
import { assertText, storedAttributes } from './arguments.ts'

test.each(['a', 'x'.repeat(255), '漢字', ' '])('%j is text', (value) => {
  expect(() => assertText(value, 'userId')).not.toThrow()
})

test.each([
  ['', 'userId is empty'],
  ['x'.repeat(256), 'userId is 256 characters long'],
  [42, 'userId is 42'],
  [null, 'userId is null'],
  [{}, 'userId is an object'],
  ['a\0b', 'userId contains characters that cannot be stored'],
  ['\uDC00', 'userId contains characters that cannot be stored'],
])('%j is refused by a sentence that says what was found', (value, message) => {
  expect(() => assertText(value, 'userId')).toThrow(
    expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining(message) }),
  )
})

test('attributes are copied and frozen to the bottom', () => {
  const given = { list: [{ deep: 1 }] }
  const stored = storedAttributes(given)
  given.list[0]!.deep = 2
  expect(stored).toEqual({ list: [{ deep: 1 }] })
  expect(() => Object.assign((stored['list'] as object[])[0]!, { deep: 3 })).toThrow(TypeError)
})

test('attributes may take 4 KiB as JSON in UTF-8, and not a byte more; nothing is cut off', () => {
  const exact = { a: 'é'.repeat((4_096 - 8) / 2) }
  expect(Buffer.byteLength(JSON.stringify(exact))).toBe(4_096)
  expect(storedAttributes(exact)).toEqual(exact)
  expect(() => storedAttributes({ a: `${exact.a}x` })).toThrow(/4097 bytes as JSON; keep them to 4096/)
})

test.each([
  ['text', 'text'],
  ['a list', []],
  ['null', null],
  ['a number that JSON cannot say', { big: 10n }],
  ['a circle', circle()],
])('%s is refused as attributes', (_, attributes) => {
  expect(() => storedAttributes(attributes as never)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
})

test('no attributes are an empty object', () => {
  expect(storedAttributes(undefined)).toEqual({})
})

function circle(): object {
  const self: { self?: object } = {}
  self.self = self
  return self
}
