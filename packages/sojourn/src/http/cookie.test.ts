import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Session } from '../core/session.ts'
import { viewSession } from '../core/session.ts'
import { mintSecret, joinToken } from '../core/token.ts'
import { DAY, NOON, makeRecord } from '../testing/records.ts'
import { REMEMBER, SessionCookie } from './cookie.ts'
import type { CookieOptions } from './cookie.ts'

const NAME = '__Host-Http-sid'
const cookie = new SessionCookie()
const token = joinToken(makeRecord().id, mintSecret())

describe('writing', () => {
  test('COO-1, COO-3: the cookie is host-only, for the whole site, secure, out of the reach of scripts and lax', () => {
    expect(cookie.write(token, session(), NOON)).toBe(`${NAME}=${token}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  })

  test('COO-6: it is cleared with the very same attributes', () => {
    const written = cookie.write(token, session(), NOON)
    expect(cookie.clear()).toBe(`${written.replace(token, '')}; Max-Age=0`)
  })

  test('COO-4: a remembered session keeps its cookie for the rest of its life, and not longer than 400 days', () => {
    const lives = fc.integer({ min: 1, max: 1_000 * DAY })
    fc.assert(
      fc.property(lives, (life) => {
        const line = cookie.write(token, session({ expiresAt: NOON + life, attributes: { [REMEMBER]: true } }), NOON)
        const seconds = Number(/; Max-Age=(\d+)$/.exec(line)?.[1])
        expect(Number.isInteger(seconds)).toBe(true)
        expect(seconds).toBe(Math.min(400 * 86_400, Math.floor(life / 1_000)))
      }),
    )
  })

  test('only a true `remember` counts', () => {
    expect(cookie.write(token, session({ attributes: { [REMEMBER]: 'true' } }), NOON)).not.toContain('Max-Age')
  })

  test('COO-5: the whole fits into one cookie with room to spare', () => {
    const longest = new SessionCookie({ name: `__Host-${'n'.repeat(48)}`, sameSite: 'Strict' })
    const line = longest.write(token, session({ attributes: { [REMEMBER]: true } }), NOON)
    expect(line.length).toBeLessThan(256)
  })
})

describe('reading', () => {
  test.each([
    ['alone', `${NAME}=one`, ['one']],
    ['among others, without spaces', `a=1;${NAME}=one;b=2`, ['one']],
    ['among others, with white space', `a=1;\t ${NAME} = one \t; b=2`, ['one']],
    ['with a value that holds the sign', `${NAME}=a=b`, ['a=b']],
    ['empty', `${NAME}=`, ['']],
    ['twice', `${NAME}=one; ${NAME}=two`, ['one', 'two']],
    ['twice the same', `${NAME}=one; x=y; ${NAME}=one`, ['one', 'one']],
  ])('finds the value %s', (_, header, values) => {
    expect(cookie.read(new Headers({ cookie: header }))).toEqual(values)
  })

  test('COO-7: finds every value, over one header or several', () => {
    const headers = new Headers()
    headers.append('cookie', `${NAME}=one`)
    headers.append('cookie', `a=1; ${NAME}=two`)
    expect(cookie.read(headers)).toEqual(['one', 'two'])
  })

  test.each([
    ['percent-encoded', `%5F%5FHost-Http-sid=x`],
    ['percent-encoded in part', `__Host%2DHttp-sid=x`],
    ['in capitals', `__HOST-HTTP-SID=x`],
    ['in another case', `__Host-http-sid=x`],
    ['in capitals, with the name for a value', `__HOST-HTTP-SID=${NAME}`],
    ['after a no-break space', `\u00a0${NAME}=x`],
    ['before a no-break space', `${NAME}\u00a0=x`],
    ['in quotes', `"${NAME}"=x`],
    ['as the value of another', `a=${NAME}; b="${NAME}=x"`],
    ['after a comma', `a=1,${NAME}=x`],
    ['as a part of another name', `x${NAME}=x; ${NAME}2=x; ${NAME}.0=x`],
    ['without a sign', NAME],
    ['with its name in an array', `${NAME}[]=x`],
  ])('COO-7, COO-5: ignores the name %s', (_, header) => {
    expect(cookie.read(new Headers({ cookie: header }))).toEqual([])
    expect(cookie.read(new Headers({ cookie: `${header}; ${NAME}=ours` }))).toEqual(['ours'])
  })

  test('INP-7: never throws, whatever the header is', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(NAME, '=', ';', ' ', '"', ',', '%', '\t', 'x')), (parts) => {
        expect(Array.isArray(cookie.read(new Headers({ cookie: parts.join('') })))).toBe(true)
      }),
    )
  })

  test('a request without cookies has none', () => {
    expect(cookie.read(new Headers())).toEqual([])
  })
})

describe('options', () => {
  test.each<[string, object, string]>([
    ['a domain', { domain: 'example.com' }, 'cookie.domain is no setting'],
    ['a path', { path: '/app' }, 'cookie.path is no setting'],
    ['secure off', { secure: false }, 'cookie.secure is no setting'],
    ['httpOnly off', { httpOnly: false }, 'cookie.httpOnly is no setting'],
    ['no prefix', { name: 'sid' }, "cookie.name is 'sid'"],
    ['the weaker prefix', { name: '__Secure-sid' }, "give '__Host-'"],
    ['the prefix in another case', { name: '__host-sid' }, "give '__Host-'"],
    ['an empty name behind the prefix', { name: '__Host-' }, "give '__Host-'"],
    ['an unknown SameSite', { sameSite: 'lax' }, "cookie.sameSite is 'lax'"],
    ['an empty SameSite', { sameSite: '' }, "give 'Lax', 'Strict' or 'None'"],
  ])('COO-2: refuse %s', (_, options, message) => {
    expect(() => new SessionCookie(options)).toThrow(message)
    expect(() => new SessionCookie(options)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })

  test('COO-11: let nothing into the header that ends a name or a value', () => {
    const signs = fc.constantFrom(';', ',', '=', ' ', '\r', '\n', '\0', '\t', '"', '\\', 'é', '\u2028')
    fc.assert(
      fc.property(fc.string(), signs, fc.string(), (before, sign, after) => {
        expect(() => new SessionCookie({ name: `__Host-${before}${sign}${after}` })).toThrow('cookie.name')
        expect(() => new SessionCookie({ sameSite: `Lax${sign}` as 'Lax' })).toThrow('cookie.sameSite')
      }),
    )
  })

  test.each<CookieOptions['sameSite']>(['Strict', 'None'])(
    'SameSite may be %s, and is secure all the same',
    (sameSite) => {
      const line = new SessionCookie({ sameSite }).write(token, session(), NOON)
      expect(line).toContain(`; Secure; HttpOnly; SameSite=${sameSite}`)
    },
  )

  test('COO-12: on a loopback address over plain http there is no Secure, and the name says so', () => {
    const insecure = new SessionCookie({}, true)
    expect(insecure.write(token, session(), NOON)).toBe(`insecure-sid=${token}; Path=/; HttpOnly; SameSite=Lax`)
    expect(new SessionCookie({ name: '__Host-admin' }, true).name).toBe('insecure-admin')
    expect(() => new SessionCookie({ sameSite: 'None' }, true)).toThrow('cookie.sameSite')
  })
})

function session(given: Parameters<typeof makeRecord>[0] = {}): Session {
  return viewSession(makeRecord(given), true)
}
