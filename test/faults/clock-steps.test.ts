import { describe, expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import type { PolicyOptions, Token } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { figure, found } from '../support/proof.ts'
import { HostTime } from './support/host-time.ts'
import { Random, seedFrom } from './support/random.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = { second: SECOND, hour: HOUR, day: DAY, month: 30 * DAY }
const BOTH_WAYS = Object.entries(STEPS).flatMap(([name, step]) => [
  [`a ${name} forward`, step] as const,
  [`a ${name} back`, -step] as const,
])
const POLICY = { idleTimeout: '1h', absoluteLifetime: '3h' } as const

describe('a host whose clock is put', () => {
  test.for(BOTH_WAYS)('%s and home again within ten minutes judges like one that was left alone', async ([, step]) => {
    using folder = new TemporaryFolder()
    await using steady = await Installation.withOneOfEach(folder.file('steady.db'))
    await using stepped = await Installation.withOneOfEach(folder.file('stepped.db'))
    const both = [steady, stepped]
    expect(new Set(Object.values(await stepped.verdicts()))).toEqual(new Set(['stands', 'idle', 'expired', 'ended']))
    for (const way of [step, -step, -step, step]) {
      stepped.host.step(way)
      for (let minute = 0; minute < 9; minute += 1) {
        both.forEach(({ host }) => host.pass(MINUTE))
        expect(await stepped.verdicts()).toEqual(await steady.verdicts())
      }
    }
    for (let quarter = 0; quarter < 16; quarter += 1) {
      both.forEach(({ host }) => host.pass(15 * MINUTE))
      expect(await stepped.verdicts()).toEqual(await steady.verdicts())
    }
  })

  test.for(BOTH_WAYS)('%s for good never lets in again whom it has turned away', async ([, step]) => {
    using folder = new TemporaryFolder()
    await using installation = await Installation.withOneOfEach(folder.file('app.db'))
    const refused = new Set<string>()
    installation.host.step(step)
    for (let probe = 0; probe < 90; probe += 1) {
      installation.host.pass(2 * MINUTE)
      for (const [name, verdict] of Object.entries(await installation.verdicts())) {
        if (verdict === 'stands') expect(refused).not.toContain(name)
        else refused.add(name)
      }
    }
    expect(refused).toEqual(new Set(['expiring', 'idling', 'expired', 'idle', 'out']))
  })

  test('forward for good ends nothing that had more than the step to live', async () => {
    using folder = new TemporaryFolder()
    await using installation = new Installation(folder.file('app.db'), { idleTimeout: '48h' })
    await installation.logIn('ada')
    installation.host.step(DAY)
    for (let probe = 0; probe < 60; probe += 1) {
      installation.host.pass(MINUTE)
      expect(await installation.verdict('ada')).toBe('stands')
    }
    expect(installation.sessions.now()).toBe(installation.host.wall)
  })

  test('back for good ends nobody, and time goes on more slowly until it agrees', async () => {
    using folder = new TemporaryFolder()
    await using installation = new Installation(folder.file('app.db'), POLICY)
    await installation.logIn('ada')
    installation.host.step(-HOUR)
    let before = installation.sessions.now()
    for (let probe = 0; probe < 180; probe += 1) {
      installation.host.pass(MINUTE)
      expect(await installation.verdict('ada', { isUse: true })).toBe('stands')
      expect(installation.sessions.now()).toBeGreaterThan(before)
      before = installation.sessions.now()
    }
    expect(installation.sessions.now() - installation.host.wall).toBeLessThanOrEqual(5 * SECOND)
  })
})

describe('a host under load whose clock is put forward and back at random', () => {
  test('loses no login, revives no session and judges like one that was left alone', { timeout: 60_000 }, async () => {
    const random = new Random(seedFrom('SOJOURN_CLOCK_SEED'))
    using folder = new TemporaryFolder()
    // Half a minute off the full one, which is where the probes are: both hosts are on the same side of every limit.
    const policy = { idleTimeout: 30 * 60 + 30, absoluteLifetime: 3 * 60 * 60 + 30 }
    await using steady = new Installation(folder.file('steady.db'), policy)
    await using stepped = new Installation(folder.file('stepped.db'), policy)
    const both = [steady, stepped]
    let steps = 0
    const seen = new Set<string>()
    for (let round = 0; round < 600; round += 1) {
      const away = random.pick(BOTH_WAYS)[1] * random.fraction()
      const isAway = random.chance(0.3)
      if (isAway) {
        stepped.host.step(away)
        steps += 2
      }
      const name = `visitor-${random.integer(40)}`
      const deed = random.pick(['login', 'use', 'use', 'use', 'logout'] as const)
      for (const installation of both) {
        if (deed === 'login') await installation.logIn(name)
        if (deed === 'use') await installation.verdict(name, { isUse: true })
        if (deed === 'logout') await installation.logOut(name)
      }
      const span = MINUTE * random.integer(3)
      both.forEach(({ host }) => host.pass(span))
      const verdicts = await steady.verdicts()
      expect(await stepped.verdicts(), `SOJOURN_CLOCK_SEED=${random.seed}`).toEqual(verdicts)
      Object.values(verdicts).forEach((verdict) => seen.add(verdict))
      if (isAway) stepped.host.step(-away)
      both.forEach(({ host }) => host.pass(MINUTE))
    }
    found({
      claim: 'SQLite: putting the clock of the host changes no verdict',
      tried: `${figure(steps)} steps under load, 600 comparisons of all verdicts, among them ${[...seen].join(', ')}`,
      found: '0 verdicts changed',
      seed: random.seed,
    })
    expect(seen.size).toBeGreaterThan(2)
  })

  test('has a time that never goes back, whatever the wall clock does', () => {
    const random = new Random(seedFrom('SOJOURN_CLOCK_SEED'))
    const host = new HostTime()
    let before = host.clock.now()
    for (let turn = 0; turn < 20_000; turn += 1) {
      if (random.chance(0.1)) host.step(random.pick(BOTH_WAYS)[1] * random.fraction())
      host.pass(random.integer(random.pick([2, SECOND, HOUR])))
      const now = host.clock.now()
      expect(now, `SOJOURN_CLOCK_SEED=${random.seed}`).toBeGreaterThanOrEqual(before)
      before = now
    }
  })
})

describe('a host whose clock runs one in a hundred', () => {
  test.for([
    ['too fast', 1.01],
    ['too slow', 0.99],
  ] as const)('%s keeps who is active and ends who is not', async ([, rate]) => {
    using folder = new TemporaryFolder()
    await using installation = new Installation(
      folder.file('app.db'),
      { idleTimeout: '1h' },
      new HostTime(undefined, rate),
    )
    await installation.logIn('active')
    await installation.logIn('gone')
    for (let minute = 0; minute < 12 * 60; minute += 1) {
      installation.host.pass(MINUTE)
      if (minute % 59 === 0) expect(await installation.verdict('active', { isUse: true })).toBe('stands')
      if (minute < 59) expect(await installation.verdict('gone')).toBe('stands')
      if (minute > 61) expect(await installation.verdict('gone')).toBe('idle')
    }
  })
})

describe('a restart on a host whose clock has meanwhile gone back', () => {
  test.for(Object.entries(STEPS))('by a %s revives nothing that has ended and loses no login', async ([, step]) => {
    using folder = new TemporaryFolder()
    const path = folder.file('app.db')
    const first = await Installation.withOneOfEach(path)
    await first.sessions.cleanup()
    await first.logIn('latest')
    const latest = first.sessions.now()
    await first[Symbol.asyncDispose]()

    const second = new HostTime(first.host.wall - step)
    await using installation = new Installation(path, POLICY, second, first.tokens)
    expect(await installation.verdicts()).toEqual(AFTER_THE_RESTART)
    expect(installation.sessions.now()).toBeGreaterThanOrEqual(latest)
    second.pass(MINUTE)
    const session = await installation.logIn('after the restart')
    expect(session.createdAt.getTime()).toBeGreaterThanOrEqual(latest)
    expect(await installation.verdict('after the restart')).toBe('stands')
    const instants = (await installation.sessions.changes()).events.map(({ at }) => at.getTime())
    expect(instants).toEqual(instants.toSorted((a, b) => a - b))
  })
})

describe('a restart after somebody was turned away by time, before a clean-up wrote that down,', () => {
  test.for([
    ['at once', 0],
    ['on a host whose clock has gone back an hour', HOUR],
  ] as const)('%s, lets nobody in again', async ([, step]) => {
    using folder = new TemporaryFolder()
    const path = folder.file('app.db')
    const first = new Installation(path, POLICY)
    await first.logIn('ada')
    first.host.pass(HOUR + SECOND)
    expect(await first.verdict('ada')).toBe('idle')
    await first[Symbol.asyncDispose]()
    await using installation = new Installation(path, POLICY, new HostTime(first.host.wall - step), first.tokens)
    expect(await installation.verdict('ada')).toBe('idle')
  })
})

const AFTER_THE_RESTART = {
  expiring: 'stands',
  idling: 'stands',
  latest: 'stands',
  expired: 'expired',
  idle: 'idle',
  out: 'ended',
}

/** A manager on a file, on a host whose clock can be moved, and the sessions by name. */
class Installation implements AsyncDisposable {
  readonly sessions: SessionManager
  readonly host: HostTime
  readonly tokens: Map<string, Token>

  constructor(path: string, policy: PolicyOptions, host = new HostTime(), tokens = new Map<string, Token>()) {
    this.host = host
    this.tokens = tokens
    this.sessions = new SessionManager({ store: SqliteStore.open(path), policy, clock: host.clock })
  }

  /** With a session of every kind there is: about to end, ended by time, ended by logout. */
  static async withOneOfEach(path: string): Promise<Installation> {
    const installation = new Installation(path, POLICY)
    await installation.logIn('expired')
    installation.host.pass(40 * MINUTE + 30 * SECOND)
    await installation.verdict('expired', { isUse: true })
    await installation.logIn('expiring')
    for (let turn = 0; turn < 3; turn += 1) {
      installation.host.pass(50 * MINUTE)
      await installation.verdict('expired', { isUse: true })
      await installation.verdict('expiring', { isUse: true })
      if (turn === 1) await installation.logIn('idle')
      await installation.logIn('idling')
    }
    await installation.logIn('out')
    await installation.logOut('out')
    installation.host.pass(12 * MINUTE + 15 * SECOND)
    return installation
  }

  async logIn(name: string): Promise<{ readonly createdAt: Date }> {
    const { session, token } = await this.sessions.create({ userId: name, username: name })
    this.tokens.set(name, token)
    return session
  }

  async logOut(name: string): Promise<void> {
    const token = this.tokens.get(name)
    if (token !== undefined) await this.sessions.end(token)
  }

  /** What a validation says. It does not count as use unless told so. */
  async verdict(name: string, { isUse = false } = {}): Promise<string> {
    const check = await this.sessions.validate(this.tokens.get(name), { isPassive: !isUse })
    return check.ok ? 'stands' : check.reason
  }

  async verdicts(): Promise<Record<string, string>> {
    const verdicts: Record<string, string> = {}
    for (const name of this.tokens.keys()) verdicts[name] = await this.verdict(name)
    return verdicts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sessions.close()
  }
}
