import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { PageVisitor } from './pages-visitor.ts'

const CLAIM = { username: 'hedy', password: 'correct horse battery staple' } as const

let site: OpenService
let clock: FixedClock

beforeEach(async () => {
  clock = new FixedClock()
  site = await openService({ clock })
  await site.auth.setRole(site.operator.username, 'user')
})
afterEach(() => site.close())

async function openLink(): Promise<string> {
  const token = await site.service.setup.open()
  if (token === null) throw new Error('there is an operator already')
  return token
}

async function operators(): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { username, role } of site.auth.listUsers()) if (role === 'operator') found.push(username)
  return found
}

describe('PWD-13: the first operator', () => {
  test('is whoever has the link, which then works no more', async () => {
    const token = await openLink()
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(await site.service.setup.isOpen(token)).toBe(true)
    expect(await site.service.setup.redeem(token, CLAIM)).toMatchObject({ ok: true, user: { role: 'operator' } })
    expect(await site.service.setup.isOpen(token)).toBe(false)
    const again = await site.service.setup.redeem(token, { ...CLAIM, username: 'mallory' })
    expect(again).toEqual({ ok: false, reason: 'gone' })
    expect(await operators()).toEqual(['hedy'])
    const [created] = await site.sessions.events({ type: 'user_created' })
    expect(created?.actor).toBe('setup')
  })

  test('FED-7: is one person, however many use the link at once', async () => {
    const token = await openLink()
    const claims = Array.from({ length: 20 }, (_, number) => ({ ...CLAIM, username: `claimant-${number}` }))
    const outcomes = await Promise.all(claims.map((claim) => site.service.setup.redeem(token, claim)))
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    expect(await operators()).toHaveLength(1)
  })

  test('FIX-4: cannot use the link as a session', async () => {
    const token = await openLink()
    for (const headers of [{ cookie: `insecure-sid=${token}` }, { authorization: `Bearer ${token}` }]) {
      expect((await fetch(`${site.url}/auth/session`, { headers })).status).toBe(401)
      expect((await fetch(`${site.url}/admin/me`, { headers })).status).toBe(401)
    }
    expect(await site.service.setup.isOpen(token)).toBe(true)
  })

  test('has 15 minutes, to the millisecond', async () => {
    const token = await openLink()
    clock.advance('14m59.999s')
    expect(await site.service.setup.isOpen(token)).toBe(true)
    clock.advance('1ms')
    expect(await site.service.setup.isOpen(token)).toBe(false)
    expect(await site.service.setup.redeem(token, CLAIM)).toEqual({ ok: false, reason: 'gone' })
    expect(await operators()).toEqual([])
  })

  test('may choose another name or password where the first cannot be taken', async () => {
    const token = await openLink()
    expect(await site.service.setup.redeem(token, { ...CLAIM, password: 'short' })).toMatchObject({
      reason: 'too_short',
    })
    expect(await site.service.setup.redeem(token, { ...CLAIM, username: site.operator.username })).toMatchObject({
      reason: 'username_taken',
    })
    expect(await site.service.setup.redeem(token, CLAIM)).toMatchObject({ ok: true })
  })

  test('may try again where the store failed', async () => {
    const token = await openLink()
    const { byUsername } = site.sqlite.users
    site.sqlite.users.byUsername = () => Promise.reject(new Error('the disk is on fire'))
    await expect(site.service.setup.redeem(token, CLAIM)).rejects.toThrow('on fire')
    site.sqlite.users.byUsername = byUsername
    expect(await site.service.setup.redeem(token, CLAIM)).toMatchObject({ ok: true })
  })
})

describe('PWD-13: there is no link', () => {
  test('where there is an operator, though a disabled one', async () => {
    await site.auth.setRole('grace', 'operator')
    await site.auth.disableUser('grace')
    expect(await site.service.setup.open()).toBeNull()
  })

  test('once there is an operator from elsewhere, such as the command line or another node', async () => {
    const token = await openLink()
    await site.auth.setRole('grace', 'operator')
    expect(await site.service.setup.isOpen(token)).toBe(false)
    expect(await site.service.setup.redeem(token, CLAIM)).toEqual({ ok: false, reason: 'gone' })
    // And it does not come back with the last operator gone.
    await site.auth.setRole('grace', 'user')
    expect(await site.service.setup.isOpen(token)).toBe(false)
  })

  test('but the newest', async () => {
    const [first, second] = [await openLink(), await openLink()]
    expect(second).not.toBe(first)
    expect(await site.service.setup.isOpen(first)).toBe(false)
    expect(await site.service.setup.isOpen(second)).toBe(true)
  })

  test('that anybody could guess or alter', async () => {
    const token = await openLink()
    const guesses = ['', 'x', token.slice(0, -1), `${token}A`, token.toLowerCase(), 'A'.repeat(43), `${token}/`]
    for (const guess of guesses.filter((each) => each !== token)) {
      expect(await site.service.setup.isOpen(guess)).toBe(false)
      expect(await site.service.setup.redeem(guess, CLAIM)).toEqual({ ok: false, reason: 'gone' })
    }
    expect(await site.service.setup.isOpen(token)).toBe(true)
  })
})

test('PWD-13: on a fresh database no name and no password signs anybody in', async () => {
  const fresh = await openService()
  try {
    await fresh.auth.deleteUser(fresh.operator.username)
    expect(await fresh.service.users.count()).toBe(0)
    for (const [username, password] of [
      ['admin', 'admin'],
      ['root', ''],
      ['operator', 'operator'],
      ['sojourn', 'sojourn'],
    ] as const) {
      const visitor = new PageVisitor(fresh)
      expect((await visitor.post('/login', { username, password })).status).toBe(401)
      expect(await visitor.isSignedIn()).toBe(false)
    }
  } finally {
    await fresh.close()
  }
})

test('the link is kept as a hash, and shown by nothing', async () => {
  const token = await openLink()
  const shown = inspect(site.service.setup, { depth: 10, showHidden: true }) + JSON.stringify(site.service.setup)
  expect(shown).not.toContain(token)
  expect(shown).not.toContain(createHash('sha256').update(token).digest('hex').slice(0, 16))
  expect(site.lines.join('')).not.toContain(token)
})
