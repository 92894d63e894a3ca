import { expect, test } from 'vitest'
import { Canaries } from '../faults/support/canaries.ts'
import { openService } from '../support/service.ts'
import { PageVisitor } from './pages-visitor.ts'

const SAME = { 'sec-fetch-site': 'same-origin' }
const JSON_TYPE = { 'content-type': 'application/json' }

test(
  'LOG-1: no secret is in the log, the figures or an answer, whatever is asked of the service and whatever fails',
  { timeout: 60_000 },
  async () => {
    const canaries = new Canaries()
    const password = canaries.keep('the password', 'a canary in the coal mine, over http')
    const next = canaries.keep('the next password', 'the canary got out over http after all')
    const wrong = canaries.keep('a wrong password', 'no canary was ever in this coal mine')
    const site = await openService({ settings: { trustedProxies: ['127.0.0.1'] } })

    /** Asks for something; what is answered must hold none of the secrets that it does not hand out. */
    const ask = async (place: string, path: string, init: RequestInit = {}): Promise<Response> => {
      const response = await fetch(site.url + path, { redirect: 'manual', ...init })
      const text = await response.clone().text()
      canaries.look(`${place}: the answer`, Buffer.from(text))
      const headers = [...response.headers].filter(([name]) => name !== 'set-cookie')
      canaries.look(`${place}: its headers`, Buffer.from(JSON.stringify(headers)))
      return response
    }
    const post = (
      place: string,
      path: string,
      body: unknown,
      headers: Record<string, string> = {},
    ): Promise<Response> =>
      ask(place, path, {
        method: 'POST',
        headers: { ...SAME, ...JSON_TYPE, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })

    await site.auth.setRole(site.operator.username, 'user')
    const link = canaries.keep('the set-up link', (await site.service.setup.open()) ?? '')
    await ask('a set-up link opened', `/setup/${link}`)
    await ask('a set-up link misspelt', `/Setup/${link}`)
    await ask('a set-up link in a query', `/login?next=${link}`)
    await ask('a set-up link posted from elsewhere', `/setup/${link}`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
    })
    const visitor = new PageVisitor(site)
    await visitor.submit('/register', { username: 'ada', newPassword: password })
    const token = decodeURIComponent(visitor.cookie.split('=')[1] ?? '')
    canaries.keepToken('the token of the cookie', token)
    const cookie = visitor.cookie

    // As a program, whose token stands in the one answer that hands it out.
    const login = await fetch(`${site.url}/auth/login`, {
      method: 'POST',
      headers: { ...SAME, ...JSON_TYPE },
      body: JSON.stringify({ username: 'ada', password, mode: 'token' }),
    })
    const { token: bearer } = (await login.json()) as { token: string }
    canaries.keepToken('the token of a program', bearer)

    for (const [name, secret] of [
      ['the cookie’s', token],
      ['the program’s', bearer],
    ] as const) {
      await ask(`${name} in a path`, `/auth/session/${secret}`)
      await ask(`${name} for an id`, `/auth/sessions/${secret}`, { method: 'DELETE', headers: { ...SAME, cookie } })
      await ask(`${name} in a query`, `/auth/session?token=${secret}`)
      await ask(`${name} in a header`, '/auth/session', { headers: { 'x-token': secret, 'x-request-id': secret } })
      await ask(`${name} for an address`, '/auth/session', { headers: { 'x-forwarded-for': secret } })
      await ask(`${name} as a host`, '/auth/session', { headers: { 'x-forwarded-host': secret } })
      await ask(`${name} as Basic`, '/auth/session', { headers: { authorization: `Basic ${secret}` } })
      await ask(`${name} twice`, '/auth/session', { headers: { cookie, authorization: `Bearer ${secret}` } })
      await ask(`${name} in a trace`, '/auth/session', { headers: { traceparent: secret, baggage: `a=${secret}` } })
      await post(`${name} in a body`, '/auth/login', { username: secret, password: secret })
      await post(`${name} in what is no JSON`, '/auth/login', `{"username": ${secret}`)
      await post(`${name} as a field`, '/auth/login', { [secret]: secret })
      await ask(`${name} with a method`, `/login/${secret}`, { method: 'PUT' })
    }
    await post('a wrong password', '/auth/login', { username: 'ada', password: wrong })
    await post('a password for a name', '/auth/login', { username: password, password: wrong })
    await post('a wrong proof', '/auth/reauthenticate', { password: wrong }, { cookie })
    await post('a changed password', '/auth/password', { currentPassword: password, newPassword: next }, { cookie })
    for (const isLost of [true, false]) {
      site.store.faults = isLost ? { isLost: () => true } : { isRefused: () => true }
      for (const path of ['/auth/session', '/', '/auth/verify', '/readyz', `/setup/${link}`]) {
        await ask('with a store that fails', path, { headers: { cookie } })
      }
      await post('a login with a store that fails', '/auth/login', { username: 'ada', password: next })
    }
    site.store.faults = {}
    await ask('the figures', '/metrics')
    await site.close()

    canaries.look('the log', Buffer.from(site.lines.join('')))
    expect(site.lines.length).toBeGreaterThan(50)
    expect(canaries.hits).toEqual([])
    expect(canaries.places).toBeGreaterThan(90)
  },
)
