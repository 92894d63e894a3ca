import { describe, expect, test } from 'vitest'
import { cachedViolations, linearize, strictViolations, worstStaleness } from './support/history-checker.ts'
import type { Operation } from './support/history-checker.ts'
import { Chance } from './support/chance.ts'
import { figure, found } from './support/proof.ts'

const HISTORIES = Number(process.env['SOJOURN_TEST_HISTORIES'] ?? 20_000)

describe('a history of strict nodes', () => {
  test('is judged as trying every order would judge it', { timeout: 120_000 }, () => {
    const chance = new Chance(1)
    let linearizable = 0
    for (let turn = 0; turn < HISTORIES; turn += 1) {
      const history = smallHistory(chance)
      const verdict = linearize(history)
      expect(verdict === 'linearizable', JSON.stringify(history)).toBe(hasSomeOrder(history))
      if (verdict === 'linearizable') linearizable += 1
    }
    found({
      claim: 'The history checker judges as trying every order would',
      tried: `${figure(HISTORIES)} small histories, ${figure(linearizable)} of them linearizable`,
      found: '0 judged differently',
      seed: 1,
    })
    expect(linearizable).toBeGreaterThan(HISTORIES / 10)
    expect(linearizable).toBeLessThan((HISTORIES * 9) / 10)
  })

  test('is fine when the end and a yes overlap', () => {
    expect(linearize([create(0, 1), end(2, 6), accept(3, 4), accept(4, 5), refuse(5, 6)])).toBe('linearizable')
  })

  test('is not fine when somebody is let in after the end was acknowledged', () => {
    expect(linearize([create(0, 1), end(2, 3), accept(4, 5)])).toBe('not linearizable')
  })

  test('is not fine when somebody is let in after being turned away, though the end has not returned', () => {
    expect(linearize([create(0, 1), end(2, 9), refuse(3, 4), accept(5, 6)])).toBe('not linearizable')
  })

  test('lets an end of unknown outcome happen late, or never, but not twice', () => {
    const unknown = { ...end(2, Infinity), outcome: 'unknown' } as const
    expect(linearize([create(0, 1), unknown, accept(50, 51)])).toBe('linearizable')
    expect(linearize([create(0, 1), unknown, accept(50, 51), refuse(60, 61)])).toBe('linearizable')
    expect(linearize([create(0, 1), unknown, refuse(50, 51), accept(60, 61)])).toBe('not linearizable')
  })

  test('is not fine when somebody is turned away whom nobody ended', () => {
    expect(linearize([create(0, 1), refuse(2, 3)])).toBe('not linearizable')
  })

  test('that takes too long to judge is undecided, which is a failure', () => {
    expect(linearize([create(0, 1), end(2, 6), accept(3, 4)], 1)).toBe('undecided')
  })

  test('of many sessions is judged session by session, and every stale yes is found', () => {
    const chance = new Chance(2)
    const history: Operation[] = []
    const stale = new Set<string>()
    for (let number = 0; number < 2_000; number += 1) {
      const session = `session-${number}`
      const own = longHistory(chance).map((operation) => ({ ...operation, session }))
      if (chance.is(3)) {
        stale.add(session)
        own.push({ ...accept(2_000, 2_001), session })
      }
      history.push(...own)
    }
    expect(stale.size).toBeGreaterThan(20)
    const violations = strictViolations(history)
    expect(new Set(violations.map(({ session }) => session))).toEqual(stale)
    found({
      claim: 'The history checker finds every stale accept that is planted',
      tried: `${figure(history.length)} operations on 2,000 sessions`,
      found: `${stale.size} of ${stale.size} found`,
      seed: 2,
    })
  })
})

