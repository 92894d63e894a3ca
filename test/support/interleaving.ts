import fc from 'fast-check'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import type { Check, Token } from '../../packages/sojourn/src/index.ts'
import { standingAt } from '../../packages/sojourn/src/core/policy.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import type { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { FaultyStore, FixedClock, makeEndMark } from '../../packages/sojourn/src/testing/index.ts'
import type { StoreCall } from '../../packages/sojourn/src/testing/index.ts'
import { Chance } from './chance.ts'

/** What one of several who act at once does. Each call of the store on the way may be overtaken by any other. */
const STEPS = [
  'validate',
  'validate the successor',
  'renew',
  'prove again',
  'flush',
  'log out',
  'revoke',
  'revoke all',
  'revoke by a filter',
  'clean up',
  'log in',
  'log in under the epoch',
  'let two minutes pass',
  'read the log',
  'end elsewhere',
  'end elsewhere and wait',
  'renew elsewhere',
] as const

type Step = (typeof STEPS)[number]

/** Deeds that are known to get in each other's way. */
const MEETINGS: readonly (readonly Step[])[] = [
  ['validate', 'revoke'],
  ['validate', 'flush', 'log out'],
  ['renew', 'revoke'],
  ['prove again', 'revoke', 'validate'],
  ['renew', 'validate the successor', 'log out'],
  ['renew', 'validate the successor', 'let two minutes pass'],
  ['validate', 'flush', 'clean up', 'let two minutes pass'],
  ['log in', 'validate'],
  ['log in under the epoch', 'revoke all'],
  ['validate', 'read the log', 'end elsewhere and wait'],
  ['validate', 'revoke', 'read the log', 'log in'],
  ['validate', 'renew elsewhere', 'validate the successor', 'revoke'],
  ['validate', 'end elsewhere', 'revoke by a filter'],
]

/** What has happened to the session before they begin. */
const BEGINNINGS = ['fresh', 'followed', 'used', 'renewed', 'about to run out'] as const

/** Where a call can be overtaken. */
const PAUSES = ['get', 'touch', 'update', 'revoke', 'insert', 'epoch', 'list', 'prune', 'changes'].flatMap((method) => [
  `before ${method}`,
  `after ${method}`,
])

/** Who does what, in which situation. */
export interface Plan {
  /** Where others may come in between. Not everywhere, or whoever makes many calls would always come last. */
  readonly pauses: readonly string[]
  readonly beginning: (typeof BEGINNINGS)[number]
  readonly actors: readonly (readonly Step[])[]
}

/** So many actors, each with up to four steps of few kinds: half the time such as are known to clash, or any. */
export function planOf(actors: number): fc.Arbitrary<Plan> {
  const anyKinds = fc.subarray([...STEPS], { minLength: 2, maxLength: 4 })
  return fc.oneof(fc.constantFrom(...MEETINGS), anyKinds).chain((kinds) => {
    const steps = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 4, size: 'max' })
    return fc.record({
      pauses: fc.subarray(PAUSES),
      beginning: fc.constantFrom(...BEGINNINGS),
      actors: fc.array(steps, { minLength: actors, maxLength: actors }),
    })
  })
}

/** A memory store, and what stands between it and the manager; faults are planted in either. */
export interface Engine {
  readonly inner: MemoryStore
  /** Whatever it calls on the store it is given may be overtaken. */
  readonly outer?: (store: Store, clock: FixedClock) => Store & { readonly pull?: () => Promise<void> }
}

const NOON = Date.UTC(2026, 0, 1, 12)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const CAP = 2
const ADA = { userId: '42', username: 'ada' }
/** What ends sessions, or the token that the others hold. */
const ENDING: ReadonlySet<Step> = new Set([
  'prove again',
  'log out',
  'revoke',
  'revoke all',
  'revoke by a filter',
  'clean up',
  'log in',
  'log in under the epoch',
  'let two minutes pass',
  'end elsewhere',
  'end elsewhere and wait',
])

/**
 * Lets the actors act at once, in the order that the scheduler draws, and throws the first promise that was
 * broken.
 */
