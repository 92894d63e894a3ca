import { afterEach, describe, expect, test } from 'vitest'
import { SessionManager } from '../core/manager.ts'
import { MemoryStore } from '../stores/memory.ts'
import { SqliteStore } from '../stores/sqlite.ts'
import { FixedClock } from '../testing/fixed-clock.ts'
import { AuthManager } from './auth-manager.ts'
import { DEFAULT_HASHING_LIMITS } from './hashing-queue.ts'
import type { PasswordHasher } from './passwords.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'
const INVALID = { ok: false, reason: 'invalid_credentials' }

/** A hasher that can be held, so that something else happens while a login is under way. */
class HeldHasher implements PasswordHasher {
  started = 0
  running = 0
  mostRunning = 0
  #holding: 'verify' | 'hash' | null = null
  readonly #reached = Promise.withResolvers<void>()
  readonly #letGo = Promise.withResolvers<void>()

  /** From now on verifications, or hashes, stop halfway, and the other goes through. */
  hold(what: 'verify' | 'hash'): void {
    this.#holding = what
  }

  /** Fulfils when the first one has stopped. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  letGo(): void {
    this.#holding = null
    this.#letGo.resolve()
  }

  async hash(password: string): Promise<string> {
    await this.#work('hash')
    return `kept:${password}`
  }

  async verify(password: string, stored: string | null): Promise<boolean> {
    await this.#work('verify')
    return stored === `kept:${password}` || stored === `old:${password}`
  }

  needsRehash(stored: string): boolean {
    return stored.startsWith('old:')
  }

  async #work(what: 'verify' | 'hash'): Promise<void> {
    this.started += 1
    this.running += 1
    this.mostRunning = Math.max(this.mostRunning, this.running)
    if (this.#holding === what) {
      this.#reached.resolve()
      await this.#letGo.promise
    }
    this.running -= 1
  }
}

const closing: SessionManager[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((sessions) => sessions.close()))
})

describe.each([
  ['memory', () => new MemoryStore()],
  ['SQLite', () => SqliteStore.open(':memory:')],
])('on %s', (_, open) => {
  async function openedWithAda() {
    const store = open()
    const clock = new FixedClock()
    const hasher = new HeldHasher()
    const sessions = new SessionManager({ store, clock })
    closing.push(sessions)
    const auth = new AuthManager({ sessions, users: store.users, hasher, clock })
    const operator = new AuthManager({ sessions, users: store.users, hasher, clock })
    const outcome = await auth.registerUser('ada', PASSWORD)
    if (!outcome.ok) throw new Error(outcome.message)
    return { store, users: store.users, clock, hasher, sessions, auth, operator, ada: outcome.user }
  }

  type World = Awaited<ReturnType<typeof openedWithAda>>

  /** What a login comes to when this happens after its user was read and before its password is found right. */
  async function loginDuring(deed: (world: World) => Promise<unknown>) {
    const world = await openedWithAda()
    world.hasher.hold('verify')
    const login = world.auth.loginUser('ada', PASSWORD)
    await world.hasher.reached
    await deed(world)
    world.hasher.letGo()
    return { ...world, outcome: await login }
  }

  describe('a login under way', () => {
    test.each([
      ['the user is disabled', ({ operator }: World) => operator.disableUser('ada')],
      [
        'the user is disabled and enabled again',
        async ({ operator }: World) => {
          await operator.disableUser('ada')
          await operator.enableUser('ada')
        },
      ],
      ['the user is deleted', ({ operator }: World) => operator.deleteUser('ada')],
      ['the user is signed out everywhere', ({ operator }: World) => operator.invalidateUserSessions('ada')],
      ['an operator sets another password', ({ operator }: World) => operator.setPassword('ada', OTHER)],
      ['an operator becomes a user', demoted],
    ])('yields nothing when %s', async (_what, deed) => {
      const { outcome, auth, sessions, ada } = await loginDuring(deed)
      expect(outcome).toEqual(INVALID)
      expect(auth.isLoggedIn()).toBe(false)
      expect(await sessions.count({ userId: ada.id })).toBe(0)
      expect(await sessions.events({ type: 'login_failed' })).toHaveLength(1)
    })

    test('does not bring back a user who was deleted', async () => {
      const { users } = await loginDuring(({ operator }) => operator.deleteUser('ada'))
      expect(await users.count()).toBe(0)
    })

    async function demoted({ operator }: World): Promise<void> {
      await operator.setRole('ada', 'operator')
      await operator.setRole('ada', 'user')
    }
  })

