import { expect, test } from 'vitest'
import { SessionManager } from '../core/manager.ts'
import type { Store } from '../core/store.ts'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock } from '../testing/index.ts'
import { makeMark } from '../testing/records.ts'
import type { StoreCall } from '../testing/index.ts'
import { AuthManager } from './auth-manager.ts'
import type { PasswordHasher } from './passwords.ts'
import { UsersBeside } from './users-beside.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'
const MARK = makeMark({ actor: 'ops:grace' })

test('who registers in one store signs in with a session in the other', async () => {
  const { auth, sessions, kept } = await start()
  const login = await signIn(auth)
  expect(await sessions.validate(login.token)).toMatchObject({ ok: true, session: { username: 'ada' } })
  expect(await kept.users.count()).toBe(1)
  expect(await kept.count({})).toBe(0)
})

test.each([
  ['disabling', (auth: AuthManager) => auth.disableUser('ada'), 'user_disabled'],
  ['setting a password', (auth: AuthManager) => auth.setPassword('ada', OTHER), 'password_change'],
] as const)('%s a user ends the sessions in the other store', async (_, deed, endReason) => {
  const { auth, sessions } = await start()
  const { session } = await signIn(auth)
  await deed(auth)
  expect(await sessions.get(session.id)).toMatchObject({ isActive: false, endReason })
})

test('a changed password leaves the session that changed it', async () => {
  const { auth, sessions } = await start()
  const [here, there] = [await signIn(auth), await signIn(auth)]
  await auth.changePassword('ada', PASSWORD, OTHER, { keep: here.session.id })
  expect(await sessions.validate(here.token)).toMatchObject({ ok: true })
  expect(await sessions.validate(there.token)).toMatchObject({ ok: false, endReason: 'password_change' })
})

test('taking a role away ends the sessions, giving one does not', async () => {
  const { auth, sessions } = await start()
  const { token } = await signIn(auth)
  await auth.setRole('ada', 'operator')
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  await auth.setRole('ada', 'user')
  expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'revoked' })
})

test('a login that is under way while its user is disabled produces nothing', async () => {
  const { auth, sessions, held } = await start()
  const login = await overtaken(
    held,
    () => auth.loginUser('ada', PASSWORD),
    () => auth.disableUser('ada'),
  )
  expect(login.ok).toBe(false)
  expect(await sessions.count({ active: true })).toBe(0)
})

test('a login that is under way while the password changes produces nothing', async () => {
  const { auth, sessions, held } = await start()
  const login = await overtaken(
    held,
    () => auth.loginUser('ada', PASSWORD),
    () => auth.setPassword('ada', OTHER),
  )
  expect(login.ok).toBe(false)
  expect(await sessions.count({ active: true })).toBe(0)
})

test('where the sessions cannot be ended nothing is changed', async () => {
  const { auth, held, kept } = await start()
  held.faults = { isRefused: ({ method }) => method === 'revoke' }
  await expect(auth.disableUser('ada')).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(await kept.users.byUsername('ada')).toMatchObject({ disabledAt: null })
})

test('where only those who came meanwhile cannot be ended, the call says so and can be repeated', async () => {
  const { auth, held, sessions } = await start()
  let revokes = 0
  held.faults = { isRefused: ({ method }) => method === 'revoke' && ++revokes === 2 }
  await expect(auth.disableUser('ada')).rejects.toThrow('do it again')
  const stray = await sessions.create({ userId: (await auth.getUser('ada'))!.id, username: 'ada' })
  await auth.disableUser('ada')
  expect(await sessions.validate(stray.token)).toMatchObject({ ok: false, reason: 'disabled' })
})

test('a change that is none signs nobody out who does not exist, and adoption names the right place', async () => {
  const { users } = await start()
  const mark = { at: 1, actor: 'system' }
  expect(await users.disable('nobody', mark)).toEqual({ isChanged: false, ended: [] })
  await expect(users.adopt()).rejects.toMatchObject({ code: 'invalid_argument' })
})

test('deleting a user leaves no record of their sessions, and of nobody else’s fewer', async () => {
  const { auth, sessions } = await start()
  const [standing, over] = [await signIn(auth), await signIn(auth)]
  await sessions.end(over.token)
  const theirs = await sessions.create({ userId: '43', username: 'ada' })
  await sessions.revoke({ id: theirs.session.id })
  expect(await auth.deleteUser('ada')).toEqual({ ok: true, isChanged: true, ended: 1 })
  for (const { token } of [standing, over]) {
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'unknown' })
  }
  expect((await sessions.page({})).sessions.map(({ id }) => id)).toEqual([theirs.session.id])
  const told = await sessions.events({ sessionId: standing.session.id })
  expect(told.map(({ type, reason }) => reason ?? type)).toEqual(['user_deleted', 'session_created'])
})

