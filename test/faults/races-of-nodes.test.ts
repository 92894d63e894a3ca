import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { setTimeout as later } from 'node:timers/promises'
import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import type { SessionManager, Token } from '../../packages/sojourn/src/index.ts'
import { FixedClock, makeEndMark, makeMark, makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { DAY, HOUR, NOON } from '../../packages/sojourn/src/testing/records.ts'
import { Chance } from '../support/chance.ts'
import { NETWORKED_ENGINES } from '../support/networked-engines.ts'
import type { NetworkedEngine } from '../support/networked-engines.ts'
import { figure, found } from '../support/proof.ts'
import { CapBeforeInsert, RevokeAllByCollectedIds } from '../support/racy-engines.ts'
import { required } from '../support/require.ts'
import { Fleet } from './support/fleet.ts'
import type { FleetOptions } from './support/fleet.ts'
import { overriding } from './support/overriding.ts'

/** How often each race is run on each engine; others by `SOJOURN_RACE_ROUNDS=2000`. */
const ROUNDS = Number(process.env['SOJOURN_RACE_ROUNDS'] ?? 12)
const SEED = Number(process.env['SOJOURN_RACE_SEED'] ?? Date.now() % 2 ** 31)
/** Within how many rounds a planted fault must show. */
const TEETH = 30
const NODES = 4
const LOGINS = 50
/** Sessions that are overdue when a clean-up comes, and how many are written at once. */
const OVERDUE = 400
const CHUNK = 50
const TABS = 20
/** Nobody is in a hurry: what is tried here are races and no deadlines. */
const DEADLINE = 20_000

describe.each(NETWORKED_ENGINES)('nodes on one $name', { timeout: 60_000 + ROUNDS * 5_000 }, (kind) => {
  let engine: NetworkedEngine

  beforeAll(async () => {
    if (kind.needs !== null) engine = await kind.start()
  })
  beforeEach((context) => void required(context, kind.program, kind.needs))
  afterAll(async () => engine?.close())

  const open = (options: FleetOptions = {}): Promise<Fleet> =>
    Fleet.open(engine, NODES, { deadline: DEADLINE, ...options })

  test.each([1, 3, 10])('let no more than %i stand after any answer, of fifty who sign in at once', async (max) => {
    await using fleet = await open({ policy: { maxSessionsPerUser: max } })
    let most = 0
    const rounds = Math.ceil(ROUNDS / 4)
    for (let round = 0; round < rounds; round += 1) most = Math.max(most, await mostAtOnce(fleet, `user-${round}`))
    found({
      claim: `${kind.name}: never more sessions than the cap, after any answer`,
      tried: `${figure(rounds)} × ${LOGINS} logins at once on ${NODES} nodes, cap ${max}`,
      found: `at most ${most}`,
    })
    expect(most).toBe(max)
  })

  test('are found out that look at the cap before they write', async () => {
    await using fleet = await open({
      policy: { maxSessionsPerUser: 1 },
      around: (store) => new CapBeforeInsert(store),
    })
    expect(await mostAtOnce(fleet, 'ada')).toBeGreaterThan(1)
  })

  test('leave nobody signed in whom a sign-out everywhere overtook, in a login or a renewal', async () => {
    await using fleet = await open()
    let survivors = 0
    for (let round = 0; round < ROUNDS; round += 1) survivors += await survivorsOf(fleet, `user-${round}`, SEED + round)
    found({
      claim: `${kind.name}: signing out everywhere misses nobody`,
      tried: `${figure(ROUNDS)} rounds of 12 logins and 8 renewals against it on ${NODES} nodes`,
      found: `${survivors} survivors`,
      seed: SEED,
    })
    expect(survivors).toBe(0)
  })

  test('are found out that end all of a user by ids that were collected before', async () => {
    await using fleet = await open({ around: (store) => new RevokeAllByCollectedIds(store) })
    let survivors = 0
    for (let round = 0; survivors === 0 && round < TEETH; round += 1) {
      // On a busy machine all have signed in before the first look: let them come later and later.
      survivors += await survivorsOf(fleet, `user-${round}`, SEED + round, 25 * (round + 1))
    }
    expect(survivors).toBeGreaterThan(0)
  })

  test('hand all tabs the same successor, keep who never got it, and turn a thief away for good', async () => {
    const clock = new FixedClock(Date.now())
    await using fleet = await open({ clock: () => clock, policy: { renewalOverlap: '30s' } })
    const total = { strangers: 0, loggedOut: 0, thieves: 0, revived: 0 }
    for (let round = 0; round < ROUNDS; round += 1) {
      const outcome = await renewalRace(fleet, clock, SEED + round, renewOf)
      total.strangers += outcome.strangers
      total.loggedOut += outcome.loggedOut
      total.thieves += outcome.thieves
      total.revived += outcome.revived
    }
    found({
      claim: `${kind.name}: ${TABS} tabs that renew at once, some of whose answers are lost`,
      tried: `${figure(ROUNDS)} rounds on ${NODES} nodes`,
      found: `${total.loggedOut} honest clients signed out, ${total.strangers} second successors, ${total.thieves} thieves let in, ${total.revived} sessions that outlived their end`,
      seed: SEED,
    })
    expect(total).toEqual({ strangers: 0, loggedOut: 0, thieves: 0, revived: 0 })
  })

  test('are found out that replace a secret in one step', async () => {
    const clock = new FixedClock(Date.now())
    await using fleet = await open({ clock: () => clock, policy: { renewalOverlap: '30s' } })
    const { loggedOut } = await renewalRace(fleet, clock, SEED, (sessions, id) => sessions.reauthenticated(id))
    expect(loggedOut).toBeGreaterThan(0)
  })

  test('make one session of a login whose answer was lost and that is made again, and bring none back', async () => {
    await using fleet = await open({ deadline: (node) => (node === 0 ? 400 : DEADLINE) })
    const total = { many: 0, revived: 0, lost: 0 }
    for (let round = 0; round < ROUNDS; round += 1) {
      const outcome = await lostAnswer(fleet, SEED + round)
      total.many += outcome.many
      total.revived += outcome.revived
      total.lost += outcome.lost
    }
    found({
      claim: `${kind.name}: a login or a logout whose answer was lost and that is made again happens once`,
      tried: `${figure(ROUNDS)} rounds, ${figure(total.lost)} answers lost after or before the commit`,
      found: `${total.many} made twice, ${total.revived} brought back after their end`,
      seed: SEED,
    })
    expect(total).toMatchObject({ many: 0, revived: 0 })
    expect(total.lost).toBeGreaterThan(0)
  })

  test('end in a clean-up only whom nobody has used in the last moment', async () => {
    await using fleet = await open()
    let [raced, ended, wrong] = [0, 0, 0]
    for (let round = 0; round < Math.ceil(ROUNDS / 4); round += 1) {
      const outcome = await cleanUpRace(fleet, (store) => store)
      raced += outcome.raced
      ended += outcome.ended
      wrong += outcome.wrong
    }
    found({
      claim: `${kind.name}: a clean-up beside live traffic ends and deletes nobody who stands`,
      tried: `${figure(raced)} sessions that were overdue and used in the same moment, of which ${figure(ended)} were ended first`,
      found: `${wrong} both used and ended`,
    })
    expect(wrong).toBe(0)
    // Or nobody raced anybody.
    expect(ended).toBeGreaterThan(0)
    expect(ended).toBeLessThan(raced)
  })

  test('are found out that look whom to clean up and end them afterwards', async () => {
    await using fleet = await open()
    let wrong = 0
    for (let round = 0; wrong === 0 && round < TEETH; round += 1)
      wrong += (await cleanUpRace(fleet, lookingFirst)).wrong
    expect(wrong).toBeGreaterThan(0)
  })
})

/** How many sessions of a user were seen standing at once, looking after each answer. */
async function mostAtOnce(fleet: Fleet, userId: string): Promise<number> {
  let most = 0
  const logIn = async (_: unknown, place: number): Promise<void> => {
    await fleet.on(place).sessions.create({ userId, username: userId })
    most = Math.max(most, await fleet.on(place + 1).sessions.count({ userId, active: true }))
  }
  await Promise.all(Array.from({ length: LOGINS }, logIn))
  return most
}

async function survivorsOf(fleet: Fleet, userId: string, seed: number, within = 25): Promise<number> {
  const chance = new Chance(seed)
  const old = await Promise.all(
    Array.from({ length: 8 }, (_, place) => fleet.on(place).sessions.create({ userId, username: userId })),
  )
  const epoch = await fleet.on(0).sessions.epoch(userId)
  const tokens: Token[] = old.map(({ token }) => token)
  const soon = (): Promise<void> => later(chance.below(within))
  const logIn = async (_: unknown, place: number): Promise<void> => {
    await soon()
    const login = await fleet.on(place).sessions.tryCreate({ userId, username: userId, epoch })
    if (login.ok) tokens.push(login.token)
  }
  const renew = async (id: string, place: number): Promise<void> => {
    await soon()
    const renewed = await fleet.on(place).sessions.renew(id)
    if (renewed.ok) tokens.push(renewed.token)
  }
  await Promise.all([
    ...Array.from({ length: 12 }, logIn),
    ...old.map(({ session }, place) => renew(session.id, place)),
    later(chance.below(5)).then(() => fleet.on(chance.below(NODES)).sessions.revoke({ userId })),
  ])
  const checks = await Promise.all(tokens.map((token, place) => fleet.on(place).sessions.validate(token)))
  const standing = await fleet.on(0).sessions.count({ userId, active: true })
  return standing + checks.filter(({ ok }) => ok).length
}

type Renew = (sessions: SessionManager, id: string) => ReturnType<SessionManager['renew']>

const renewOf: Renew = (sessions, id) => sessions.renew(id)

/** Tabs renew at once; some hear of it and some do not. Later somebody comes back with what they all had at first. */
async function renewalRace(
  fleet: Fleet,
  clock: FixedClock,
  seed: number,
  renew: Renew,
): Promise<{
  readonly strangers: number
  readonly loggedOut: number
  readonly thieves: number
  readonly revived: number
}> {
  const chance = new Chance(seed)
  const first = await fleet.on(0).sessions.create({ userId: `user-${seed}`, username: `user-${seed}` })
  const { id } = first.session
  const isAccepted = async (token: Token, place: number): Promise<boolean> =>
    (await fleet.on(place).sessions.validate(token)).ok
  // The answer of whoever was first is lost in any case: that tab goes on with what it has.
  const answers = await Promise.all(
    Array.from({ length: TABS }, async (_, place) => {
      const renewed = await renew(fleet.on(place).sessions, id)
      return renewed.ok && place > 0 && chance.is(60) ? renewed.token : null
    }),
  )
  const successors = new Set(answers.filter((token) => token !== null))
  const tabs = answers.map((token) => token ?? first.token)
  const accepted = await Promise.all(tabs.map(isAccepted))
  const next = await renew(fleet.on(1).sessions, id)
  if (next.ok) await isAccepted(next.token, 2)
  clock.advance('31s')
  const thief = await isAccepted(first.token, 3)
  const isLeft = next.ok && (await isAccepted(next.token, 0))
  const ended = await endInTheMiddle(fleet, renew)
  return {
    strangers: Math.max(0, successors.size - 1),
    loggedOut: accepted.filter((ok) => !ok).length,
    // Whoever came first may have been the thief: now that both have come nobody is let in.
    thieves: Number(thief) + Number(isLeft),
    revived: ended,
  }
}

/** A session that is ended while all tabs renew it: how many of the tokens that were handed out still work. */
async function endInTheMiddle(fleet: Fleet, renew: Renew): Promise<number> {
  const { session, token } = await fleet.on(0).sessions.create({ userId: 'ada', username: 'ada' })
  const [, ...answers] = await Promise.all([
    fleet.on(3).sessions.revoke({ id: session.id }),
    ...Array.from({ length: TABS }, (_, place) => renew(fleet.on(place).sessions, session.id)),
  ])
  const tokens = [token, ...answers.flatMap((answer) => (answer.ok ? [answer.token] : []))]
  const checks = await Promise.all(tokens.map((each, place) => fleet.on(place).sessions.validate(each)))
  return checks.filter(({ ok }) => ok).length
}

/** A login of which nobody hears what came of it is made again at another node, ended there, and then the first arrives. */
async function lostAnswer(
  fleet: Fleet,
  seed: number,
): Promise<{ readonly many: number; readonly revived: number; readonly lost: number }> {
  const chance = new Chance(seed)
  const [here, there] = [fleet.on(0), fleet.on(1)]
  const record = makeRecord({ userId: `user-${seed}`, createdAt: NOON })
  here.network.faults = chance.pick([
    { cutAfter: 0 },
    { cutAfter: chance.below(400) },
    { blackholes: ['up'] },
    { blackholes: ['down'] },
  ] as const)
  let lost = 0
  const outcome = await here.store.insert(record, { mark: makeMark() }).catch(() => null)
  if (outcome === null) lost += 1
  await there.store.insert(record, { mark: makeMark() })
  const ended = await there.store.revoke({ id: record.id }, makeEndMark(), 1)
  const again = await here.store.revoke({ id: record.id }, makeEndMark(), 1).catch(() => null)
  if (again === null) lost += 1
  await fleet.isBack()
  const retried = await told(() => here.store.revoke({ id: record.id }, makeEndMark(), 1))
  // What the network has held up arrives now.
  await told(() => here.store.insert(record, { mark: makeMark() }))
  const filter = { userId: record.userId }
  const found = await there.store.list({ filter, sort: 'createdAt', descending: false, limit: 9 })
  const history = await there.store.events({ sessionId: record.id, limit: 9 })
  const isToldOnce = (type: string): boolean => history.filter((event) => event.type === type).length === 1
  const isOnce = found.length === 1 && isToldOnce('session_created') && isToldOnce('session_ended')
  return {
    many: Number(!isOnce || ended.length !== 1 || retried.length !== 0 || (again?.length ?? 0) !== 0),
    revived: Number(found.some(({ endReason }) => endReason === null)),
    lost,
  }
}

/** Asks until there is an answer: on a busy machine one may be late without anybody having held it up. */
async function told<Answer>(call: () => Promise<Answer>, left = 20): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    if (left === 0) throw error
    return told(call, left - 1)
  }
}

