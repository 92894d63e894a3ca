import { expect, test } from 'vitest'
import { counted, latency, span } from './measures.ts'

test('a latency has the unit that suits it', () => {
  expect([0.000_012, 0.000_999_9, 0.001_42, 0.9996, 2.5].map(latency)).toEqual([
    '12 µs',
    '1 ms',
    '1.42 ms',
    '1 s',
    '2.5 s',
  ])
})

test('a span has at most two units', () => {
  expect([0, 59_999, 60_000, 5_400_000, 90_061_000, 86_400_000].map(span)).toEqual([
    'less than a second',
    '59 seconds',
    '1 minute',
    '1 hour 30 minutes',
    '1 day 1 hour',
    '1 day',
  ])
})

test('one is singular', () => {
  expect([counted(1, 'session'), counted(1_204, 'session')]).toEqual(['1 session', '1,204 sessions'])
})
