import { describe, expect, test } from 'vitest'
import {
  Browser,
  COOKIE,
  IP,
  OTHER,
  PASSWORD,
  SITE,
  everythingIn,
  openAdas,
  openSite,
  request,
} from '../../../../test/support/http-site.ts'
import type { Site } from '../../../../test/support/http-site.ts'

const CREDENTIALS = { username: 'ada', password: PASSWORD }

describe('POST /auth/register', () => {
  test('adds a user and signs nobody in', async () => {
    const site = openSite()
    const browser = new Browser(site)
    const response = await browser.send('POST', '/auth/register', { body: { username: 'Ada', password: PASSWORD } })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ user: { id: expect.any(String), username: 'ada', role: 'user' } })
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await site.sessions.count()).toBe(0)
    expect((await browser.signIn()).status).toBe(200)
  })

  test.each([
    ['taken', { username: 'ADA', password: OTHER }, 409, 'username_taken'],
    ['not to be seen', { username: 'a\u202eb', password: OTHER }, 400, 'username_invalid'],
    ['empty', { username: ' ', password: OTHER }, 400, 'username_invalid'],
  ])('refuses a username that is %s', async (_, body, status, code) => {
    const { browser } = await openAdas()
    const response = await browser.send('POST', '/auth/register', { body })
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code })])
  })

  test.each([
    ['of 14 characters', 'unusual phrase', 'password_too_short'],
    ['of 1,025 bytes', 'ab'.repeat(512) + 'c', 'password_too_long'],
    ['that is tried first', 'passwordpassword', 'password_common'],
    ['that is the username', 'graceeeeee@grace', 'password_username'],
  ])('PWD-4: refuses a password %s with the reason, and does not repeat it', async (_, password, code) => {
    const { browser } = await openAdas()
    const response = await browser.send('POST', '/auth/register', { body: { username: 'graceeeeee@grace', password } })
    expect(response.status).toBe(400)
    const text = await everythingIn(response)
    expect(text).not.toContain(password)
    expect(JSON.parse(await response.text())).toMatchObject({ code, detail: expect.stringContaining('password') })
  })

  test.each(['role', 'id', 'userId', 'isDisabled', 'createdAt', 'epoch'])(
    'INP-3, ADM-6: makes nobody anything that the body says of %s',
    async (name) => {
      const site = openSite()
      const body = { username: 'ada', password: PASSWORD, [name]: 'operator' }
      const response = await new Browser(site).send('POST', '/auth/register', { body })
      expect(response.status).toBe(400)
      expect(await site.auth.getUser('ada')).toBe(null)
    },
  )

  test('can be switched off', async () => {
    const site = openSite({ http: { registration: false } })
    const response = await new Browser(site).send('POST', '/auth/register', { body: CREDENTIALS })
    expect(response.status).toBe(404)
    expect(await site.auth.getUser('ada')).toBe(null)
  })
})

