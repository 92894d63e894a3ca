import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nextPath } from '../../packages/server/src/service/pages/next-path.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService, OpenServiceOptions } from '../support/service.ts'
import { CURL, IPHONE, PageVisitor, fieldIn, textOf } from './pages-visitor.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'
const COOKIE = 'insecure-sid'

let site: OpenService
let clock: FixedClock

beforeEach(async () => {
  await open()
  await site.auth.registerUser('ada', PASSWORD)
})
afterEach(() => site.close())

async function open(options: OpenServiceOptions = {}): Promise<void> {
  clock = new FixedClock()
  site = await openService({ clock, ...options })
}

async function signedIn(username = 'ada', userAgent?: string): Promise<PageVisitor> {
  const visitor = new PageVisitor(site, userAgent)
  await visitor.signIn(username, PASSWORD)
  return visitor
}

async function standing(username: string): Promise<number> {
  return (await site.auth.getActiveSessions(username)).length
}

test('a newcomer registers, is signed in at once, sees the one device and signs out', async () => {
  const visitor = new PageVisitor(site)
  expect((await visitor.get('/')).location).toBe('/login')
  expect((await visitor.get('/login')).html).toContain('href="/register"')
  expect(fieldIn((await visitor.get('/register')).html, 'newPassword').described).toContain('At least 15 characters')

  const devices = await visitor.submit('/register', { username: 'Lin', newPassword: PASSWORD })
  expect(devices.status).toBe(200)
  expect(textOf(devices.html)).toContain('Welcome! Your account is ready')
  expect(textOf(devices.html)).toContain('signed in as lin')
  expect(textOf(devices.html)).toContain('Firefox on Windows This device')

  const left = await visitor.submit('/logout')
  expect(textOf(left.html)).toContain('You are signed out on this device.')
  expect(visitor.cookies.size).toBe(0)
  expect(await visitor.isSignedIn()).toBe(false)
  expect(await standing('lin')).toBe(0)
})

test('what is wrong with a registration stands beside its field, and the username is still there', async () => {
  const visitor = new PageVisitor(site)
  const short = await visitor.post('/register', { username: 'lin', newPassword: 'fourteen chars' })
  expect(short.status).toBe(400)
  expect(short.html).toContain('<title>Error: Create an account')
  expect(short.html).toContain('role="alert" tabindex="-1" autofocus')
  expect(fieldIn(short.html, 'newPassword')).toMatchObject({
    value: null,
    isInvalid: true,
    described: expect.stringContaining('too short'),
  })
  expect(fieldIn(short.html, 'username')).toMatchObject({ value: 'lin', isInvalid: false })

  const taken = await visitor.post('/register', { username: 'ADA', newPassword: PASSWORD })
  expect(taken.status).toBe(409)
  expect(fieldIn(taken.html, 'username')).toMatchObject({ value: 'ADA', isInvalid: true })
  expect(fieldIn(taken.html, 'username').described).toContain('Somebody already has that username')

  const empty = await visitor.post('/register', { username: ' ', newPassword: PASSWORD })
  expect(fieldIn(empty.html, 'username').described).toContain('Username is empty')
  expect(await visitor.isSignedIn()).toBe(false)
})

test('fifteen characters are enough, as the page says', async () => {
  const visitor = new PageVisitor(site)
  expect((await visitor.post('/register', { username: 'lin', newPassword: 'fifteen chars!!' })).status).toBe(303)
})

test('where registration is closed there is no such page and no link to it', async () => {
  await site.close()
  await open({ settings: { registration: false } })
  const visitor = new PageVisitor(site)
  expect((await visitor.get('/login')).html).not.toContain('/register')
  expect((await visitor.get('/register')).status).toBe(404)
  expect((await visitor.post('/register', { username: 'lin', newPassword: PASSWORD })).status).toBe(404)
  expect(await site.auth.getUser('lin')).toBeNull()
})

