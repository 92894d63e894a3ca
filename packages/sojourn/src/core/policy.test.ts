import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeRecord } from '../testing/index.ts'
import { isMatch } from './filter.ts'
import { definePolicy, endOf, extendedEnd, isStanding, judge, refusalFor, standingAt } from './policy.ts'
import type { Policy } from './policy.ts'
import { END_REASONS } from './session.ts'
import type { SessionRecord } from './session.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const policy = definePolicy()

describe('a policy', () => {
  test('has the documented defaults', () => {
    expect(definePolicy()).toEqual({
      idleTimeout: DAY,
      absoluteLifetime: 30 * DAY,
      maxSessionsPerUser: 0,
      onExceed: 'evict',
      touchInterval: MINUTE,
      renewEvery: null,
      renewalOverlap: 30 * SECOND,
      retention: 90 * DAY,
    })
  })

  test('can be named', () => {
    expect(definePolicy('standard')).toMatchObject({ idleTimeout: 30 * MINUTE, absoluteLifetime: 12 * HOUR })
    expect(definePolicy('high')).toMatchObject({ idleTimeout: 10 * MINUTE, absoluteLifetime: 8 * HOUR })
  })

  test('treats a setting that is undefined as left out', () => {
    expect(definePolicy({ idleTimeout: undefined } as never)).toEqual(policy)
  })

  test('never lets notes of use be older than a tenth of the idle timeout', () => {
    expect(definePolicy({ idleTimeout: '5m', touchInterval: '1m' }).touchInterval).toBe(30 * SECOND)
    expect(definePolicy({ idleTimeout: '1h', touchInterval: '1m' }).touchInterval).toBe(MINUTE)
  })

  test('may have an idle timeout as long as the lifetime', () => {
    expect(definePolicy({ idleTimeout: '8h', absoluteLifetime: '8h' })).toMatchObject({ idleTimeout: 8 * HOUR })
  })

  test('is frozen', () => {
    expect(Object.isFrozen(policy)).toBe(true)
  })

  test.each([
    [{ idleTimeout: '0s' }, /^policy\.idleTimeout is '0s'; give a positive duration/],
    [{ absoluteLifetime: 'soon' }, /^policy\.absoluteLifetime is 'soon'; give a number/],
    [{ idleTimeout: '2d', absoluteLifetime: '1d' }, /^policy\.idleTimeout is longer than policy\.absoluteLifetime/],
    [{ maxSessionsPerUser: -1 }, /^policy\.maxSessionsPerUser is -1; give 0 for no cap/],
    [{ maxSessionsPerUser: 1.5 }, /^policy\.maxSessionsPerUser is 1\.5/],
    [{ onExceed: 'ignore' }, /^policy\.onExceed is 'ignore'; give 'evict' or 'deny'/],
    [{ idletimeout: '1h' }, /^policy\.idletimeout is not a setting; the settings are idleTimeout, /],
    [{ renewEvery: '' }, /^policy\.renewEvery is ''/],
    ['strict', /^policy is 'strict'; give 'standard', 'high'/],
    ['toString', /^policy is 'toString'/],
  ])('%j is refused by a sentence that says what to do', (options, message) => {
    expect(() => definePolicy(options as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) }),
    )
  })
})

describe('idle expiry', () => {
  const record = makeRecord()

  test('ends a session in the very millisecond in which it has not been used for the timeout', () => {
    expect(ends(record, NOON + DAY - 1)).toBeNull()
    expect(ends(record, NOON + DAY)).toBe('idle')
  })

  test('grants the allowance and not a millisecond more', () => {
    expect(ends(record, NOON + DAY + MINUTE - 1, policy, MINUTE)).toBeNull()
    expect(ends(record, NOON + DAY + MINUTE, policy, MINUTE)).toBe('idle')
  })

  test('counts from the last use', () => {
    const used = makeRecord({ lastAccessedAt: NOON + HOUR })
    expect(ends(used, NOON + HOUR + DAY - 1)).toBeNull()
    expect(ends(used, NOON + HOUR + DAY)).toBe('idle')
  })

  test('applies at once to sessions that exist when the policy is shortened', () => {
    const shorter = definePolicy({ idleTimeout: '1h' })
    expect(ends(record, NOON + HOUR - 1, shorter)).toBeNull()
    expect(ends(record, NOON + HOUR, shorter)).toBe('idle')
  })

  test('is not put off for sessions that exist when the policy is lengthened, not even by their use', () => {
    const longer = definePolicy({ idleTimeout: '7d' })
    expect(ends(record, NOON + DAY, longer)).toBe('idle')
    const used = useOf(record, NOON + HOUR, longer)
    expect(ends(used, NOON + HOUR + DAY - 1, longer)).toBeNull()
    expect(ends(used, NOON + HOUR + DAY, longer)).toBe('idle')
  })
})

