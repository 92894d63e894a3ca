import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import { isSojournError } from '../../packages/sojourn/src/index.ts'
import { cached } from '../../packages/sojourn/src/stores/cached.ts'
import { Chance } from '../support/chance.ts'
import { cachedViolations, strictViolations, worstStaleness } from '../support/history-checker.ts'
import type { Operation, Violation } from '../support/history-checker.ts'
import { NETWORKED_ENGINES } from '../support/networked-engines.ts'
import type { NetworkedEngine } from '../support/networked-engines.ts'
import { PLANTED_LEASES } from '../support/planted-caches.ts'
import { figure, found } from '../support/proof.ts'
import { required } from '../support/require.ts'
import { Fleet } from './support/fleet.ts'
import type { FleetOptions } from './support/fleet.ts'
import { overriding } from './support/overriding.ts'
import { weather } from './support/weather.ts'
import type { Kind, StormReport } from './support/weather.ts'

/** Seconds of bad weather for each kind of nodes on each engine; others by `SOJOURN_STORM_SECONDS=3600`. */
const SECONDS = Number(process.env['SOJOURN_STORM_SECONDS'] ?? 4)
const SEED = Number(process.env['SOJOURN_STORM_SEED'] ?? Date.now() % 2 ** 31)
/** After so many seconds the weather begins anew in a place of its own, so that histories stay short enough to judge. */
const LONGEST = 20
const NODES = 4
const BOUND = 1_000
/** Seconds of bad weather in which a planted fault must be found. */
const TEETH = 60