test('a failed login keeps the username and the way on, never the password', async () => {
  const visitor = new PageVisitor(site)
  const wrong = { username: 'ada', password: 'a wrong and secret guess', next: '/password' }
  const { status, html } = await visitor.post('/login', wrong)
  expect(status).toBe(401)
  expect(fieldIn(html, 'username').value).toBe('ada')
  expect(html).toContain('<input type="hidden" name="next" value="/password"')
  expect(html).not.toContain(wrong.password)
  expect(textOf(html)).toContain('That username and password do not go together')
})

test('a cookie outlives the browser only for those who ask for it', async () => {
  const credentials = { username: 'ada', password: PASSWORD }
  const brief = await new PageVisitor(site).post('/login', credentials)
  const long = await new PageVisitor(site).post('/login', { ...credentials, remember: 'on' })
  expect(brief.headers.getSetCookie().join()).not.toContain('Max-Age')
  expect(long.headers.getSetCookie().join()).toContain('Max-Age=2592000')
})

test('whoever needs to sign in comes back to where they were going', async () => {
  const visitor = new PageVisitor(site)
  const { location } = await visitor.get('/password')
  expect(location).toBe('/login?next=/password')
  const { html } = await visitor.get(location!)
  expect(html).toContain('name="next" value="/password"')
  expect((await visitor.post('/login', { username: 'ada', password: PASSWORD, next: '/password' })).location).toBe(
    '/password',
  )
})

test('INP-6: only a path of this very site is gone on to', async () => {
  const elsewhere = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/%5cevil.example',
    '/%5Cevil.example',
    '/%2fevil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/a/../..//evil.example',
    'https://evil.example/',
    'HTTPS:evil.example',
    'javascript:alert(1)',
    'data:text/html,hi',
    '//ada@evil.example',
    'http://127.0.0.1@evil.example/',
    '/\tevil',
    '/\nevil',
    '/%0d%0aset-cookie:%20a=b',
    '/\u0000',
    ' //evil.example',
    'evil.example',
    '//xn--e1awd7f.example',
    '/\uFF0F\uFF0Fevil.example',
    '',
    `/${'a'.repeat(2_000)}`,
  ]
  for (const next of elsewhere) {
    const visitor = new PageVisitor(site)
    const { status, location } = await visitor.post('/login', { username: 'ada', password: PASSWORD, next })
    expect({ next, status, location }).toEqual({ next, status: 303, location: '/' })
    const page = await visitor.get(`/login?next=${encodeURIComponent(next)}`, { referer: 'https://evil.example/' })
    expect({ next, html: page.html }).not.toEqual({ next, html: expect.stringContaining('evil') })
  }
  for (const next of ['/', '/console/', '/console/sessions?active=true&text=a%20b#row', '/password']) {
    expect(nextPath(next)).toBe(next)
  }
})

test('CSR-1 CSR-4: a form on another site signs nobody in or out, and changes nothing', async () => {
  const visitor = await signedIn()
  const other = await signedIn('ada', CURL)
  const [device] = (await site.auth.getActiveSessions('ada')).filter(({ device }) => device.userAgent === CURL)
  await site.auth.setRole('grace', 'user')
  const setup = await site.service.setup.open()
  const forms: readonly (readonly [string, Record<string, string>])[] = [
    ['/login', { username: 'ada', password: PASSWORD }],
    ['/register', { username: 'mallory', newPassword: PASSWORD }],
    ['/logout', {}],
    [`/sessions/${device!.id}/end`, {}],
    ['/sessions/end-others', {}],
    ['/password', { password: PASSWORD, newPassword: OTHER }],
    ['/confirm', { password: PASSWORD, end: 'others' }],
    [`/setup/${setup}`, { username: 'mallory', newPassword: PASSWORD }],
  ]
  const origins: readonly Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site', origin: site.url },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ]
  const before = await standing('ada')
  for (const [path, fields] of forms) {
    for (const headers of origins) {
      for (const someone of [visitor, new PageVisitor(site)]) {
        const { status, headers: answered } = await someone.post(path, fields, headers)
        expect({ path, headers, status }).toEqual({ path, headers, status: 403 })
        expect(answered.getSetCookie()).toEqual([])
      }
    }
  }
  expect(await standing('ada')).toBe(before)
  expect(await site.auth.getUser('mallory')).toBeNull()
  expect(await site.service.setup.isOpen(setup!)).toBe(true)
  expect(await visitor.isSignedIn()).toBe(true)
  expect(await other.isSignedIn()).toBe(true)
  // A client that says nothing about where it comes from is refused too, where it could be a browser.
  for (const path of ['/login', '/logout', '/register']) {
    expect((await new PageVisitor(site).post(path, Object.fromEntries(forms)[path], {})).status).toBe(403)
  }
})