describe('the absolute end', () => {
  const record = makeRecord()

  test('comes in its very millisecond, with no allowance', () => {
    const used = useOf(record, NOON + 30 * DAY - 2, policy)
    expect(ends(used, NOON + 30 * DAY - 1)).toBeNull()
    expect(ends(used, NOON + 30 * DAY)).toBe('expired')
    expect(ends(used, NOON + 30 * DAY, policy, HOUR)).toBe('expired')
  })

  test('is never moved by use, however often', () => {
    let used = record
    for (let at = NOON; at < NOON + 30 * DAY; at += DAY - 1) used = useOf(used, at, policy)
    expect(used.expiresAt).toBe(NOON + 30 * DAY)
    expect(used.endsAt).toBeLessThanOrEqual(used.expiresAt)
    fc.assert(
      fc.property(fc.array(fc.nat(40 * DAY)), (offsets) => {
        const last = offsets.reduce((each, offset) => useOf(each, NOON + offset, policy), record)
        return last.endsAt <= last.expiresAt && last.expiresAt === record.expiresAt
      }),
    )
  })

  test('applies at once to sessions that exist when the policy is shortened', () => {
    const shorter = definePolicy({ absoluteLifetime: '10d' })
    const used = useOf(record, NOON + 10 * DAY - 2, policy)
    expect(ends(used, NOON + 10 * DAY - 1, shorter)).toBeNull()
    expect(ends(used, NOON + 10 * DAY, shorter)).toBe('expired')
  })

  test('is not put off for sessions that exist when the policy is lengthened', () => {
    const longer = definePolicy({ absoluteLifetime: '60d' })
    const used = useOf(record, NOON + 30 * DAY - 2, longer)
    expect(ends(used, NOON + 30 * DAY, longer)).toBe('expired')
  })

  test('cuts the last idle span short', () => {
    expect(extendedEnd(record, NOON + 30 * DAY - HOUR, policy)).toBe(NOON + 30 * DAY)
  })

  test('does not shorten what use gives before it', () => {
    const near = useOf(record, NOON + 30 * DAY - HOUR, policy)
    expect(useOf(near, NOON + 30 * DAY - MINUTE, policy).endsAt).toBe(NOON + 30 * DAY)
  })
})

describe('an end that was written down', () => {
  test.each(END_REASONS)('as %s holds, whatever the instants say', (endReason) => {
    const record = makeRecord({ endReason })
    expect(endOf(record, NOON - DAY, policy)).toBe(endReason)
    expect(endOf(record, NOON + 60 * DAY, policy, DAY)).toBe(endReason)
    expect(isStanding(record, NOON, policy)).toBe(false)
  })

  test('is told to the holder of the token as idle, expired, disabled or ended', () => {
    expect(END_REASONS.map(refusalFor)).toEqual(
      END_REASONS.map((reason) => {
        if (reason === 'idle' || reason === 'expired') return reason
        return reason === 'user_disabled' ? 'disabled' : 'ended'
      }),
    )
  })
})

