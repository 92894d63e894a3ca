import { describe, expect, test } from 'vitest'
import {
  Browser,
  COOKIE,
  IP,
  OTHER,
  PASSWORD,
  everythingIn,
  openAdas,
  request,
} from '../../../../test/support/http-site.ts'

describe('POST /auth/reauthenticate', () => {
  const right = { body: { password: PASSWORD } }

  test('FIX-2: moves the proof to now under a new token for the same session; the old one is dead at once', async () => {
    const { clock, sessions, browser } = await openAdas()
    const old = browser.token!
    clock.advance('1h')
    const response = await browser.send('POST', '/auth/reauthenticate', right)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      session: { id: old.slice(0, 36), authenticatedAt: '2026-01-01T01:00:00.000Z', current: true },
    })
    expect(browser.token).not.toBe(old)
    expect(await sessions.validate(old)).toEqual({ ok: false, reason: 'superseded' })
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('costs the requests that were under way a 401, and neither the session nor the new cookie', async () => {
    const { http, browser } = await openAdas()
    const cookie = `${COOKIE}=${browser.token}`
    await browser.send('POST', '/auth/reauthenticate', right)
    for (let late = 0; late < 5; late += 1) {
      const response = await http.handle(request('GET', '/auth/session', { headers: { cookie } }))
      expect(response?.status).toBe(401)
      expect(response?.headers.getSetCookie()).toEqual([])
    }
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('sets one cookie, though a renewal was due in the same moment', async () => {
    const { clock, browser } = await openAdas({ policy: { renewEvery: '1h' } })
    clock.advance('2h')
    const response = await browser.send('POST', '/auth/reauthenticate', right)
    expect(response.headers.getSetCookie()).toHaveLength(1)
    expect(await browser.isSignedIn()).toBe(true)
  })

  test('keeps a remembered cookie remembered, for the lifetime that begins anew', async () => {
    const { clock, browser } = await openAdas()
    await browser.signIn('ada', { remember: true })
    clock.advance('5h')
    const response = await browser.send('POST', '/auth/reauthenticate', right)
    expect(response.headers.getSetCookie()[0]).toContain('; Max-Age=2592000')
  })

  test('with a wrong password is a 403, since nobody was signed out, and changes nothing', async () => {
    const { clock, sessions, browser } = await openAdas()
    const token = browser.token
    clock.advance('1h')
    const response = await browser.send('POST', '/auth/reauthenticate', { body: { password: 'wrong' } })
    expect([response.status, await response.json()]).toEqual([403, expect.objectContaining({ code: 'wrong_password' })])
    expect(browser.token).toBe(token)
    const check = await sessions.validate(token)
    expect(check).toMatchObject({ session: { authenticatedAt: new Date('2026-01-01T00:00:00Z') } })
  })

  test('STEP-5, THR-7: shares the throttle with logins: guesses here lock the door there', async () => {
    const { browser } = await openAdas()
    const guess = { body: { password: 'wrong' } }
    for (let tries = 0; tries < 6; tries += 1) await browser.send('POST', '/auth/reauthenticate', guess)
    expect((await browser.send('POST', '/auth/reauthenticate', right)).status).toBe(429)
    const login = await browser.send('POST', '/auth/login', { body: { username: 'ada', password: PASSWORD } })
    expect([login.status, login.headers.get('retry-after')]).toEqual([429, '2'])
  })

  test('is for those who are signed in', async () => {
    const { http } = await openAdas()
    expect((await new Browser({ http }).send('POST', '/auth/reauthenticate', right)).status).toBe(401)
  })

  test('hands a program its new token in the body', async () => {
    const { http, sessions, auth } = await openAdas({ http: { bearer: true } })
    const login = await auth.loginUser('ada', PASSWORD, { ip: IP })
    const headers = { authorization: `Bearer ${login.ok ? login.token : ''}` }
    const response = await http.handle(request('POST', '/auth/reauthenticate', { ...right, headers }))
    const { token } = (await response!.json()) as { token: string }
    expect(response?.headers.getSetCookie()).toEqual([])
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('of a session that ends in that very moment signs out', async () => {
    const { memory, store, clock, browser } = await openAdas()
    const id = browser.token!.slice(0, 36)
    store.faults = {
      pause: async ({ method }, when) => {
        if (method !== 'update' || when !== 'before') return
        await memory.revoke({ ids: [id as never] }, { at: clock.now(), actor: 'ops:grace', reason: 'revoked' }, 1)
      },
    }
    const response = await browser.send('POST', '/auth/reauthenticate', right)
    expect([response.status, browser.token]).toEqual([401, undefined])
  })
})

describe('POST /auth/password', () => {
  const change = { body: { currentPassword: PASSWORD, newPassword: OTHER } }

  test('REV-5, FIX-2: ends every other session, and this one goes on under a new token', async () => {
    const { http, sessions, browser } = await openAdas({ http: { bearer: true } })
    const other = new Browser({ http })
    await other.signIn()
    const login = await new Browser({ http }).signIn('ada', { mode: 'token' })
    const { token: program } = (await login.json()) as { token: string }
    const old = browser.token!
    const response = await browser.send('POST', '/auth/password', change)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ ended: 2, session: { id: old.slice(0, 36), current: true } })
    expect(await browser.isSignedIn()).toBe(true)
    expect(await other.isSignedIn()).toBe(false)
    for (const dead of [old, program]) expect(await sessions.validate(dead)).toMatchObject({ ok: false })
  })

  test('is known at the next login, and the old password no more', async () => {
    const { browser } = await openAdas()
    await browser.send('POST', '/auth/password', change)
    const login = (password: string) => browser.send('POST', '/auth/login', { body: { username: 'ada', password } })
    expect([(await login(PASSWORD)).status, (await login(OTHER)).status]).toEqual([401, 200])
  })

  test('STEP-1: needs the present password, however fresh the session is', async () => {
    const { browser } = await openAdas()
    const body = { currentPassword: 'wrong', newPassword: OTHER }
    const response = await browser.send('POST', '/auth/password', { body })
    expect([response.status, await response.json()]).toEqual([403, expect.objectContaining({ code: 'wrong_password' })])
    expect((await browser.send('POST', '/auth/password', { body: { newPassword: OTHER } })).status).toBe(400)
    expect((await browser.signIn()).status).toBe(200)
  })

  test('TMO-5: with the right password counts as a proof', async () => {
    const { clock, browser } = await openAdas()
    clock.advance('1h')
    await browser.send('POST', '/auth/password', change)
    expect((await browser.send('DELETE', '/auth/sessions')).status).toBe(200)
  })

  test('to one that nobody may have is refused with the reason, and nothing changes', async () => {
    const { browser } = await openAdas()
    const token = browser.token
    const body = { currentPassword: PASSWORD, newPassword: 'short' }
    const response = await browser.send('POST', '/auth/password', { body })
    expect(await response.json()).toMatchObject({ status: 400, code: 'password_too_short' })
    expect(browser.token).toBe(token)
    expect((await browser.signIn()).status).toBe(200)
  })

  test('THR-7: shares the throttle with logins', async () => {
    const { browser } = await openAdas()
    const guess = { body: { currentPassword: 'wrong', newPassword: OTHER } }
    for (let tries = 0; tries < 6; tries += 1) await browser.send('POST', '/auth/password', guess)
    expect((await browser.send('POST', '/auth/password', change)).status).toBe(429)
  })

  test('ADM-6: changes the password of the session that asks, whatever else the body says', async () => {
    const { auth, browser } = await openAdas()
    await auth.registerUser('eve', PASSWORD)
    const body = { ...change.body, username: 'eve' }
    expect((await browser.send('POST', '/auth/password', { body })).status).toBe(400)
    expect(await auth.loginUser('eve', PASSWORD)).toMatchObject({ ok: true })
  })

  test('is told as done when this session was ended in that very moment, and signs out', async () => {
    const { memory, store, clock, browser } = await openAdas()
    const id = browser.token!.slice(0, 36)
    store.faults = {
      pause: async ({ method }, when) => {
        if (method !== 'update' || when !== 'before') return
        await memory.revoke({ ids: [id as never] }, { at: clock.now(), actor: 'ops:grace', reason: 'revoked' }, 1)
      },
    }
    const response = await browser.send('POST', '/auth/password', change)
    expect(await response.json()).toEqual({ ended: 0, session: null })
    expect([response.status, browser.token]).toEqual([200, undefined])
  })

  test('LOG-1: repeats neither password in any answer', async () => {
    const { browser } = await openAdas()
    const bodies = [{ ...change.body, x: 1 }, { ...change.body, newPassword: 'canary' }, change.body]
    for (const body of bodies) {
      const text = await everythingIn(await browser.send('POST', '/auth/password', { body }))
      for (const secret of [PASSWORD, OTHER, 'canary']) expect(text).not.toContain(secret)
    }
  })
})