describe('POST /auth/login', () => {
  test('TOK-8: hands the token over in the cookie and nowhere else', async () => {
    const { site, browser } = await withAda()
    const response = await browser.signIn()
    expect(response.headers.getSetCookie()).toEqual([
      `${COOKIE}=${browser.token}; Path=/; Secure; HttpOnly; SameSite=Lax`,
    ])
    expect(await site.sessions.validate(browser.token)).toMatchObject({
      ok: true,
      session: { username: 'ada', method: 'password', device: { ip: IP, label: 'Firefox' } },
    })
    response.headers.delete('set-cookie')
    expect(await everythingIn(response)).not.toContain(browser.token!.split('.')[1])
  })

  test('tells who signed in and in which session, with instants in ISO 8601 and no secret', async () => {
    const { browser } = await withAda()
    const response = await browser.signIn()
    expect(await response.json()).toEqual({
      user: { id: expect.any(String), username: 'ada', role: 'user' },
      session: {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        userId: expect.any(String),
        username: 'ada',
        createdAt: '2026-01-01T00:00:00.000Z',
        authenticatedAt: '2026-01-01T00:00:00.000Z',
        lastAccessedAt: '2026-01-01T00:00:00.000Z',
        expiresAt: '2026-01-31T00:00:00.000Z',
        endsAt: '2026-01-02T00:00:00.000Z',
        isActive: true,
        method: 'password',
        device: { ip: IP, userAgent: 'Firefox/140.0', label: 'Firefox' },
        current: true,
      },
    })
  })

  test('COO-4: keeps the cookie when the browser closes only for who asks for it', async () => {
    const { browser } = await withAda()
    const [line] = (await browser.signIn('ada', { remember: true })).headers.getSetCookie()
    expect(line).toMatch(/; SameSite=Lax; Max-Age=2592000$/)
    const [plain] = (await browser.signIn('ada', { remember: false })).headers.getSetCookie()
    expect(plain).not.toContain('Max-Age')
  })

  test('FIX-1: issues a new token and ends the session that was presented, whoever it was (V-01)', async () => {
    const { site, browser } = await withAda()
    await site.auth.registerUser('eve', PASSWORD)
    await browser.signIn('eve')
    const eves = browser.token!
    await browser.signIn('ada')
    const first = browser.token!
    await browser.signIn('ada')
    expect(new Set([eves, first, browser.token]).size).toBe(3)
    for (const old of [eves, first]) expect(await site.sessions.validate(old)).toMatchObject({ ok: false })
    expect(await browser.isSignedIn()).toBe(true)
    expect(await site.sessions.count({ active: true })).toBe(1)
  })

  test('FIX-1, TOK-3: never adopts a token that somebody has planted', async () => {
    const { site, browser } = await withAda()
    const planted = `${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}.${'A'.repeat(43)}`
    browser.cookies.set(COOKIE, planted)
    await browser.signIn()
    expect(browser.token).not.toBe(planted)
    expect(await site.sessions.validate(planted)).toMatchObject({ ok: false })
    expect(await site.sessions.get(planted.slice(0, 36))).toBe(null)
  })

  test('ends both sessions where two cookies were presented, and a later one alone is of the login', async () => {
    const { site, browser } = await withAda()
    const { token: one } = await site.sessions.create({ userId: '66', username: 'eve' })
    const { token: two } = await site.sessions.create({ userId: '66', username: 'eve' })
    const cookie = `${COOKIE}=${one}; ${COOKIE}=${two}`
    await browser.send('POST', '/auth/login', { body: CREDENTIALS, headers: { cookie } })
    for (const each of [one, two]) expect(await site.sessions.validate(each)).toMatchObject({ ok: false })
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('that fails leaves the session that was presented alone, and its cookie too', async () => {
    const { browser } = await openAdas()
    const response = await browser.send('POST', '/auth/login', { body: { ...CREDENTIALS, password: 'wrong' } })
    expect(response.status).toBe(401)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('ENU-1: answers the same for unknown, wrong, disabled and impossible users, to the byte', async () => {
    const { site, browser } = await withAda()
    await site.auth.registerUser('eve', PASSWORD)
    await site.auth.disableUser('eve')
    const attempts = [
      { username: 'ada', password: 'wrong' },
      { username: 'nobody', password: PASSWORD },
      { username: 'eve', password: PASSWORD },
      { username: '', password: PASSWORD },
      { username: 'a\u202eb', password: '' },
      { username: 'ada', password: 'a'.repeat(2_000) },
    ]
    const answers = new Set<string>()
    for (const body of attempts) {
      const response = await browser.send('POST', '/auth/login', { body })
      answers.add(`${response.status} ${await everythingIn(response)}`)
    }
    expect(answers.size).toBe(1)
    expect([...answers][0]).toContain('invalid_credentials')
  })

  test('THR-9, THR-12: says how long to wait when too much was tried, to known and unknown users alike', async () => {
    const { browser } = await withAda()
    const answers = new Set<string>()
    for (const username of ['ada', 'nobody']) {
      for (let guess = 0; guess < 6; guess += 1) {
        await browser.send('POST', '/auth/login', { body: { username, password: 'wrong' } })
      }
      const response = await browser.send('POST', '/auth/login', { body: { username, password: PASSWORD } })
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2'])
      answers.add(await everythingIn(response))
    }
    expect(answers.size).toBe(1)
  })

  test('beyond a cap that denies is refused with the reason', async () => {
    const site = openSite({ policy: { maxSessionsPerUser: 1, onExceed: 'deny' } })
    await site.auth.registerUser('ada', PASSWORD)
    await new Browser(site).signIn()
    const response = await new Browser(site).send('POST', '/auth/login', { body: CREDENTIALS })
    expect([response.status, await response.json()]).toEqual([409, expect.objectContaining({ code: 'session_limit' })])
  })

  test('INP-3: knows nothing of what the body says beyond its fields', async () => {
    const { site, browser } = await withAda()
    for (const name of ['userId', 'role', 'createdAt', 'expiresAt', 'attributes', 'method', 'token', 'epoch']) {
      const response = await browser.send('POST', '/auth/login', { body: { ...CREDENTIALS, [name]: 'x' } })
      expect(response.status).toBe(400)
    }
    expect(await site.sessions.count()).toBe(0)
  })

  test.each([
    ['a list', ['ada']],
    ['an object', { username: 'ada' }],
    ['a number', 1],
    ['true', true],
    ['null', null],
  ])('PWD-10: takes %s for neither name nor password (V-56)', async (_, value) => {
    const { browser } = await withAda()
    for (const body of [
      { ...CREDENTIALS, username: value },
      { ...CREDENTIALS, password: value },
    ]) {
      const response = await browser.send('POST', '/auth/login', { body })
      expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ code: 'invalid_body' })])
    }
  })

  test('that cannot be written down hands out nothing', async () => {
    const { site, browser } = await withAda()
    site.store.faults = { isRefused: ({ method }) => method === 'insert' }
    const response = await browser.send('POST', '/auth/login', { body: CREDENTIALS })
    expect(response.status).toBe(503)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await site.sessions.count()).toBe(0)
  })
})

