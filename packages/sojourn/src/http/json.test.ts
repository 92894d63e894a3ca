import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from './json.ts'

test('what JSON says is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 7 }), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent)
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
  )
})

test.each([
  ['twice', '{"a":1,"a":1}'],
  ['twice, once with an escape', '{"a":1,"\\u0061":2}'],
  ['twice, with something in between', '{"a":{"b":[1,{"c":2}]},"b":"a","a":3}'],
  ['twice further down', '[{"x":{"a":1,"a":2}}]'],
  ['twice with white space', '{"a" :1,\n"a"\t: 2}'],
  ['the prototype twice', '{"__proto__":1,"__proto__":2}'],
])('INP-4: a key that is there %s is refused', (_, text) => {
  expect(JSON.parse(text)).toBeTypeOf('object')
  expect(parseJson(text)).toBe(undefined)
})

test.each([
  ['in different objects', '[{"a":1},{"a":{"a":[{"a":2}]}}]'],
  ['as a key and as a value', '{"a":"a","b":"a"}'],
  ['inside text', String.raw`{"a":"\"a\":1,\"a\":2","b":"{\\"}`],
  ['in another case', '{"a":1,"A":2}'],
])('the same word %s is no repetition', (_, text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text))
})

test('INP-1: eight levels are read, nine are not', () => {
  expect(parseJson('['.repeat(8) + ']'.repeat(8))).toEqual([[[[[[[[]]]]]]]])
  expect(parseJson('['.repeat(9) + ']'.repeat(9))).toBe(undefined)
  expect(parseJson('{"a":'.repeat(9) + '1' + '}'.repeat(9))).toBe(undefined)
  expect(parseJson('['.repeat(16_000))).toBe(undefined)
  expect(parseJson('['.repeat(8_000) + ']'.repeat(8_000))).toBe(undefined)
})

test.each(['', ' ', 'undefined', 'NaN', "{'a':1}", '{"a":1,}', '[1]x', '\ufeff{}', '{"a":1}{"b":2}', '"\u0000"'])(
  '%j is no JSON',
  (text) => {
    expect(parseJson(text)).toBe(undefined)
  },
)
