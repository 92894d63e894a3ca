import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { DAY, HOUR, MINUTE, NOON } from '../testing/records.ts'
import { EngineClock } from './engine-clock.ts'
import { SojournError } from './errors.ts'
import { SessionManager } from './manager.ts'
import type { Token } from './token.ts'

const SECOND = 1_000
const STEPS = [SECOND, HOUR, DAY, 30 * DAY].flatMap((step) => [step, -step])

/** True time, the engine's clock, and hosts whose clocks do as they like. */
class World {
  now = NOON
  /** What the engine's clock shows beyond the true time. */
  engineAhead = 0
  isDown = false
  questions = 0

  readonly askEngine = async (): Promise<number> => {
    this.questions += 1
    if (this.isDown) throw new SojournError('store_unavailable', 'the engine is down on purpose')
    return this.engine
  }

  get engine(): number {
    return this.now + this.engineAhead
  }
}

class Host {
  readonly clock: EngineClock
  wallAhead = 0
  /** How long the machine has slept: its monotonic clock stood still. */
  slept = 0
  readonly #world: World
  readonly #rate: number

  constructor(world: World, rate = 1, ask: () => Promise<number> = world.askEngine) {
    this.#world = world
    this.#rate = rate
    this.clock = new EngineClock(ask, { wall: () => this.#wall(), monotonic: () => this.#monotonic() })
  }

  #wall(): number {
    return NOON + (this.#world.now - NOON) * this.#rate + this.wallAhead
  }

  #monotonic(): number {
    return (this.#world.now - NOON - this.slept) * this.#rate
  }
}

let world: World

beforeEach(() => {
  world = new World()
})

describe('a clock that follows the engine', () => {
  test('shows the time of the engine, whatever the wall clock shows', async () => {
    world.engineAhead = 3 * DAY
    const host = new Host(world)
    host.wallAhead = -HOUR
    expect(host.clock.isCertain()).toBe(false)
    await host.clock.becomeCertain()
    expect(host.clock.isCertain()).toBe(true)
    world.now += 1_234
    expect(host.clock.now()).toBe(world.engine)
  })

  test('is never ahead of the engine by what an answer took, and gets closer with a quicker one', async () => {
    let [there, back] = [300, 500]
    const host = new Host(world, 1, async () => {
      world.now += there
      const answer = world.engine
      world.now += back
      return answer
    })
    await host.clock.becomeCertain()
    expect(world.engine - host.clock.now()).toBe(500)
    ;[there, back] = [1, 2]
    await host.clock.becomeCertain()
    expect(world.engine - host.clock.now()).toBe(2)
    ;[there, back] = [3_000, 5_000]
    await host.clock.becomeCertain()
    expect(world.engine - host.clock.now()).toBe(2)
  })

  test('asks at most once in half a minute, only while somebody wants to know, and once for all who wait', async () => {
    const host = new Host(world)
    await Promise.all([host.clock.becomeCertain(), host.clock.becomeCertain()])
    expect(world.questions).toBe(1)
    for (let second = 0; second < 60; second += 1) {
      world.now += SECOND
      host.clock.now()
      await settled()
    }
    expect(world.questions).toBe(3)
    world.now += 5 * MINUTE
    await settled()
    expect(world.questions).toBe(3)
  })

  test('never goes back, and runs at half speed while the engine catches up', async () => {
    const host = new Host(world)
    await host.clock.becomeCertain()
    world.engineAhead = -MINUTE
    await host.clock.becomeCertain()
    const before = host.clock.now()
    world.now += MINUTE
    expect(host.clock.now() - before).toBe(MINUTE / 2)
    world.now += MINUTE
    expect(host.clock.now()).toBe(world.engine)
    world.now += MINUTE
    expect(host.clock.now()).toBe(world.engine)
  })

  test('follows an engine whose clock was put forward', async () => {
    const host = new Host(world)
    await host.clock.becomeCertain()
    world.engineAhead = HOUR
    await host.clock.becomeCertain()
    expect(host.clock.now()).toBe(world.engine)
  })

  test('is at least what the store has recorded, and waits for the engine there', async () => {
    const host = new Host(world)
    await host.clock.becomeCertain()
    host.clock.atLeast(NOON + MINUTE)
    expect(host.clock.now()).toBe(NOON + MINUTE)
    world.now += MINUTE
    expect(host.clock.now()).toBe(NOON + 1.5 * MINUTE)
    world.now += MINUTE
    expect(host.clock.now()).toBe(world.engine)
    host.clock.atLeast(NOON)
    expect(host.clock.now()).toBe(world.engine)
  })

  test.for([1.01, 0.99])('of a host whose clocks run at %d stays within half a second of the engine', async (rate) => {
    const host = new Host(world, rate)
    await host.clock.becomeCertain()
    let before = host.clock.now()
    for (let second = 0; second < 3_600; second += 1) {
      world.now += SECOND
      const now = host.clock.now()
      await settled()
      expect(now).toBeGreaterThanOrEqual(before)
      expect(Math.abs(now - world.engine)).toBeLessThan(500)
      before = now
    }
  })

  test('reckons for ten minutes when the engine does not answer, and then no longer knows', async () => {
    const host = new Host(world)
    await host.clock.becomeCertain()
    world.isDown = true
    for (let second = 0; second < 599; second += 1) {
      world.now += SECOND
      expect(host.clock.now()).toBe(world.engine)
      await settled()
    }
    expect(host.clock.isCertain()).toBe(true)
    world.now += SECOND
    expect(host.clock.isCertain()).toBe(false)
    await expect(host.clock.becomeCertain()).rejects.toMatchObject({ code: 'store_unavailable' })
    world.isDown = false
    await host.clock.becomeCertain()
    expect(host.clock.isCertain()).toBe(true)
  })

  test('believes no engine that tells no time', async () => {
    const host = new Host(world, 1, async () => Number.NaN)
    await expect(host.clock.becomeCertain()).rejects.toMatchObject({ code: 'store_corrupt' })
    expect(host.clock.isCertain()).toBe(false)
  })
})

describe('sessions on an engine that has a clock of its own', () => {
  let store: MemoryStore & { now: () => Promise<number> }

  beforeEach(() => {
    store = Object.assign(new MemoryStore(), { now: world.askEngine })
  })

  test('are judged by that clock when none is given', async () => {
    world.now = Date.now() + 400 * DAY
    const sessions = new SessionManager({ store })
    const { session } = await sessions.create({ userId: '42', username: 'ada' })
    expect(session.createdAt.getTime()).toBeGreaterThanOrEqual(world.now)
  })

  test('cannot be judged before the engine has answered', async () => {
    world.isDown = true
    const sessions = new SessionManager({ store })
    await expect(sessions.create({ userId: '42', username: 'ada' })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    await expect(sessions.validate(await aToken())).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test.for(STEPS)(
    'stand and end as if the host had been left alone when its wall clock is put by %d ms',
    async (step) => {
      const [steady, stepped] = [installation(new Host(world)), installation(new Host(world))]
      for (let round = 0; round < 200; round += 1) {
        if (round % 20 === 0) await steady.logIn(`ada-${round}`)
        if (round % 7 === 0) stepped.host.wallAhead = stepped.host.wallAhead === 0 ? step : 0
        const verdicts = await stepped.verdicts(steady.tokens)
        expect(verdicts).toEqual(await steady.verdicts(steady.tokens))
        world.now += MINUTE
        await settled()
      }
      const seen = new Set(Object.values(await stepped.verdicts(steady.tokens)))
      expect(seen).toEqual(new Set(['stands', 'idle', 'expired']))
    },
  )

  test('of a machine that has slept are judged by what the engine says then', async () => {
    const host = new Host(world)
    const { sessions, logIn, tokens, verdicts } = installation(host)
    await logIn('ada')
    world.now += HOUR
    host.slept += HOUR
    expect(await verdicts(tokens)).toEqual({ ada: 'idle' })
    expect(sessions.now()).toBe(world.engine)
  })

  test('let in nobody again who was turned away, though the engine that took over is behind', async () => {
    const first = installation(new Host(world))
    await first.logIn('ada')
    world.now += HOUR
    expect(await first.verdicts(first.tokens)).toEqual({ ada: 'idle' })
    world.engineAhead = -2 * HOUR
    const second = installation(new Host(world))
    expect(await second.verdicts(first.tokens)).toEqual({ ada: 'idle' })
  })

  function installation(host: Host): {
    readonly host: Host
    readonly sessions: SessionManager
    readonly tokens: Map<string, Token>
    readonly logIn: (name: string) => Promise<void>
    readonly verdicts: (tokens: ReadonlyMap<string, Token>) => Promise<Record<string, string>>
  } {
    // Half a minute off the full one, which is where the looks are.
    const policy = { idleTimeout: 30 * 60 + 30, absoluteLifetime: 2 * 60 * 60 + 30, touchInterval: '1s' } as const
    const sessions = new SessionManager({ store, policy, clock: host.clock })
    const tokens = new Map<string, Token>()
    return {
      host,
      sessions,
      tokens,
      async logIn(name) {
        tokens.set(name, (await sessions.create({ userId: name, username: name })).token)
      },
      async verdicts(presented) {
        const verdicts: Record<string, string> = {}
        for (const [name, token] of presented) {
          const check = await sessions.validate(token, { isPassive: name.endsWith('40') })
          verdicts[name] = check.ok ? 'stands' : check.reason
        }
        await sessions.flush()
        return verdicts
      },
    }
  }

  async function aToken(): Promise<Token> {
    const other = new SessionManager({ store: new MemoryStore() })
    return (await other.create({ userId: '42', username: 'ada' })).token
  }
})

/** What could go on has gone on. */
async function settled(): Promise<void> {
  await new Promise(setImmediate)
}