test('records go a hundred at a time, however many there are', async () => {
  const { auth, sessions, held } = await start()
  const userId = (await auth.getUser('ada'))!.id
  for (let place = 0; place < 250; place += 1) await sessions.create({ userId, username: 'ada' })
  await auth.deleteUser('ada')
  expect(await sessions.count({})).toBe(0)
  expect(held.calls.filter(({ method }) => method === 'forget')).toHaveLength(4)
})

test('where the records cannot be deleted the call says so, and is repeated with the id', async () => {
  const { auth, sessions, users, held, kept } = await start()
  const { token, user } = await signIn(auth)
  held.faults = { isRefused: ({ method }) => method === 'forget' }
  await expect(auth.deleteUser('ada')).rejects.toThrow(`user '${user.id}' is deleted, but records`)
  expect(await kept.users.count()).toBe(0)
  expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'user_deleted' })
  held.faults = {}
  expect(await users.remove(user.id, MARK)).toBe(false)
  expect(await sessions.count({})).toBe(0)
})

test('the repeat also ends who came meanwhile and could not be ended', async () => {
  const { auth, sessions, users, held } = await start()
  const { user } = await signIn(auth)
  let revokes = 0
  held.faults = { isRefused: ({ method }) => method === 'revoke' && ++revokes === 2 }
  await expect(auth.deleteUser('ada')).rejects.toThrow('do it again')
  const stray = await sessions.create({ userId: user.id, username: 'ada' })
  expect(await users.remove(user.id, MARK)).toBe(false)
  expect(await sessions.validate(stray.token)).toEqual({ ok: false, reason: 'unknown' })
})

test('while the user is still there no record is deleted', async () => {
  const { auth, sessions, kept, held } = await start()
  const { session } = await signIn(auth)
  held.faults = {
    pause: async ({ method }, when) => (method === 'revoke' && when === 'after' ? kept.close() : undefined),
  }
  await expect(auth.deleteUser('ada')).rejects.toMatchObject({ code: 'closed' })
  expect(await sessions.get(session.id)).toMatchObject({ endReason: 'user_deleted' })
})

test('a session that begins under the same id while records are deleted stays', async () => {
  const { auth, sessions, users, held } = await start()
  const { user } = await signIn(auth)
  const isRemoved = await overtaken(
    held,
    () => users.remove(user.id, MARK),
    () => sessions.create({ userId: user.id, username: 'ada' }),
    'forget',
  )
  expect(isRemoved).toBe(true)
  const { sessions: left } = await sessions.page({})
  expect(left).toMatchObject([{ userId: user.id, isActive: true }])
})

test('a login that is under way while its user is deleted leaves nothing', async () => {
  const { auth, sessions, held } = await start()
  await signIn(auth)
  const login = await overtaken(
    held,
    () => auth.loginUser('ada', PASSWORD),
    () => auth.deleteUser('ada'),
  )
  expect(login.ok).toBe(false)
  expect(await sessions.count({})).toBe(0)
})

test('a store that cannot forget keeps the records, and they have ended', async () => {
  const { auth, sessions } = await start(Object.assign(new MemoryStore(), { forget: undefined }))
  const { session } = await signIn(auth)
  await auth.deleteUser('ada')
  expect(await sessions.get(session.id)).toMatchObject({ isActive: false, endReason: 'user_deleted' })
})

async function start(store: Store = new MemoryStore()) {
  const kept = new MemoryStore()
  const held = new FaultyStore(store)
  const clock = new FixedClock()
  const sessions = new SessionManager({ store: held, clock })
  const users = new UsersBeside(kept.users, held)
  const auth = new AuthManager({ sessions, users, clock, hasher: PLAIN })
  await auth.registerUser('ada', PASSWORD)
  return { kept, held, users, sessions, auth }
}

async function signIn(auth: AuthManager) {
  const login = await auth.loginUser('ada', PASSWORD)
  if (!login.ok) throw new Error(login.reason)
  return login
}

/** Holds a call back where it is about to insert, or what is said, until the other one is through. */
async function overtaken<T>(
  store: FaultyStore,
  first: () => Promise<T>,
  other: () => Promise<unknown>,
  at: StoreCall['method'] = 'insert',
): Promise<T> {
  const reached = Promise.withResolvers<void>()
  const isThrough = Promise.withResolvers<void>()
  store.faults = {
    async pause({ method }: StoreCall, when) {
      if (method !== at || when !== 'before') return
      reached.resolve()
      await isThrough.promise
    },
  }
  const outcome = first()
  await reached.promise
  await other()
  isThrough.resolve()
  return outcome
}

/** Keeps passwords as they are: these tests are about something else. */
const PLAIN: PasswordHasher = {
  hash: async (password) => `kept:${password}`,
  verify: async (password, stored) => stored === `kept:${password}`,
  needsRehash: () => false,
}
