/** /admin/events: what happened, by page and as a file. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { csvLine } from '../../packages/server/src/service/admin/csv.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { keyed, operatorOf } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'

let opened: OpenService
let clock: FixedClock
let operator: AdminClient

beforeEach(async () => {
  clock = new FixedClock('2030-01-01T12:00:00Z')
  opened = await openService({ clock })
  operator = await operatorOf(opened)
})
afterEach(() => opened.close())

describe('history', () => {
  test('is shown newest first, with the present names of users, page after page', async () => {
    for (let n = 0; n < 7; n += 1) await signIn('ada')
    const seen: Event[] = []
    for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null;) {
      const page: Listed = await listed(`userId=id-of-ada&limit=3&before=${before}`)
      seen.push(...page.events)
      before = page.next
    }
    expect(seen.map(({ type, username }) => [type, username])).toEqual(
      Array.from({ length: 7 }, () => ['session_created', 'ada']),
    )
    const positions = seen.map(({ position }) => position)
    expect(positions).toEqual(positions.toSorted((a, b) => b - a))
  })

  test('is filtered by several types, by session and by instant, all at once', async () => {
    const session = await signIn('ada')
    clock.advance('9m')
    await signIn('edsger')
    await opened.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
    const types = async (query: string): Promise<readonly string[]> =>
      (await listed(query)).events.map(({ type }) => type)
    expect(await types('type=session_ended&type=session_created&since=2030-01-01T12:09:00Z')).toEqual([
      'session_ended',
      'session_created',
    ])
    expect(await types(`sessionId=${session.id}`)).toEqual(['session_ended', 'session_created'])
    expect(await types(`sessionId=${session.id}&type=session_ended`)).toEqual(['session_ended'])
    expect(await types('sessionId=no-id-at-all')).toEqual([])
    expect(await types('type=key_revoked')).toEqual([])
  })

  test('tells who made a key, and who failed to sign in', async () => {
    await opened.auth.loginUser('grace', 'a wrong guess', { ip: '192.0.2.66' })
    await operator.post('/admin/keys', { name: 'nightly report', scopes: ['read'] })
    const { events } = await listed('type=key_created&type=login_failed')
    expect(events).toMatchObject([
      { type: 'key_created', actor: 'operator:grace', detail: 'nightly report', username: null },
      { type: 'login_failed', username: 'grace', ipAddress: '192.0.2.66' },
    ])
  })

  test.each(['type=login', 'limit=1001', 'before=-1', 'before=1.5', 'since=now', 'since=1&since=2', 'format=csv'])(
    'INP-1: refuses %s',
    async (query) => {
      const answer = await operator.get(`/admin/events?${query}`)
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
    },
  )
})

describe('an export', () => {
  test('has everything that matches, however many pages that are', async () => {
    await Promise.all(Array.from({ length: 2_300 }, (_, n) => signIn(`user-${n}`)))
    const { headers, body } = await operator.get('/admin/events/export?format=json&type=session_created')
    expect(headers.get('content-disposition')).toBe('attachment; filename="sojourn-events.json"')
    const events = body as readonly Event[]
    expect(new Set(events.map(({ position }) => position)).size).toBe(2_301)
    const csv = (await operator.get('/admin/events/export?format=csv&type=session_created')).body as string
    const lines = csv.trimEnd().split('\r\n')
    expect(lines).toHaveLength(2_302)
    expect(lines[0]).toBe('position,at,type,username,userId,sessionId,actor,reason,ipAddress,detail')
    expect(lines[1]).toContain('2030-01-01T12:00:00.000Z,session_created,user-')
  })

  test('of nothing is empty, and still what it says it is', async () => {
    expect((await operator.get('/admin/events/export?format=json&type=user_deleted')).body).toEqual([])
    const csv = (await operator.get('/admin/events/export?format=csv&type=user_deleted')).body as string
    expect(csv.split('\r\n')).toEqual([expect.stringContaining('position'), ''])
  })

  test('VIEW-4: hands no formula to a spreadsheet', async () => {
    for (const name of ['=cmd|x!a1', '+1', '-1', '@sum(a1)', 'a,"b"']) await signIn(name)
    const csv = (await operator.get('/admin/events/export?format=csv&type=session_created')).body as string
    for (const cell of [",'=cmd|x!a1,", ",'+1,", ",'-1,", ",'@sum(a1),", ',"a,""b""",']) expect(csv).toContain(cell)
    expect(csv).not.toMatch(/(?:^|,)"?[=+\-@\t]/m)
  })

  test('is not begun when the store does not answer', async () => {
    opened.store.faults = { isRefused: ({ method }) => method === 'events' }
    const answer = await operator.get('/admin/events/export?format=csv')
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  })

  test('breaks off where it cannot go on, and is not taken for whole', async () => {
    await Promise.all(Array.from({ length: 1_500 }, () => signIn('ada')))
    let reads = 0
    opened.store.faults = { isRefused: ({ method }) => method === 'events' && ++reads > 1 }
    const reading = fetch(`${opened.url}/admin/events/export?format=json`, { headers: operator.credential })
    await expect(reading.then((response) => response.text())).rejects.toThrow('terminated')
  })

  test('needs a form', async () => {
    const program = await keyed(opened, 'read')
    for (const query of ['', '?format=xlsx', '?format=csv&format=json']) {
      expect((await program.get(`/admin/events/export${query}`)).status).toBe(400)
    }
    expect((await program.send('HEAD', '/admin/events/export?format=csv')).status).toBe(200)
  })
})

test('a line of CSV quotes what needs it', () => {
  expect(csvLine([1, null, 'plain', 'a,b', 'a"b', 'a\nb', '', '\t=x'])).toBe(`1,,plain,"a,b","a""b","a\nb",,'\t=x\r\n`)
})

interface Event {
  readonly position: number
  readonly type: string
  readonly username: string | null
}

interface Listed {
  readonly events: readonly Event[]
  readonly next: number | null
}

async function listed(query: string): Promise<Listed> {
  const { status, body } = await operator.get(`/admin/events?${query}`)
  expect({ status, query }).toEqual({ status: 200, query })
  return body as Listed
}

async function signIn(username: string) {
  return (await opened.sessions.create({ userId: `id-of-${username}`, username })).session
}
