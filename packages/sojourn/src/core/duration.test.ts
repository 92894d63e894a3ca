import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, milliseconds, patience } from './duration.ts'

test.each([
  [30, 30_000],
  [0.5, 500],
  ['250ms', 250],
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['24h', 86_400_000],
  ['30d', 2_592_000_000],
  ['2w', 1_209_600_000],
  ['1h30m', 5_400_000],
  ['1.5h', 5_400_000],
  ['36525d', 36_525 * 86_400_000],
])('%s is %i milliseconds', (duration, expected) => {
  expect(milliseconds(duration, 'span')).toBe(expected)
})

test.each(['', ' ', '10', '10x', 'h', '1 h', ' 1h', '1h ', '-1h', '1e3s', '1h-30m', '1,5h', '∞', '1m'.repeat(30)])(
  `'%s' is no duration, and the message says whose it is and what to give`,
  (text) => {
    expect(() => milliseconds(text, 'policy.idleTimeout')).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringMatching(/^policy\.idleTimeout is '.*'; give .*'30m'/),
      }),
    )
  },
)

test.each([0, -1, '0s', '0h0m', 0.0001])('%s is not positive and is refused', (duration) => {
  expect(() => milliseconds(duration, 'span')).toThrow(/give a positive duration/)
})

test.each([Number.NaN, Number.POSITIVE_INFINITY])('%s is no number of seconds', (duration) => {
  expect(() => milliseconds(duration, 'span')).toThrow(expect.objectContaining({ code: 'invalid_option' }))
})

test('a hundred years is the longest duration', () => {
  expect(() => milliseconds('36526d', 'span')).toThrow('a hundred years is the longest duration')
})

test('nothing waits for longer than a timer can', () => {
  expect(patience('24d', 'deadline')).toBe(24 * 86_400_000)
  expect(() => patience('25d', 'deadline')).toThrow(
    expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(/^deadline is '25d'; .*'24d'/) }),
  )
})

test.each([
  [0, '0s'],
  [1, '1ms'],
  [90_000, '1m30s'],
  [86_400_000, '1d'],
  [5_400_500, '1h30m500ms'],
])('%i milliseconds are written %s', (span, text) => {
  expect(formatDuration(span)).toBe(text)
})

test('every duration that is written reads back as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 36_525 * 86_400_000 }), (span) => {
      expect(milliseconds(formatDuration(span), 'span')).toBe(span)
    }),
  )
})