describe.each(NETWORKED_ENGINES)('four nodes on one $name in bad weather', ({ name, program, needs, start }) => {
  let engine: NetworkedEngine

  beforeAll(async () => {
    if (needs !== null) engine = await start()
  })
  beforeEach((context) => void required(context, program, needs))
  afterAll(async () => engine?.close())

  test(
    'that are strict: what anybody was told fits one order, and nothing that was acknowledged is lost',
    { timeout: 60_000 + SECONDS * 4_000 },
    async () => {
      const total = await storms(engine, SECONDS, {}, strictViolations)
      found({
        claim: `${name}, strict nodes: every answer fits one order of events, through partitions, hung and killed engines and clocks that are put`,
        tried: `${figure(total.operations)} operations on ${NODES} nodes in ${SECONDS} s, ${total.weather}`,
        found: `0 sessions non-linearizable, 0 undecided; ${figure(total.untold)} calls answered "cannot tell", every node well again within ${total.recovery} ms`,
        seed: SEED,
      })
      expect(total.untold).toBeGreaterThan(0)
    },
  )

  test(
    'that are cached: nobody is let in later than the bound, and nobody is turned away whom nobody ended',
    { timeout: 60_000 + SECONDS * 4_000 },
    async () => {
      const total = await storms(engine, SECONDS, { around: cached }, (history) => cachedViolations(history, BOUND))
      found({
        claim: `${name}, cached nodes (lease 1 s, never a push): ended is ended within the lease, through the same`,
        tried: `${figure(total.operations)} operations on ${NODES} nodes in ${SECONDS} s, ${total.weather}`,
        found: `0 let in beyond ${BOUND} ms, at most ${total.worst.toFixed(0)} ms; ${figure(total.untold)} calls answered "cannot tell", ${figure(total.hits)} reads from memory`,
        seed: SEED,
      })
      expect(total.hits).toBeGreaterThan(0)
    },
  )

  test('cannot tell while they are cut off, and neither let in nor turn away', { timeout: 60_000 }, async () => {
    for (const around of [undefined, cached]) {
      await using fleet = await Fleet.open(engine, 2, { around })
      const [here, there] = [fleet.on(0), fleet.on(1)]
      const { token, session } = await there.sessions.create({ userId: 'ada', username: 'ada' })
      expect(await here.sessions.validate(token)).toMatchObject({ ok: true })
      here.cutOff()
      const { ids } = await there.sessions.revoke({ id: session.id })
      expect(ids).toEqual([session.id])
      const ended = performance.now()
      let answer = await answerOf(here.sessions.validate(token))
      while (answer === 'let in' && performance.now() - ended < BOUND) {
        answer = await answerOf(here.sessions.validate(token))
      }
      expect(answer).toBe('cannot tell')
      expect(await answerOf(here.sessions.end(token))).toBe('cannot tell')
      expect(await answerOf(here.sessions.create({ userId: 'ada', username: 'ada' }))).toBe('cannot tell')
      await fleet.isBack()
      expect(await here.sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
    }
  })
})

// On one engine, since it is the nodes that go wrong.
describe.each(NETWORKED_ENGINES.slice(-1))(
  'in the same weather on $name it is found when',
  ({ program, needs, start }) => {
    let engine: NetworkedEngine

    beforeAll(async () => {
      if (needs !== null) engine = await start()
    })
    beforeEach((context) => void required(context, program, needs))
    afterAll(async () => engine?.close())

    test('there is no lease, and what is pushed is believed to be all', { timeout: 120_000 }, async () => {
      const planted = PLANTED_LEASES.find(({ fault }) => fault.includes('no lease'))
      const options = { around: planted?.open }
      await assertFound(engine, options, ['cut off'], (history) => cachedViolations(history, BOUND))
    })

    test('a store that cannot be reached counts as one that knows nobody', { timeout: 120_000 }, async () => {
      await assertFound(engine, { around: tellingNo }, ['cut off', 'engine killed'], strictViolations)
    })

    test('the wall clock of its host decides who is late', { timeout: 120_000 }, async () => {
      const clock: FleetOptions['clock'] = (_, time) => ({ now: () => Math.floor(time.wall()) })
      await assertFound(engine, { clock }, ['clock put'], strictViolations)
    })
  },
)

async function assertFound(
  engine: NetworkedEngine,
  options: FleetOptions,
  kinds: readonly Kind[],
  violations: Judge,
): Promise<void> {
  let count = 0
  const started = performance.now()
  for (let turn = 0; count === 0 && performance.now() - started < TEETH * 1_000; turn += 1) {
    count = violations((await storm(engine, 4, options, SEED + turn, kinds)).history).length
  }
  expect(count, `with SOJOURN_STORM_SEED=${SEED}`).toBeGreaterThan(0)
}

type Judge = (history: readonly Operation[]) => readonly Violation[]

interface Total {
  operations: number
  untold: number
  hits: number
  worst: number
  recovery: number
  weather: string
}

async function storms(
  engine: NetworkedEngine,
  seconds: number,
  options: FleetOptions,
  violations: Judge,
): Promise<Total> {
  const total = { operations: 0, untold: 0, hits: 0, worst: 0, recovery: 0, weather: '' }
  const faults: Record<string, number> = {}
  for (let left = seconds, turn = 0; left > 0; left -= LONGEST, turn += 1) {
    const report = await storm(engine, Math.min(left, LONGEST), options, SEED + turn)
    expect(violations(report.history), `with SOJOURN_STORM_SEED=${SEED + turn}`).toEqual([])
    total.operations += report.history.length
    total.untold += report.untold
    total.hits += report.hits
    total.worst = Math.max(total.worst, worstStaleness(report.history))
    total.recovery = Math.max(total.recovery, Math.round(report.recovery))
    for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count
  }
  total.weather = Object.entries(faults)
    .map(([kind, count]) => `${kind} ${count} ×`)
    .join(', ')
  return total
}

async function storm(
  engine: NetworkedEngine,
  seconds: number,
  options: FleetOptions,
  seed: number,
  kinds?: readonly Kind[],
): Promise<StormReport & { readonly hits: number }> {
  await using fleet = await Fleet.open(engine, NODES, options)
  const report = await weather({ fleet, engine, chance: new Chance(seed), span: seconds * 1_000, kinds })
  return { ...report, hits: fleet.nodes.reduce((sum, { hits }) => sum + hits, 0) }
}

function tellingNo(store: Store): Store {
  const get: Store['get'] = (id) => store.get(id).catch(() => null)
  return overriding(store, { get, reread: get })
}

/** In the words of whoever asked. */
async function answerOf(call: Promise<unknown>): Promise<string> {
  try {
    const answer = await call
    return typeof answer === 'object' && answer !== null && 'ok' in answer && answer.ok === true ? 'let in' : 'no'
  } catch (error) {
    if (isSojournError(error, 'store_unavailable')) return 'cannot tell'
    throw error
  }
}
