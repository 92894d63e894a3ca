import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { COOKIE, IP, openSite, request } from '../../../../test/support/http-site.ts'
import type { Site, SiteOptions } from '../../../../test/support/http-site.ts'
import type { Issued } from '../core/issued.ts'
import { SessionManager } from '../core/manager.ts'
import { cached } from '../stores/cached.ts'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore } from '../testing/index.ts'
import type { RequestSession } from './request-session.ts'

const ADA = { userId: '42', username: 'ada' }
const READ_ONLY = [
  ['cache-control', 'no-store'],
  ['vary', 'Cookie'],
]
const CLEARED = `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`

describe('the token of a request', () => {
  test('HDR-2: is found in the cookie, and reading it sets nothing', async () => {
    const { http, token } = await signedIn()
    for (let read = 0; read < 100; read += 1) {
      const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
      expect(context).toMatchObject({ session: { username: 'ada' }, reason: null, via: 'cookie' })
      expect(context.headers).toEqual(READ_ONLY)
    }
  })

  test('CON-4: that is not there writes nothing and asks nobody', async () => {
    const { http, store } = await signedIn()
    store.calls.length = 0
    const context = await http.read(page())
    expect(context).toMatchObject({ session: null, reason: 'absent', via: null })
    expect(context.headers).toEqual(READ_ONLY)
    expect(store.calls).toEqual([])
  })

  test('COO-8: counts nowhere but in the cookie', async () => {
    const { http, token, session } = await signedIn()
    const elsewhere = [
      request('GET', `/?${COOKIE}=${token}&token=${token}&access_token=${token}`),
      request('GET', `/${token};${COOKIE}=${token}`),
      request('POST', '/', { body: { [COOKIE]: token, token } }),
      request('POST', '/', { body: `${COOKIE}=${token}` }),
      page({ authorization: `Bearer ${token}` }),
      page({ 'x-session': token, 'x-auth-token': token, [COOKIE]: token, 'proxy-authorization': `Bearer ${token}` }),
      page({ cookie: `sid=${token}; session=${token}` }),
      page({ cookie: `${COOKIE}=${session.id}` }),
    ]
    for (const each of elsewhere) expect((await http.read(each)).session).toBe(null)
  })

  test('costs one read of the store and no write', async () => {
    const { http, store, token } = await signedIn()
    store.calls.length = 0
    await http.enter(page({ cookie: `${COOKIE}=${token}` }))
    expect(store.calls.map(({ method }) => method)).toEqual(['get'])
  })

  test('TMO-9: that polls does not keep the session alive', async () => {
    const { http, clock, token } = await signedIn()
    for (let hour = 0; hour < 23; hour += 1) {
      clock.advance('1h')
      const context = await http.read(page({ cookie: `${COOKIE}=${token}` }), { isPassive: true })
      expect(context.session).not.toBe(null)
    }
    clock.advance('1h')
    expect(await http.read(page({ cookie: `${COOKIE}=${token}` }))).toMatchObject({ reason: 'idle' })
  })

  test('for a route on which much depends is validated by the engine, not by a memory in front of it', async () => {
    const inner = new FaultyStore(new MemoryStore())
    const sessions = new SessionManager({ store: cached(inner) })
    const { token } = await sessions.create(ADA)
    const { http } = openSite({ http: { sessions } })
    const readsOf = async (isStrict: boolean): Promise<number> => {
      inner.calls.length = 0
      await http.read(page({ cookie: `${COOKIE}=${token}` }), { isStrict })
      return inner.calls.filter(({ method }) => method === 'get').length
    }
    await readsOf(false)
    await readsOf(false)
    expect([await readsOf(false), await readsOf(true)]).toEqual([0, 1])
    await sessions.close()
  })

  test('NET-3: from another device is told and let through', async () => {
    const { http, token } = await signedIn()
    const moved = await http.read(page({ cookie: `${COOKIE}=${token}` }), { ip: '198.51.100.1' })
    expect(moved).toMatchObject({ isDeviceChanged: true, session: { username: 'ada' } })
  })
})

