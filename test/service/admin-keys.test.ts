/** /admin/keys: keys of programs, each with a name, scopes and an end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { AdminClient, keyed, operatorOf } from './admin-client.ts'

const NEW = { name: 'nightly report', scopes: ['read'] }

let opened: OpenService
let clock: FixedClock
let operator: AdminClient

beforeEach(async () => {
  clock = new FixedClock(Date.now())
  opened = await openService({ clock })
  operator = await operatorOf(opened)
})
afterEach(() => opened.close())

test('ADM-2: a key is made, works, is listed without its secret, is revoked, and works no more', async () => {
  const made = await operator.post('/admin/keys', { ...NEW, expiresIn: '30d' })
  const { key, secret } = made.body as { readonly key: { readonly id: string }; readonly secret: string }
  expect(made.status).toBe(201)
  expect(secret).toMatch(new RegExp(`^sjk_${key.id}\\.[\\w-]{43}$`))
  const program = new AdminClient(opened.url, { authorization: `Bearer ${secret}` })
  expect((await program.get('/admin/sessions')).status).toBe(200)
  const listed = await operator.get('/admin/keys')
  expect(listed.body).toEqual({
    keys: [
      {
        id: key.id,
        name: 'nightly report',
        scopes: ['read'],
        createdAt: instant(0),
        createdBy: 'operator:grace',
        expiresAt: instant(30 * 86_400_000),
        lastUsedAt: instant(0),
        revokedAt: null,
      },
    ],
  })
  clock.advance('1m')
  expect((await operator.send('DELETE', `/admin/keys/${key.id}`)).status).toBe(204)
  expect((await program.get('/admin/sessions')).status).toBe(401)
  expect((await operator.get('/admin/keys')).body).toMatchObject({ keys: [{ revokedAt: instant(0) }] })
  expect((await operator.send('DELETE', `/admin/keys/${key.id}`)).status).toBe(204)
})

test('ADM-2: a key is good for 90 days unless something else is said, and for a year at most', async () => {
  const { body } = await operator.post('/admin/keys', NEW)
  expect(body).toMatchObject({ key: { expiresAt: instant(90 * 86_400_000) } })
  expect((await operator.post('/admin/keys', { ...NEW, expiresIn: '365d' })).status).toBe(201)
  for (const expiresIn of ['366d', '8761h', '0d', '-1d', '1y', '', 90, '1e9d', '９d']) {
    expect((await operator.post('/admin/keys', { ...NEW, expiresIn })).status, String(expiresIn)).toBe(400)
  }
})

test.each([
  ['no name', { scopes: ['read'] }],
  ['an empty name', { ...NEW, name: ' ' }],
  ['a name that cannot be seen', { ...NEW, name: 'a\u202eb' }],
  ['a name of 101 characters', { ...NEW, name: 'x'.repeat(101) }],
  ['no scope', { ...NEW, scopes: [] }],
  ['a scope there is not', { ...NEW, scopes: ['root'] }],
  ['INP-3: an id of its own', { ...NEW, id: '0000000000000000' }],
  ['INP-3: somebody else who made it', { ...NEW, createdBy: 'operator:ada' }],
])('INP-1: a key is not made with %s', async (_, body) => {
  expect(await operator.post('/admin/keys', body)).toMatchObject({ status: 400, body: { code: 'invalid_body' } })
  expect((await operator.get('/admin/keys')).body).toEqual({ keys: [] })
})

describe('a key that may manage', () => {
  test('makes keys with no scope that it has not itself', async () => {
    const program = await keyed(opened, 'manage', 'read')
    expect((await program.post('/admin/keys', NEW)).status).toBe(201)
    const answer = await program.post('/admin/keys', { ...NEW, scopes: ['read', 'revoke'] })
    expect(answer).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } })
  })

  test('is named in history as who did it', async () => {
    const program = await keyed(opened, 'manage')
    const { body } = await program.post('/admin/keys', { ...NEW, scopes: ['manage'] })
    expect(body).toMatchObject({ key: { createdBy: 'key:nightly report' } })
  })
})

test.each(['0000000000000000', 'nothing', '%00', 'sjk_0000000000000000'])('no key is not found: %s', async (id) => {
  expect(await operator.send('DELETE', `/admin/keys/${id}`)).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

function instant(from: number): string {
  return new Date(clock.now() + from).toISOString()
}