export async function interleave(scheduler: fc.Scheduler, plan: Plan, engine: Engine): Promise<void> {
  const clock = new FixedClock(NOON)
  const paused = new FaultyStore(engine.inner)
  const store = engine.outer?.(paused, clock) ?? paused
  const policy = { maxSessionsPerUser: CAP }
  const chance = new Chance(plan.actors.length)
  const random = (size: number): Uint8Array => chance.bytes(size)
  const sessions = new SessionManager({ store, clock, policy, random, onBackgroundError: fail })
  const elsewhere = new SessionManager({ store: engine.inner, clock, policy, random, onBackgroundError: fail })
  const world = new World({
    plan,
    sessions,
    elsewhere,
    store,
    inner: engine.inner,
    clock,
    readLog: () => readLog(store),
  })
  await world.begin()
  const pauses = new Set(plan.pauses)
  const pause = async ({ method }: StoreCall, when: string): Promise<void> => {
    const where = `${when} ${method}`
    if (pauses.has(where)) await scheduler.schedule(Promise.resolve(), where)
  }
  paused.faults = { pause }
  await scheduler.waitFor(Promise.all(plan.actors.map((steps) => world.act(steps, scheduler))))
  await scheduler.waitIdle()
  paused.faults = {}
  await world.settle()
}

/** What an engine has that answers from memory while the log tells of nothing. */
async function readLog(store: Store & { readonly pull?: () => Promise<void> }): Promise<void> {
  await store.pull?.()
}

interface Scene {
  readonly plan: Plan
  readonly sessions: SessionManager
  /** Another process on the same store, which nothing overtakes. */
  readonly elsewhere: SessionManager
  /** What the manager works with. */
  readonly store: Store
  readonly inner: MemoryStore
  readonly clock: FixedClock
  readonly readLog: () => Promise<void>
}

/** The sessions there are, what was promised of each, and whether it is kept. */
class World {
  readonly #plan: Plan
  readonly #sessions: SessionManager
  readonly #elsewhere: SessionManager
  readonly #store: Store
  readonly #inner: MemoryStore
  readonly #clock: FixedClock
  readonly #readLog: () => Promise<void>
  /** Sessions by their tokens, in the order in which the tokens were handed out. */
  readonly #tokens = new Map<Token, string>()
  /** Sessions of which somebody was told for certain that they have ended. */
  readonly #ended = new Set<string>()
  readonly #successors = new Set<Token>()
  readonly #signOuts: { readonly startedAt: number; isDone: boolean }[] = []
  readonly #guarded: { readonly epochReadAt: number; readonly id: string }[] = []
  #target = ''
  #token: Token | undefined
  #isSuccessorPresented = false
  #isProvenAgain = false
  #moment = 0

