import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertUsername, canonicalUsername, usernameProblem } from './username.ts'

test.each([
  ['Ada', 'ada'],
  ['  ada\t', 'ada'],
  ['ＡＤＡ', 'ada'],
  ['ﬁona', 'fiona'],
  ['A\u030Angstrom', 'ångstrom'],
  ['ADA@EXAMPLE.ORG', 'ada@example.org'],
])('%s is the same account as %s', (username, canonical) => {
  expect(canonicalUsername(username)).toBe(canonical)
})

test('the canonical form of a canonical form is itself', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (username) => {
      const canonical = canonicalUsername(username)
      expect(canonicalUsername(canonical)).toBe(canonical)
    }),
    { numRuns: 20_000 },
  )
})

test.each([
  ['', /empty/],
  ['  ', /empty/],
  ['a'.repeat(255), /255 characters; give at most 254/],
  ['a'.repeat(10_000), /10000 characters/],
  ['ﷺ'.repeat(20), /characters; give at most 254/],
  ['a\u200Bda', /cannot be seen/],
  ['\u202Eada', /cannot be seen/],
  ['ada\0', /cannot be seen/],
  ['a\nb', /cannot be seen/],
  ['\uD800', /cannot be seen/],
  [42, /number; give text/],
  [undefined, /undefined; give text/],
])('%j cannot be used, and the message says why', (username, message) => {
  expect(usernameProblem(username)).toMatch(message)
  expect(() => assertUsername(username)).toThrow(expect.objectContaining({ code: 'invalid_argument' }))
})

test.each(['a', 'ada lovelace', "o'hara", 'ädä', '漢字', '👩', 'a'.repeat(254)])('%s can be used', (username) => {
  expect(usernameProblem(username)).toBeNull()
})
