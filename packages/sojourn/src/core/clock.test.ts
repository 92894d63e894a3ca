import { describe, expect, test, vi } from 'vitest'
import { SystemClock, callAfter } from './clock.ts'
import { FixedClock } from '../testing/index.ts'

const START = Date.UTC(2026, 0, 1)
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A host whose two clocks a test moves as it likes. */
class Host {
  wall = START
  monotonic = 5
  readonly clock = new SystemClock({ wall: () => this.wall, monotonic: () => this.monotonic })

  /** Lets time pass, the wall clock at its own rate, with a look at the clock every so often. */
  pass(span: number, { rate = 1, every = SECOND } = {}): void {
    for (let passed = 0; passed < span; passed += every) {
      this.monotonic += every
      this.wall += every * rate
      const before = this.clock.now()
      if (this.clock.now() < before) throw new Error('the clock went back')
    }
  }

  /** By how much the disciplined clock differs from this instant. */
  ahead(instant = this.wall): number {
    return this.clock.now() - instant
  }
}

test('the clock tells the wall clock’s time in whole milliseconds while that behaves', () => {
  const host = new Host()
  expect(host.clock.now()).toBe(START)
  host.pass(HOUR)
  expect(host.clock.now()).toBe(START + HOUR)
  host.monotonic += 0.75
  host.wall += 1
  expect(Number.isInteger(host.clock.now())).toBe(true)
})

test('a small correction forwards is followed at once, one backwards never turns time back', () => {
  const host = new Host()
  host.wall += 3 * SECOND
  expect(host.ahead()).toBe(0)
  host.wall -= 3 * SECOND
  expect(host.ahead()).toBe(3 * SECOND)
  host.pass(HOUR)
  expect(host.ahead()).toBeLessThanOrEqual(3 * SECOND)
})

describe.each([HOUR, DAY, 30 * DAY])('a step of %i ms', (step) => {
  test('there and home again within ten minutes changes nothing, in either direction', () => {
    for (const direction of [1, -1]) {
      const host = new Host()
      host.wall += direction * step
      host.pass(9 * MINUTE)
      expect(host.clock.now()).toBe(START + 9 * MINUTE)
      host.wall -= direction * step
      host.pass(20 * MINUTE)
      expect(host.clock.now()).toBe(START + 29 * MINUTE)
    }
  })

  test('forwards is believed after it has stood for ten minutes (CLK-2)', () => {
    const host = new Host()
    host.wall += step
    host.pass(10 * MINUTE - SECOND)
    expect(host.clock.now()).toBe(START + 10 * MINUTE - SECOND)
    host.pass(2 * SECOND)
    expect(host.ahead()).toBe(0)
  })

  test('backwards is followed at half speed after ten minutes, without ever going back (CLK-1)', () => {
    const host = new Host()
    host.wall -= step
    host.pass(10 * MINUTE + SECOND)
    expect(host.ahead()).toBeGreaterThan(step - SECOND)
    host.pass(10 * MINUTE)
    expect(host.ahead()).toBeLessThanOrEqual(step - 5 * MINUTE + SECOND)
    host.pass(2 * step, { every: MINUTE })
    expect(host.ahead()).toBeLessThanOrEqual(5 * SECOND)
    expect(host.ahead()).toBeGreaterThanOrEqual(0)
  })
})

test('a step that went away and came back is waited out from when it came back', () => {
  const host = new Host()
  host.wall += HOUR
  host.pass(9 * MINUTE)
  host.wall -= HOUR
  host.pass(MINUTE)
  host.wall += HOUR
  host.pass(9 * MINUTE)
  expect(host.clock.now()).toBe(START + 19 * MINUTE)
  host.pass(2 * MINUTE)
  expect(host.ahead()).toBe(0)
})

test('a clock that was held back runs at full speed again when the wall clock leaps ahead of it', () => {
  const host = new Host()
  host.wall -= HOUR
  host.pass(20 * MINUTE)
  host.wall += 3 * HOUR
  const before = host.clock.now()
  host.pass(9 * MINUTE)
  expect(host.clock.now()).toBe(before + 9 * MINUTE)
})

test('a second step while one is waited out starts the wait again', () => {
  const host = new Host()
  host.wall += HOUR
  host.pass(9 * MINUTE)
  host.wall += DAY
  host.pass(9 * MINUTE)
  expect(host.clock.now()).toBe(START + 18 * MINUTE)
  host.pass(2 * MINUTE)
  expect(host.ahead()).toBe(0)
})

test.each([0.99, 0.999, 1.001, 1.01])(
  'a wall clock that runs at %f of true speed for a day is never left by more than 15 s',
  (rate) => {
    const host = new Host()
    for (let hour = 0; hour < 24; hour += 1) {
      host.pass(HOUR, { rate })
      expect(Math.abs(host.ahead())).toBeLessThanOrEqual(15 * SECOND)
    }
  },
)

test('a host that slept is believed ten minutes after it woke', () => {
  const host = new Host()
  host.wall += 8 * HOUR
  host.pass(11 * MINUTE)
  expect(host.ahead()).toBe(0)
})

test('what the store has recorded has happened: the clock starts from there', () => {
  const host = new Host()
  host.clock.atLeast(START + HOUR)
  expect(host.clock.now()).toBe(START + HOUR)
  host.clock.atLeast(START)
  expect(host.clock.now()).toBe(START + HOUR)
  host.pass(3 * HOUR)
  expect(host.ahead()).toBeLessThanOrEqual(5 * SECOND)
})

test('a monotonic clock that stutters does not turn time back', () => {
  const host = new Host()
  host.pass(MINUTE)
  const before = host.clock.now()
  host.monotonic -= 10
  expect(host.clock.now()).toBeGreaterThanOrEqual(before)
})

test('without a source given the clock is the host’s', () => {
  expect(Math.abs(new SystemClock().now() - Date.now())).toBeLessThan(SECOND)
})

test('a task for later runs by the clock’s own timers, unless it is cancelled', () => {
  const clock = new FixedClock()
  const done: string[] = []
  callAfter(clock, MINUTE, () => done.push('kept'))
  callAfter(clock, MINUTE, () => done.push('cancelled'))()
  clock.advance('59s')
  expect(done).toEqual([])
  clock.advance('1s')
  expect(done).toEqual(['kept'])
})

test('a task for later than a timer can wait does not come at once', () => {
  vi.useFakeTimers()
  try {
    const done = vi.fn<() => void>()
    callAfter({ now: () => 0 }, 30 * DAY, done)
    vi.advanceTimersByTime(24 * DAY)
    expect(done).not.toHaveBeenCalled()
  } finally {
    vi.useRealTimers()
  }
})

test('a clock without timers uses the host’s, and keeps no process alive', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  callAfter({ now: () => 0 }, 1, () => resolve('done'))
  const alive = setTimeout(() => resolve('too late'), 5_000)
  expect(await promise).toBe('done')
  clearTimeout(alive)
})
