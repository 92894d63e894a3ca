import { describe, expect, test } from 'vitest'
import { assertStandardInput, refuseTokens } from './refused-tokens.ts'

const ID = '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'
const SECRET = 'Jh3K6gqahZZm1wDMjffoSjutfNl_u8Hx2QFwEgv6FNA'

describe('a token among the arguments', () => {
  test.each([
    ['by itself', `${ID}.${SECRET}`],
    ['in a header', `Bearer ${ID}.${SECRET}`],
    ['in an option', `--database=${ID}.${SECRET}`],
    ['cut short', `${ID}.${SECRET.slice(0, 30)}`],
    ['with something behind it', `${ID}.${SECRET}"`],
  ])('%s is refused with the id to end, and its secret is not repeated', (_, argument) => {
    expect(() => refuseTokens(['show', argument])).toThrow(`sojourn revoke ${ID}`)
    expect(() => refuseTokens(['show', argument])).toThrow(expect.not.stringContaining(SECRET.slice(0, 10)))
  })

  test('of an adopted session is refused too', () => {
    expect(() => refuseTokens(['show', SECRET])).toThrow(expect.not.stringContaining(SECRET))
  })

  test('is not seen in ids, names and paths', () => {
    const harmless = [
      ID,
      'ada',
      'the-service-account-of-the-nightly-backup-x',
      './data/app.db',
      '--all',
      '-',
      `${ID}.db`,
    ]
    expect(refuseTokens(harmless)).toBe(undefined)
  })
})

test('a secret as an argument is refused and not repeated', () => {
  const refused = (): void => assertStandardInput('hunter2', 'validate')
  expect(refused).toThrow("run 'sojourn validate' and paste it at the prompt, or 'sojourn validate < token.txt'")
  expect(refused).toThrow(expect.not.stringContaining('hunter2'))
  expect(assertStandardInput('-', 'validate')).toBe(undefined)
  expect(assertStandardInput(undefined, 'validate')).toBe(undefined)
})