describe('a history of cached nodes', () => {
  const bound = 1_000

  test('is fine while others let in within the bound', () => {
    expect(
      cachedViolations([create(0, 1), end(2, 3), accept(1_003, 1_004, 'b'), refuse(1_500, 1_501, 'b')], bound),
    ).toEqual([])
    expect(worstStaleness([create(0, 1), end(2, 3), accept(1_003, 1_004, 'b')])).toBe(1_000)
  })

  test.each([
    ['beyond the bound', [create(0, 1), end(2, 3), accept(1_004, 1_005, 'b')]],
    [
      'beyond the bound after another was turned away',
      [create(0, 1), end(2, Infinity), refuse(3, 4, 'b'), accept(1_005, 1_006, 'c')],
    ],
    ['at the node that had ended it', [create(0, 1), end(2, 3), accept(4, 5)]],
    ['at a node that had turned it away', [create(0, 1), end(2, 3, 'a'), refuse(4, 5, 'b'), accept(6, 7, 'b')]],
    ['before it was created', [accept(0, 1), create(2, 3)]],
  ] as const)('is not fine when a session is let in %s', (_, history) => {
    expect(cachedViolations(history, bound)).not.toEqual([])
  })

  test('is not fine when a session is turned away that nobody ended', () => {
    expect(cachedViolations([create(0, 1), refuse(2, 3), end(4, 5)], bound)).toEqual([
      { session: 's', fault: 'turned away though nobody had ended it' },
    ])
  })
})

function create(calledAt: number, returnedAt: number): Operation {
  return { session: 's', kind: 'create', node: 'a', calledAt, returnedAt, outcome: 'yes' }
}

function end(calledAt: number, returnedAt: number, node = 'a'): Operation {
  const outcome = returnedAt === Infinity ? 'unknown' : 'yes'
  return { session: 's', kind: 'end', node, calledAt, returnedAt, outcome }
}

function accept(calledAt: number, returnedAt: number, node = 'a'): Operation {
  return { session: 's', kind: 'validate', node, calledAt, returnedAt, outcome: 'yes' }
}

function refuse(calledAt: number, returnedAt: number, node = 'a'): Operation {
  return { ...accept(calledAt, returnedAt, node), outcome: 'no' }
}

/** Up to six calls at instants that often coincide, with answers drawn at random. */
function smallHistory(chance: Chance): readonly Operation[] {
  return Array.from({ length: 1 + chance.below(6) }, (_, place) => {
    const calledAt = chance.below(8)
    const kind =
      place === 0 ? 'create' : chance.pick(['create', 'end', 'end', 'validate', 'validate', 'validate'] as const)
    const isUnknown = chance.is(25)
    const outcome = isUnknown ? 'unknown' : kind === 'validate' ? chance.pick(['yes', 'no'] as const) : 'yes'
    const returnedAt = isUnknown ? Infinity : calledAt + chance.below(8)
    return { session: 's', kind, node: 'a', calledAt, returnedAt, outcome }
  })
}

/** Calls that overlap, each answered by what was true at one instant of it. */
function longHistory(chance: Chance): readonly Operation[] {
  const endedAt = 100 + chance.below(800)
  const history = [create(0, 10), end(endedAt - chance.below(50), endedAt + 1 + chance.below(50))]
  for (let turn = 0; turn < 50; turn += 1) {
    const happensAt = 11 + chance.below(980) + 0.5
    const [calledAt, returnedAt] = [happensAt - chance.below(60), happensAt + chance.below(60)]
    if (calledAt > 10) history.push(happensAt < endedAt ? accept(calledAt, returnedAt) : refuse(calledAt, returnedAt))
  }
  return history
}

/** Tries every order of every choice of those that may not have happened. */
function hasSomeOrder(history: readonly Operation[]): boolean {
  const known = history.filter(({ kind, outcome }) => kind !== 'validate' || outcome !== 'unknown')
  const extend = (done: readonly Operation[], left: readonly Operation[]): boolean => {
    if (!isTrue(done)) return false
    if (left.every(({ outcome }) => outcome === 'unknown')) return true
    return left.some((next) => {
      const others = left.filter((each) => each !== next)
      return others.every(({ returnedAt }) => returnedAt >= next.calledAt) && extend([...done, next], others)
    })
  }
  return extend([], known)
}

function isTrue(order: readonly Operation[]): boolean {
  const creations = order.filter(({ kind }) => kind === 'create')
  if (creations.length > 1) return false
  const createdAt = order.findIndex(({ kind }) => kind === 'create')
  const endedAt = order.findIndex(({ kind }, place) => kind === 'end' && createdAt !== -1 && place > createdAt)
  return order.every(({ kind, outcome }, place) => {
    if (kind !== 'validate') return true
    const isActive = createdAt !== -1 && place > createdAt && (endedAt === -1 || place < endedAt)
    return isActive === (outcome === 'yes')
  })
}