test('FIX-1: a login by the form kills what the browser presented, whoever it belonged to', async () => {
  await site.auth.registerUser('eve', OTHER)
  const eve = new PageVisitor(site)
  await eve.signIn('eve', OTHER)
  const planted = eve.cookies.get(COOKIE)!
  const victim = new PageVisitor(site)
  victim.cookies.set(COOKIE, planted)
  await victim.signIn('ada', PASSWORD)
  expect(victim.cookies.get(COOKIE)).not.toBe(planted)
  expect(textOf((await victim.get('/')).html)).toContain('signed in as ada')
  expect(await eve.isSignedIn()).toBe(false)
  expect(await standing('eve')).toBe(0)
})

test('ENU-1: unknown, wrong, disabled and throttled look the same, whoever was named', async () => {
  await site.auth.registerUser('eve', OTHER)
  await site.auth.disableUser('eve')
  const seen = async (username: string) => {
    const { status, headers, html } = await new PageVisitor(site).post('/login', { username, password: 'wrong guess' })
    const lines = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
    return { status, lines, html: html.replaceAll(`value="${username}"`, '') }
  }
  const names = ['ada', 'eve', 'zoe']
  const [first, ...others] = [await seen(names[0]!), await seen(names[1]!), await seen(names[2]!)]
  expect(first.status).toBe(401)
  for (const other of others) expect(other).toEqual(first)

  const known = await untilThrottled('ada', seen)
  expect(known.status).toBe(429)
  expect(await untilThrottled('zoe', seen)).toEqual(known)
  expect(await untilThrottled('eve', seen)).toEqual(known)
})

async function untilThrottled<T extends { readonly status: number }>(name: string, seen: (name: string) => Promise<T>) {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await seen(name)
    if (answer.status !== 401) return answer
  }
  throw new Error(`${name} is never throttled`)
}

test('whoever must wait is told how long', async () => {
  const visitor = new PageVisitor(site)
  const answer = await untilThrottled('ada', (username) =>
    visitor.post('/login', { username, password: 'wrong guess' }),
  )
  expect(answer.status).toBe(429)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(textOf(answer.html)).toMatch(/too many attempts\. Wait \d+ (?:second|minute|hour)s?, then try again/)
})

test('VIEW-1: both devices are listed with all that helps to know them, the current one first and marked', async () => {
  const phone = await signedIn('ada', IPHONE)
  clock.advance('3h')
  const laptop = await signedIn('ada')
  clock.advance('5m')
  const { html } = await laptop.get('/')
  const [current, other, ...rest] = html.match(/<li class="device.*?<\/li>/gs)!
  expect(rest).toEqual([])
  expect(textOf(current)).toContain('Firefox on Windows This device Last used just now Signed in 5 minutes ago')
  expect(textOf(current)).toContain('Address 127.0.0.1 Method password')
  expect(textOf(other!)).toContain('Safari on iPhone Last used 3 hours ago Signed in 3 hours ago')
  expect(textOf(other!)).not.toContain('This device')
  expect(other).toContain('<time datetime="2026-01-01T00:00:00.000Z" title="1 January 2026 at 00:00:00 UTC"')
  expect(html.match(/>Sign out<span class="unseen"> /g)).toHaveLength(2)
  expect(await phone.isSignedIn()).toBe(true)
})

test('one device is signed out from another, and the page says so', async () => {
  const phone = await signedIn('ada', IPHONE)
  const laptop = await signedIn()
  const path = /action="(\/sessions\/[^"]+\/end)"/.exec((await laptop.get('/')).html)![1]!
  expect(textOf((await laptop.submit(path)).html)).toContain('That device is signed out.')
  expect((await phone.get('/')).location).toBe('/login?done=over')
  expect(textOf((await phone.get('/login?done=over')).html)).toContain('no longer signed in here')
  expect(textOf((await laptop.submit(path)).html)).toContain('That device is signed out.')
  expect(textOf((await laptop.get('/')).html)).toContain('You signed out Safari on iPhone from another device')
})

