import { expect, test } from 'vitest'
import { SessionManager } from '../core/manager.ts'
import { MemoryStore } from '../stores/memory.ts'
import { FixedClock } from '../testing/fixed-clock.ts'
import { AuthManager } from './auth-manager.ts'
import type { Login } from './auth-manager.ts'
import type { PasswordHasher } from './passwords.ts'

const PASSWORD = 'correct horse battery staple'
const DEVICE = { ip: '192.0.2.7', userAgent: 'curl/8' }

test('the right password moves authenticatedAt and replaces the token at once', async () => {
  const { auth, sessions, clock } = await start()
  const { session, token } = await signIn(auth)
  clock.advance('1h')
  const proved = await auth.reauthenticate(session, PASSWORD, DEVICE)
  if (!proved.ok) throw new Error(proved.reason)
  expect(proved.session).toMatchObject({ id: session.id, authenticatedAt: new Date(clock.now()) })
  expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'superseded' })
  expect(await sessions.validate(proved.token)).toMatchObject({ ok: true })
})

test('a wrong password changes nothing and is told in history as a failed login is', async () => {
  const { auth, sessions, clock } = await start()
  const { session, token } = await signIn(auth)
  clock.advance('1h')
  expect(await auth.reauthenticate(session, 'wrong', DEVICE)).toEqual({ ok: false, reason: 'invalid_credentials' })
  expect(await sessions.validate(token)).toMatchObject({ session: { authenticatedAt: session.authenticatedAt } })
  expect(await sessions.events({ type: 'login_failed' })).toHaveLength(1)
})

test('guesses share the throttle with logins (STEP-5)', async () => {
  const { auth } = await start()
  const { session } = await signIn(auth)
  for (let guess = 0; guess < 6; guess += 1) await auth.reauthenticate(session, 'wrong', DEVICE)
  expect(await auth.reauthenticate(session, PASSWORD, DEVICE)).toMatchObject({ ok: false, reason: 'throttled' })
  expect(await auth.loginUser('ada', PASSWORD, DEVICE)).toMatchObject({ ok: false, reason: 'throttled' })
})

test('the password of another account proves nothing', async () => {
  const { auth } = await start()
  await auth.registerUser('eve', PASSWORD)
  const { session } = await signIn(auth)
  const claimed = { ...session, username: 'eve' }
  expect(await auth.reauthenticate(claimed, PASSWORD)).toEqual({ ok: false, reason: 'invalid_credentials' })
})

test('a session that was ended meanwhile stays ended', async () => {
  const { auth, sessions } = await start()
  const { session } = await signIn(auth)
  await sessions.revoke({ id: session.id })
  expect(await auth.reauthenticate(session, PASSWORD)).toEqual({ ok: false, reason: 'ended' })
})

test('a program with one person in front of it goes on with the new token', async () => {
  const { auth } = await start()
  const { session } = await signIn(auth)
  const proved = await auth.reauthenticate(session, PASSWORD)
  expect(proved).toMatchObject({ ok: true, token: auth.currentToken })
  expect(await auth.validateSession(auth.currentToken)).toMatchObject({ ok: true })
})

test('a login keeps the attributes it is given with the session', async () => {
  const { auth } = await start()
  const login = await auth.loginUser('ada', PASSWORD, DEVICE, { attributes: { kiosk: true } })
  expect(login).toMatchObject({ ok: true, session: { attributes: { kiosk: true } } })
})

async function start() {
  const store = new MemoryStore()
  const clock = new FixedClock()
  const sessions = new SessionManager({ store, clock })
  const auth = new AuthManager({ sessions, users: store.users, hasher: PLAIN, clock })
  await auth.registerUser('ada', PASSWORD)
  return { auth, sessions, clock }
}

async function signIn(auth: AuthManager): Promise<Login> {
  const login = await auth.loginUser('ada', PASSWORD, DEVICE)
  if (!login.ok) throw new Error(login.reason)
  return login
}

/** Costs nothing. */
const PLAIN: PasswordHasher = {
  hash: async (password) => `kept:${password}`,
  verify: async (password, stored) => stored === `kept:${password}`,
  needsRehash: () => false,
}
