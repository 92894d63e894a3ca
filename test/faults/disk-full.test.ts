import { rmSync, statSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { SessionManager, isSojournError } from '../../packages/sojourn/src/index.ts'
import type { SessionManagerOptions, Token } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/fixed-clock.ts'
import { required } from '../support/require.ts'
import { capturingConnections } from './support/captured-connections.ts'
import { historyFaults } from './support/ledger.ts'
import { SmallDisk } from './support/small-disk.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

const DISK = 12 * 1_048_576
const BALLAST = 512 * 1_024
/** More logins than any room that is left can take. */
const MANY = 20_000

describe('a full disk', () => {
  let disk: SmallDisk

  beforeEach((context) => {
    const mounted = SmallDisk.mount(DISK)
    // Being root is a thing to ask for; a machine where not even root may mount cannot be helped.
    if (mounted === null && process.getuid?.() === 0) {
      console.warn('skipped: root may not mount a tmpfs on this machine; run it with CAP_SYS_ADMIN')
      context.skip('needs a machine where root may mount a tmpfs')
    }
    disk = required(context, 'right to mount a small tmpfs; run the tests as root on Linux', mounted)
    return () => disk[Symbol.dispose]()
  })

  test('turns logins away with store_full and leaves nothing of them', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 50)
    disk.fill()
    const before = await installation.figuresWhenFull()
    for (let attempt = 0; attempt < 20; attempt += 1)
      expect(await installation.loginFailure('grace')).toBe('store_full')
    expect(await installation.figures()).toEqual(before)
    expect(await installation.store.users.byUsername('grace')).toBeNull()
    await installation.audit()
  })

  test('lets everybody sign out, one by one, all of one user, and by an operator', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 150)
    await installation.logIn('grace', 50)
    await installation.logIn('linus', 50)
    disk.fill()
    await installation.figuresWhenFull()
    for (const token of installation.tokensOf('ada')) expect(await installation.logOut(token)).toBe(true)
    for (const token of installation.tokensOf('grace')) {
      expect(await installation.sessions.revoke({ id: token.slice(0, 36) })).toMatchObject({ count: 1 })
      installation.ended.add(token)
    }
    expect(await installation.sessions.revoke({ userId: 'linus' })).toMatchObject({ count: 50 })
    installation.tokensOf('linus').forEach((token) => installation.ended.add(token))
    await installation.audit()
  })

  test('lets an account be disabled and a password be changed', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 20)
    await installation.logIn('grace', 20)
    disk.fill()
    await installation.figuresWhenFull()
    const mark = { at: installation.sessions.now(), actor: 'ops:linus' }
    expect(await installation.store.users.disable('ada', mark)).toMatchObject({ isChanged: true })
    expect(await installation.store.users.setPassword('grace', { to: 'another hash' }, mark)).toMatchObject({
      isChanged: true,
    })
    for (const name of ['ada', 'grace']) installation.tokensOf(name).forEach((token) => installation.ended.add(token))
    await installation.audit()
  })

  test('keeps the sessions that stand, and the notes of their use until there is room', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 20)
    disk.fill()
    await installation.figuresWhenFull()
    const [token] = installation.tokensOf('ada')
    const used = await installation.sessions.validate(token)
    expect(used).toMatchObject({ ok: true })
    expect(await failureOf(() => installation.sessions.flush())).toMatch(/^(store_full|none)$/)
    expect(await installation.sessions.validate(token)).toMatchObject({ ok: true })
    disk.free()
    expect(await failureOf(() => installation.sessions.flush())).toBe('none')
    await installation.audit()
  })

  test('signs nobody out in the end who went on using a session while no use could be written', async () => {
    const policy = { idleTimeout: '10m' } as const
    const clock = new FixedClock()
    await using installation = new Installation(disk.file('app.db'), { policy, clock })
    await installation.logIn('ada', 1)
    disk.fill()
    await installation.figuresWhenFull()
    const [token] = installation.tokensOf('ada')
    for (let minute = 0; minute < 20; minute += 1) {
      clock.advance('1m')
      expect(await installation.sessions.validate(token)).toMatchObject({ ok: true })
    }
    disk.free()
    await installation.sessions.flush()
    expect(await installation.sessions.validate(token)).toMatchObject({ ok: true })
    await using restarted = new Installation(disk.file('app.db'), { policy, clock })
    expect(await restarted.sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('is no time for another process to clean up who is using a session all the while', async () => {
    const options = { policy: { idleTimeout: '10m' }, clock: new FixedClock() } as const
    await using installation = new Installation(disk.file('app.db'), options)
    await using cleaner = new Installation(disk.file('app.db'), options)
    await installation.logIn('ada', 1)
    disk.fill()
    await installation.figuresWhenFull()
    const [token] = installation.tokensOf('ada')
    for (let minute = 0; minute < 20; minute += 1) {
      options.clock.advance('1m')
      expect(await installation.sessions.validate(token)).toMatchObject({ ok: true })
    }
    expect(await failureOf(() => cleaner.sessions.cleanup())).toBe('store_full')
    expect(await installation.sessions.validate(token)).toMatchObject({ ok: true })
    disk.free()
  })

  test('gives a renewal no new secret and leaves the old one good', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 20)
    await installation.sessions.renew(installation.tokensOf('ada')[0]!.slice(0, 36))
    disk.fill()
    await installation.figuresWhenFull()
    for (const token of installation.tokensOf('ada').slice(1)) {
      expect(await failureOf(() => installation.sessions.renew(token.slice(0, 36)))).toBe('store_full')
    }
    await installation.audit()
  })

  test('that has room again takes logins again, and the reserve is back', async () => {
    await using installation = new Installation(disk.file('app.db'))
    await installation.logIn('ada', 50)
    disk.fill()
    await installation.figuresWhenFull()
    for (const token of installation.tokensOf('ada').slice(0, 40)) await installation.logOut(token)
    expect(statSync(disk.file('app.db-ballast')).size).toBeLessThan(BALLAST)
    disk.free()
    await installation.logIn('grace', 20)
    expect(statSync(disk.file('app.db-ballast')).size).toBe(BALLAST)
    await installation.audit()
  })

  test(
    'that is filled and freed again and again loses nothing that was acknowledged',
    { timeout: 60_000 },
    async () => {
      await using installation = new Installation(disk.file('app.db'))
      for (let round = 0; round < 8; round += 1) {
        await installation.logIn(`visitor-${round}`, 10)
        disk.fill()
        await installation.figuresWhenFull()
        for (const token of installation.tokensOf(`visitor-${round}`).slice(0, 7))
          expect(await installation.logOut(token)).toBe(true)
        disk.free()
      }
      await installation.audit()
    },
  )

  test('does not keep a program that is started on it from letting people sign out', async () => {
    const before = new Installation(disk.file('app.db'))
    await before.logIn('ada', 20)
    await before.sessions.close()
    disk.fill()
    await using installation = new Installation(disk.file('app.db'), { before })
    for (const token of installation.tokensOf('ada')) expect(await installation.logOut(token)).toBe(true)
    expect(await installation.loginFailure('grace')).toBe('store_full')
    await installation.audit()
  })

  test('is what a program is told that cannot start because not even the reserve is left', async () => {
    const before = new Installation(disk.file('app.db'))
    await before.logIn('ada', 20)
    await before.sessions.close()
    rmSync(disk.file('app.db-ballast'))
    disk.fill()
    expect(await failureOf(async () => SqliteStore.open(disk.file('app.db')))).toBe('store_full')
  })
})

