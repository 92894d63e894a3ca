import { expect, test } from 'vitest'
import { SojournError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import { problem, problemOf, problemOfOutcome } from './problem.ts'

test('a problem is what RFC 9457 asks for, with a code that programs can hold on to', async () => {
  const response = problem('reauth_required', { maxAge: 600 })
  expect(response.status).toBe(403)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(await response.json()).toEqual({
    type: 'urn:sojourn:problem:reauth_required',
    title: 'prove again who you are',
    status: 403,
    code: 'reauth_required',
    maxAge: 600,
  })
})

test('who must wait is told for how long, in the body and in the header', async () => {
  const response = problemOfOutcome({ reason: 'throttled', retryAfter: 64 })
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '64'])
  expect(await response.json()).toMatchObject({ code: 'throttled', retryAfter: 64 })
})

test('only a 401 names a scheme, and one for which no browser asks for a password', () => {
  expect(problem('unauthenticated').headers.get('www-authenticate')).toBe('Bearer')
  expect(problem('cross_origin').headers.has('www-authenticate')).toBe(false)
})

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_option: 500,
  invalid_argument: 400,
  refused: 409,
  conflict: 409,
  unsafe_settings: 503,
  schema_missing: 503,
  schema_outdated: 503,
  schema_newer: 503,
  schema_changed: 503,
  store_unavailable: 503,
  store_full: 503,
  store_corrupt: 503,
  overloaded: 503,
  dependency_missing: 500,
  closed: 503,
}

test.each(Object.entries(STATUS))('the error %s is answered with %i and tells nothing else', async (code, status) => {
  const cause = new Error('canary-cause')
  const response = problemOf(new SojournError(code as ErrorCode, 'canary-message', { cause, retryAfter: 2 }))
  expect(response.status).toBe(status)
  const text = await response.text()
  for (const canary of ['canary', '.ts', ' at ', 'Error']) expect(text).not.toContain(canary)
})

test.each([new Error('canary'), 'canary', null, { code: 'store_unavailable', message: 'canary' }])(
  'anything else that is thrown is answered with 500 and tells nothing',
  async (thrown) => {
    const response = problemOf(thrown)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('canary')
  },
)
