/** Who gets through the gate of everything below /admin, and what is said to those who do not. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ACCESS, partsOf } from '../../packages/server/src/service/admin/access.ts'
import type { Operation } from '../../packages/server/src/service/admin/access.ts'
import { API_KEY_SCOPES } from '../../packages/sojourn/src/auth/index.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { AdminClient, keyed, operatorOf, signedIn } from './admin-client.ts'
import type { Answer } from './admin-client.ts'

const OPERATIONS = Object.keys(ACCESS) as readonly Operation[]
const PASSWORD = 'notes upon the analytical engine'

let opened: OpenService
let clock: FixedClock

beforeEach(async () => {
  clock = new FixedClock(Date.now())
  opened = await openService({ clock })
})
afterEach(() => opened.close())

test('the document has every operation of the table, and no other below /admin', async () => {
  const { body } = await new AdminClient(opened.url).get('/openapi.json')
  const { paths } = body as { readonly paths: Readonly<Record<string, object>> }
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(described.filter((each) => each.includes('/admin')).toSorted()).toEqual([...OPERATIONS].toSorted())
})

describe('nobody in particular', () => {
  test.each(OPERATIONS)('ADM-1: is turned away from %s, also on this very machine', async (operation) => {
    const nobody = new AdminClient(opened.url)
    for (const method of [partsOf(operation).method, 'HEAD', 'OPTIONS', 'PUT']) {
      const { status } = await call(nobody, operation, method)
      expect(status, method).toBe(401)
    }
  })

  test('ADM-1: is not told what is there and what is not', async () => {
    const nobody = new AdminClient(opened.url)
    for (const path of ['/admin', '/admin/', '/admin/nothing', '/admin/sessions/', '/admin//sessions']) {
      expect(await nobody.get(path), path).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    }
  })

  test('gets no further by another spelling of a path', async () => {
    const nobody = new AdminClient(opened.url)
    for (const path of ['/admin/%73essions', '/ADMIN/sessions', '/admin//sessions', '/admin/sessions?', '/admin;/x']) {
      expect((await nobody.get(path)).status, path).toBeGreaterThanOrEqual(400)
    }
  })
})

test.each(OPERATIONS)('ADM-2: a user who is no operator is turned away from %s', async (operation) => {
  await opened.auth.registerUser('ada', PASSWORD)
  const ada = await signedIn(opened, 'ada', PASSWORD)
  expect(await call(ada, operation)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(await ada.get('/auth/session')).toMatchObject({ status: 200 })
})

describe('ADM-2: a key', () => {
  test.each(OPERATIONS)('reaches %s with the one scope that it asks for, and with no other', async (operation) => {
    const { scope } = ACCESS[operation]
    for (const other of API_KEY_SCOPES) {
      const answer = await call(await keyed(opened, other), operation)
      if (other === scope) expect(answer.body).not.toMatchObject({ code: 'insufficient_scope' })
      else expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } })
      expect(answer.status).not.toBe(401)
    }
  })

  test('that can read cannot revoke, and the session goes on', async () => {
    const { session } = await opened.sessions.create({ userId: '1', username: 'ada' })
    const reader = await keyed(opened, 'read')
    const answer = await reader.post('/admin/sessions/revoke', { ids: [session.id] })
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } })
    expect(await opened.sessions.get(session.id)).toMatchObject({ isActive: true })
  })

  test('is refused from its very next request once it is revoked or over', async () => {
    const [revoked, over] = [await keyed(opened, 'read'), await keyed(opened, 'read')]
    expect([await statusOf(revoked), await statusOf(over)]).toEqual([200, 200])
    await opened.service.keys.revoke(revoked.issued.key.id)
    expect([await statusOf(revoked), await statusOf(over)]).toEqual([401, 200])
    clock.set(over.issued.key.expiresAt)
    expect(await statusOf(over)).toBe(401)
  })

  test('is told about in the log by why it was refused, and never by its secret', async () => {
    const { issued } = await keyed(opened, 'read')
    const forged = `${issued.secret.slice(0, -1)}${issued.secret.endsWith('A') ? 'E' : 'A'}`
    expect(await statusOf(new AdminClient(opened.url, { authorization: `Bearer ${forged}` }))).toBe(401)
    const log = opened.lines.join('\n')
    expect(log).toContain('mismatch')
    for (const secret of [issued.secret, forged]) expect(log).not.toContain(secret.split('.')[1])
  })
})

describe('a credential', () => {
  test.each([
    ['in lower case', (secret: string) => ({ authorization: `bearer ${secret}` })],
    ['of another scheme', (secret: string) => ({ authorization: `Basic ${secret}` })],
    ['without a scheme', (secret: string) => ({ authorization: secret })],
    ['with two spaces', (secret: string) => ({ authorization: `Bearer  ${secret}` })],
    ['twice', (secret: string) => ({ authorization: `Bearer ${secret}, Bearer ${secret}` })],
    ['in another header', (secret: string) => ({ 'x-api-key': secret })],
    ['in a cookie', (secret: string) => ({ cookie: `insecure-sid=${secret}` })],
  ])('COO-9: that is a key counts in one place and form only: not %s', async (_, headers) => {
    const { issued } = await keyed(opened, 'read')
    expect(await statusOf(new AdminClient(opened.url, headers(issued.secret)))).toBe(401)
  })

  test('COO-8: that is a key does not count in the address', async () => {
    const { issued } = await keyed(opened, 'read')
    const nobody = new AdminClient(opened.url)
    for (const name of ['key', 'access_token', 'token']) {
      expect(await statusOf(nobody, `/admin/sessions?${name}=${issued.secret}`)).toBe(401)
    }
  })

  test('COO-7: a cookie together with a key is nobody’s', async () => {
    const operator = await operatorOf(opened)
    const { credential } = await keyed(opened, 'read')
    const both = new AdminClient(opened.url, { ...operator.credential, ...credential })
    expect(await statusOf(both)).toBe(401)
    expect([await statusOf(operator), await statusOf(new AdminClient(opened.url, credential))]).toEqual([200, 200])
  })

  test('COO-7: two cookies are nobody’s', async () => {
    const [one, other] = [await operatorOf(opened), await operatorOf(opened)]
    const cookie = `${one.credential['cookie']}; ${other.credential['cookie']}`
    expect(await statusOf(new AdminClient(opened.url, { cookie }))).toBe(401)
  })

  test('the token of an operator’s session opens nothing here, and its session goes on', async () => {
    const operator = await operatorOf(opened)
    const program = new AdminClient(opened.url, { authorization: `Bearer ${operator.token}` })
    clock.advance('1h')
    expect(await statusOf(program)).toBe(401)
    expect(await program.get('/auth/session')).toMatchObject({ status: 200 })
  })

  test('INP-7: rubbish is no credential, and no failure', async () => {
    for (const rubbish of ['Bearer', 'Bearer sjk_', 'Bearer sjk_x.y', `Bearer sjk_${'A'.repeat(9_000)}`, 'ÿ', '\t']) {
      const answer = await new AdminClient(opened.url, { authorization: rubbish }).get('/admin/sessions')
      expect(answer.status, rubbish.slice(0, 20)).toBe(401)
    }
  })
})

describe('ADM-5: authority that is taken away', () => {
  test('is gone at the very next request, and so are the sessions', async () => {
    const operator = await operatorOf(opened)
    await opened.auth.setRole('grace', 'user')
    expect(await statusOf(operator)).toBe(401)
    await opened.auth.setRole('grace', 'operator')
    expect(await statusOf(operator)).toBe(401)
  })

  test('is gone although the session stands, since the role is read again for every request', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
    const path = join(folder, 'sojourn.db')
    const kept = await openService({ path })
    try {
      const operator = await operatorOf(kept)
      expect(await statusOf(operator)).toBe(200)
      using database = new DatabaseSync(path)
      database.exec("UPDATE sojourn_users SET role = 'user'")
      expect(await operator.get('/admin/sessions')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      database.exec("UPDATE sojourn_users SET role = 'operator', disabled_at = 1")
      expect(await operator.get('/admin/sessions')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    } finally {
      await kept.close()
      rmSync(folder, { recursive: true })
    }
  })
})

describe('an operator’s session', () => {
  test('TMO-3: that was not used for ten minutes is over, and not only here', async () => {
    const operator = await operatorOf(opened)
    clock.advance('9m')
    expect(await statusOf(operator)).toBe(200)
    clock.advance('10m')
    const answer = await operator.get('/admin/sessions')
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(answer.headers.getSetCookie().join()).toContain('Max-Age=0')
    expect(await operator.get('/auth/session')).toMatchObject({ status: 401 })
  })

  test('TMO-3: is over after eight hours, however much it is used', async () => {
    const operator = await operatorOf(opened)
    for (let minutes = 0; minutes < 8 * 60 - 9; minutes += 9) {
      clock.advance('9m')
      expect(await statusOf(operator)).toBe(200)
    }
    clock.advance('9m')
    expect(await statusOf(operator)).toBe(401)
  })

  test('TMO-9: is not kept alive by a page that asks on its own', async () => {
    const operator = await operatorOf(opened)
    clock.advance('6m')
    expect((await operator.get('/admin/overview', { 'sojourn-passive': '1' })).status).toBe(200)
    clock.advance('5m')
    expect(await statusOf(operator)).toBe(401)
  })

  const RECENT = OPERATIONS.filter((operation) => 'isRecent' in ACCESS[operation])
  test.each(RECENT)('ADM-4: does %s only with a proof of the last ten minutes', async (operation) => {
    const operator = await operatorOf(opened)
    clock.advance('9m')
    expect((await call(operator, operation)).body).not.toMatchObject({ code: 'reauth_required' })
    clock.advance('61s')
    const answer = await call(operator, operation)
    expect(answer).toMatchObject({ status: 403, body: { code: 'reauth_required', maxAge: 600 } })
    expect(await statusOf(operator)).toBe(200)
  })

  test('ADM-4: everything that changes something asks for a proof', () => {
    expect(RECENT).toEqual(OPERATIONS.filter((operation) => !operation.startsWith('GET ')))
  })

  test('STEP-2: goes on once its user has proved who they are', async () => {
    const operator = await operatorOf(opened)
    clock.advance('9m')
    await operator.get('/admin/me')
    clock.advance('9m')
    expect(await operator.get('/admin/me')).toMatchObject({ body: { isRecent: false } })
    const proof = await operator.post('/auth/reauthenticate', { password: opened.operator.password })
    const cookie = proof.headers.getSetCookie()[0]!.split(';')[0]!
    const renewed = new AdminClient(opened.url, { cookie })
    expect(await renewed.get('/admin/me')).toMatchObject({ body: { isRecent: true, user: { username: 'grace' } } })
    expect(await renewed.post('/admin/cleanup')).toMatchObject({ status: 200 })
  })
})

describe('CSR-1: a write with a cookie', () => {
  const REVOKE = { filter: {}, confirm: 9 }

  test.each([
    ['another site', { origin: 'https://evil.example' }],
    ['nowhere it would name', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling', { 'sec-fetch-site': 'same-site' }],
  ])('is refused from %s, and changes nothing', async (_, headers) => {
    const { session } = await opened.sessions.create({ userId: '1', username: 'ada' })
    const operator = await operatorOf(opened)
    const answer = await operator.post('/admin/sessions/revoke', REVOKE, headers)
    expect(answer).toMatchObject({ status: 403, body: { code: 'cross_origin' } })
    expect(await opened.sessions.get(session.id)).toMatchObject({ isActive: true })
  })

  test('is done for a page of ours, and for a key wherever it comes from', async () => {
    const operator = await operatorOf(opened)
    expect((await operator.post('/admin/cleanup', {}, { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
    const program = await keyed(opened, 'manage')
    expect((await program.post('/admin/cleanup', {}, { origin: 'https://elsewhere.example' })).status).toBe(200)
  })
})

describe('STO-9: while the store does not answer', () => {
  test.each(OPERATIONS.filter((operation) => operation !== 'POST /admin/cleanup'))(
    'nobody is let through to %s, and nobody is signed out',
    async (operation) => {
      const operator = await operatorOf(opened)
      opened.store.faults = { isRefused: () => true }
      const answer = await call(operator, operation)
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(answer.headers.getSetCookie()).toEqual([])
      opened.store.faults = {}
      expect(await statusOf(operator)).toBe(200)
    },
  )

  test('a key is neither good nor bad', async () => {
    const program = await keyed(opened, 'read')
    await opened.sqlite.close()
    expect(await program.get('/admin/sessions')).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  })
})

test('HDR-1: no answer is kept by a cache, and none is taken for something else', async () => {
  const operator = await operatorOf(opened)
  for (const operation of OPERATIONS.filter((each) => each !== 'GET /admin/events/stream')) {
    for (const client of [operator, new AdminClient(opened.url), await keyed(opened, 'read')]) {
      const { headers } = await call(client, operation)
      expect(headers.get('cache-control'), operation).toBe('no-store')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('vary')).toMatch(/cookie.*authorization/i)
    }
  }
})

test('CSR-5: a method that is not used says which are', async () => {
  const operator = await operatorOf(opened)
  const answer = await operator.send('PUT', '/admin/keys')
  expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
  expect(answer.headers.get('allow')).toBe('GET, HEAD, POST')
  expect((await operator.send('TRACE', '/admin/nothing').catch(() => ({ status: 405 }))).status).toBeGreaterThan(399)
  expect(await operator.get('/admin/nothing')).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

/** Calls an operation with just enough to get past the gate. */
function call(client: AdminClient, operation: Operation, method?: string): Promise<Answer> {
  const { method: own, path } = partsOf(operation)
  const used = method ?? own
  const body = used === 'POST' ? {} : undefined
  const headers: Record<string, string> = operation.endsWith('stream') ? { 'last-event-id': 'x'.repeat(300) } : {}
  return client.send(used, path.replace('{id}', '0'), body, headers)
}

async function statusOf(client: AdminClient, path = '/admin/sessions'): Promise<number> {
  const { status } = await client.get(path)
  return status
}
