/** /admin/stats, /admin/overview, /admin/health and /admin/cleanup: the installation in figures. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { operatorOf } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

let opened: OpenService
let clock: FixedClock
let operator: AdminClient

beforeEach(async () => {
  clock = new FixedClock('2030-01-01T12:30:00Z')
  opened = await openService({ clock })
  operator = await operatorOf(opened)
})
afterEach(() => opened.close())

describe('the overview', () => {
  test('counts what is there, and who is here', async () => {
    await signIn('ada')
    const { session } = await signIn('ada')
    await signIn('edsger')
    await opened.sessions.revoke({ id: session.id })
    expect((await operator.get('/admin/overview')).body).toMatchObject({
      total: 4,
      active: 3,
      createdToday: 4,
      usersOnline: 3,
    })
    expect((await operator.get('/admin/stats')).body).toMatchObject({
      total: 4,
      active: 3,
      ended: 1,
      mostActiveUser: { username: 'ada', sessions: 2 },
    })
  })

  test('shows logins and failures by the hour, oldest first, of the last 24', async () => {
    clock.set(new Date('2030-01-01T11:10:00Z'))
    await before().create({ userId: '1', username: 'ada' })
    await opened.auth.loginUser('grace', 'a wrong guess')
    clock.set(new Date('2030-01-01T12:30:00Z'))
    const first = await points()
    expect(first).toHaveLength(24)
    expect(first[0]).toEqual({ at: '2029-12-31T13:00:00.000Z', logins: 0, failed: 0 })
    expect(first.slice(-2)).toEqual([
      { at: '2030-01-01T11:00:00.000Z', logins: 1, failed: 1 },
      { at: '2030-01-01T12:00:00.000Z', logins: 1, failed: 0 },
    ])
  })

  test('goes on as the hours pass, and what is over stays as it was counted', async () => {
    await points()
    await opened.auth.loginUser('grace', 'a wrong guess')
    clock.set(new Date('2030-01-01T13:00:30Z'))
    operator = await operatorOf(opened)
    expect((await points()).slice(-2)).toMatchObject([{ failed: 1 }, { logins: 1 }])
    clock.set(new Date('2030-01-01T14:30:00Z'))
    operator = await operatorOf(opened)
    const later = await points()
    expect(later.slice(-3)).toEqual([
      { at: '2030-01-01T12:00:00.000Z', logins: 1, failed: 1 },
      { at: '2030-01-01T13:00:00.000Z', logins: 1, failed: 0 },
      { at: '2030-01-01T14:00:00.000Z', logins: 1, failed: 0 },
    ])
    expect(await points()).toEqual(later)
  })

  test('shares browsers and systems of the sessions used last', async () => {
    await signIn('ada')
    await signIn('edsger')
    await signIn('barbara', 'curl/8.5.0')
    const { body } = await operator.get('/admin/overview')
    expect(body).toMatchObject({
      sample: 4,
      browsers: [{ name: 'Firefox', count: 2 }, expect.anything(), expect.anything()],
      systems: [{ name: 'Linux', count: 2 }, expect.anything(), expect.anything()],
    })
  })
})

describe('health', () => {
  test('says what is promised, how the service does, and what is overdue', async () => {
    await before().create({ userId: '1', username: 'ada' })
    clock.advance('2d')
    operator = await operatorOf(opened)
    const { body } = await operator.get('/admin/health')
    expect(body).toMatchObject({
      engine: expect.stringContaining('sqlite'),
      guarantees: { survivesPowerLoss: false, warnings: [expect.stringContaining('gone when it stops')] },
      schema: { pending: 0 },
      connections: { streams: 0 },
      cleanup: { every: 600, overdue: 2 },
    })
  })
})

describe('cleaning up', () => {
  test('is rehearsed without a change, and then done', async () => {
    for (const name of ['ada', 'edsger', 'barbara']) await signIn(name)
    clock.advance('2d')
    operator = await operatorOf(opened)
    expect((await operator.post('/admin/cleanup', { dryRun: true })).body).toEqual({ ended: 4, pruned: 0 })
    expect((await operator.get('/admin/sessions/count?state=overdue')).body).toEqual({ count: 4 })
    expect((await operator.post('/admin/cleanup')).body).toEqual({ ended: 4, pruned: 0 })
    expect((await operator.get('/admin/sessions/count?state=overdue')).body).toEqual({ count: 0 })
    expect((await operator.get('/admin/sessions/count?state=active')).body).toEqual({ count: 1 })
  })

  test.each([{ dryRun: 'yes' }, { olderThan: '1s' }, []])('INP-3: takes nothing else: %j', async (body) => {
    expect((await operator.post('/admin/cleanup', body)).status).toBe(400)
  })
})

async function points(): Promise<readonly { readonly at: string; readonly logins: number; readonly failed: number }[]> {
  const { status, body } = await operator.get('/admin/overview')
  expect(status).toBe(200)
  return (body as { series: { points: [] } }).series.points
}

/** A manager on the same store that knows nothing of what the service has in memory. */
function before(): SessionManager {
  return new SessionManager({ store: opened.sqlite, clock })
}

function signIn(username: string, userAgent = FIREFOX) {
  return opened.sessions.create({ userId: `id-of-${username}`, username, device: { ip: '192.0.2.7', userAgent } })
}