  readonly #deeds: Readonly<Record<Step, () => Promise<unknown>>> = {
    validate: () => this.#validate(this.#token),
    'validate the successor': () => this.#validateSuccessor(),
    renew: () => this.#renew(),
    'prove again': () => this.#proveAgain(),
    flush: () => this.#sessions.flush(),
    'log out': () => this.#logOut(),
    revoke: () => this.#revoke(),
    'revoke all': () => this.#signOutEverywhere(),
    'revoke by a filter': () => this.#revokeByFilter(),
    'clean up': () => this.#sessions.cleanup({ olderThan: '12h' }),
    'log in': () => this.#logIn(),
    'log in under the epoch': () => this.#logInUnderEpoch(),
    'let two minutes pass': async () => this.#clock.advance('2m'),
    'read the log': () => this.#readLog(),
    'end elsewhere': () => this.#elsewhere.revoke({ id: this.#target }),
    'end elsewhere and wait': () => this.#endElsewhere(),
    'renew elsewhere': () => this.#renew(this.#elsewhere),
  }

  constructor({ plan, sessions, elsewhere, store, inner, clock, readLog }: Scene) {
    this.#plan = plan
    this.#sessions = sessions
    this.#elsewhere = elsewhere
    this.#store = store
    this.#inner = inner
    this.#clock = clock
    this.#readLog = readLog
  }

  async begin(): Promise<void> {
    const { session, token } = await this.#sessions.create(ADA)
    this.#target = session.id
    this.#token = token
    const { beginning } = this.#plan
    this.#clock.set(beginning === 'about to run out' ? NOON + DAY - 60_001 : NOON + HOUR)
    if (beginning === 'used') await this.#sessions.validate(token)
    if (beginning === 'renewed' || beginning === 'about to run out') await this.#renew()
    this.#tokens.set(token, session.id)
    // Memory may answer from the first read on.
    if (beginning === 'followed') await this.#readLog()
  }

  async act(steps: readonly Step[], scheduler: fc.Scheduler): Promise<void> {
    for (const step of steps) {
      await scheduler.schedule(Promise.resolve(), step)
      await this.#deeds[step]()
      await this.#assertRecords()
    }
  }

  /** What must hold once everybody has come to rest. */
  async settle(): Promise<void> {
    const mostSuccessors = this.#isProvenAgain ? Infinity : this.#isSuccessorPresented ? 2 : 1
    this.#assert(this.#successors.size <= mostSuccessors, 'renewals at once handed out several successors')
    await this.#sessions.flush()
    for (const token of this.#tokens.keys()) {
      const check = await this.#validate(token)
      const isStranded = !check.ok && (check.reason === 'mismatch' || check.reason === 'superseded')
      const mustWork = this.#successors.has(token) && !this.#isProvenAgain
      this.#assert(!isStranded || !mustWork, 'a successor was handed out that does not work')
    }
    await this.#assertRecords()
  }

  async #validate(token: Token | undefined): Promise<Check> {
    const id = this.#tokens.get(token!) ?? this.#target
    const wasEnded = this.#ended.has(id)
    const check = await this.#sessions.validate(token)
    this.#assert(!check.ok || !wasEnded, 'a session was let in after it had ended')
    this.#assert(check.ok || this.#mayEnd(), 'a session was refused that nobody ended')
    if (!check.ok && check.reason !== 'mismatch' && check.reason !== 'superseded') this.#ended.add(id)
    return check
  }

  async #validateSuccessor(): Promise<void> {
    const [successor] = this.#successors
    if (successor === undefined) return
    const { ok } = await this.#validate(successor)
    this.#isSuccessorPresented ||= ok
  }

  async #renew(sessions = this.#sessions): Promise<void> {
    const wasEnded = this.#ended.has(this.#target)
    const renewed = await sessions.renew(this.#target)
    this.#assert(!renewed.ok || !wasEnded, 'a session was renewed after it had ended')
    if (!renewed.ok) return
    this.#successors.add(renewed.token)
    this.#tokens.set(renewed.token, this.#target)
  }

  async #proveAgain(): Promise<void> {
    const wasEnded = this.#ended.has(this.#target)
    const proven = await this.#sessions.reauthenticated(this.#target)
    this.#assert(!proven.ok || !wasEnded, 'a session was taken up again after it had ended')
    if (!proven.ok) return
    this.#isProvenAgain = true
    this.#tokens.set(proven.token, this.#target)
  }

  async #logOut(): Promise<void> {
    if (await this.#sessions.end(this.#token)) this.#ended.add(this.#target)
  }

  async #revoke(): Promise<void> {
    await this.#sessions.revoke({ id: this.#target })
    this.#ended.add(this.#target)
  }

  /**
   * What was there before: only an end by user is in one step with logins. Asked of the store, as clean-up does: the manager
   * would write uses first, and whose use is written has left memory.
   */
  async #revokeByFilter(): Promise<void> {
    const known = [...this.#tokens.values(), this.#target]
    const mark = makeEndMark({ at: this.#clock.now() })
    await this.#store.revoke({ where: { username: 'ada', isEnded: false } }, mark, 1_000)
    for (const id of known) this.#ended.add(id)
  }

  async #endElsewhere(): Promise<void> {
    await this.#elsewhere.revoke({ id: this.#target })
    this.#clock.advance('1s')
    this.#ended.add(this.#target)
  }

  async #signOutEverywhere(): Promise<void> {
    const known = new Set(this.#tokens.values())
    const signOut = { startedAt: this.#next(), isDone: false }
    this.#signOuts.push(signOut)
    await this.#sessions.revoke({ userId: '42' })
    signOut.isDone = true
    for (const id of [...known, this.#target]) this.#ended.add(id)
  }

  async #logIn(epoch?: number): Promise<string | null> {
    const login = await this.#sessions.tryCreate({ ...ADA, epoch })
    if (!login.ok) return null
    this.#tokens.set(login.token, login.session.id)
    return login.session.id
  }

  async #logInUnderEpoch(): Promise<void> {
    const epoch = await this.#sessions.epoch('42')
    const epochReadAt = this.#next()
    const id = await this.#logIn(epoch)
    if (id !== null) this.#guarded.push({ epochReadAt, id })
  }

  /** A look at the records themselves, which nothing can overtake. */
  async #assertRecords(): Promise<void> {
    for (const { epochReadAt, id } of this.#guarded) {
      const isOvertaken = this.#signOuts.some(({ startedAt, isDone }) => isDone && startedAt > epochReadAt)
      if (isOvertaken) this.#ended.add(id)
    }
    const filter = { standing: standingAt(this.#clock.now(), this.#sessions.policy) }
    const standing = await this.#inner.list({ filter, sort: 'createdAt', descending: false, limit: 1_000 })
    this.#assert(standing.length <= CAP, `${standing.length} sessions stand where ${CAP} may`)
    this.#assert(!standing.some(({ id }) => this.#ended.has(id)), 'a session stands that had ended')
  }

  /** Whether anybody in the plan, or time, ends sessions. */
  #mayEnd(): boolean {
    return this.#plan.actors.flat().some((step) => ENDING.has(step))
  }

  #next(): number {
    this.#moment += 1
    return this.#moment
  }

  #assert(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise)
  }
}

function fail(error: unknown): never {
  throw error
}
