import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { SessionManager } from '../core/manager.ts'
import type { PolicyOptions } from '../core/policy.ts'
import type { SessionId } from '../core/token.ts'
import { MemoryStore } from '../stores/memory.ts'
import { SqliteStore } from '../stores/sqlite.ts'
import { FixedClock } from '../testing/fixed-clock.ts'
import { AuthManager } from './auth-manager.ts'
import type { AuthManagerOptions, LoginOutcome } from './auth-manager.ts'
import type { PasswordHasher } from './passwords.ts'
import type { UserStore } from './users.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'
const IP = '192.0.2.7'
const INVALID = { ok: false, reason: 'invalid_credentials' }
const UNKNOWN_USER = { ok: false, reason: 'unknown_user' }

/** A host's own hasher: it counts what it is asked and costs nothing. */
class CountingHasher implements PasswordHasher {
  hashed = 0
  verified = 0

  async hash(password: string): Promise<string> {
    this.hashed += 1
    return `kept:${password}`
  }

  async verify(password: string, stored: string | null): Promise<boolean> {
    this.verified += 1
    return stored === `kept:${password}` || stored === `old:${password}`
  }

  needsRehash(stored: string): boolean {
    return stored.startsWith('old:')
  }
}

interface Setting {
  readonly policy?: PolicyOptions
  readonly options?: Partial<AuthManagerOptions>
}

const closing: SessionManager[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((sessions) => sessions.close()))
})

