import { beforeEach, describe, expect, test } from 'vitest'
import type { SessionId, Token } from '../../packages/sojourn/src/index.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import { cached } from '../../packages/sojourn/src/stores/cached.ts'
import type { CachedOptions, CachedStore } from '../../packages/sojourn/src/stores/cached.ts'
import { makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { Chance } from '../support/chance.ts'
import { cachedViolations, strictViolations, worstStaleness } from '../support/history-checker.ts'
import { PostgresPair } from '../support/postgres-pair.ts'
import type { Departure, PairOptions } from '../support/postgres-pair.ts'
import { postgresPath, until } from '../support/postgres.ts'
import { figure, found } from '../support/proof.ts'
import type { Recorder } from '../support/recorder.ts'
import { required } from '../support/require.ts'
import { failover } from './support/failover.ts'
import type { FailoverReport } from './support/failover.ts'
import { Fleet } from './support/fleet.ts'
import type { FleetNode } from './support/fleet.ts'

/** How many failovers of each kind; others by `SOJOURN_PG_FAILOVERS=100`. */
const FAILOVERS = Number(process.env['SOJOURN_PG_FAILOVERS'] ?? 1)
const SEED = Number(process.env['SOJOURN_PG_FAILOVER_SEED'] ?? Date.now() % 2 ** 31)
const LONG = { timeout: 120_000 + FAILOVERS * 30_000 }
const NODES = 4
const BOUND = 1_000
/** Of each call, in milliseconds. Long, since what is slow here is the machine: where nobody answers, that is told at once. */
const DEADLINE = 10_000
/** More than what one transaction after the other can lose. */
const PLENTY = 40
const ADA = { userId: 'ada', username: 'ada' }
const BOB = { userId: 'bob', username: 'bob' }
/** A token that nobody has been given. */
const NOBODY = `${makeRecord().id}.${'A'.repeat(43)}`
/** Of two kinds of nodes, what must not be found. */
const NOTHING_WRONG = { lostLogins: 0, undoneEnds: 0, untoldDeeds: 0, unreadLines: 0, startedOver: 0 }

beforeEach((context) => {
  const isOwn = process.env['SOJOURN_TEST_POSTGRES_URL'] === undefined
  required(context, 'PostgreSQL of its own', isOwn ? postgresPath : null)
})

describe('a failover of PostgreSQL to a standby that commits wait for', () => {
  test.each<readonly [Departure, string]>([
    ['stopped', 'stopped in good order'],
    ['killed', 'killed'],
  ])('loses nothing, undoes nothing and lets nobody in too late (primary %s)', LONG, async (how, said) => {
    const strict = new Total()
    const remembering = new Total()
    for (let turn = 0; turn < FAILOVERS; turn += 1) {
      const round = await failOverOnce(SEED + turn, (pair) => pair.failOver(how))
      expect(strictViolations(round.strict.history), `with SOJOURN_PG_FAILOVER_SEED=${SEED + turn}`).toEqual([])
      expect(
        cachedViolations(round.remembering.history, BOUND),
        `with SOJOURN_PG_FAILOVER_SEED=${SEED + turn}`,
      ).toEqual([])
      for (const report of [round.strict, round.remembering]) expect(report).toMatchObject(NOTHING_WRONG)
      strict.add(round.strict)
      remembering.add(round.remembering)
    }
    const claim = `PostgreSQL, synchronous standby, primary ${said}`
    found({
      claim: `${claim}: strict nodes lose and undo nothing, and every answer fits one order of events`,
      tried: strict.tried,
      found: `0 logins lost, 0 ends undone, 0 sessions non-linearizable, 0 lines of history missing, too many or unread; ${strict.interruption}`,
      seed: SEED,
    })
    found({
      claim: `${claim}: the same of cached nodes (lease 1 s), and ended is ended within the lease`,
      tried: remembering.tried,
      found: `0 let in beyond ${BOUND} ms, at most ${remembering.worst.toFixed(0)} ms, 0 signed out, 0 logs started over; ${remembering.interruption}`,
      seed: SEED,
    })
    expect(strict.untold).toBeGreaterThan(0)
    expect(remembering.hits).toBeGreaterThan(0)
  })
})

test('a failover to a standby that nobody waits for is found to lose logins and to undo ends', LONG, async () => {
  const strict = new Total()
  for (let turn = 0; turn < FAILOVERS; turn += 1) {
    const round = await failOverOnce(SEED + turn, loseTheLast, { isWaitedFor: false })
    for (const report of [round.strict, round.remembering]) {
      expect(report.lostLogins).toBeGreaterThan(0)
      expect(report.undoneEnds).toBeGreaterThan(0)
      expect(report.untoldDeeds).toBe(0)
    }
    expect(strictViolations(round.strict.history)).not.toEqual([])
    expect(cachedViolations(round.remembering.history, BOUND)).not.toEqual([])
    strict.add(round.strict)
  }
  found({
    claim:
      'PostgreSQL, no promise: a failover to a standby that commits do not wait for, and that had not heard of the last',
    tried: strict.tried,
    found: `${figure(strict.lostLogins)} logins lost, ${figure(strict.undoneEnds)} ends undone: found out`,
    seed: SEED,
  })
})

test(
  'a node that has read of what is lost trusts nothing it remembers, and refuses what ends from then on',
  { timeout: 120_000 },
  async () => {
    await using pair = await PostgresPair.start({ isWaitedFor: false })
    const memories: CachedStore[] = []
    // Without timers each reads the log when it is asked to.
    const around = (store: Store, options: CachedOptions): CachedStore => {
      memories.push(cached(store, { ...options, clock: { after: () => () => {} } }))
      return memories.at(-1)!
    }
    await using fleet = await Fleet.open(pair, 2, { around, deadline: DEADLINE })
    const [here, there] = [fleet.on(0), fleet.on(1)]
    const { token, session } = await there.sessions.create(ADA)
    await pair.isInStep()
    pair.holdBack()
    for (let count = 0; count < PLENTY / 2; count += 1) await there.sessions.create(BOB)
    expect(await here.sessions.validate(token)).toMatchObject({ ok: true })
    await memories[0]!.pull()
    expect(await here.sessions.validate(token)).toMatchObject({ ok: true })
    await pair.failOver('killed')
    await there.isBack()
    expect((await there.sessions.revoke({ id: session.id })).ids).toEqual([session.id])
    for (let count = 0; count < PLENTY; count += 1) await there.sessions.create(BOB)
    await here.isBack()
    await memories[0]!.pull()
    expect(await here.sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
  },
)

test(
  'a standby is refused until it is promoted, and then nodes go on by themselves',
  { timeout: 120_000 },
  async () => {
    await using pair = await PostgresPair.start()
    await using strict = await Fleet.open(pair, 1, { deadline: DEADLINE })
    await using remembering = await Fleet.open(pair, 1, { deadline: DEADLINE, around: cached })
    const visitors = [await Visitor.signIn(strict.on(0)), await Visitor.signIn(remembering.on(0))]
    await pair.depart('stopped')
    pair.leadToStandby()
    for (const visitor of visitors) await visitor.cannotBeToldOf()
    await pair.promote()
    for (const visitor of visitors) await visitor.isServed()
  },
)

test(
  'an old primary that comes back as a standby is refused, and left as soon as its address leads to the new one',
  { timeout: 120_000 },
  async () => {
    await using pair = await PostgresPair.start()
    await using fleet = await Fleet.open(pair, 2, { deadline: DEADLINE })
    const [here, there] = [fleet.on(0), fleet.on(1)]
    const visitor = await Visitor.signIn(here)
    expect(await waitedFor(here)).toBe('*')
    await pair.failOver('stopped')
    await pair.bringBack()
    here.network.leadTo(pair.primary)
    here.network.cut('reset')
    await visitor.cannotBeToldOf()
    expect(await there.sessions.validate(visitor.token)).toMatchObject({ ok: true })
    expect(await waitedFor(there)).toBe('')
    here.network.leadTo(pair.standby)
    await visitor.isServed()
  },
)

/** Somebody who has signed in at a node. */
class Visitor {
  readonly token: Token
  readonly #id: SessionId
  readonly #node: FleetNode

  static async signIn(node: FleetNode): Promise<Visitor> {
    const { token, session } = await node.sessions.create(ADA)
    expect(await node.sessions.validate(token)).toMatchObject({ ok: true })
    return new Visitor(node, token, session.id)
  }

  private constructor(node: FleetNode, token: Token, id: SessionId) {
    this.token = token
    this.#id = id
    this.#node = node
  }

  /** Fulfils once the node has found a replica, if from then on it answers nothing, whatever it is asked. */
  async cannotBeToldOf(): Promise<void> {
    const { sessions } = this.#node
    const isTurnedDown = (): Promise<boolean> =>
      sessions.validate(this.token).then(
        () => false,
        (error: unknown) => /is a replica/.test(String(error)),
      )
    await until(isTurnedDown, 'the node to find a replica')
    const answers = await Promise.allSettled([
      sessions.validate(this.token),
      sessions.validate(NOBODY),
      sessions.create(ADA),
      sessions.renew(this.#id),
      sessions.page(),
      sessions.count(),
      sessions.changes(),
      sessions.revoke({ id: this.#id }),
      sessions.end(this.token),
    ])
    const refusal = { status: 'rejected', reason: { code: 'store_unavailable' } }
    for (const answer of answers) expect(answer).toMatchObject(refusal)
  }

  /** Fulfils once the node answers, if it does so as ever. */
  async isServed(): Promise<void> {
    const { sessions } = this.#node
    await this.#node.isBack()
    expect(await sessions.validate(this.token)).toMatchObject({ ok: true })
    expect(await sessions.validate(NOBODY)).toMatchObject({ ok: false, reason: 'unknown' })
    await sessions.create(ADA)
    expect(await sessions.end(this.token)).toBe(true)
    expect(await sessions.validate(this.token)).toMatchObject({ ok: false, reason: 'ended' })
  }
}

interface Round {
  readonly strict: FailoverReport
  readonly remembering: FailoverReport
}

/** One failover of a new pair, under the load of strict nodes and of others that remember. */
async function failOverOnce(
  seed: number,
  failOver: (pair: PostgresPair, places: readonly (readonly [Recorder, FleetNode])[]) => Promise<void>,
  options: PairOptions = {},
): Promise<Round> {
  await using pair = await PostgresPair.start(options)
  await using strict = await Fleet.open(pair, NODES, { deadline: DEADLINE })
  await using remembering = await Fleet.open(pair, NODES, { deadline: DEADLINE, around: cached })
  const fleets = [strict, remembering]
  const reports = await failover({
    fleets,
    chance: new Chance(seed),
    failOver: (recorders) =>
      failOver(
        pair,
        recorders.map((recorder, place) => [recorder, fleets[place]!.on(0)]),
      ),
  })
  return { strict: reports[0]!, remembering: reports[1]! }
}

/** A login and an end, besides others, of which the standby hears nothing before the primary is gone. */
async function loseTheLast(pair: PostgresPair, places: readonly (readonly [Recorder, FleetNode])[]): Promise<void> {
  const ended = await Promise.all(
    places.map(async ([recorder, node]) => {
      await recorder.create('ada')(node)
      return recorder.sessions[0]!
    }),
  )
  await pair.isInStep()
  pair.holdBack()
  for (const [place, [recorder, node]] of places.entries()) {
    await recorder.revoke(ended[place]!)(node)
    await recorder.create('ada')(node)
  }
  await pair.failOver('killed')
}

/** What came of all failovers of one kind. */
class Total {
  untold = 0
  hits = 0
  worst = 0
  lostLogins = 0
  undoneEnds = 0
  #failovers = 0
  #operations = 0
  #acknowledged = 0
  #interruption = 0

  add(report: FailoverReport): void {
    this.#failovers += 1
    this.#operations += report.history.length
    this.#acknowledged += report.acknowledged
    this.#interruption = Math.max(this.#interruption, Math.round(report.interruption))
    this.untold += report.untold
    this.hits += report.hits
    this.worst = Math.max(this.worst, worstStaleness(report.history))
    this.lostLogins += report.lostLogins
    this.undoneEnds += report.undoneEnds
  }

  get tried(): string {
    return `${figure(this.#failovers)} failovers under ${figure(this.#operations)} operations on ${NODES} nodes, ${figure(this.#acknowledged)} logins and ends acknowledged`
  }

  get interruption(): string {
    return `${figure(this.untold)} calls answered "cannot tell", every node well again ${figure(this.#interruption)} ms after the primary began to go`
  }
}

/** By which names, says a node, its store knows the standbys that commits wait for. */
async function waitedFor({ store }: FleetNode): Promise<unknown> {
  return (await store.guarantees()).settings['synchronous_standby_names']
}