test('VIEW-2: ending other sessions asks for the password again when it was given more than 10 minutes ago', async () => {
  const phone = await signedIn('ada', IPHONE)
  clock.advance('1m')
  const tablet = await signedIn('ada', CURL)
  clock.advance('1m')
  const laptop = await signedIn()
  const path = /action="(\/sessions\/[^"]+\/end)"/.exec((await laptop.get('/')).html)![1]!
  clock.advance('11m')

  const one = await laptop.submit(path)
  expect(textOf(one.html)).toContain('Give it again to sign out curl.')
  const end = /name="end" value="([^"]+)"/.exec(one.html)![1]!
  expect(path).toContain(end)
  expect(await tablet.isSignedIn()).toBe(true)
  const wrong = await laptop.post('/confirm', { password: OTHER, end })
  expect(wrong.status).toBe(403)
  expect(fieldIn(wrong.html, 'password')).toMatchObject({ isInvalid: true, value: null })
  expect(await tablet.isSignedIn()).toBe(true)

  const before = laptop.cookies.get(COOKIE)
  expect(textOf((await laptop.submit('/confirm', { password: PASSWORD, end })).html)).toContain(
    'That device is signed out.',
  )
  expect(laptop.cookies.get(COOKIE)).not.toBe(before)
  expect(await tablet.isSignedIn()).toBe(false)
  expect(await phone.isSignedIn()).toBe(true)

  clock.advance('11m')
  const all = await laptop.submit('/sessions/end-others')
  expect(textOf(all.html)).toContain('Give it again to sign out everywhere else.')
  expect(await phone.isSignedIn()).toBe(true)
  expect(textOf((await laptop.submit('/confirm', { password: PASSWORD, end: 'others' })).html)).toContain(
    'You are signed out everywhere else.',
  )
  expect(await phone.isSignedIn()).toBe(false)
  expect(await laptop.isSignedIn()).toBe(true)
})

test('a fresh login signs out everywhere else without being asked again', async () => {
  const phone = await signedIn('ada', IPHONE)
  const laptop = await signedIn()
  expect(textOf((await laptop.submit('/sessions/end-others')).html)).toContain('You are signed out everywhere else.')
  expect(await phone.isSignedIn()).toBe(false)
  expect(await standing('ada')).toBe(1)
})

test('a proof of identity leads on to where it was asked for', async () => {
  const visitor = await signedIn()
  const { html } = await visitor.get('/confirm?next=/console/keys')
  expect(html).toContain('name="next" value="/console/keys"')
  const { location } = await visitor.post('/confirm', { password: PASSWORD, next: '/console/keys' })
  expect(location).toBe('/console/keys')
  expect((await visitor.post('/confirm', { password: PASSWORD, next: '//evil.example' })).location).toBe(
    '/?done=confirmed',
  )
})

test('VIEW-3: nobody sees or ends a session of somebody else', async () => {
  await site.auth.registerUser('eve', PASSWORD)
  const eve = await signedIn('eve', CURL)
  const [hers] = await site.auth.getActiveSessions('eve')
  const ada = await signedIn()
  expect((await ada.get('/')).html).not.toContain(hers!.id)
  expect((await ada.post(`/sessions/${hers!.id}/end`)).location).toBe('/?done=gone')
  expect((await ada.get(`/confirm?end=${hers!.id}`)).html).not.toContain('curl')
  expect((await ada.post('/confirm', { password: PASSWORD, end: hers!.id })).location).toBe('/?done=confirmed')
  expect(await eve.isSignedIn()).toBe(true)
})