/** Sessions that a clean-up ends while notes of a last use arrive: each is used or ended, and none both. */
async function cleanUpRace(
  fleet: Fleet,
  around: (store: Store) => Store,
): Promise<{ readonly raced: number; readonly ended: number; readonly wrong: number }> {
  const now = NOON + DAY + 1
  const records = Array.from({ length: OVERDUE }, (_, place) => makeRecord({ userId: `user-${place % 7}` }))
  const insert = (record: SessionRecord, place: number): Promise<unknown> =>
    fleet.on(place).store.insert(record, { mark: makeMark() })
  for (let first = 0; first < OVERDUE; first += CHUNK) {
    await Promise.all(records.slice(first, first + CHUNK).map(insert))
  }
  const where = { isEnded: false, endsBy: now }
  const cleanUp = async (place: number): Promise<number> => {
    const store = around(fleet.on(place).store)
    let [ended, batch] = [0, 20]
    while (batch === 20) {
      batch = (await store.revoke({ where }, makeEndMark({ at: now, reason: 'idle' }), 20)).length
      ended += batch
    }
    await store.prune(now, 1_000)
    return ended
  }
  const use = async ({ id }: SessionRecord, place: number): Promise<number> =>
    fleet.on(place).store.touch([{ id, at: now, endsAt: now + DAY, allowance: HOUR }])
  const [ended, ...used] = await Promise.all([
    cleanUp(0).then(async (count) => count + (await cleanUp(1))),
    ...records.map(async (record, place) => {
      await later(place)
      return use(record, place)
    }),
  ])
  const standing = await fleet.on(2).store.count({ isEnded: false })
  const uses = used.reduce((sum, count) => sum + count, 0)
  const wrong = Math.abs(ended + uses - records.length) + Math.abs(standing - uses)
  await fleet.on(0).store.revoke({ where: {} }, makeEndMark({ at: now + 2 * DAY }), 1_000)
  return { raced: records.length, ended, wrong }
}

function lookingFirst(store: Store): Store {
  const revoke: Store['revoke'] = async (target, mark, limit) => {
    if (!('where' in target)) return store.revoke(target, mark, limit)
    const overdue = await store.list({ filter: target.where, sort: 'createdAt', descending: false, limit })
    return store.revoke({ ids: overdue.map(({ id }) => id) }, mark, limit)
  }
  return overriding(store, { revoke })
}