describe('a database that may not grow', () => {
  test('turns logins away with store_full, leaves nothing of them, and takes them again when it may', async () => {
    using folder = new TemporaryFolder()
    await using installation = new Installation(folder.file('app.db'))
    await installation.logIn('ada', 50)
    installation.limitPages('now')
    const before = await installation.figuresWhenFull()
    for (let attempt = 0; attempt < 20; attempt += 1)
      expect(await installation.loginFailure('grace')).toBe('store_full')
    expect(await installation.figures()).toEqual(before)
    for (const token of installation.tokensOf('ada').slice(0, 20)) {
      const failure = await failureOf(() => installation.logOut(token))
      expect(failure).toMatch(/^(store_full|none)$/)
    }
    await installation.audit()
    installation.limitPages('no more')
    await installation.logIn('grace', 50)
    for (const token of installation.tokensOf('ada').slice(20)) expect(await installation.logOut(token)).toBe(true)
    await installation.audit()
  })
})

type InstallationOptions = Omit<SessionManagerOptions, 'store'> & { readonly before?: Installation }

/** A manager on a file, and what it acknowledged. */
class Installation implements AsyncDisposable {
  readonly path: string
  readonly store: SqliteStore
  readonly sessions: SessionManager
  readonly tokens: Map<Token, string>
  readonly ended: Set<Token>
  readonly #setPageLimit: (pages: number) => void