test('VIEW-3: the list goes on past a hundred devices, each of them once', async () => {
  for (let n = 0; n < 120; n++) await site.auth.loginUser('ada', PASSWORD, { userAgent: CURL })
  const visitor = await signedIn()
  await site.auth.loginUser('ada', PASSWORD, { userAgent: IPHONE })
  const seen: string[] = []
  for (let path: string | undefined = '/'; path !== undefined;) {
    const { html } = await visitor.get(path)
    expect(html.match(/This device/g)?.length ?? 0).toBe(path === '/' ? 1 : 0)
    seen.push(...html.matchAll(/\/sessions\/([0-9a-f-]{36})\/end/g).map(([, id]) => id!))
    path = /<a href="(\/\?cursor=[^"]+)">More devices/.exec(html)?.[1]?.replaceAll('&amp;', '&')
  }
  expect(seen).toHaveLength(121)
  expect(new Set(seen).size).toBe(121)
  expect((await visitor.get('/?cursor=rubbish')).status).toBe(400)
})

test('VIEW-4: what a device says of itself is text', async () => {
  const evil = '<img src=x onerror=alert(1)>"\'&/1.0'
  await site.auth.loginUser('ada', PASSWORD, { userAgent: evil, ip: '"><script>alert(2)</script>' })
  await site.sessions.create({ userId: (await site.auth.getUser('ada'))!.id, username: 'ada', method: '<b>magic</b>' })
  const visitor = await signedIn()
  const { html } = await visitor.get('/')
  expect(html).toContain('&lt;script&gt;alert(2)&lt;/script&gt;')
  expect(html).toContain('&lt;b&gt;magic&lt;/b&gt;')
  expect(html).not.toContain('<script>')
  expect(html).not.toContain('<img')
  expect(html).not.toContain('<b>')
  const named = await new PageVisitor(site).post('/login', { username: '"><script>alert(3)</script>', password: 'x' })
  expect(named.html).not.toContain('<script>alert')
})

test('no page can be made to say what a link wants', async () => {
  const { html } = await new PageVisitor(site).get('/login?done=Call+us+at+1234&error=Call+us+at+1234')
  expect(html).not.toContain('Call us')
  expect((await new PageVisitor(site).get('/login?done=toString')).html).not.toContain('class="notice"')
})

test('HDR-1: every page, redirect and refusal is kept by no cache and varies by the cookie', async () => {
  const visitor = await signedIn()
  const paths = ['/', '/login', '/login?next=/', '/register', '/password', '/confirm', '/setup/nothing', '/?cursor=x']
  for (const someone of [visitor, new PageVisitor(site)]) {
    for (const path of paths) expectUncached(path, (await someone.get(path)).headers)
  }
  for (const path of ['/login', '/register', '/password', '/confirm', '/setup/x', '/sessions/end-others', '/logout']) {
    expectUncached(path, (await visitor.post(path)).headers)
    expectUncached(path, (await visitor.post(path, {}, { 'sec-fetch-site': 'cross-site' })).headers)
  }
})

function expectUncached(path: string, headers: Headers): void {
  expect({ path, cache: headers.get('cache-control') }).toEqual({ path, cache: 'no-store' })
  expect({ path, vary: headers.get('vary') }).toEqual({ path, vary: expect.stringMatching(/Cookie/) })
}

test('HDR-2: looking at pages sets no cookie', async () => {
  const visitor = await signedIn()
  for (let n = 0; n < 100; n++) {
    const { headers } = await visitor.get(n % 2 === 0 ? '/' : '/password')
    expect(headers.getSetCookie()).toEqual([])
  }
})

test('where the store does not answer, a page says so and nobody is signed out', async () => {
  const visitor = await signedIn()
  clock.advance('1h')
  site.store.faults = { isRefused: () => true }
  const { status, headers, html } = await visitor.get('/')
  expect(status).toBe(503)
  expect(headers.getSetCookie()).toEqual([])
  expect(textOf(html)).toContain('We cannot tell right now. You were not signed out.')
  site.store.faults = {}
  expect(await visitor.isSignedIn()).toBe(true)
})

