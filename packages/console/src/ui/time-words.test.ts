import { describe, expect, test } from 'vitest'
import { relative } from './time-words.ts'

const NOW = Date.parse('2026-11-24T10:00:00Z')
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('how far an instant is', () => {
  test('the last minute is just now, and so is this very instant', () => {
    expect(relative(NOW, NOW)).toBe('just now')
    expect(relative(NOW - MINUTE + 1, NOW)).toBe('just now')
  })

  test('the past is told in its largest unit, and never as more than it was', () => {
    expect(relative(NOW - MINUTE, NOW)).toBe('1 minute ago')
    expect(relative(NOW - 119 * MINUTE, NOW)).toBe('1 hour ago')
    expect(relative(NOW - 3 * DAY - HOUR, NOW)).toBe('3 days ago')
    expect(relative(NOW - 400 * DAY, NOW)).toBe('1 year ago')
  })

  test('what is to come is told the same way', () => {
    expect(relative(NOW + 1, NOW)).toBe('within a minute')
    expect(relative(NOW + DAY - 1_000, NOW)).toBe('in 1 day')
    expect(relative(NOW + 90 * MINUTE, NOW)).toBe('in 1 hour')
    expect(relative(NOW + 2 * DAY, NOW)).toBe('in 2 days')
  })
})