describe('a presented secret', () => {
  const [current, next, previous, older] = Array.from({ length: 4 }, () => randomBytes(32))
  const record = makeRecord({
    secretHash: current!,
    nextHash: next!,
    previousHashes: [previous!, older!],
    previousUntil: NOON + 30 * SECOND,
  })

  test('stands if it is the current one or its successor', () => {
    expect(judge(record, current!, NOON, policy)).toMatchObject({ stands: true, generation: 'current' })
    expect(judge(record, next!, NOON, policy)).toMatchObject({ stands: true, generation: 'next' })
  })

  test('stands for the overlap if it is the one before, to the millisecond, and is reuse after that', () => {
    const until = NOON + 30 * SECOND
    expect(judge(record, previous!, until - 1, policy)).toMatchObject({ stands: true, generation: 'previous' })
    expect(judge(record, previous!, until, policy)).toEqual({ stands: false, reason: 'superseded', isReuse: true })
  })

  test('is reuse if it is older than that, overlap or not', () => {
    expect(judge(record, older!, NOON, policy)).toEqual({ stands: false, reason: 'superseded', isReuse: true })
  })

  test('is no reuse where nothing is left to end', () => {
    const over = { ...record, endReason: 'logout' } as const
    expect(judge(over, older!, NOON, policy)).toEqual({ stands: false, reason: 'superseded', isReuse: false })
    expect(judge(record, older!, NOON + DAY, policy)).toMatchObject({ isReuse: false })
  })

  test('that was never handed out is a mismatch and ends nothing, also for a session that is over', () => {
    const refusal = { stands: false, reason: 'mismatch', isReuse: false }
    expect(judge(record, randomBytes(32), NOON, policy)).toEqual(refusal)
    expect(judge({ ...record, endReason: 'logout' }, randomBytes(32), NOON, policy)).toEqual(refusal)
  })

  test('is refused with the reason of the end when the session is over', () => {
    expect(judge(record, current!, NOON + DAY, policy)).toEqual({ stands: false, reason: 'idle', isReuse: false })
    expect(judge({ ...record, endReason: 'user_disabled' }, next!, NOON, policy)).toMatchObject({ reason: 'disabled' })
  })
})

describe('a renewal', () => {
  test('is never due by itself unless the policy says so', () => {
    const record = makeRecord()
    expect(judge(record, record.secretHash, NOON + DAY - 1, policy)).toMatchObject({ isRenewalDue: false })
  })

  test('is due to the millisecond after the secret was made, or came into use', () => {
    const renewing = definePolicy({ renewEvery: '1h' })
    const fresh = makeRecord()
    const renewed = makeRecord({ previousUntil: NOON + 5 * MINUTE + renewing.renewalOverlap })
    const isDue = (record: SessionRecord, now: number): unknown => {
      const verdict = judge(record, record.secretHash, now, renewing)
      return verdict.stands && verdict.isRenewalDue
    }
    expect([isDue(fresh, NOON + HOUR - 1), isDue(fresh, NOON + HOUR)]).toEqual([false, true])
    const since = NOON + 5 * MINUTE + HOUR
    expect([isDue(renewed, since - 1), isDue(renewed, since)]).toEqual([false, true])
  })
})

test('lists and counts agree with the judge at every instant', () => {
  const instant = fc.integer({ min: -3, max: 3 })
  const shapes = fc.record({
    now: instant,
    endsAt: instant,
    lastAccessedAt: instant,
    authenticatedAt: instant,
    isEnded: fc.boolean(),
  })
  fc.assert(
    fc.property(shapes, ({ now, endsAt, lastAccessedAt, authenticatedAt, isEnded }) => {
      const record = makeRecord({
        endsAt: NOON + endsAt,
        lastAccessedAt: NOON + lastAccessedAt - policy.idleTimeout,
        authenticatedAt: NOON + authenticatedAt - policy.absoluteLifetime,
        expiresAt: NOON + DAY,
        endReason: isEnded ? 'logout' : null,
      })
      const standing = standingAt(NOON + now, policy)
      expect(isMatch(record, { standing })).toBe(isStanding(record, NOON + now, policy))
      expect(isMatch(record, { notStanding: standing })).toBe(!isStanding(record, NOON + now, policy))
    }),
    { numRuns: 2_000 },
  )
})

function ends(record: SessionRecord, now: number, by: Policy = policy, allowance = 0): unknown {
  return endOf(record, now, by, allowance)
}

/** The record after it was used, as a store keeps it. */
function useOf(record: SessionRecord, at: number, by: Policy): SessionRecord {
  return { ...record, lastAccessedAt: at, endsAt: extendedEnd(record, at, by) }
}