test('a changed password is asked for with the present one, and signs the other devices out', async () => {
  const phone = await signedIn('ada', IPHONE)
  const laptop = await signedIn()
  expect(textOf((await laptop.get('/password')).html)).toContain('Your other devices will be signed out.')

  const wrong = await laptop.post('/password', { password: OTHER, newPassword: 'one more unusual phrase' })
  expect(wrong.status).toBe(403)
  expect(fieldIn(wrong.html, 'password')).toMatchObject({
    isInvalid: true,
    described: expect.stringContaining('not your password'),
  })
  const short = await laptop.post('/password', { password: PASSWORD, newPassword: 'short' })
  expect(short.status).toBe(400)
  expect(fieldIn(short.html, 'newPassword').isInvalid).toBe(true)
  expect(await phone.isSignedIn()).toBe(true)

  const before = laptop.cookies.get(COOKIE)
  const { html } = await laptop.submit('/password', { password: PASSWORD, newPassword: OTHER })
  expect(textOf(html)).toContain('Your password is changed, and your other devices are signed out.')
  expect(textOf(html)).toContain('You changed your password')
  expect(laptop.cookies.get(COOKIE)).not.toBe(before)
  expect(await phone.isSignedIn()).toBe(false)
  expect((await phone.post('/login', { username: 'ada', password: PASSWORD })).status).toBe(401)
  expect((await phone.post('/login', { username: 'ada', password: OTHER })).status).toBe(303)
})

test('history is told in plain words, and who an administrator is stays among administrators', async () => {
  await site.auth.loginUser('ada', 'a wrong guess', { ip: '192.0.2.66' })
  const phone = await site.auth.loginUser('ada', PASSWORD, { userAgent: IPHONE, ip: '192.0.2.7' })
  if (!phone.ok) throw new Error(phone.reason)
  await site.sessions.revoke({ id: phone.session.id }, { actor: 'ops:grace' })
  await site.auth.invalidateUserSessions('ada', { actor: 'grace' })
  await site.auth.setPassword('ada', PASSWORD, { actor: 'grace' })
  const visitor = await signedIn()
  const text = textOf((await visitor.get('/')).html)
  expect(text).toContain('A wrong password was tried from 192.0.2.66')
  expect(text).toContain('Signed in with Safari on iPhone from 192.0.2.7')
  expect(text).toContain('An administrator signed you out of Safari on iPhone')
  expect(text).toContain('An administrator signed you out everywhere')
  expect(text).toContain('Your password was reset by an administrator')
  expect(text).not.toContain('grace')
})

test('history goes back page by page to the beginning', async () => {
  for (let n = 0; n < 30; n++) await site.auth.loginUser('ada', PASSWORD, { userAgent: CURL })
  const visitor = await signedIn()
  let lines = 0
  let html = ''
  for (let path: string | undefined = '/'; path !== undefined;) {
    html = (await visitor.get(path)).html
    const history = html.slice(html.indexOf('id="history"'))
    lines += history.match(/<li/g)?.length ?? 0
    path = /<a href="([^"#]+)#history">Earlier activity/.exec(history)?.[1]
  }
  expect(lines).toBe(32)
  expect(textOf(html)).toContain('Your account was created')
})

test('only operators are shown the way to the console', async () => {
  await site.auth.setPassword(site.operator.username, PASSWORD)
  expect((await (await signedIn()).get('/')).html).not.toContain('/console/')
  expect((await (await signedIn(site.operator.username)).get('/')).html).toContain('href="/console/"')
})

test('VIEW-6: every page for somebody who is signed in has a way out', async () => {
  const visitor = await signedIn()
  for (const path of ['/', '/password', '/confirm']) {
    expect((await visitor.get(path)).html).toContain('<form method="post" action="/logout">')
  }
})