describe('POST /auth/login for programs', () => {
  const http = { bearer: true }

  test('TOK-8: hands the token over in the body, once, and sets no cookie', async () => {
    const { site, browser } = await withAda({ http })
    const response = await browser.signIn('ada', { mode: 'token' })
    const { token, session } = (await response.json()) as { token: string; session: { id: string } }
    expect(response.headers.getSetCookie()).toEqual([])
    const authorization = `Bearer ${token}`
    const again = await site.http.handle(request('GET', '/auth/session', { headers: { authorization } }))
    expect(again?.status).toBe(200)
    expect(await everythingIn(again!)).not.toContain(token.split('.')[1])
    expect(await again?.json()).toMatchObject({ session: { id: session.id, current: true } })
  })

  test('FIX-1: ends what was presented, in the cookie or as a bearer token', async () => {
    const { site, browser } = await withAda({ http })
    await browser.signIn()
    const cookie = browser.token!
    const response = await browser.signIn('ada', { mode: 'token' })
    expect(response.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')])
    const { token } = (await response.json()) as { token: string }
    await browser.send('POST', '/auth/login', {
      body: { ...CREDENTIALS, mode: 'token' },
      headers: { authorization: `Bearer ${token}` },
    })
    for (const old of [cookie, token]) expect(await site.sessions.validate(old)).toMatchObject({ ok: false })
  })

  test('is refused where tokens are off, before the password is looked at', async () => {
    const { site, browser } = await withAda()
    const response = await browser.send('POST', '/auth/login', { body: { ...CREDENTIALS, mode: 'token' } })
    expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ code: 'token_mode_off' })])
    expect(await site.sessions.count()).toBe(0)
  })
})