  test('a password change wins over the replacement of an old hash (PWD-2)', async () => {
    const { auth, operator, users, hasher, ada } = await openedWithAda()
    await users.rehash(ada.id, `kept:${PASSWORD}`, `old:${PASSWORD}`)
    hasher.hold('hash')
    const login = auth.loginUser('ada', PASSWORD)
    await hasher.reached
    // The hash that replaces the old one is held; the operator's goes through.
    hasher.hold('verify')
    await operator.setPassword('ada', OTHER)
    hasher.letGo()
    expect(await login).toEqual(INVALID)
    expect((await users.byUsername('ada'))?.passwordHash).toBe(`kept:${OTHER}`)
  })

  test('a password change under way does not undo what an operator has set meanwhile', async () => {
    const { auth, operator, users, hasher } = await openedWithAda()
    hasher.hold('verify')
    const change = auth.changePassword('ada', PASSWORD, `${OTHER}, mine`)
    await hasher.reached
    await operator.setPassword('ada', OTHER)
    hasher.letGo()
    expect(await change).toEqual(INVALID)
    expect((await users.byUsername('ada'))?.passwordHash).toBe(`kept:${OTHER}`)
  })

  describe('a storm of 500 logins', () => {
    test('lets a few be hashed and a few wait, turns the others away, and sessions validate meanwhile (DOS-1)', async () => {
      const { auth, hasher, sessions, ada } = await openedWithAda()
      const { token } = await sessions.create({ userId: ada.id, username: 'ada' })
      const { running, waiting } = DEFAULT_HASHING_LIMITS
      hasher.started = 0
      hasher.hold('verify')
      const storm = Array.from({ length: 500 }, (_each, place) =>
        auth.loginUser(`user${place}`, PASSWORD, { ip: `203.0.${place % 100}.${place % 250}` }),
      )
      await hasher.reached
      expect(await sessions.validate(token)).toMatchObject({ ok: true })
      expect(hasher.running).toBeGreaterThan(0)
      const turnedAway = storm.map((login) => login.then((outcome) => !outcome.ok && outcome.reason === 'overloaded'))
      hasher.letGo()
      expect((await Promise.all(turnedAway)).filter(Boolean)).toHaveLength(500 - running - waiting)
      expect(hasher.mostRunning).toBe(running)
      expect(hasher.started).toBe(running + waiting)
    })

    test('tells those who wait too long when to come back', async () => {
      const { auth, clock, hasher } = await openedWithAda()
      hasher.hold('verify')
      const storm = Array.from({ length: 20 }, (_each, place) => auth.loginUser(`user${place}`, PASSWORD))
      await hasher.reached
      await turn()
      clock.advance('2s')
      await turn()
      hasher.letGo()
      const late = (await Promise.all(storm)).filter((outcome) => !outcome.ok && outcome.reason === 'overloaded')
      expect(late).toHaveLength(20 - DEFAULT_HASHING_LIMITS.running)
      expect(late[0]).toEqual({ ok: false, reason: 'overloaded', retryAfter: 2 })
    })

    test('does not keep those waiting who are throttled anyway', async () => {
      const { auth, hasher } = await openedWithAda()
      for (let guess = 0; guess < 6; guess += 1) await auth.loginUser('ada', OTHER, { ip: '192.0.2.7' })
      hasher.hold('verify')
      const storm = Array.from({ length: 100 }, (_each, place) => auth.loginUser(`user${place}`, PASSWORD))
      await hasher.reached
      const throttled = { ok: false, reason: 'throttled', retryAfter: 2 }
      expect(await auth.loginUser('ada', PASSWORD, { ip: '192.0.2.7' })).toEqual(throttled)
      hasher.letGo()
      await Promise.all(storm)
    })

    test('turns registrations and new passwords away as well', async () => {
      const { auth, operator, hasher } = await openedWithAda()
      hasher.hold('verify')
      const storm = Array.from({ length: 100 }, (_each, place) => auth.loginUser(`user${place}`, PASSWORD))
      await hasher.reached
      await turn()
      const overloaded = { ok: false, reason: 'overloaded', retryAfter: 2 }
      expect(await auth.registerUser('grace', PASSWORD)).toMatchObject(overloaded)
      expect(await auth.setPassword('ada', OTHER)).toMatchObject(overloaded)
      expect(await auth.changePassword('ada', PASSWORD, OTHER)).toEqual(overloaded)
      expect(await operator.setPassword('ada', OTHER)).toMatchObject({ ok: true })
      hasher.letGo()
      await Promise.all(storm)
    })
  })
})

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}