describe('a cookie that is refused', () => {
  test.each([
    ['rubbish', () => 'rubbish'],
    ['empty', () => ''],
    ['huge', () => 'a'.repeat(4_000)],
    [
      'TOK-3: of a session that never was',
      ({ token }: Issued) => `${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}${token.slice(36)}`,
    ],
    ['with a wrong secret', ({ session }: Issued) => `${session.id}.${'A'.repeat(43)}`],
    ['TOK-5: cut short', ({ token }: Issued) => token.slice(0, -1)],
    ['with something at its end', ({ token }: Issued) => `${token}A`],
    ['in quotes', ({ token }: Issued) => `"${token}"`],
    ['percent-encoded', ({ token }: Issued) => token.replace('.', '%2E')],
  ])('is cleared when it is %s', async (_, value) => {
    const { http, issued, sessions } = await signedIn()
    const before = await sessions.count()
    const context = await http.read(page({ cookie: `${COOKIE}=${value(issued)}` }))
    expect(context).toMatchObject({ session: null, via: 'cookie' })
    expect(context.headers).toEqual([...READ_ONLY, ['set-cookie', CLEARED]])
    expect(await sessions.count()).toBe(before)
  })

  test('is cleared when its session has ended, whatever ended it, with the same answer', async () => {
    const { http, sessions, clock, token, session } = await signedIn()
    const { token: idle } = await sessions.create(ADA)
    const { token: loggedOut } = await sessions.create(ADA)
    await sessions.revoke({ id: session.id })
    await sessions.end(loggedOut)
    clock.advance('25h')
    for (const each of [token, loggedOut, idle]) {
      const context = await http.read(page({ cookie: `${COOKIE}=${each}` }))
      expect(context.headers).toEqual([...READ_ONLY, ['set-cookie', CLEARED]])
    }
  })

  test('stays where its successor may just have reached the same browser: a late answer takes nothing away', async () => {
    const { http, sessions, token, session } = await signedIn()
    const proved = await sessions.reauthenticated(session.id)
    const late = await http.read(page({ cookie: `${COOKIE}=${token}` }))
    expect(late).toMatchObject({ session: null, reason: 'superseded' })
    expect(late.headers).toEqual(READ_ONLY)
    expect(await sessions.validate(proved.ok ? proved.token : '')).toMatchObject({ ok: true })
  })
})

