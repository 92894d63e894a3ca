import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FixedClock } from '../testing/fixed-clock.ts'
import { Throttle, afterSuccess, nextAttempt } from './throttle.ts'
import type { AttemptChange, AttemptState, AttemptStore, BackoffRule, WindowRule } from './throttle.ts'

const ACCOUNT: BackoffRule = { kind: 'backoff', free: 5, longest: 900_000, stop: 100 }
const ADDRESS: WindowRule = { kind: 'window', limit: 20, span: 600_000 }
const MINUTE = 60_000
const DAY = 86_400_000

function throttleOn(attempts: AttemptStore = new MemoryStore().users.attempts) {
  const clock = new FixedClock()
  const throttle = new Throttle(attempts, () => clock.now())
  return { clock, throttle, attempts }
}

async function failures(throttle: Throttle, account: string, ip: string | null, most: number): Promise<number> {
  for (let count = 0; count < most; count += 1) {
    if (!(await throttle.reserve(throttle.bucketsFor(account, ip))).ok) return count
  }
  return most
}

describe('an account', () => {
  /** The wait after each failure in turn, when every attempt is made as soon as it may be. */
  function waits(attempts: number): number[] {
    let state: AttemptState | null = null
    let now = 1_000_000
    return Array.from({ length: attempts }, () => {
      const verdict = nextAttempt(state, now, ACCOUNT)
      if (!verdict.ok) throw new Error('the attempt was made as soon as it may be')
      const wait = verdict.to.until - now
      state = verdict.to
      now = verdict.to.until
      return wait / 1_000
    })
  }

  test('has five failures free; then the wait doubles up to a quarter of an hour', () => {
    expect(waits(16)).toEqual([0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
  })

  test('is refused until the very millisecond', () => {
    const state = { count: 6, since: 0, until: 2_000 }
    expect(nextAttempt(state, 1_999, ACCOUNT)).toEqual({ ok: false, until: 2_000 })
    expect(nextAttempt(state, 2_000, ACCOUNT).ok).toBe(true)
  })

  test('comes to a stop at the hundredth failure in a row, for good', () => {
    const ninetyNine = { count: 99, since: 0, until: 10 }
    const verdict = nextAttempt(ninetyNine, 10, ACCOUNT)
    const state = verdict.ok ? verdict.to : null
    expect(state?.count).toBe(100)
    expect(nextAttempt(state, 10 + 200_000 * DAY, ACCOUNT).ok).toBe(false)
  })

  test('starts afresh with a success', () => {
    const state = { count: 42, since: 0, until: 10 }
    expect(afterSuccess(state, state, ACCOUNT)).toBeNull()
  })
})

describe('an attempt that another node has counted', () => {
  test.each([ACCOUNT, ADDRESS])('by a clock a little ahead of ours keeps nobody waiting who may try: %j', (rule) => {
    const verdict = nextAttempt(null, 1_000_020, rule)
    expect(verdict).toMatchObject({ ok: true, to: { count: 1, since: 1_000_020 } })
    expect(nextAttempt(verdict.ok ? verdict.to : null, 1_000_000, rule)).toMatchObject({ ok: true, to: { count: 2 } })
  })
})

describe('an address', () => {
  test('has 20 failures in ten minutes, and as many again in the next ten', () => {
    let state: AttemptState | null = null
    for (let count = 1; count <= 20; count += 1) {
      const verdict = nextAttempt(state, count, ADDRESS)
      expect(verdict.ok).toBe(true)
      if (verdict.ok) state = verdict.to
    }
    expect(nextAttempt(state, 10 * MINUTE, ADDRESS)).toEqual({ ok: false, until: 1 + 10 * MINUTE })
    expect(nextAttempt(state, 1 + 10 * MINUTE, ADDRESS)).toMatchObject({ ok: true, to: { count: 1 } })
  })

  test('gets back one slot for a success and keeps the failures of others', () => {
    const taken = { count: 1, since: 0, until: 0 }
    expect(afterSuccess({ count: 20, since: 0, until: 600_000 }, taken, ADDRESS)).toEqual({
      count: 19,
      since: 0,
      until: 0,
    })
    expect(afterSuccess({ count: 1, since: 0, until: 0 }, taken, ADDRESS)).toBeNull()
    expect(afterSuccess(null, taken, ADDRESS)).toBeNull()
  })

  test('a success of the window before takes nothing from this one', () => {
    const now = { count: 3, since: 600_000, until: 600_000 }
    expect(afterSuccess(now, { count: 7, since: 0, until: 0 }, ADDRESS)).toEqual(now)
  })
})

describe('the throttle', () => {
  test('answers how many seconds to wait, the same before and when taking a slot', async () => {
    const { throttle, clock } = throttleOn()
    const buckets = throttle.bucketsFor('ada', '192.0.2.7')
    expect(await throttle.refusal(buckets)).toBeNull()
    expect(await failures(throttle, 'ada', '192.0.2.7', 10)).toBe(6)
    clock.advance('500ms')
    const throttled = { ok: false, reason: 'throttled', retryAfter: 2 }
    expect(await throttle.refusal(buckets)).toEqual(throttled)
    expect(await throttle.reserve(buckets)).toEqual(throttled)
    clock.advance('1500ms')
    expect(await throttle.refusal(buckets)).toBeNull()
  })

  test('a refused attempt takes no slot anywhere', async () => {
    const { throttle } = throttleOn()
    await failures(throttle, 'ada', '192.0.2.7', 6)
    for (let more = 0; more < 50; more += 1) await throttle.reserve(throttle.bucketsFor('ada', '192.0.2.8'))
    expect(await failures(throttle, 'grace', '192.0.2.8', 6)).toBe(6)
  })

  test('one password tried on many accounts is stopped by the address', async () => {
    const { throttle } = throttleOn()
    let tried = 0
    for (let account = 0; account < 1_000; account += 1)
      tried += await failures(throttle, `user${account}`, '192.0.2.7', 1)
    expect(tried).toBe(20)
  })

  test('many addresses of one network are stopped together, IPv4 and IPv6', async () => {
    const { throttle } = throttleOn()
    const tried = { ipv4: 0, ipv6: 0 }
    for (let host = 0; host < 250; host += 1) {
      tried.ipv4 += await failures(throttle, `a${host}`, `192.0.2.${host}`, 1)
      tried.ipv6 += await failures(throttle, `b${host}`, `2001:db8:1:${host.toString(16)}::1`, 1)
    }
    expect(tried).toEqual({ ipv4: 100, ipv6: 100 })
  })

  test('a client that moves about in its own /64 is one client', async () => {
    const { throttle } = throttleOn()
    let tried = 0
    for (let host = 1; host <= 100; host += 1) tried += await failures(throttle, `a${host}`, `2001:db8::${host}`, 1)
    expect(tried).toBe(20)
  })

  test('clients whose address cannot be told share one bucket', async () => {
    const { throttle } = throttleOn()
    let tried = 0
    for (let each = 0; each < 100; each += 1)
      tried += await failures(throttle, `a${each}`, each % 2 === 0 ? null : '?', 1)
    expect(tried).toBe(20)
  })

  test('a success clears the account and leaves the failures of the address', async () => {
    const { throttle } = throttleOn()
    await failures(throttle, 'grace', '192.0.2.7', 5)
    for (let login = 0; login < 100; login += 1) {
      const reservation = await throttle.reserve(throttle.bucketsFor('ada', '192.0.2.7'))
      if (!reservation.ok) throw new Error('the login was not to be throttled')
      await throttle.succeed(reservation)
    }
    let others = 0
    for (let account = 0; account < 100; account += 1) others += await failures(throttle, `a${account}`, '192.0.2.7', 1)
    expect(others).toBe(15)
  })

  test('a thousand attempts at once take no more slots than one after the other', async () => {
    const { throttle } = throttleOn()
    const buckets = throttle.bucketsFor('ada', '192.0.2.7')
    const all = await Promise.all(Array.from({ length: 1_000 }, () => throttle.reserve(buckets)))
    expect(all.filter(({ ok }) => ok)).toHaveLength(6)
  })

  test('attempts on many other names make nobody forget those on one (THR-6)', async () => {
    const { throttle } = throttleOn()
    expect(await failures(throttle, 'ada', '192.0.2.7', 5)).toBe(5)
    for (let name = 0; name < 2_000; name += 1) {
      await throttle.reserve(throttle.bucketsFor(`nobody-${name}`, `198.51.${name >> 6}.${name % 64}`))
    }
    await throttle.sweep()
    expect(await failures(throttle, 'ada', '203.0.113.9', 5)).toBe(1)
  })

  test('knows accounts and addresses by a hash only', async () => {
    const seen: string[] = []
    const { throttle } = throttleOn(recording(seen))
    await throttle.reserve(throttle.bucketsFor('ada', '192.0.2.7'))
    expect(seen).toHaveLength(3)
    for (const bucket of seen) expect(bucket).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(seen).size).toBe(3)
  })

  test('forgets what nobody has tried for 30 days, and never a hard stop', async () => {
    const { throttle, clock } = throttleOn()
    for (let failed = 0; failed < 100; failed += 1) {
      await failures(throttle, 'stopped', `2001:db8:${failed}::1`, 1)
      clock.advance('15m')
    }
    await failures(throttle, 'old', '192.0.2.1', 5)
    clock.advance('29d')
    await throttle.sweep()
    expect(await failures(throttle, 'old', '192.0.2.2', 5)).toBe(1)
    clock.advance('31d')
    await throttle.sweep()
    expect(await failures(throttle, 'old', '192.0.2.3', 10)).toBe(6)
    expect(await failures(throttle, 'stopped', '192.0.2.4', 1)).toBe(0)
  })

  test('forgets in batches until nothing old is left', async () => {
    const limits: number[] = []
    const left = [500, 500, 3]
    const { throttle } = throttleOn({
      ...refusing,
      sweep: async (_, limit) => {
        limits.push(limit)
        return left.shift()!
      },
    })
    await throttle.sweep()
    expect(limits).toEqual([500, 500, 500])
  })

  test('gives up with an error, and not with leave to try, when others are always faster', async () => {
    const { throttle } = throttleOn(refusing)
    await expect(throttle.reserve(throttle.bucketsFor('ada', null))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
  })

  test.each([
    { freeFailures: 0 },
    { freeFailures: 101 },
    { hardStop: 101 },
    { hardStop: Number.POSITIVE_INFINITY },
    { perAddress: 0 },
    { perNetwork: 1.5 },
    { window: 0 },
    { longestWait: 'soon' },
  ])('a setting that cannot be used is refused: %o', (options) => {
    expect(() => new Throttle(refusing, () => 0, options)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })
})

/** Always changed by somebody else in between. */
const refusing: AttemptStore = {
  read: async (buckets) => buckets.map(() => null),
  swap: async () => false,
  sweep: async () => 0,
}

function recording(seen: string[]): AttemptStore {
  return {
    ...refusing,
    swap: async (changes: readonly AttemptChange[]) => {
      seen.push(...changes.map(({ bucket }) => bucket))
      return true
    },
  }
}
