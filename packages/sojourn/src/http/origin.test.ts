import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isForgeable, parseOrigin } from './origin.ts'
import type { Arrival } from './origin.ts'

const OWN = 'https://app.example.com'
const TRUSTED = 'https://www.example.com'
const EVIL = 'https://evil.example'
const rules = { own: OWN, trusted: new Set([TRUSTED]), isAcceptedWithout: false }

const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']
const SITES = [null, 'same-origin', 'none', 'same-site', 'cross-site', 'Same-Origin', 'same-origin, none', '', 'new']
const ORIGINS = [null, OWN, TRUSTED, EVIL, 'null', '']
const CREDENTIALS = ['cookie', 'bearer', null] as const

describe('CSR-1: the whole matrix', () => {
  const arrivals = METHODS.flatMap((method) =>
    SITES.flatMap((site) =>
      ORIGINS.flatMap((origin) =>
        CREDENTIALS.flatMap((credential) =>
          [true, false].map((isLoginLike) => ({ method, site, origin, credential, isLoginLike })),
        ),
      ),
    ),
  )

  test('is answered as the procedure says, line by line', () => {
    expect(arrivals).toHaveLength(5 * 9 * 6 * 3 * 2)
    for (const each of arrivals) expect([each, isForgeable(arrival(each), rules)]).toEqual([each, expected(each)])
  })

  test('lets every safe method through, since it changes nothing', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      for (const each of arrivals) expect(isForgeable(arrival({ ...each, method }), rules)).toBe(false)
    }
  })

  /** Section 1.14 of the requirements, once more in other words. */
  function expected({ site, origin, credential, isLoginLike }: (typeof arrivals)[number]): boolean {
    if (credential === 'bearer' || origin === TRUSTED) return false
    if (site !== null) return !['same-origin', 'none'].includes(site)
    if (origin !== null) return origin !== OWN
    return credential === 'cookie' || isLoginLike
  }
})

test('a method in another spelling is no safe one', () => {
  expect(isForgeable(arrival({ method: 'Get', credential: 'cookie', site: 'cross-site' }), rules)).toBe(true)
})

test('what the browser says of the site counts more than a right origin', () => {
  expect(isForgeable(arrival({ site: 'cross-site', origin: OWN, credential: 'cookie' }), rules)).toBe(true)
})

test('a deployment may accept clients that say nothing, and still no other site', () => {
  const open = { ...rules, isAcceptedWithout: true }
  expect(isForgeable(arrival({ credential: 'cookie' }), open)).toBe(false)
  expect(isForgeable(arrival({ credential: 'cookie', origin: 'null' }), open)).toBe(true)
  expect(isForgeable(arrival({ credential: 'cookie', site: 'cross-site' }), open)).toBe(true)
})

describe('CSR-2: origins are compared as scheme, host and port', () => {
  test.each([
    'https://app.example.com.evil',
    'https://evil-app.example.com',
    'https://evilapp.example.com',
    'https://app.example.com:8443',
    'https://app.example.com:443',
    'https://app.example.com/',
    'https://app.example.com.',
    'https://APP.example.com',
    'HTTPS://app.example.com',
    'http://app.example.com',
    'https://app.example.com@evil.example',
    'https://user@app.example.com',
    'https://app.example.com https://evil.example',
    'https://app.example.com, https://app.example.com',
    'https://app.ex\u00e4mple.com',
    'https://xn--pp-xka.example.com',
    'app.example.com',
    '//app.example.com',
    'wss://app.example.com',
    'data:,',
    'blob:https://app.example.com/1',
    'null',
    'NULL',
    '',
  ])('%j is another one', isAnother)

  test('a huge one is another one', () => {
    isAnother(`https://${'a'.repeat(15_000)}.example.com`)
  })

  function isAnother(origin: string): void {
    const headers = new Headers()
    headers.set('origin', Buffer.from(origin).toString('latin1'))
    expect(isForgeable({ method: 'POST', headers, credential: 'cookie', isLoginLike: true }, rules)).toBe(true)
  }

  test('whatever is read as an origin is spelled as every browser spells it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string()), (text) => {
        const origin = parseOrigin(text)
        expect(origin === null || new URL(text).origin === text).toBe(true)
      }),
    )
  })

  test('a port that is not the usual one is part of it', () => {
    expect(parseOrigin('http://localhost:3000')).toBe('http://localhost:3000')
  })
})

function arrival(
  given: Partial<Arrival> & { readonly site?: string | null; readonly origin?: string | null },
): Arrival {
  const { site = null, origin = null, method = 'POST', credential = null, isLoginLike = false } = given
  const headers = new Headers()
  if (site !== null) headers.set('sec-fetch-site', site)
  if (origin !== null) headers.set('origin', origin)
  return { method, headers, credential, isLoginLike }
}