describe('POST /auth/logout', () => {
  test('REV-1, REV-3: ends the session before it answers, and clears the client', async () => {
    const { sessions, browser } = await openAdas()
    const token = browser.token!
    const response = await browser.send('POST', '/auth/logout')
    expect(response.status).toBe(204)
    expect(response.headers.getSetCookie()).toEqual([`${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`])
    expect(response.headers.get('clear-site-data')).toBe('"cookies", "storage"')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'logout' })
    browser.cookies.set(COOKIE, token)
    for (const path of ['/auth/session', '/auth/sessions', '/auth/verify']) {
      expect((await browser.send('GET', path)).status).toBe(401)
    }
  })

  test('REV-2: may be repeated, with the old cookie and without any', async () => {
    const { sessions, browser } = await openAdas()
    const token = browser.token!
    await browser.send('POST', '/auth/logout')
    expect((await browser.send('POST', '/auth/logout')).headers.getSetCookie()).toEqual([])
    browser.cookies.set(COOKIE, token)
    const before = await sessions.events({ limit: 100 })
    const again = await browser.send('POST', '/auth/logout')
    expect([again.status, browser.token]).toEqual([204, undefined])
    expect(await sessions.events({ limit: 100 })).toEqual(before)
  })

  test('ends every session that was presented: a planted cookie is not what is left (V-32)', async () => {
    const { sessions, browser } = await openAdas()
    const { token: planted } = await sessions.create({ userId: '66', username: 'eve' })
    const cookie = `${COOKIE}=${browser.token}; ${COOKIE}=${planted}`
    expect((await browser.send('POST', '/auth/logout', { headers: { cookie } })).status).toBe(204)
    expect(await sessions.count({ active: true })).toBe(0)
  })

  test('of a program ends its session and clears nothing in any browser', async () => {
    const { sessions, http } = await openAdas({ http: { bearer: true } })
    const { token } = await sessions.create({ userId: '42', username: 'robot' })
    const headers = { authorization: `Bearer ${token}` }
    const response = await http.handle(request('POST', '/auth/logout', { headers }))
    expect(response?.status).toBe(204)
    expect(response?.headers.getSetCookie()).toEqual([])
    expect(response?.headers.has('clear-site-data')).toBe(false)
    expect(await sessions.validate(token)).toMatchObject({ ok: false })
  })

  test('REV-12: that could not be written is not told as done: 503, and the cookie stays', async () => {
    const { sessions, store, browser, errors } = await openAdas()
    store.faults = { isRefused: ({ method }) => method === 'revoke' }
    const response = await browser.send('POST', '/auth/logout')
    expect(response.status).toBe(503)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(response.headers.has('clear-site-data')).toBe(false)
    expect(errors).toHaveLength(1)
    store.faults = {}
    expect(await sessions.validate(browser.token)).toMatchObject({ ok: true })
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('REV-2, CSR-5: by %s ends nothing', async (method) => {
    const { browser } = await openAdas()
    const response = await browser.send(method, '/auth/logout')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await browser.isSignedIn()).toBe(true)
  })
})

test('CON-4: anonymous and invalid traffic leaves no record, however much of it there is', async () => {
  const { sessions, http } = await openAdas()
  const before = await sessions.count()
  const history = await sessions.events({ limit: 100 })
  for (let round = 0; round < 200; round += 1) {
    const cookie = `${COOKIE}=${round.toString(16).padStart(8, '0')}-0000-7000-8000-${'0'.repeat(12)}.${'A'.repeat(43)}`
    const own = { 'sec-fetch-site': 'same-origin' }
    await http.handle(request('GET', '/auth/session'))
    await http.handle(request('GET', '/auth/session', { headers: { cookie } }))
    await http.handle(request('POST', '/auth/logout', { headers: { cookie, ...own } }))
    await http.handle(request('POST', '/auth/logout', { headers: own }))
  }
  expect(await sessions.count()).toBe(before)
  expect(await sessions.events({ limit: 100 })).toEqual(history)
})

test('REV-7: a login in flight when the user is disabled yields nothing that can be used', async () => {
  const { site, browser } = await withAda()
  site.store.faults = {
    pause: async ({ method }, when) => {
      if (method === 'insert' && when === 'before') await site.auth.disableUser('ada')
    },
  }
  const response = await browser.send('POST', '/auth/login', { body: CREDENTIALS })
  expect(response.status).toBe(401)
  expect(response.headers.getSetCookie()).toEqual([])
  expect(await site.sessions.count({ active: true })).toBe(0)
})

async function withAda(options: Parameters<typeof openSite>[0] = {}): Promise<{ site: Site; browser: Browser }> {
  const site = openSite(options)
  await site.auth.registerUser('ada', PASSWORD)
  return { site, browser: new Browser(site) }
}

test('CSR-4: a form of another site signs nobody in, cookie or not (V-61)', async () => {
  const { site } = await withAda()
  const body = JSON.stringify(CREDENTIALS)
  const forged = [
    { 'content-type': 'application/json', 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' },
    { 'content-type': 'application/json', origin: 'https://evil.example' },
    { 'content-type': 'application/json', origin: 'null' },
    { 'content-type': 'application/json', 'sec-fetch-site': 'same-site' },
    { 'content-type': 'application/json' },
  ]
  for (const headers of forged) {
    const response = await site.http.handle(request('POST', '/auth/login', { body, headers }))
    expect(response?.status).toBe(403)
  }
  expect(await site.sessions.count()).toBe(0)
  const honest = { 'content-type': 'application/json', origin: SITE }
  expect((await site.http.handle(request('POST', '/auth/login', { body, headers: honest })))?.status).toBe(200)
})
