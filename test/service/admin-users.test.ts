/** /admin/users: who there is, and what operators may give and take. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { UserStore } from '../../packages/sojourn/src/auth/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { keyed, operatorOf, signedIn } from './admin-client.ts'
import type { AdminClient } from './admin-client.ts'

const PASSWORD = 'notes upon the analytical engine'

let opened: OpenService
let operator: AdminClient

beforeEach(async () => {
  opened = await openService()
  operator = await operatorOf(opened)
})
afterEach(() => opened.close())

describe('the list', () => {
  test('shows everybody in the order of their names, page after page, each once', async () => {
    for (const name of ['zoe', 'ada', 'edsger', 'barbara']) await opened.auth.registerUser(name, PASSWORD)
    const seen: string[] = []
    for (let after: string | null = ''; after !== null;) {
      const page: Listed = await listed(`limit=2${after === '' ? '' : `&after=${after}`}`)
      seen.push(...page.users.map(({ username }) => username))
      after = page.next
    }
    expect(seen).toEqual(['ada', 'barbara', 'edsger', 'grace', 'zoe'])
  })

  test('shows how many sessions each has, and nothing of a password', async () => {
    const user = await register('ada')
    for (let n = 0; n < 3; n += 1) await opened.auth.loginUser('ada', PASSWORD)
    await opened.sessions.revoke({ id: (await opened.auth.getActiveSessions('ada'))[0]!.id })
    const { users } = await listed('text=ada')
    expect(users).toEqual([
      {
        id: user.id,
        username: 'ada',
        role: 'user',
        isDisabled: false,
        createdAt: expect.any(String),
        lastLoginAt: expect.any(String),
        activeSessions: 2,
      },
    ])
  })

  test('is searched by a piece of the name in any spelling, by state and by role', async () => {
    for (const name of ['ada', 'adam', 'm%a']) await opened.auth.registerUser(name, PASSWORD)
    await opened.auth.disableUser('adam')
    const names = async (query: string): Promise<readonly string[]> =>
      (await listed(query)).users.map(({ username }) => username)
    expect(await names('text=ADA')).toEqual(['ada', 'adam'])
    expect(await names('text=%EF%BC%A1da')).toEqual(['ada', 'adam'])
    expect(await names('text=%25')).toEqual(['m%a'])
    expect(await names('state=disabled')).toEqual(['adam'])
    expect(await names('text=ada&state=active')).toEqual(['ada'])
    expect(await names('role=operator')).toEqual(['grace'])
    expect(await names('text=nobody')).toEqual([])
  })

  test.each(['limit=0', 'state=gone', 'role=king', 'text=', 'name=ada', 'after=a&after=b'])(
    'INP-1: refuses %s',
    async (query) => {
      expect(await operator.get(`/admin/users?${query}`)).toMatchObject({ status: 400 })
    },
  )
})

describe('REV-6: disabling a user', () => {
  test('ends all sessions in the same step, lets nobody in, and says who did it', async () => {
    const { id } = await register('ada')
    const ada = await signedIn(opened, 'ada', PASSWORD)
    expect(await operator.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 200, body: { count: 1 } })
    expect((await ada.get('/auth/session')).status).toBe(401)
    expect(await opened.auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: false })
    const [event] = await opened.sessions.events({ userId: id, type: 'user_disabled' })
    expect(event?.actor).toBe('operator:grace')
    expect(await operator.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 200, body: { count: 0 } })
  })

  test('is undone by enabling, but for the sessions', async () => {
    const { id } = await register('ada')
    const ada = await signedIn(opened, 'ada', PASSWORD)
    await operator.post(`/admin/users/${id}/disable`)
    expect(await operator.post(`/admin/users/${id}/enable`)).toMatchObject({ status: 200, body: { count: 0 } })
    expect(await opened.auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
    expect((await ada.get('/auth/session')).status).toBe(401)
  })

  test('is not done to oneself', async () => {
    await opened.auth.registerUser('ada', PASSWORD, { role: 'operator' })
    const id = await idOf('grace')
    expect(await operator.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await operator.post(`/admin/users/${id}/role`, { role: 'user' })).toMatchObject({ status: 409 })
    expect((await operator.get('/admin/me')).status).toBe(200)
  })

  test('is not done to the last operator, by nobody', async () => {
    const program = await keyed(opened, 'manage')
    const id = await idOf('grace')
    expect(await program.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await program.post(`/admin/users/${id}/role`, { role: 'user' })).toMatchObject({ status: 409 })
    await opened.auth.registerUser('ada', PASSWORD, { role: 'operator' })
    await opened.auth.disableUser('ada')
    expect(await program.post(`/admin/users/${id}/role`, { role: 'user' })).toMatchObject({ status: 409 })
    await opened.auth.enableUser('ada')
    expect(await program.post(`/admin/users/${id}/role`, { role: 'user' })).toMatchObject({ status: 200 })
  })

  test('leaves one operator when all turn on each other at once', async () => {
    const names = ['grace', 'ada', 'edsger', 'barbara']
    for (const name of names.slice(1)) await opened.auth.registerUser(name, PASSWORD, { role: 'operator' })
    const program = await keyed(opened, 'manage')
    const ids = await Promise.all(names.map(idOf))
    slowly(opened.service.users)
    const answers = await Promise.all(ids.map((id) => program.post(`/admin/users/${id}/role`, { role: 'user' })))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 409])
    expect(await opened.service.users.list(null, 9, { role: 'operator' })).toHaveLength(1)
  })
})

describe('REV-6: a role', () => {
  test('is given and taken, and taking it ends the sessions', async () => {
    const { id } = await register('ada')
    expect(await operator.post(`/admin/users/${id}/role`, { role: 'operator' })).toMatchObject({ body: { count: 0 } })
    const ada = await signedIn(opened, 'ada', PASSWORD)
    expect((await ada.get('/admin/me')).status).toBe(200)
    expect(await operator.post(`/admin/users/${id}/role`, { role: 'user' })).toMatchObject({ body: { count: 1 } })
    expect((await ada.get('/admin/me')).status).toBe(401)
  })

  test.each([{ role: 'king' }, {}, { role: ['operator'] }, { role: 'operator', id: '1' }])(
    'INP-3: is nothing else than a role: %j',
    async (body) => {
      const { id } = await register('ada')
      expect(await operator.post(`/admin/users/${id}/role`, body)).toMatchObject({ status: 400 })
      expect(await opened.auth.getUser('ada')).toMatchObject({ role: 'user' })
    },
  )
})

describe('REV-4: signing a user out everywhere', () => {
  test('ends their sessions and nobody else’s, with the reason in history', async () => {
    const { id } = await register('ada')
    const ada = await signedIn(opened, 'ada', PASSWORD)
    const answer = await operator.post(`/admin/users/${id}/revoke`, { reason: 'she asked for it' })
    expect(answer).toMatchObject({ status: 200, body: { count: 1 } })
    expect((await ada.get('/auth/session')).status).toBe(401)
    expect((await operator.get('/admin/me')).status).toBe(200)
    const [event] = await opened.sessions.events({ userId: id, type: 'session_ended' })
    expect(event).toMatchObject({ actor: 'operator:grace', detail: 'she asked for it' })
    expect(await opened.auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
  })

  test('leaves an operator the session they ask with', async () => {
    const other = await operatorOf(opened)
    expect(await operator.post(`/admin/users/${await idOf('grace')}/revoke`)).toMatchObject({ body: { count: 1 } })
    expect([(await operator.get('/admin/me')).status, (await other.get('/admin/me')).status]).toEqual([200, 401])
  })
})

test.each(['disable', 'enable', 'revoke', 'role'])('nobody is not found: %s', async (deed) => {
  const body = deed === 'role' ? { role: 'user' } : undefined
  for (const id of ['nobody', '%00', '..%2Fgrace', "' OR 1=1"]) {
    expect(await operator.post(`/admin/users/${id}/${deed}`, body)).toMatchObject({ status: 404 })
  }
  expect(await operator.get('/admin/users/nobody')).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

test('a user is disabled although notes of use cannot be written', async () => {
  const { id } = await register('ada')
  const ada = await signedIn(opened, 'ada', PASSWORD)
  await ada.get('/auth/session')
  opened.store.faults = { isRefused: ({ method }) => method === 'touch' }
  expect(await operator.post(`/admin/users/${id}/disable`)).toMatchObject({ status: 200, body: { count: 1 } })
  opened.store.faults = {}
  expect((await ada.get('/auth/session')).status).toBe(401)
})

/** Lets everybody else take a few turns before it is told who there is. */
function slowly(users: UserStore): void {
  const list = users.list.bind(users)
  vi.spyOn(users, 'list').mockImplementation(async (...asked) => {
    const found = await list(...asked)
    for (let turn = 0; turn < 100; turn += 1) await nextTurn()
    return found
  })
}

interface Listed {
  readonly users: readonly { readonly id: string; readonly username: string }[]
  readonly next: string | null
}

async function listed(query: string): Promise<Listed> {
  const { status, body } = await operator.get(`/admin/users?${query}`)
  expect({ status, query }).toEqual({ status: 200, query })
  return body as Listed
}

async function register(name: string): Promise<{ readonly id: string }> {
  await opened.auth.registerUser(name, PASSWORD)
  return { id: await idOf(name) }
}

async function idOf(name: string): Promise<string> {
  return (await opened.auth.getUser(name))!.id
}