test('a set-up link makes the first operator once, signs them in and leads to the console', async () => {
  await site.auth.setRole(site.operator.username, 'user')
  const token = await site.service.setup.open()
  const visitor = new PageVisitor(site)
  const { status, html } = await visitor.get(`/setup/${token}`)
  expect(status).toBe(200)
  expect(textOf(html)).toContain('Create the first operator')
  const refused = await visitor.post(`/setup/${token}`, { username: 'hedy', newPassword: 'short' })
  expect(refused.status).toBe(400)
  expect(fieldIn(refused.html, 'newPassword').isInvalid).toBe(true)
  expect(fieldIn(refused.html, 'username').value).toBe('hedy')

  const made = await visitor.post(`/setup/${token}`, { username: 'hedy', newPassword: PASSWORD })
  expect(made.location).toBe('/console/')
  expect((await site.auth.getUser('hedy'))?.role).toBe('operator')
  expect(textOf((await visitor.get('/')).html)).toContain('signed in as hedy')

  for (const path of [`/setup/${token}`, '/setup/made-up']) {
    const late = await new PageVisitor(site).get(path)
    expect(late.status).toBe(410)
    expect(textOf(late.html)).toContain('This link no longer works')
    expect((await new PageVisitor(site).post(path, { username: 'x', newPassword: PASSWORD })).status).toBe(410)
  }
})

test('a set-up link is too late after 15 minutes', async () => {
  await site.auth.setRole(site.operator.username, 'user')
  const token = await site.service.setup.open()
  clock.advance('16m')
  expect((await new PageVisitor(site).get(`/setup/${token}`)).status).toBe(410)
})

test('no secret is in any page', async () => {
  const visitor = await signedIn()
  const token = visitor.cookies.get(COOKIE)!
  const secret = token.split('.')[1]!
  for (const path of ['/', '/password', '/confirm', '/login?next=/']) {
    const { html } = await visitor.get(path)
    for (const word of [token, secret, PASSWORD]) expect(html).not.toContain(word)
  }
  const refused = await visitor.post('/password', { password: OTHER, newPassword: 'short and secret' })
  expect(refused.html).not.toContain(OTHER)
  expect(refused.html).not.toContain('short and secret')
  const lines = site.lines.join('\n')
  for (const word of [secret, PASSWORD, OTHER]) expect(lines).not.toContain(word)
})

test('a form is a form: no other type, no field twice, none besides those asked for, none without end', async () => {
  const post = (headers: Record<string, string>, body: string) =>
    fetch(`${site.url}/login`, { method: 'POST', headers: { 'sec-fetch-site': 'same-origin', ...headers }, body })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  expect((await post({ 'content-type': 'application/json' }, '{}')).status).toBe(415)
  expect((await post({ 'content-type': 'text/plain' }, 'username=ada')).status).toBe(415)
  expect((await post(form, `username=ada&username=eve&password=${PASSWORD}`)).status).toBe(400)
  expect((await post(form, `username=ada&password=${PASSWORD}&role=operator`)).status).toBe(400)
  expect((await post(form, `username=ada&password=${'x'.repeat(20_000)}`)).status).toBe(413)
})

test('whoever is signed in is not asked to, unless somebody else sent them', async () => {
  const visitor = await signedIn()
  expect((await visitor.get('/login')).location).toBe('/')
  expect((await visitor.get('/register')).location).toBe('/')
  // The console sends operators here whose session has become too old for it: back to it they would go in circles.
  expect((await visitor.get('/login?next=/console/')).status).toBe(200)
})

test('style, script and mark are fetched once: their paths change with what is in them', async () => {
  const { html } = await new PageVisitor(site).get('/login')
  const paths = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
  expect(paths).toHaveLength(3)
  for (const path of paths) {
    const response = await fetch(site.url + path)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).toMatch(/^(?:text\/css|text\/javascript|image\/svg\+xml)/)
    const hash = createHash('sha256')
      .update(await response.text())
      .digest('base64url')
      .slice(0, 12)
    expect(path).toContain(`.${hash}.`)
    expect((await fetch(site.url + path.replace(/\.[\w-]{12}\./, '.aaaaaaaaaaaa.'))).status).toBe(404)
  }
})

test('pages carry no script and no style of their own and name no other host', async () => {
  const visitor = await signedIn()
  for (const path of ['/', '/login?next=/', '/password', '/confirm']) {
    const { html } = await visitor.get(path)
    expect(html).not.toMatch(/<style|style="|<script(?! src="\/)|\son\w+=/)
    expect(html.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//)
  }
})
