import { describe, expect, test } from 'vitest'
import {
  Browser,
  COOKIE,
  IP,
  PASSWORD,
  everythingIn,
  openAdas,
  openSite,
  request,
} from '../../../../test/support/http-site.ts'

interface Listed {
  readonly sessions: readonly { readonly id: string; readonly current: boolean; readonly device: object }[]
  readonly next: string | null
}

describe('GET /auth/session', () => {
  test('tells who asks, with the role they have now, and in which session', async () => {
    const { browser } = await openAdas()
    const response = await browser.send('GET', '/auth/session')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      user: { username: 'ada', role: 'user' },
      session: { id: browser.token!.slice(0, 36), current: true, device: { ip: IP, label: 'Firefox' } },
    })
  })

  test('brings the new cookie along when one is due, as every route does', async () => {
    const { clock, browser } = await openAdas({ policy: { renewEvery: '1h' } })
    const old = browser.token
    clock.advance('1h')
    await browser.send('GET', '/auth/session')
    expect(browser.token).not.toBe(old)
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('tells of a user that the application keeps itself what the session knows', async () => {
    const { http, sessions } = await openAdas()
    const { token } = await sessions.create({ userId: '42', username: 'grace' })
    const headers = { cookie: `${COOKIE}=${token}` }
    const response = await http.handle(request('GET', '/auth/session', { headers }))
    expect(await response?.json()).toMatchObject({ user: { id: '42', username: 'grace' } })
  })

  test('VIEW-3: keeps what the application has put into the session to itself', async () => {
    const { http, sessions } = await openAdas()
    const { token } = await sessions.create({ userId: '42', username: 'grace', attributes: { fraudScore: 7 } })
    const headers = { cookie: `${COOKIE}=${token}` }
    const response = await http.handle(request('GET', '/auth/session', { headers }))
    expect(await everythingIn(response!)).not.toContain('fraudScore')
  })
})

describe('GET /auth/sessions', () => {
  test('VIEW-1: lists the own active sessions, newest first, with the current one marked', async () => {
    const { http, clock, sessions, browser } = await openAdas()
    await sessions.create({ userId: '66', username: 'eve' })
    const phone = new Browser({ http }, { ip: '198.51.100.9' })
    clock.advance('1m')
    await phone.signIn()
    const laptop = new Browser({ http })
    await laptop.signIn()
    await laptop.send('POST', '/auth/logout')
    const { sessions: listed, next } = (await (await browser.send('GET', '/auth/sessions')).json()) as Listed
    expect(listed.map(({ id, current }) => [id, current])).toEqual([
      [phone.token!.slice(0, 36), false],
      [browser.token!.slice(0, 36), true],
    ])
    expect(listed[0]?.device).toMatchObject({ ip: '198.51.100.9', label: 'Firefox' })
    expect(next).toBe(null)
  })

  test('VIEW-3: shows of a session exactly what is on this list, and no secret or hash', async () => {
    const { memory, browser } = await openAdas()
    const response = await browser.send('GET', '/auth/sessions')
    const { sessions } = (await response.clone().json()) as Listed
    expect(Object.keys(sessions[0]!).sort()).toEqual([
      'authenticatedAt',
      'createdAt',
      'current',
      'device',
      'endsAt',
      'expiresAt',
      'id',
      'isActive',
      'lastAccessedAt',
      'method',
      'userId',
      'username',
    ])
    const [record] = await memory.list({ filter: {}, sort: 'createdAt', descending: true, limit: 1 })
    const hash = Buffer.from(record!.secretHash)
    const text = await everythingIn(response)
    for (const secret of [browser.token!.split('.')[1]!, hash.toString('hex'), hash.toString('base64url')]) {
      expect(text).not.toContain(secret)
    }
  })

  test('VIEW-3: goes through 230 sessions page by page, each once (V-16)', async () => {
    const { sessions, browser } = await openAdas()
    const { userId } = (await sessions.get(browser.token!.slice(0, 36)))!
    for (let login = 0; login < 229; login += 1) await sessions.create({ userId, username: 'ada' })
    const ids: string[] = []
    let query = '?limit=100'
    for (;;) {
      const page = (await (await browser.send('GET', `/auth/sessions${query}`)).json()) as Listed
      ids.push(...page.sessions.map(({ id }) => id))
      if (page.next === null) break
      query = `?limit=100&cursor=${page.next}`
    }
    expect([ids.length, new Set(ids).size]).toEqual([230, 230])
  })

  test('REV-9: shows a cursor of somebody else nothing but the own sessions', async () => {
    const { http, auth, sessions, browser } = await openAdas()
    await auth.registerUser('eve', PASSWORD)
    const eve = new Browser({ http })
    await eve.signIn('eve')
    await sessions.create({ userId: (await auth.getUser('eve'))!.id, username: 'eve' })
    const { next } = (await (await eve.send('GET', '/auth/sessions?limit=1')).json()) as Listed
    const page = (await (await browser.send('GET', `/auth/sessions?cursor=${next}`)).json()) as Listed
    for (const { id } of page.sessions) expect(id).toBe(browser.token!.slice(0, 36))
  })

  test.each([
    'limit=0',
    'limit=501',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'limit=1&limit=2',
    'cursor=rubbish',
    "cursor='%20OR%201=1",
    'userId=66',
    'active=false',
    '__proto__=1',
  ])('INP-4, INP-5: with the query %s is refused', async (query) => {
    const { browser } = await openAdas()
    const response = await browser.send('GET', `/auth/sessions?${query}`)
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'invalid_request' }),
    ])
  })
})