describe('several credentials', () => {
  test('COO-7: two cookies of valid sessions are nobody, cleared by nobody, and told', async () => {
    const { http, sessions, token, signals } = await signedIn()
    const { token: eves } = await sessions.create({ userId: '66', username: 'eve' })
    for (const cookie of [`${COOKIE}=${token}; ${COOKIE}=${eves}`, `${COOKIE}=${token};${COOKIE}=${token}`]) {
      const context = await http.read(page({ cookie }), { ip: IP })
      expect(context).toMatchObject({ session: null, reason: 'ambiguous', via: 'cookie' })
      expect(context.headers).toEqual(READ_ONLY)
    }
    const told = { type: 'ambiguous', method: 'GET', path: '/page', ip: IP }
    expect(signals).toEqual([told, told])
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('COO-7: a valid cookie beside an invalid one of the same name is nobody', async () => {
    const { http, token } = await signedIn()
    const context = await http.read(page({ cookie: `${COOKIE}=${token}; ${COOKIE}=` }))
    expect(context.reason).toBe('ambiguous')
  })

  test('COO-9: a cookie and a bearer token are nobody, even when they are one and the same', async () => {
    const { http, token } = await signedIn({ http: { bearer: true } })
    const context = await http.read(page({ cookie: `${COOKIE}=${token}`, authorization: `Bearer ${token}` }))
    expect(context).toMatchObject({ session: null, reason: 'ambiguous' })
  })

  test('a cookie counts beside credentials that are not ours: another scheme, or bearer where it is off', async () => {
    const { http, token } = await signedIn()
    const on = await signedIn({ http: { bearer: true } })
    const both = [
      await http.read(page({ cookie: `${COOKIE}=${token}`, authorization: 'Bearer of-a-gateway' })),
      await on.http.read(page({ cookie: `${COOKIE}=${on.token}`, authorization: 'Basic c3RhZ2luZzpzZWNyZXQ=' })),
    ]
    for (const context of both) expect(context).toMatchObject({ session: { username: 'ada' }, via: 'cookie' })
  })
})

describe('a bearer token, where it is switched on', () => {
  test('COO-9: counts under exactly that scheme', async () => {
    const { http, token } = await signedIn({ http: { bearer: true } })
    const context = await http.read(page({ authorization: `Bearer ${token}` }))
    expect(context).toMatchObject({ session: { username: 'ada' }, via: 'bearer' })
    expect(context.headers).toEqual([
      ['cache-control', 'no-store'],
      ['vary', 'Cookie, Authorization'],
    ])
  })

  test.each([
    'bearer ',
    'BEARER ',
    'Basic ',
    'DPoP ',
    'Token ',
    'Bearer  ',
    'Bearer',
    'Bearer\t',
    'Bearer "',
    'Xearer ',
    '',
  ])('COO-9: does not count after %j', async (scheme) => {
    const { http, token } = await signedIn({ http: { bearer: true } })
    expect((await http.read(page({ authorization: `${scheme}${token}` }))).session).toBe(null)
  })

  test.each([
    ['twice', (token: string) => `Bearer ${token}, Bearer ${token}`],
    ['with more after it', (token: string) => `Bearer ${token} x`],
    ['with parameters', (token: string) => `Bearer ${token}; realm="x"`],
    ['with a comma', (token: string) => `Bearer ${token},`],
    ['as an id', (token: string) => `Bearer ${token.slice(0, 36)}`],
    ['as user and password', (token: string) => `Basic ${btoa(`:${token}`)}`],
  ])('COO-9, INP-7: does not count %s', async (_, value) => {
    const { http, token } = await signedIn({ http: { bearer: true } })
    expect((await http.read(page({ authorization: value(token) }))).session).toBe(null)
  })

  test('that is refused clears no cookie', async () => {
    const { http } = await signedIn({ http: { bearer: true } })
    const context = await http.read(page({ authorization: 'Bearer rubbish' }))
    expect(context).toMatchObject({ session: null, reason: 'malformed', via: 'bearer' })
    expect(context.headers.map(([name]) => name)).toEqual(['cache-control', 'vary'])
  })
})

describe('renewal', () => {
  const policy = { renewEvery: '1h' }

  test('FIX-5: hands out one new cookie when it is due, and the old one goes on until the new one is presented', async () => {
    const { http, clock, token, session } = await signedIn({ policy })
    clock.advance('1h')
    const contexts = await Promise.all(
      Array.from({ length: 20 }, () => http.read(page({ cookie: `${COOKIE}=${token}` }))),
    )
    const lines = new Set(contexts.map(setCookie))
    expect(lines.size).toBe(1)
    const [line] = lines
    expect(line).toMatch(/^__Host-Http-sid=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    const renewed = line!.slice(0, line!.indexOf(';'))
    expect(renewed).not.toContain(token)
    const next = await http.read(page({ cookie: renewed }))
    expect(next).toMatchObject({ session: { id: session.id } })
    expect(next.headers).toEqual(READ_ONLY)
    expect((await http.read(page({ cookie: `${COOKIE}=${token}` }))).session).not.toBe(null)
    clock.advance('30s')
    expect(await http.read(page({ cookie: `${COOKIE}=${token}` }))).toMatchObject({ reason: 'superseded' })
  })

  test('keeps a remembered cookie remembered, for what is left of its life', async () => {
    const { http, clock, sessions } = await signedIn({ policy })
    const { token } = await sessions.create({ ...ADA, attributes: { 'sojourn:remember': true } })
    clock.advance('2h')
    const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
    expect(setCookie(context)).toContain(`; Max-Age=${30 * 86_400 - 7_200}`)
  })

  test('that cannot be written signs nobody out: the old cookie goes on and it is tried again', async () => {
    const { http, clock, store, token, errors } = await signedIn({ policy })
    clock.advance('1h')
    store.faults = { isRefused: ({ method }) => method === 'update' }
    const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
    expect(context).toMatchObject({ session: { username: 'ada' } })
    expect(context.headers).toEqual(READ_ONLY)
    expect(errors).toHaveLength(1)
    store.faults = {}
    expect(setCookie(await http.read(page({ cookie: `${COOKIE}=${token}` })))).toBeDefined()
  })

  test('of a session that ends in that very moment renews nothing', async () => {
    const { http, clock, store, memory, token, session } = await signedIn({ policy })
    clock.advance('1h')
    store.faults = {
      pause: async ({ method }, when) => {
        if (method !== 'update' || when !== 'before') return
        await memory.revoke({ id: session.id }, { at: clock.now(), actor: 'ops:grace', reason: 'revoked' }, 1)
      },
    }
    const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
    expect(context).toMatchObject({ session: null, reason: 'ended' })
    expect(setCookie(context)).toBe(CLEARED)
  })

  test('is not forced on a bearer token: nobody would notice', async () => {
    const { http, clock, sessions, token } = await signedIn({ policy, http: { bearer: true } })
    clock.advance('2h')
    const context = await http.read(page({ authorization: `Bearer ${token}` }))
    expect(context).toMatchObject({ session: { username: 'ada' } })
    expect(setCookie(context)).toBe(undefined)
    expect(await sessions.events({ type: 'session_renewed' })).toEqual([])
  })
})

test('STO-9: a store that fails is no answer: reading rejects, and nobody is told to drop the cookie', async () => {
  const { http, store, token } = await signedIn()
  store.faults = { isRefused: ({ method }) => method === 'get' }
  await expect(http.read(page({ cookie: `${COOKIE}=${token}` }))).rejects.toMatchObject({ code: 'store_unavailable' })
})

test('LOG-5: what was found is frozen, and printing it shows no secret', async () => {
  const { http, clock, token } = await signedIn({ policy: { renewEvery: '1h' } })
  clock.advance('1h')
  const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
  const secret = setCookie(context)!.split('.')[1]!.slice(0, 43)
  expect(secret).toHaveLength(43)
  expect(Object.isFrozen(context) && Object.isFrozen(context.headers)).toBe(true)
  for (const printed of [inspect(context, { depth: 9, showHidden: true }), JSON.stringify(context)]) {
    expect(printed).not.toContain(secret)
    expect(printed).not.toContain(token)
  }
})

test('what was found goes onto a response once, beside what is there, and never over a later word on the cookie', async () => {
  const { http, clock, token } = await signedIn({ policy: { renewEvery: '1h' } })
  clock.advance('1h')
  const context = await http.read(page({ cookie: `${COOKIE}=${token}` }))
  const headers = new Headers({ vary: 'Accept', 'cache-control': 'public', 'set-cookie': 'theme=dark' })
  context.applyTo(headers)
  context.applyTo(headers)
  expect(headers.get('vary')).toBe('Accept, Cookie')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.getSetCookie()).toEqual(['theme=dark', setCookie(context)])
  const signedOut = new Headers({ 'set-cookie': CLEARED })
  context.applyTo(signedOut)
  expect(signedOut.getSetCookie()).toEqual([CLEARED])
})

async function signedIn(options: SiteOptions = {}): Promise<Site & Issued & { readonly issued: Issued }> {
  const site = openSite(options)
  const issued = await site.sessions.create({ ...ADA, device: { ip: IP } })
  return { ...site, ok: true, session: issued.session, token: issued.token, issued } as Site &
    Issued & { readonly issued: Issued }
}

function page(headers: Readonly<Record<string, string>> = {}): Request {
  return request('GET', '/page', { headers })
}

function setCookie(context: RequestSession): string | undefined {
  return context.headers.find(([name]) => name === 'set-cookie')?.[1]
}