describe.each([
  ['memory', () => new MemoryStore()],
  ['SQLite', () => SqliteStore.open(':memory:')],
])('on %s', (_, open) => {
  function opened({ policy, options }: Setting = {}) {
    const store = open()
    const clock = new FixedClock()
    const hasher = new CountingHasher()
    const sessions = new SessionManager({ store, clock, policy })
    closing.push(sessions)
    const auth = new AuthManager({ sessions, users: store.users, hasher, clock, ...options })
    return { store, clock, hasher, sessions, auth, users: store.users }
  }

  async function openedWithAda(setting: Setting = {}) {
    const world = opened(setting)
    const outcome = await world.auth.registerUser('ada', PASSWORD)
    if (!outcome.ok) throw new Error(outcome.message)
    return { ...world, ada: outcome.user }
  }

  async function failedLogins(sessions: SessionManager) {
    return sessions.events({ type: 'login_failed' })
  }

  describe('registering', () => {
    test('adds a user who can sign in and signs nobody in', async () => {
      const { auth, ada, clock } = await openedWithAda()
      expect(ada).toMatchObject({ username: 'ada', role: 'user', isDisabled: false, lastLoginAt: null })
      expect(ada.createdAt).toEqual(new Date(clock.now()))
      expect(auth.isLoggedIn()).toBe(false)
      expect((await auth.loginUser('ada', PASSWORD)).ok).toBe(true)
    })

    test('every spelling of a name is the same user', async () => {
      const { auth } = await openedWithAda()
      for (const username of ['ada', 'ADA', ' Ada ', 'ａｄａ']) {
        expect(await auth.registerUser(username, PASSWORD)).toMatchObject({ ok: false, reason: 'username_taken' })
        expect(await auth.loginUser(username, PASSWORD)).toMatchObject({ ok: true })
        expect((await auth.getUser(username))?.username).toBe('ada')
      }
    })

    test('of one name twice at once makes one user', async () => {
      const { auth, users } = opened()
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => auth.registerUser('ada', PASSWORD)))
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
      expect(await users.count()).toBe(1)
    })

    test('says why a name or a password cannot be used', async () => {
      const { auth } = opened()
      const reasonOf = async (username: string, password: string): Promise<unknown> => {
        const outcome = await auth.registerUser(username, password)
        return outcome.ok ? null : outcome.reason
      }
      expect(await reasonOf('', PASSWORD)).toBe('username_invalid')
      expect(await reasonOf('a\u200bda', PASSWORD)).toBe('username_invalid')
      expect(await reasonOf('ada', 'too short')).toBe('too_short')
      expect(await reasonOf('ada', 'x'.repeat(1_025))).toBe('too_long')
      expect(await reasonOf('ada', 'passwordpassword')).toBe('common')
      expect(await reasonOf('lovelace', 'Lovelace-10-12-1815')).toBe('username')
      expect(await reasonOf('ada', 15 as unknown as string)).toBe('malformed')
    })

    test('gives a role only when told to', async () => {
      const { auth } = opened()
      expect(await auth.registerUser('grace', PASSWORD, { role: 'operator', actor: 'ops:root' })).toMatchObject({
        user: { role: 'operator' },
      })
      await expect(auth.registerUser('eve', PASSWORD, { role: 'root' as 'user' })).rejects.toMatchObject({
        code: 'invalid_argument',
      })
    })

    test('is not in the way of guesses that were made before there was anybody', async () => {
      const { auth } = opened()
      for (let guess = 0; guess < 6; guess += 1) await auth.loginUser('ada', OTHER)
      await auth.registerUser('ada', PASSWORD)
      expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
    })
  })

  describe('signing in', () => {
    test('gives a session of its own each time, with a token that validates', async () => {
      const { auth, ada } = await openedWithAda()
      const tokens = new Set<string>()
      for (const userAgent of ['Firefox/1', 'curl/8', 'okhttp/4']) {
        const login = await auth.loginUser('ada', PASSWORD, { ip: IP, userAgent })
        if (!login.ok) throw new Error(login.reason)
        expect(login.session).toMatchObject({ userId: ada.id, username: 'ada', method: 'password' })
        expect(login.session.device).toMatchObject({ ip: IP, userAgent })
        expect(await auth.validateSession(login.token)).toMatchObject({ ok: true, session: { id: login.session.id } })
        tokens.add(login.token)
      }
      expect(tokens.size).toBe(3)
    })

    test('says when the user last signed in', async () => {
      const { auth, clock } = await openedWithAda()
      expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ user: { lastLoginAt: new Date(clock.now()) } })
      expect((await auth.getUser('ada'))?.lastLoginAt).toEqual(new Date(clock.now()))
    })

    test('takes composed and decomposed spellings of a password for one', async () => {
      const { auth } = opened()
      await auth.registerUser('zoe', 'Zo\u00eb sees many fjords')
      expect(await auth.loginUser('zoe', 'Zo\u0065\u0308 sees many fjords')).toMatchObject({ ok: true })
    })

    test('takes a password exactly as typed', async () => {
      const { auth } = opened()
      await auth.registerUser('ada', ` ${PASSWORD} `)
      expect(await auth.loginUser('ada', PASSWORD)).toEqual(INVALID)
      expect(await auth.loginUser('ada', ` ${PASSWORD.toUpperCase()} `)).toEqual(INVALID)
      expect(await auth.loginUser('ada', ` ${PASSWORD} `)).toMatchObject({ ok: true })
    })

    test('shows the token to whoever asks for it and to nobody who prints the answer', async () => {
      const { auth } = await openedWithAda()
      const login = await auth.loginUser('ada', PASSWORD)
      if (!login.ok) throw new Error(login.reason)
      const secret = login.token.split('.')[1]!
      const printed = [
        ...[login, auth, { login, auth }].flatMap((each) => [inspect(each, ALL), JSON.stringify(each)]),
        `${String(login)} ${String(auth)}`,
      ]
      for (const text of printed) expect(text).not.toContain(secret)
      expect(printed[1]).toContain('"username":"ada"')
    })

    test('answers limit when the policy allows no further session', async () => {
      const { auth } = await openedWithAda({ policy: { maxSessionsPerUser: 1, onExceed: 'deny' } })
      await auth.loginUser('ada', PASSWORD)
      expect(await auth.loginUser('ada', PASSWORD)).toEqual({ ok: false, reason: 'limit' })
    })

    test('fifty times at once, with the right password, works fifty times', async () => {
      const { auth } = await openedWithAda()
      const logins = await Promise.all(Array.from({ length: 50 }, () => auth.loginUser('ada', PASSWORD, { ip: IP })))
      expect(new Set(logins.map((login) => login.ok && login.token)).size).toBe(50)
      expect(await auth.getActiveSessions('ada')).toHaveLength(50)
    })

    test('of fifty users at once from one address works for all', async () => {
      const { auth } = opened()
      const names = Array.from({ length: 50 }, (_each, place) => `user-${place}`)
      for (const name of names) await auth.registerUser(name, PASSWORD)
      const logins = await Promise.all(names.map((name) => auth.loginUser(name, PASSWORD, { ip: IP })))
      expect(logins.filter(({ ok }) => ok)).toHaveLength(50)
    })
  })

  describe('unknown, wrong, disabled, kept elsewhere', () => {
    async function answers(): Promise<(readonly [name: string, username: unknown, password: unknown])[]> {
      return [
        ['wrong password', 'ada', OTHER],
        ['unknown user', 'nobody', PASSWORD],
        ['disabled', 'grace', PASSWORD],
        ['disabled, wrong password', 'grace', OTHER],
        ['no password kept', 'hosted', PASSWORD],
        ['empty password', 'ada', ''],
        ['overlong password', 'ada', 'x'.repeat(100_000)],
        ['half a character', 'ada', 'x'.repeat(20) + '\ud83d'],
        ['no text', 'ada', { toString: () => PASSWORD }],
        ['no password', 'ada', undefined],
        ['unusable name', 'a\u200bda', PASSWORD],
        ['no name', undefined, PASSWORD],
      ]
    }

    async function openedWithEverybody() {
      const world = await openedWithAda()
      await world.auth.registerUser('grace', PASSWORD)
      await world.auth.disableUser('grace')
      await world.sessions.create({ userId: '42', username: 'hosted' })
      return world
    }

    test('are one answer, one verification and one line of history each (ENU-1, ENU-2)', async () => {
      for (const [name, username, password] of await answers()) {
        const { auth, hasher, sessions } = await openedWithEverybody()
        const outcome = await auth.loginUser(username as string, password as string, { ip: IP })
        expect([name, outcome]).toEqual([name, INVALID])
        expect([name, hasher.verified]).toEqual([name, 1])
        const events = await failedLogins(sessions)
        expect([name, events.length]).toEqual([name, 1])
        expect(events[0]).toMatchObject({ actor: 'user', ipAddress: IP, sessionId: null })
      }
    })

    test('are throttled alike, step by step (THR-9)', async () => {
      const traces = new Set<string>()
      for (const [, username, password] of await answers()) {
        const { auth, clock } = await openedWithEverybody()
        const trace: LoginOutcome[] = []
        for (let attempt = 0; attempt < 9; attempt += 1) {
          trace.push(await auth.loginUser(username as string, password as string, { ip: IP }))
          clock.advance('700ms')
        }
        traces.add(JSON.stringify(trace))
      }
      expect(traces.size).toBe(1)
    })

    test('history says which, and nothing of what was typed', async () => {
      const { auth, sessions, ada } = await openedWithEverybody()
      await auth.loginUser('my-Secret-in-the-wrong-field', OTHER)
      await auth.loginUser('ada', OTHER)
      await auth.loginUser('grace', PASSWORD)
      await auth.loginUser('hosted', PASSWORD)
      const events = await failedLogins(sessions)
      expect(events.map(({ detail }) => detail)).toEqual([
        'no password is kept',
        'disabled',
        'wrong password',
        'unknown user',
      ])
      expect(events.map(({ userId }) => userId).slice(1)).toEqual([expect.any(String), ada.id, null])
      expect(JSON.stringify(events)).not.toMatch(/my-secret|unusual/i)
    })
  })

  describe('guessing', () => {
    test('is free five times; the sixth costs two seconds, and nothing is hashed meanwhile (THR-1, THR-12)', async () => {
      const { auth, clock, hasher, sessions } = await openedWithAda()
      for (let guess = 1; guess <= 6; guess += 1) expect(await auth.loginUser('ada', OTHER)).toEqual(INVALID)
      clock.advance('1s')
      expect(await auth.loginUser('ada', PASSWORD)).toEqual({ ok: false, reason: 'throttled', retryAfter: 1 })
      expect(hasher.verified).toBe(6)
      expect(await failedLogins(sessions)).toHaveLength(6)
      clock.advance('1s')
      expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
    })

    test('starts afresh after a success', async () => {
      const { auth } = await openedWithAda()
      for (let round = 0; round < 3; round += 1) {
        for (let guess = 0; guess < 5; guess += 1) await auth.loginUser('ada', OTHER, { ip: `203.0.113.${round}` })
        expect(await auth.loginUser('ada', PASSWORD, { ip: '198.51.100.1' })).toMatchObject({ ok: true })
      }
    })

    test('under another spelling of the name is the same guessing (THR-4)', async () => {
      const { auth } = await openedWithAda()
      const spellings = ['ada', 'ADA', ' ada', 'ada ', 'ａｄａ', 'Ada']
      for (const username of spellings) await auth.loginUser(username, OTHER)
      for (const username of spellings)
        expect(await auth.loginUser(username, PASSWORD)).toMatchObject({ reason: 'throttled' })
    })

    test('with 200 passwords at once looks at six of them (THR-3)', async () => {
      const { auth, hasher } = await openedWithAda()
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => auth.loginUser('ada', OTHER)))
      expect(hasher.verified).toBe(6)
      expect(new Set(outcomes.map((outcome) => outcome.ok || outcome.reason))).toEqual(
        new Set(['invalid_credentials', 'throttled', 'overloaded']),
      )
    })

    test('of one password for many users is stopped by the address, also for users who know theirs (THR-2)', async () => {
      const { auth, clock } = await openedWithAda()
      for (let account = 0; account < 20; account += 1) await auth.loginUser(`user${account}`, PASSWORD, { ip: IP })
      const throttled = { ok: false, reason: 'throttled', retryAfter: 600 }
      expect(await auth.loginUser('ada', PASSWORD, { ip: `::ffff:${IP}` })).toEqual(throttled)
      expect(await auth.loginUser('ada', PASSWORD, { ip: '192.0.2.8' })).toMatchObject({ ok: true })
      clock.advance('10m')
      expect(await auth.loginUser('ada', PASSWORD, { ip: IP })).toMatchObject({ ok: true })
    })

    test('is not made easier by signing in as oneself in between (THR-11)', async () => {
      const { auth } = await openedWithAda()
      let tried = 0
      for (let account = 0; account < 40; account += 1) {
        const outcome = await auth.loginUser(`user${account}`, PASSWORD, { ip: IP })
        if (!outcome.ok && outcome.reason === 'invalid_credentials') tried += 1
        await auth.loginUser('ada', PASSWORD, { ip: IP })
      }
      expect(tried).toBe(20)
    })

    test('goes on from where it was after a restart (CLK-5)', async () => {
      const { auth, sessions, users, clock, hasher } = await openedWithAda()
      for (let guess = 0; guess < 6; guess += 1) await auth.loginUser('ada', OTHER)
      const restarted = new AuthManager({ sessions, users, clock, hasher })
      expect(await restarted.loginUser('ada', PASSWORD)).toMatchObject({ reason: 'throttled' })
    })

    test('ends at a hundred failures, until an operator sets the password anew (THR-1)', async () => {
      const { auth, clock, hasher } = await openedWithAda()
      for (let guess = 0; guess < 100; guess += 1) {
        await auth.loginUser('ada', OTHER, { ip: `2001:db8:${guess}::1` })
        clock.advance('15m')
      }
      expect(hasher.verified).toBe(100)
      clock.advance('200d')
      await auth.cleanupOldSessions()
      const stopped = { ok: false, reason: 'throttled', retryAfter: 900 }
      expect(await auth.loginUser('ada', PASSWORD, { ip: IP })).toEqual(stopped)
      expect(await auth.setPassword('ada', OTHER, { actor: 'ops:grace' })).toMatchObject({ ok: true })
      expect(await auth.loginUser('ada', OTHER, { ip: IP })).toMatchObject({ ok: true })
    })

    test('cannot go on where failures cannot be counted (THR-10)', async () => {
      const { sessions, users, clock, hasher } = await openedWithAda()
      for (const broken of ['read', 'swap'] as const) {
        const attempts = replacing(users.attempts, { [broken]: () => Promise.reject(new Error('the counter is down')) })
        const auth = new AuthManager({ sessions, users: replacing(users, { attempts }), clock, hasher })
        await expect(auth.loginUser('ada', PASSWORD)).rejects.toThrow('the counter is down')
      }
      expect(hasher.verified).toBe(0)
    })
  })

  describe('an old hash', () => {
    async function openedWithOldHash(options?: (users: UserStore) => Partial<AuthManagerOptions>) {
      const world = await openedWithAda()
      const stored = async (): Promise<unknown> => (await world.users.byUsername('ada'))?.passwordHash
      await world.users.rehash(world.ada.id, `kept:${PASSWORD}`, `old:${PASSWORD}`)
      const { sessions, users, clock, hasher } = world
      const auth = new AuthManager({ sessions, users, clock, hasher, ...options?.(users) })
      return { ...world, auth, stored }
    }

    test('is replaced at the next login, once, and ends nothing (PWD-2)', async () => {
      const { auth, stored, hasher } = await openedWithOldHash()
      const before = await auth.loginUser('ada', OTHER)
      expect([before.ok, await stored()]).toEqual([false, `old:${PASSWORD}`])
      await auth.loginUser('ada', PASSWORD)
      expect(await stored()).toBe(`kept:${PASSWORD}`)
      const hashed = hasher.hashed
      await auth.loginUser('ada', PASSWORD)
      expect(hasher.hashed).toBe(hashed)
      expect(await auth.getActiveSessions('ada')).toHaveLength(2)
    })

    test('that cannot be replaced is told of and not in the way of the login', async () => {
      const told: unknown[] = []
      const { auth, stored } = await openedWithOldHash((users) => ({
        users: replacing(users, { rehash: () => Promise.reject(new Error('the disk is full')) }),
        onBackgroundError: (error) => told.push(error),
      }))
      expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
      expect(told).toEqual([expect.objectContaining({ message: 'the disk is full' })])
      expect(await stored()).toBe(`old:${PASSWORD}`)
    })
  })

  describe('changing a password', () => {
    test('ends the other sessions of the user and keeps the one here (REV-5)', async () => {
      const { auth, sessions } = await openedWithAda()
      const phone = await auth.loginUser('ada', PASSWORD)
      await auth.loginUser('ada', PASSWORD)
      expect(await auth.changePassword('ada', PASSWORD, OTHER)).toEqual({ ok: true, ended: 1 })
      expect(await auth.validateSession(phone.ok && phone.token)).toMatchObject({
        ok: false,
        endReason: 'password_change',
      })
      expect(await auth.validateSession(auth.currentToken)).toMatchObject({ ok: true })
      expect(await auth.loginUser('ada', PASSWORD)).toEqual(INVALID)
      expect(await auth.loginUser('ada', OTHER)).toMatchObject({ ok: true })
      expect(await sessions.events({ type: 'password_changed' })).toMatchObject([{ actor: 'user' }])
    })

    test('keeps the session that a server names, or none', async () => {
      const { auth } = await openedWithAda()
      const [phone, laptop] = [await auth.loginUser('ada', PASSWORD), await auth.loginUser('ada', PASSWORD)]
      if (!phone.ok || !laptop.ok) throw new Error('the logins were to work')
      expect(await auth.changePassword('ada', PASSWORD, OTHER, { keep: phone.session.id })).toEqual({
        ok: true,
        ended: 1,
      })
      expect((await auth.getActiveSessions('ada')).map(({ id }) => id)).toEqual([phone.session.id])
      expect(auth.isLoggedIn()).toBe(false)
      await auth.loginUser('ada', OTHER)
      expect(await auth.changePassword('ada', OTHER, PASSWORD, { keep: null })).toEqual({ ok: true, ended: 2 })
      expect(auth.isLoggedIn()).toBe(false)
    })

    test('asks for the present one, through the same throttle as a login (STEP-1, THR-7)', async () => {
      const { auth, hasher } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      const verified = hasher.verified
      for (let guess = 0; guess < 6; guess += 1) {
        expect(await auth.changePassword('ada', 'wrong', OTHER, { device: { ip: IP } })).toEqual(INVALID)
      }
      const throttled = { ok: false, reason: 'throttled', retryAfter: 2 }
      expect(await auth.changePassword('ada', PASSWORD, OTHER)).toEqual(throttled)
      expect(await auth.loginUser('ada', PASSWORD)).toEqual(throttled)
      expect(await auth.changePassword('nobody', PASSWORD, OTHER)).toEqual(INVALID)
      expect(hasher.verified - verified).toBe(7)
      expect(await auth.getActiveSessions('ada')).toHaveLength(1)
    })

    test('holds the new one to the rules before anything is tried', async () => {
      const { auth, hasher } = await openedWithAda()
      expect(await auth.changePassword('ada', PASSWORD, 'short')).toMatchObject({ ok: false, reason: 'too_short' })
      expect(await auth.changePassword('ada', PASSWORD, 'ADA-ada-ADA-2026')).toMatchObject({ reason: 'username' })
      expect(hasher.verified).toBe(0)
    })

    test('twice at once changes it once', async () => {
      const { auth } = await openedWithAda()
      const outcomes = await Promise.all([
        auth.changePassword('ada', PASSWORD, `${OTHER} one`),
        auth.changePassword('ada', PASSWORD, `${OTHER} two`),
      ])
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
      expect(outcomes).toContainEqual(INVALID)
    })
  })

  describe('operators', () => {
    test('set a password, which ends all sessions', async () => {
      const { auth, sessions } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      await auth.loginUser('ada', PASSWORD)
      expect(await auth.setPassword('Ada', OTHER, { actor: 'ops:grace' })).toEqual({
        ok: true,
        isChanged: true,
        ended: 2,
      })
      expect(auth.isLoggedIn()).toBe(false)
      expect(await auth.loginUser('ada', OTHER)).toMatchObject({ ok: true })
      expect(await sessions.events({ type: 'password_changed' })).toMatchObject([{ actor: 'ops:grace' }])
      expect(await auth.setPassword('ada', 'short')).toMatchObject({ ok: false, reason: 'too_short' })
    })

    test('disable and enable a user (REV-6)', async () => {
      const { auth } = await openedWithAda()
      const login = await auth.loginUser('ada', PASSWORD)
      expect(await auth.disableUser('ada', { actor: 'ops:grace' })).toEqual({ ok: true, isChanged: true, ended: 1 })
      expect(await auth.disableUser('ada')).toEqual({ ok: true, isChanged: false, ended: 0 })
      expect((await auth.getUser('ada'))?.isDisabled).toBe(true)
      expect(auth.isLoggedIn()).toBe(false)
      expect(await auth.validateSession(login.ok && login.token)).toMatchObject({ ok: false, reason: 'disabled' })
      expect(await auth.loginUser('ada', PASSWORD)).toEqual(INVALID)
      expect(await auth.enableUser('ada')).toEqual({ ok: true, isChanged: true, ended: 0 })
      expect(await auth.enableUser('ada')).toEqual({ ok: true, isChanged: false, ended: 0 })
      expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
      expect(await auth.validateSession(login.ok && login.token)).toMatchObject({ ok: false })
    })

    test('end a session when they do it, however recently it was used', async () => {
      for (const deed of ['disable', 'set', 'change'] as const) {
        const { auth, clock, sessions } = await openedWithAda()
        const login = await auth.loginUser('ada', PASSWORD)
        if (!login.ok) throw new Error(login.reason)
        clock.advance('23h59m50s')
        await auth.validateSession(login.token)
        clock.advance('15s')
        if (deed === 'disable') await auth.disableUser('ada')
        if (deed === 'set') await auth.setPassword('ada', OTHER)
        if (deed === 'change') await auth.changePassword('ada', PASSWORD, OTHER, { keep: null })
        expect((await sessions.get(login.session.id))?.loggedOutAt).toEqual(new Date(clock.now()))
      }
    })

    test('delete a user with all sessions; the name is free again (REV-6)', async () => {
      const { auth } = await openedWithAda()
      const login = await auth.loginUser('ada', PASSWORD)
      expect(await auth.deleteUser('ada', { actor: 'ops:grace' })).toEqual({ ok: true, isChanged: true, ended: 1 })
      expect(auth.isLoggedIn()).toBe(false)
      expect(await auth.getUser('ada')).toBeNull()
      expect(await auth.validateSession(login.ok && login.token)).toEqual({ ok: false, reason: 'unknown' })
      expect(await auth.loginUser('ada', PASSWORD)).toEqual(INVALID)
      expect(await auth.registerUser('ada', OTHER)).toMatchObject({ ok: true })
    })

    test('make somebody an operator and a user again, which ends their sessions', async () => {
      const { auth } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      expect(await auth.setRole('ada', 'operator')).toEqual({ ok: true, isChanged: true, ended: 0 })
      expect((await auth.getUser('ada'))?.role).toBe('operator')
      expect(await auth.setRole('ada', 'user', { actor: 'ops:grace' })).toEqual({ ok: true, isChanged: true, ended: 1 })
      expect(auth.isLoggedIn()).toBe(false)
      await expect(auth.setRole('ada', 'admin' as 'user')).rejects.toMatchObject({ code: 'invalid_argument' })
    })

    test('end the sessions of a user, except one, in their own name', async () => {
      const { auth, sessions } = await openedWithAda()
      const [phone, laptop] = [await auth.loginUser('ada', PASSWORD), await auth.loginUser('ada', PASSWORD)]
      if (!phone.ok || !laptop.ok) throw new Error('the logins were to work')
      const except: SessionId = laptop.session.id
      expect(await auth.invalidateUserSessions('ADA', { actor: 'ops:grace', except })).toBe(1)
      expect(await sessions.get(phone.session.id)).toMatchObject({ endReason: 'revoked', endedBy: 'ops:grace' })
      expect(auth.isLoggedIn()).toBe(true)
      expect(await auth.invalidateUserSessions('ada')).toBe(1)
      expect(await sessions.get(laptop.session.id)).toMatchObject({ endedBy: 'system' })
      expect(auth.isLoggedIn()).toBe(false)
    })

    test('learn that there is no such user', async () => {
      const { auth } = opened()
      expect(await auth.setPassword('nobody', PASSWORD)).toEqual(UNKNOWN_USER)
      expect(await auth.disableUser('nobody')).toEqual(UNKNOWN_USER)
      expect(await auth.enableUser('nobody')).toEqual(UNKNOWN_USER)
      expect(await auth.deleteUser('nobody')).toEqual(UNKNOWN_USER)
      expect(await auth.setRole('', 'operator')).toEqual(UNKNOWN_USER)
      expect(await auth.invalidateUserSessions('nobody')).toBe(0)
      expect(await auth.getActiveSessions('nobody')).toEqual([])
      expect(await auth.getUser('nobody')).toBeNull()
    })

    test('list users in the order of their names, without their hashes', async () => {
      const { auth } = opened()
      for (const name of ['mary', 'ada', 'grace']) await auth.registerUser(name, PASSWORD)
      const users = []
      for await (const user of auth.listUsers()) users.push(user)
      expect(users.map(({ username }) => username)).toEqual(['ada', 'grace', 'mary'])
      expect(JSON.stringify(users)).not.toContain('kept:')
    })

    test('list users page by page', async () => {
      const { auth, users } = await openedWithAda()
      const template = (await users.byUsername('ada'))!
      for (let place = 0; place < 1_000; place += 1) {
        await users.add({ ...template, id: `id-${place}`, username: `b${place}` }, { at: 0, actor: 'system' })
      }
      const seen = new Set<string>()
      for await (const { username } of auth.listUsers()) seen.add(username)
      expect(seen.size).toBe(1_001)
    })
  })

  describe('the last login here', () => {
    test('is who, which session, which token', async () => {
      const { auth } = await openedWithAda()
      expect([auth.currentUser, auth.currentSession, auth.currentToken, auth.isLoggedIn()]).toEqual([
        null,
        null,
        null,
        false,
      ])
      const login = await auth.loginUser('ada', PASSWORD)
      if (!login.ok) throw new Error(login.reason)
      expect(auth.currentUser).toEqual(login.user)
      expect(auth.currentSession).toEqual(login.session)
      expect(auth.currentToken).toBe(login.token)
      expect(auth.isLoggedIn()).toBe(true)
    })

    test('is not disturbed by a login that failed', async () => {
      const { auth } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      await auth.loginUser('ada', OTHER)
      expect(auth.currentUser?.username).toBe('ada')
    })

    test('ends with logging out', async () => {
      const { auth, sessions } = await openedWithAda()
      const login = await auth.loginUser('ada', PASSWORD)
      if (!login.ok) throw new Error(login.reason)
      expect(await auth.logoutUser()).toBe(true)
      expect(auth.isLoggedIn()).toBe(false)
      expect(await auth.logoutUser()).toBe(false)
      expect(await sessions.get(login.session.id)).toMatchObject({ isActive: false, endReason: 'logout' })
    })

    test('logging out with a token ends that session and no other', async () => {
      const { auth } = await openedWithAda()
      const [phone] = [await auth.loginUser('ada', PASSWORD), await auth.loginUser('ada', PASSWORD)]
      if (!phone.ok) throw new Error(phone.reason)
      expect(await auth.logoutUser(phone.token)).toBe(true)
      expect(await auth.logoutUser(phone.token)).toBe(false)
      expect(auth.isLoggedIn()).toBe(true)
      expect(await auth.logoutUser(auth.currentToken)).toBe(true)
      expect(auth.isLoggedIn()).toBe(false)
    })

    test('a request that carries no token signs nobody out', async () => {
      const { auth } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      expect(await auth.logoutUser(undefined)).toBe(false)
      expect(await auth.logoutUser(null)).toBe(false)
      expect(await auth.logoutUser('')).toBe(false)
      expect(auth.isLoggedIn()).toBe(true)
    })

    test('is over when its session was not used for too long, and goes on with use', async () => {
      const { auth, clock } = await openedWithAda()
      await auth.loginUser('ada', PASSWORD)
      clock.advance('23h')
      await auth.validateSession(auth.currentToken)
      clock.advance('23h')
      expect(auth.isLoggedIn()).toBe(true)
      clock.advance('1h')
      expect([auth.isLoggedIn(), auth.currentUser, auth.currentToken]).toEqual([false, null, null])
    })

    test('is over when a validation says that somebody else has ended it', async () => {
      const { auth, sessions } = await openedWithAda()
      const login = await auth.loginUser('ada', PASSWORD)
      if (!login.ok) throw new Error(login.reason)
      await sessions.revoke({ id: login.session.id })
      expect(await auth.validateSession(login.token)).toMatchObject({ ok: false, reason: 'ended' })
      expect(auth.isLoggedIn()).toBe(false)
    })
  })

  describe('cleaning up', () => {
    test('ends what was not used for 24 hours, or for as long as one says', async () => {
      const { auth, clock } = await openedWithAda({ policy: { idleTimeout: '30d' } })
      await auth.loginUser('ada', PASSWORD)
      clock.advance('12h')
      await auth.loginUser('ada', PASSWORD)
      clock.advance('13h')
      expect(await auth.cleanupOldSessions()).toBe(1)
      expect(await auth.cleanupOldSessions({ hours: 12.5 })).toBe(1)
      expect(await auth.cleanupOldSessions({ hours: 1 })).toBe(0)
    })

    test('forgets old failed attempts', async () => {
      const { auth, users, clock } = await openedWithAda()
      await auth.loginUser('ada', OTHER, { ip: IP })
      clock.advance('31d')
      await auth.cleanupOldSessions()
      expect(await users.attempts.sweep(Number.MAX_SAFE_INTEGER, 10)).toBe(0)
    })

    test('is told a positive number of hours', async () => {
      const { auth } = opened()
      for (const hours of [0, -1, Number.NaN]) {
        await expect(auth.cleanupOldSessions({ hours })).rejects.toMatchObject({ code: 'invalid_argument' })
      }
    })
  })

  test('with nothing but sessions and users, real hashes protect real passwords', async () => {
    const { sessions, users } = opened()
    const auth = new AuthManager({ sessions, users })
    await auth.registerUser('ada', PASSWORD)
    expect((await users.byUsername('ada'))?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=47104,t=2,p=1\$/)
    expect(await auth.loginUser('ada', OTHER)).toEqual(INVALID)
    expect(await auth.loginUser('nobody', PASSWORD)).toEqual(INVALID)
    expect(await auth.loginUser('ada', PASSWORD)).toMatchObject({ ok: true })
  })
})

test('a setting that cannot be used is refused when the manager is made', () => {
  const store = new MemoryStore()
  const sessions = new SessionManager({ store })
  const settings: Partial<AuthManagerOptions>[] = [
    { passwords: { minLength: 7 } },
    { passwords: { argon2: { memory: 1_024, passes: 1 } } },
    { throttle: { hardStop: 1_000 } },
  ]
  for (const setting of settings) {
    expect(() => new AuthManager({ sessions, users: store.users, ...setting })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    )
  }
})

const ALL = { depth: 9, showHidden: true, getters: true }

/** The same part with some members replaced, as a part that fails would have them. */
function replacing<T extends object>(part: T, members: Partial<T>): T {
  return new Proxy(part, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name) as unknown
      const value = Reflect.get(target, name) as unknown
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
