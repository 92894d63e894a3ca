import { describe, expect, test } from 'vitest'
import { RequestError, problemSentence } from './problem.ts'

describe('what an operator reads of a refusal', () => {
  test('a read that cannot be answered is not taken for an empty answer', () => {
    expect(problemSentence({ status: 503, code: 'unavailable' }, false)).toBe(
      'The service cannot tell right now. Wait a moment, then try again.',
    )
  })

  test('a write of which nobody knows whether it was done says so', () => {
    expect(problemSentence({ status: 503, code: 'overloaded', retryAfter: 5 }, true)).toBe(
      'The service cannot tell whether this was done. Wait 5 seconds, look, and repeat it only if it was not.',
    )
  })

  test('what the service explains is shown as a sentence', () => {
    const problem = { status: 400, code: 'invalid_request', title: 'no', detail: 'limit is 0; give 1 to 500' }
    expect(problemSentence(problem, false)).toBe('Limit is 0; give 1 to 500.')
  })

  test('a page of a proxy is no explanation, and still leads on', () => {
    expect(problemSentence({ status: 413, code: 'unknown' }, true)).toBe(
      'The service did not accept this; reload the page and try again.',
    )
  })

  test('long waits are told in minutes, never too short', () => {
    expect(problemSentence({ status: 429, code: 'throttled', retryAfter: 61 * 2 }, true)).toContain('Wait 3 minutes')
  })
})

test('only silence and failures are uncertain; a refusal is certain', () => {
  const statuses = [0, 400, 403, 409, 500, 503]
  expect(statuses.filter((status) => new RequestError('', { status, code: 'x' }).isUncertain)).toEqual([0, 500, 503])
})
