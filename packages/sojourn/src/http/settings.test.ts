import { describe, expect, test } from 'vitest'
import { openSite } from '../../../../test/support/http-site.ts'
import { isLoopback } from './settings.ts'
import type { SojournHttpOptions } from './settings.ts'

const LOCAL = { baseUrl: 'http://localhost:3000', development: { insecureLoopback: true } }

test.each<[string, Partial<SojournHttpOptions>, string]>([
  ['plain http', { baseUrl: 'http://app.example.com' }, 'give an https address'],
  ['plain http on this machine without the switch', { baseUrl: 'http://localhost:3000' }, 'insecureLoopback'],
  ['the switch with https', { ...LOCAL, baseUrl: 'https://app.example.com' }, 'insecureLoopback goes with'],
  ['the switch with another machine', { ...LOCAL, baseUrl: 'http://app.example.com' }, 'insecureLoopback goes with'],
  ['the switch with every address', { ...LOCAL, baseUrl: 'http://0.0.0.0:3000' }, 'insecureLoopback goes with'],
  ['nothing', { baseUrl: undefined as unknown as string }, "baseUrl is 'undefined'"],
  ['no address', { baseUrl: 'app.example.com' }, "baseUrl is 'app.example.com'"],
  ['an address with a path', { baseUrl: 'https://app.example.com/app' }, 'give the origin'],
  ['an address with a query', { baseUrl: 'https://app.example.com/?a' }, 'give the origin'],
  ['an address with a user', { baseUrl: 'https://me@app.example.com' }, 'give the origin'],
  ['another scheme', { baseUrl: 'ftp://app.example.com' }, 'give the origin'],
  ['a prefix without a slash', { prefix: 'auth' }, "prefix is 'auth'"],
  ['a prefix with a slash at its end', { prefix: '/auth/' }, "prefix is '/auth/'"],
  ['a prefix that a URL would tidy up', { prefix: '/a/../auth' }, 'prefix is'],
  ['a prefix that must be encoded', { prefix: '/ä' }, 'prefix is'],
  ['no prefix at all', { prefix: '' }, 'prefix is'],
  ['a span that is none', { recent: '10 minutes' }, 'recent is'],
  ['a trusted site by its address', { trustedOrigins: ['https://www.example.com/'] }, 'trustedOrigins is'],
  ['every site as trusted', { trustedOrigins: ['*'] }, 'trustedOrigins is'],
  ['a weak cookie', { cookie: { name: 'sid' } }, 'cookie.name'],
])('COO-2, NET-2: %s is refused at the start', (_, http, message) => {
  const open = () => openSite({ http })
  expect(open).toThrow(message)
  expect(open).toThrow(expect.objectContaining({ code: 'invalid_option' }))
})

test.each([
  ['an https origin', {}],
  ['one with a slash at its end', { baseUrl: 'https://app.example.com/' }],
  ['one with a port', { baseUrl: 'https://app.example.com:8443' }],
  ['this machine with the switch', LOCAL],
  ['a longer prefix', { prefix: '/api/v1/auth' }],
])('%s can be used', (_, http) => {
  expect(openSite({ http }).http.prefix).toBe('prefix' in http ? http.prefix : '/auth')
})

describe('a loopback address', () => {
  test.each(['localhost', 'app.localhost', '127.0.0.1', '127.9.9.9', '127.1', '0x7f.1', '[::1]', 'LOCALHOST'])(
    'is %s',
    (host) => {
      expect(isLoopback(new URL(`http://${host}:3000/`))).toBe(true)
    },
  )

  test.each(['localhost.evil.example', 'evillocalhost', '127.0.0.1.evil.example', '128.0.0.1', '[::2]', '0.0.0.0'])(
    'is not %s',
    (host) => {
      expect(isLoopback(new URL(`http://${host}:3000/`))).toBe(false)
    },
  )
})
