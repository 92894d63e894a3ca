import { expect, test } from 'vitest'
import { addLines, answer } from './answer.ts'

test('HDR-1: every answer is in no cache, differs by who asks and from where, and is what it says it is', () => {
  for (const response of [answer(200, { a: 1 }), answer(204, null)]) {
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('vary')).toBe('Cookie, Authorization, Sec-Fetch-Site, Origin')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.getSetCookie()).toEqual([])
  }
})

test('a body is JSON with instants in ISO 8601, and no body has no type', async () => {
  const response = answer(201, { at: new Date(0) }, [['x-more', '1']])
  expect([response.status, response.headers.get('content-type')]).toEqual([201, 'application/json'])
  expect(response.headers.get('x-more')).toBe('1')
  expect(await response.text()).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  const empty = answer(204, null)
  expect([empty.body, empty.headers.get('content-type')]).toEqual([null, null])
})

test('added headers replace what was there, vary grows, and a cookie is set once', () => {
  const headers = new Headers([
    ['cache-control', 'public, max-age=3600'],
    ['vary', 'Accept-Encoding, Cookie'],
    ['set-cookie', 'theme=dark; Path=/'],
    ['set-cookie', 'sid=old; Path=/'],
  ])
  addLines(headers, [
    ['cache-control', 'no-store'],
    ['vary', 'Cookie, Authorization'],
    ['set-cookie', 'sid=new; Path=/'],
  ])
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('vary')).toBe('Accept-Encoding, Cookie, Authorization')
  expect(headers.getSetCookie()).toEqual(['theme=dark; Path=/', 'sid=new; Path=/'])
})