describe('DELETE /auth/sessions/{id}', () => {
  test('ends the session on the phone that was lost, and no other', async () => {
    const { http, sessions, browser } = await openAdas()
    const [phone, laptop] = [new Browser({ http }), new Browser({ http })]
    await phone.signIn()
    await laptop.signIn()
    const id = phone.token!.slice(0, 36)
    expect((await browser.send('DELETE', `/auth/sessions/${id}`)).status).toBe(204)
    expect([await phone.isSignedIn(), await laptop.isSignedIn(), await browser.isSignedIn()]).toEqual([
      false,
      true,
      true,
    ])
    expect(await sessions.get(id)).toMatchObject({ endReason: 'revoked', endedBy: 'user' })
  })

  test('REV-9: of another user is not there, and neither is one that never was; nothing tells them apart (V-38)', async () => {
    const { sessions, browser } = await openAdas()
    const { session: eves, token } = await sessions.create({ userId: '66', username: 'eve' })
    const ids = [eves.id, '00000000-0000-7000-8000-000000000000', 'rubbish', '%2e%2e', token]
    const answers = new Set<string>()
    for (const id of ids) {
      const response = await browser.send('DELETE', `/auth/sessions/${id}`)
      answers.add(`${response.status} ${await everythingIn(response)}`)
    }
    expect(answers.size).toBe(1)
    expect([...answers][0]).toContain('404')
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('VIEW-2, STEP-2: needs a recent proof, of which ids exist it tells nothing before', async () => {
    const { http, sessions, clock, browser } = await openAdas()
    const phone = new Browser({ http })
    await phone.signIn()
    const { session: eves } = await sessions.create({ userId: '66', username: 'eve' })
    clock.set(clock.now() + 600_001)
    for (const id of [phone.token!.slice(0, 36), eves.id, 'rubbish']) {
      const response = await browser.send('DELETE', `/auth/sessions/${id}`)
      expect(await response.json()).toMatchObject({ status: 403, code: 'reauth_required', maxAge: 600 })
    }
    expect(await phone.isSignedIn()).toBe(true)
    await browser.send('POST', '/auth/reauthenticate', { body: { password: PASSWORD } })
    expect((await browser.send('DELETE', `/auth/sessions/${phone.token!.slice(0, 36)}`)).status).toBe(204)
    expect(await phone.isSignedIn()).toBe(false)
  })

  test('of the session that asks signs out, and for that no proof is needed', async () => {
    const { sessions, clock, browser } = await openAdas()
    clock.advance('1h')
    const id = browser.token!.slice(0, 36)
    const response = await browser.send('DELETE', `/auth/sessions/${id}`)
    expect([response.status, browser.token]).toEqual([204, undefined])
    expect(response.headers.get('clear-site-data')).toBe('"cookies", "storage"')
    expect(await sessions.get(id)).toMatchObject({ endReason: 'logout', endedBy: 'user' })
  })

  test('may be repeated', async () => {
    const { http, browser } = await openAdas()
    const phone = new Browser({ http })
    await phone.signIn()
    const path = `/auth/sessions/${phone.token!.slice(0, 36)}`
    await browser.send('DELETE', path)
    expect((await browser.send('DELETE', path)).status).toBe(204)
  })
})

describe('DELETE /auth/sessions', () => {
  test('REV-4: ends all the others and says how many', async () => {
    const { http, sessions, browser } = await openAdas()
    const others = [new Browser({ http }), new Browser({ http })]
    for (const other of others) await other.signIn()
    const { token: eves } = await sessions.create({ userId: '66', username: 'eve' })
    const response = await browser.send('DELETE', '/auth/sessions')
    expect([response.status, await response.json()]).toEqual([200, { ended: 2 }])
    for (const other of others) expect(await other.isSignedIn()).toBe(false)
    expect(await browser.isSignedIn()).toBe(true)
    expect(await sessions.validate(eves)).toMatchObject({ ok: true })
  })

  test('VIEW-2, TMO-7: needs a recent proof, and use is none', async () => {
    const { http, clock, browser } = await openAdas()
    const other = new Browser({ http })
    await other.signIn()
    for (let minute = 0; minute < 11; minute += 1) {
      clock.advance('1m')
      await browser.send('GET', '/auth/session')
    }
    expect((await browser.send('DELETE', '/auth/sessions')).status).toBe(403)
    expect(await other.isSignedIn()).toBe(true)
  })

  test('asks for the proof within the span that the host has chosen', async () => {
    const { clock, browser } = await openAdas({ http: { recent: '1h' } })
    clock.advance('1h')
    expect((await browser.send('DELETE', '/auth/sessions')).status).toBe(200)
    clock.advance('1s')
    expect(await (await browser.send('DELETE', '/auth/sessions')).json()).toMatchObject({ maxAge: 3_600 })
  })
})

describe('/auth/verify', () => {
  test('tells a proxy who it is', async () => {
    const { auth, browser } = await openAdas()
    const { id } = (await auth.getUser('ada'))!
    const response = await browser.send('GET', '/auth/verify')
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-sojourn-user-id': id,
      'x-sojourn-username': 'ada',
      'x-sojourn-session-id': browser.token!.slice(0, 36),
      'x-sojourn-role': 'user',
      'cache-control': 'no-store',
    })
  })

  test('answers the question whatever the method and wherever the request behind it comes from', async () => {
    const { browser, signals } = await openAdas()
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'x-forwarded-method': 'POST' }
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      for (const path of ['', '/', '/orders', '/auth/logout', '//evil.example/', '/%2e%2e%2flogout', '/a/../b']) {
        const response = await browser.send(method, `/auth/verify${path}?next=/x`, { headers })
        expect([method, path, response.status]).toEqual([method, path, 200])
      }
    }
    const head = await browser.send('HEAD', '/auth/verify')
    expect([head.status, head.headers.get('x-sojourn-username'), signals]).toEqual([200, 'ada', []])
  })

  test('CSR-3: nothing but the question itself is spared the check of where a write comes from', async () => {
    const { browser } = await openAdas()
    const headers = { 'sec-fetch-site': 'cross-site', 'content-type': 'application/json' }
    const paths = {
      '/auth/verify/../logout': 403,
      '/auth/verify/%2e%2e/logout': 403,
      '/auth/verify/./../sessions/../logout': 403,
      '/auth/verify%2f..%2flogout': 404,
      '/auth/verifylogout': 404,
      '/auth/Verify': 404,
      '/auth//verify': 404,
      '/auth/verify;/logout': 404,
      '/auth/logout/verify': 404,
      '/auth/sessions/verify': 405,
      '/auth/verify/logout': 200,
      '/auth/verify/../verify': 200,
    }
    for (const [path, status] of Object.entries(paths)) {
      const response = await browser.send('POST', path, { body: '{}', headers })
      expect([path, response.status]).toEqual([path, status])
    }
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('answers a question that cannot be read with 401: it is certainly nobody’s', async () => {
    const { http, browser } = await openAdas()
    const cookie = `${COOKIE}=${browser.token}; padding=${'x'.repeat(8_192)}`
    expect((await http.handle(request('GET', '/auth/verify', { headers: { cookie } })))?.status).toBe(401)
    const site = { baseUrl: 'http://localhost:3000', development: { insecureLoopback: true } }
    const development = openSite({ http: site })
    const response = await development.http.handle(request('GET', '/auth/verify'))
    expect([response?.status, development.signals]).toEqual([401, [expect.objectContaining({ type: 'insecure_host' })]])
  })

  test('hands the new cookie over when one is due, and takes away one that is worthless', async () => {
    const { clock, browser } = await openAdas({ policy: { renewEvery: '1h' } })
    const old = browser.token
    clock.advance('1h')
    await browser.send('GET', '/auth/verify')
    expect(browser.token).not.toBe(old)
    clock.advance('25h')
    expect((await browser.send('GET', '/auth/verify')).status).toBe(401)
    expect(browser.token).toBe(undefined)
  })

  test('INP-7: says no more than no to everybody else (V-26)', async () => {
    const { http } = await openAdas()
    for (const cookie of ['', `${COOKIE}=`, `${COOKIE}=rubbish`, `${COOKIE}=a; ${COOKIE}=b`, ';;;=', '"']) {
      const response = await http.handle(request('GET', '/auth/verify', { headers: { cookie } }))
      expect(response?.status).toBe(401)
      expect([...response!.headers.keys()].filter((name) => name.startsWith('x-sojourn'))).toEqual([])
    }
  })

  test('STO-9: says that it cannot tell when it cannot, and names nobody', async () => {
    const { memory, store, browser } = await openAdas()
    store.faults = { isRefused: () => true }
    const response = await browser.send('GET', '/auth/verify')
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
    const later = await browser.send('POST', '/auth/verify/orders')
    expect(later.status).toBe(503)
    store.faults = {}
    const byUsername = memory.users.byUsername
    memory.users.byUsername = async () => {
      throw new Error('the users are gone')
    }
    const half = await browser.send('GET', '/auth/verify')
    memory.users.byUsername = byUsername
    expect(half.status).toBe(503)
    for (const each of [response, later, half]) expect(each.headers.has('x-sojourn-user-id')).toBe(false)
  })

  test('names what is not plain ASCII so that it breaks no header', async () => {
    const { http, sessions } = await openAdas()
    const userId = 'acme\r\nx-sojourn-role: operator/100%'
    const { token } = await sessions.create({ userId, username: 'ada löve 😀' })
    const headers = { cookie: `${COOKIE}=${token}` }
    const response = (await http.handle(request('GET', '/auth/verify', { headers })))!
    expect(response.headers.get('x-sojourn-user-id')).toBe('acme%0D%0Ax-sojourn-role:%20operator/100%25')
    expect(decodeURIComponent(response.headers.get('x-sojourn-username')!)).toBe('ada löve 😀')
    expect(response.headers.get('x-sojourn-role')).toBe('user')
  })

  test('gives nobody the role of a namesake', async () => {
    const { http, sessions, memory, auth } = await openAdas()
    await auth.setRole('ada', 'operator')
    const { token } = await sessions.create({ userId: '42', username: 'grace' })
    memory.users.byUsername = async () => memory.users.byId((await auth.listUsers().next()).value!.id)
    const headers = { cookie: `${COOKIE}=${token}` }
    const response = (await http.handle(request('GET', '/auth/verify', { headers })))!
    expect([response.status, response.headers.has('x-sojourn-role')]).toEqual([200, false])
  })
})