  /** `before`: the installation of a process that ended, whose acknowledgements still hold. */
  constructor(path: string, { before, ...options }: InstallationOptions = {}) {
    this.path = path
    this.tokens = before?.tokens ?? new Map<Token, string>()
    this.ended = before?.ended ?? new Set<Token>()
    const { result, connections } = capturingConnections(() => SqliteStore.open(path))
    this.store = result
    this.sessions = new SessionManager({ store: this.store, onBackgroundError: () => undefined, ...options })
    this.#setPageLimit = (pages) =>
      connections.forEach((connection) => connection.exec(`PRAGMA max_page_count = ${pages}`))
  }

  /** Logs a user in so many times. */
  async logIn(userId: string, times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      const { token } = await this.sessions.create({ userId, username: userId })
      this.tokens.set(token, userId)
    }
  }

  async logOut(token: Token): Promise<boolean> {
    const isEnded = await this.sessions.end(token)
    this.ended.add(token)
    return isEnded
  }

  tokensOf(userId: string): readonly Token[] {
    return [...this.tokens]
      .filter(([token, owner]) => owner === userId && !this.ended.has(token))
      .map(([token]) => token)
  }

  /** The code with which a login fails, or `none`. */
  loginFailure(userId: string): Promise<string> {
    return failureOf(() => this.logIn(userId, 1))
  }

  /** What the store holds when not one more login goes in. */
  async figuresWhenFull(): Promise<object> {
    for (let login = 0; login < MANY; login += 1) {
      const failure = await this.loginFailure('late')
      if (failure === 'none') continue
      expect(failure).toBe('store_full')
      return this.figures()
    }
    throw new Error(`${MANY} logins went in; the disk is not full`)
  }

  async figures(): Promise<object> {
    const { events } = await this.sessions.changes('0', 10_000)
    return { sessions: await this.sessions.count(), users: await this.store.users.count(), events: events.length }
  }

  /** From now on the file may not grow, or may again. */
  limitPages(when: 'now' | 'no more'): void {
    this.#setPageLimit(when === 'now' ? 1 : 1_000_000)
  }

  /** What was acknowledged holds, here and for the next process. */
  async audit(): Promise<void> {
    await this.#compare(this.sessions)
    expect(historyFaults(this.path)).toEqual([])
  }

  async #compare(sessions: SessionManager): Promise<void> {
    for (const token of this.tokens.keys()) {
      const check = await sessions.validate(token, { isPassive: true })
      expect(check.ok, `${this.tokens.get(token)}'s session`).toBe(!this.ended.has(token))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions.close()
  }
}

/** The code with which something fails, or `none`. What is no SojournError is thrown on. */
async function failureOf(deed: () => Promise<unknown>): Promise<string> {
  try {
    await deed()
    return 'none'
  } catch (error) {
    if (isSojournError(error)) return error.code
    throw error
  }
}
