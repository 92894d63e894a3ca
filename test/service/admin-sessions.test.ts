/** /admin/sessions: seeing everybody's sessions, counting them and ending them, by the very same filter. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EndReason, Session } from '../../packages/sojourn/src/index.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { keyed, operatorOf } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

let opened: OpenService
let clock: FixedClock
let operator: AdminClient & { readonly token: string }

beforeEach(async () => {
  clock = new FixedClock(Date.now())
  opened = await openService({ clock })
  operator = await operatorOf(opened)
})
afterEach(() => opened.close())

describe('a list', () => {
  test('VIEW-3: shows every session once, page after page, however many there are', async () => {
    const made: string[] = []
    for (let n = 0; n < 130; n += 1) {
      if (n % 3 === 0) clock.advance('1s')
      made.push((await signIn(`user-${n % 7}`)).id)
    }
    for (const order of ['asc', 'desc']) {
      const seen: string[] = []
      for (let next: string | null = ''; next !== null;) {
        const cursor: string = next === '' ? '' : `&cursor=${next}`
        const page = await listed(`order=${order}&limit=40${cursor}`)
        seen.push(...page.sessions.map(({ id }) => id))
        next = page.next
      }
      expect(new Set(seen).size).toBe(131)
      expect(seen).toHaveLength(131)
      expect(seen).toEqual(expect.arrayContaining(made))
    }
  })

  test('shows who, from where, since when, and how it ended', async () => {
    const { id } = await signIn('ada', { ip: '192.0.2.7' })
    await opened.sessions.revoke({ id }, { actor: 'operator:grace' })
    const [session] = (await listed('username=ada')).sessions
    expect(session).toEqual({
      id,
      userId: 'id-of-ada',
      username: 'ada',
      createdAt: new Date(clock.now()).toISOString(),
      authenticatedAt: new Date(clock.now()).toISOString(),
      lastAccessedAt: new Date(clock.now()).toISOString(),
      expiresAt: new Date(clock.now() + 30 * 86_400_000).toISOString(),
      endsAt: new Date(clock.now()).toISOString(),
      isActive: false,
      loggedOutAt: new Date(clock.now()).toISOString(),
      endReason: 'revoked',
      endedBy: 'operator:grace',
      device: { ip: '192.0.2.7', userAgent: FIREFOX, label: 'Firefox on Linux' },
      method: 'passkey',
      attributes: {},
    })
  })

  test('is sorted by the last use when asked to', async () => {
    const [first, second] = [await token('ada'), await token('edsger')]
    clock.advance('1m')
    await opened.sessions.validate(second)
    clock.advance('1m')
    await opened.sessions.validate(first)
    const { sessions } = await listed('sort=lastAccessedAt')
    expect(sessions.map(({ username }) => username)).toEqual(['ada', 'edsger', 'grace'])
  })

  test.each([
    ['limit=0'],
    ['limit=501'],
    ['limit=1e2'],
    ['limit=10&limit=10'],
    ['state=alive'],
    ['sort=username'],
    ['createdSince=yesterday'],
    ['createdSince=2026-01-01'],
    ['createdSince=2026-02-31T25:00:00Z'],
    ['text='],
    ['userid=1'],
    [`text=${'x'.repeat(256)}`],
    ['text=%00'],
    ['endReason=boredom'],
    ['__proto__=1'],
  ])('INP-1: that is asked for with %s is refused', async (query) => {
    for (const path of ['/admin/sessions', '/admin/sessions/count']) {
      expect(await operator.get(`${path}?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    }
  })

  test('ADM-7: goes on from nothing but what a page before it said', async () => {
    await signIn('ada')
    const { next } = await listed('limit=1')
    const cursor = next ?? ''
    const forged = Buffer.from('["createdAt",true,"1 OR 1=1","x"]').toString('base64url')
    for (const wrong of [`${cursor}x`.slice(1), forged, 'x', "' OR 1=1 --", '%F0%9F%94%91']) {
      const answer = await operator.get(`/admin/sessions?limit=1&cursor=${wrong}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    }
    expect((await operator.get(`/admin/sessions?order=asc&limit=1&cursor=${cursor}`)).status).toBe(400)
  })
})

describe('REV-4: one filter', () => {
  const FILTERS: readonly (readonly [name: string, filter: Readonly<Record<string, string>>, whose: string[]])[] = [
    ['the user', { userId: 'id-of-ada' }, ['ada', 'ada']],
    ['the username', { username: 'edsger' }, ['edsger']],
    ['the address', { ip: '192.0.2.1' }, ['ada', 'edsger']],
    ['a piece of the name', { text: 'DSG' }, ['edsger']],
    ['a piece of the user agent', { text: 'firefox' }, ['ada', 'ada', 'edsger']],
    ['how they signed in', { method: 'oauth' }, ['ada']],
    ['when', { createdSince: '2030-01-01T00:01:00Z', createdBefore: '2030-01-01T00:02:00Z' }, ['ada']],
    ['when, in another zone', { createdSince: '2030-01-01T01:02:00+01:00' }, ['edsger']],
    ['several things at once', { userId: 'id-of-ada', ip: '192.0.2.1' }, ['ada']],
    ['nobody', { text: '%' }, []],
  ]

  test.each(FILTERS)('means the same for listing, counting, rehearsing and ending: %s', async (_, filter, whose) => {
    clock.set(new Date('2030-01-01T00:00:00Z'))
    operator = await operatorOf(opened)
    await signIn('ada', { ip: '192.0.2.1' })
    clock.advance('1m')
    await signIn('ada', { ip: '192.0.2.2', method: 'oauth' })
    clock.advance('1m')
    await signIn('edsger', { ip: '192.0.2.1' })
    const query = new URLSearchParams({ ...filter, state: 'active' }).toString()
    expect((await listed(query)).sessions.map(({ username }) => username).toSorted()).toEqual(whose.toSorted())
    expect(await operator.get(`/admin/sessions/count?${query}`)).toMatchObject({ body: { count: whose.length } })
    expect(await operator.get(`/admin/sessions/count?${query}&upTo=1`)).toMatchObject({
      body: { count: Math.min(1, whose.length) },
    })
    expect(await revoke({ filter, dryRun: true })).toMatchObject({ status: 200, body: { count: whose.length } })
    expect(await opened.sessions.count({ active: true })).toBe(4)
    expect(await revoke({ filter, confirm: whose.length })).toMatchObject({ body: { count: whose.length } })
    expect((await listed(query)).sessions).toEqual([])
    expect(await opened.sessions.count({ active: true })).toBe(4 - whose.length)
  })

  test('tells active, ended and overdue apart', async () => {
    const [stale, ended] = [await signIn('stale'), await signIn('ended')]
    await opened.sessions.revoke({ id: ended.id })
    clock.advance('2d')
    operator = await operatorOf(opened)
    const names = async (state: string): Promise<readonly string[]> =>
      (await listed(`state=${state}`)).sessions.map(({ username }) => username).toSorted()
    expect(await names('active')).toEqual(['grace'])
    expect(await names('ended')).toEqual(['ended'])
    expect(await names('overdue')).toEqual(['grace', 'stale'])
    expect(await names('all')).toEqual(['ended', 'grace', 'grace', 'stale'])
    for (const state of ['ended', 'overdue']) {
      expect(await revoke({ filter: { state }, confirm: 9 })).toMatchObject({ status: 200, body: { count: 0 } })
    }
    expect(await opened.sessions.get(stale.id)).toMatchObject({ endReason: null })
  })
})

describe('ending what a filter shows', () => {
  test('ends nothing when there are more by now than were confirmed', async () => {
    for (const name of ['ada', 'edsger', 'barbara']) await signIn(name)
    const answer = await revoke({ filter: { state: 'active' }, confirm: 2 })
    expect(answer).toMatchObject({ status: 409, body: { code: 'count_changed', count: 3 } })
    expect(await opened.sessions.count({ active: true })).toBe(4)
  })

  test('needs to be told how many', async () => {
    await signIn('ada')
    expect(await revoke({ filter: {} })).toMatchObject({ status: 400, body: { code: 'invalid_body' } })
    expect(await opened.sessions.count({ active: true })).toBe(2)
  })

  test('leaves the session of whoever asks, and ends their others', async () => {
    const other = await operatorOf(opened)
    await signIn('ada')
    expect(await revoke({ filter: {}, confirm: 2 })).toMatchObject({ status: 200, body: { count: 2 } })
    expect([(await operator.get('/admin/me')).status, (await other.get('/admin/me')).status]).toEqual([200, 401])
  })

  test('ends everybody’s for a key that may', async () => {
    await signIn('ada')
    const program = await keyed(opened, 'revoke')
    expect(await program.post('/admin/sessions/revoke', { filter: {}, confirm: 2 })).toMatchObject({
      body: { count: 2 },
    })
    expect((await operator.get('/admin/me')).status).toBe(401)
  })

  test('is kept in history, with who did it and why', async () => {
    const { id } = await signIn('ada')
    await revoke({ filter: { username: 'ada' }, confirm: 1, reason: 'a laptop was stolen' })
    const [event] = await opened.sessions.events({ sessionId: id, type: 'session_ended' })
    expect(event).toMatchObject({ actor: 'operator:grace', reason: 'revoked', detail: 'a laptop was stolen' })
  })

  test('reaches hundreds', async () => {
    await Promise.all(Array.from({ length: 450 }, (_, n) => signIn(`user-${n}`)))
    expect(await revoke({ filter: { text: 'USER-' }, confirm: 450 })).toMatchObject({ body: { count: 450 } })
    expect(await opened.sessions.count({ active: true })).toBe(1)
  })
})

describe('ending by id', () => {
  test('counts those that ended by this very call', async () => {
    const [one, two] = [await signIn('ada'), await signIn('edsger')]
    await opened.sessions.revoke({ id: two.id })
    const unknown = '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'
    const ids = [one.id, one.id, two.id, unknown]
    expect(await revoke({ ids, dryRun: true })).toMatchObject({ status: 200, body: { count: 1 } })
    expect(await opened.sessions.get(one.id)).toMatchObject({ isActive: true })
    expect(await revoke({ ids })).toMatchObject({ status: 200, body: { count: 1 } })
    expect(await revoke({ ids })).toMatchObject({ status: 200, body: { count: 0 } })
    expect(await opened.sessions.get(one.id)).toMatchObject({ endReason: 'revoked' satisfies EndReason })
  })

  test('ends one’s own when it is named', async () => {
    const { body } = await operator.get('/admin/me')
    const { session } = body as { readonly session: { readonly id: string } }
    expect(await revoke({ ids: [session.id] })).toMatchObject({ status: 200, body: { count: 1 } })
    expect((await operator.get('/admin/me')).status).toBe(401)
  })

  test.each([
    ['none', { ids: [] }],
    ['a token', { ids: ['0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11.AAAA'] }],
    ['more than a thousand', { ids: Array.from({ length: 1_001 }, () => '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11') }],
    ['ids and a filter', { ids: ['0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'], filter: {} }],
    ['a filter of the wrong type', { filter: { state: ['active'] }, confirm: 1 }],
    ['a condition there is not', { filter: { userid: '1' }, confirm: 1 }],
    ['a number as text', { filter: {}, confirm: '1' }],
    ['a reason of 201 characters', { filter: {}, confirm: 1, reason: 'x'.repeat(201) }],
    ['INP-3: an actor', { filter: {}, confirm: 1, actor: 'operator:ada' }],
    ['a list', []],
    ['nothing', null],
  ])('is refused with %s', async (_, body) => {
    await signIn('ada')
    expect(await revoke(body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } })
    expect(await opened.sessions.count({ active: true })).toBe(2)
  })
})

describe('INP-1: a body', () => {
  const raw = async (body: string, type = 'application/json') =>
    fetch(`${opened.url}/admin/sessions/revoke`, {
      method: 'POST',
      headers: { ...operator.credential, origin: opened.url, 'content-type': type },
      body,
    })

  test('is refused when it is too large', async () => {
    expect((await raw(`{"filter":{},"reason":"${'x'.repeat(70_000)}"}`)).status).toBe(413)
  })

  test('INP-4: is refused when it names a thing twice', async () => {
    expect((await raw('{"filter":{},"dryRun":true,"dryRun":false,"confirm":9}')).status).toBe(400)
  })

  test('is refused when it is nested without need', async () => {
    expect((await raw(`${'['.repeat(9)}${']'.repeat(9)}`)).status).toBe(400)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
  ])('CSR-5: is refused as %s', async (type) => {
    expect((await raw('{"filter":{},"dryRun":true}', type)).status).toBe(415)
  })
})

describe('one session', () => {
  test('comes with its history, newest first', async () => {
    const { id } = await signIn('ada')
    clock.advance('1m')
    await opened.sessions.revoke({ id }, { actor: 'operator:grace' })
    const { body } = await operator.get(`/admin/sessions/${id}`)
    expect(body).toMatchObject({
      session: { id, isActive: false },
      history: [
        { type: 'session_ended', username: 'ada', actor: 'operator:grace', reason: 'revoked' },
        { type: 'session_created', username: 'ada', detail: 'passkey' },
      ],
    })
  })

  test.each(['0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11', '1', '%00', '%E2%82', "'--", 'count2'])(
    'that is not there is not found: %s',
    async (id) => {
      expect(await operator.get(`/admin/sessions/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    },
  )
})

test('what was used a moment ago is shown so, before it is written down', async () => {
  const used = await token('ada')
  clock.advance('90s')
  await opened.sessions.validate(used)
  const [session] = (await listed('username=ada')).sessions
  expect(session?.lastAccessedAt).toBe(new Date(clock.now()).toISOString())
})

interface Listed {
  readonly sessions: readonly { readonly id: string; readonly username: string; readonly lastAccessedAt: string }[]
  readonly next: string | null
}

async function listed(query: string): Promise<Listed> {
  const { status, body } = await operator.get(`/admin/sessions?${query}`)
  expect({ status, query }).toEqual({ status: 200, query })
  return body as Listed
}

function revoke(body: unknown) {
  return operator.post('/admin/sessions/revoke', body)
}

async function signIn(username: string, { ip = null as string | null, method = 'passkey' } = {}): Promise<Session> {
  const device = { ip, userAgent: FIREFOX }
  return (await opened.sessions.create({ userId: `id-of-${username}`, username, device, method })).session
}

async function token(username: string): Promise<string> {
  return (await opened.sessions.create({ userId: `id-of-${username}`, username })).token
}
