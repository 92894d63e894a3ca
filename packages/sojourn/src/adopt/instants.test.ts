import { describe, expect, test } from 'vitest'
import { readInstant } from './instants.ts'

const INSTANT = Date.parse('2026-11-23T18:04:36.657Z')

describe('text', () => {
  test.each([
    '2026-11-23T18:04:36.657463+00:00',
    '2026-11-23T18:04:36.657463Z',
    '2026-11-23T18:04:36.657463',
    '2026-11-23 18:04:36.657463',
    '2026-11-23 18:04:36.657463+00:00',
    '2026-11-23 18:04:36.657 +0000',
    '2026-11-23 18:04:36.657 UTC',
    '2026-11-23T18:04:36,657999z',
    '2026-11-23T23:34:36.657463+05:30',
    '2026-11-23T23:34:36.657463+0530',
    '2026-11-23T10:04:36.657463-08',
    '2026-11-24T00:04:36.657463+06:00',
  ])('%s is the same instant', (text) => {
    expect(readInstant(text)).toBe(INSTANT)
  })

  test('a fraction is cut to the millisecond, never rounded up', () => {
    expect(readInstant('2026-11-23T18:04:36.9999999Z')).toBe(Date.parse('2026-11-23T18:04:36.999Z'))
    expect(readInstant('2026-11-23T18:04:36.5Z')).toBe(Date.parse('2026-11-23T18:04:36.500Z'))
  })

  test('seconds may be left out', () => {
    expect(readInstant('2026-11-23T18:04')).toBe(Date.parse('2026-11-23T18:04:00Z'))
  })

  test.each([
    'yesterday',
    '',
    '2026-11-23',
    '23.11.2026 18:04:36',
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T18:60:00Z',
    '2026-11-23T18:04:60Z',
    '2026-11-23T18:04:36+24:00',
    '2026-11-23T18:04:36+00:60',
    '2026-11-23T18:04:36Z and more',
    '1969-12-31T23:59:59Z',
    '0026-11-23T18:04:36Z',
    '1970-01-01T00:00:00+01:00',
    '-1',
    'NaN',
    'Infinity',
    '1e12',
  ])('%j is no instant', (text) => {
    expect(readInstant(text)).toBeNull()
  })
})

describe('numbers', () => {
  test.each([INSTANT, BigInt(INSTANT), INSTANT / 1_000, String(INSTANT), String(INSTANT / 1_000)])(
    '%s is the same instant',
    (value) => {
      expect(readInstant(value)).toBe(INSTANT)
    },
  )

  test('a whole number of seconds is seconds', () => {
    expect(readInstant(1_795_457_076n)).toBe(1_795_457_076_000)
  })

  test.each([-1n, Number.NaN, Number.POSITIVE_INFINITY, 1_795_457_076_657_463n, 10n ** 30n, null, new Uint8Array(8)])(
    '%s is no instant',
    (value) => {
      expect(readInstant(value)).toBeNull()
    },
  )
})
