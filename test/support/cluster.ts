import { SessionManager, SojournError } from '../../packages/sojourn/src/index.ts'
import type { RevokeTarget } from '../../packages/sojourn/src/index.ts'
import type { Clock, TimeSources } from '../../packages/sojourn/src/core/clock.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import type { CachedOptions, CachedStore } from '../../packages/sojourn/src/stores/cached.ts'
import { FaultyStore } from '../../packages/sojourn/src/testing/index.ts'
import type { Chance } from './chance.ts'
import type { Operation } from './history-checker.ts'
import { Recorder } from './recorder.ts'
import { VirtualTime } from './virtual-time.ts'

/** What is tried, and in what weather. */
export interface ClusterPlan {
  readonly nodes: number
  /** How long clients go on, in virtual milliseconds. */
  readonly span: number
  /** Milliseconds between two calls of clients, on average. */
  readonly pace: number
  readonly chance: Chance
  /** A connection to the one store that all share; called once for each node, and each is closed. */
  readonly connect: () => Promise<Store>
  /** What a node puts around its connection. Default: nothing, the node is strict. */
  readonly cache?: ((store: Store, options: CachedOptions) => CachedStore) | undefined
}

/** What came of it. */
export interface ClusterRun {
  readonly history: readonly Operation[]
  /** Partitions, pauses and steps of clocks. */
  readonly faults: number
  /** Reads answered from memory, over all nodes. */
  readonly hits: number
}

/** What it is like in a cluster when nothing is wrong. */
interface Climate {
  /** How many of the newest sessions are used. */
  readonly sessions: number
  /** Of so many deeds two end all sessions of a user; the more, the longer a session lives. */
  readonly deeds: number
  /** Milliseconds that a message takes on average, either way. */
  readonly latency: number
}

/** With many sessions memory has seldom those that are just being ended; with few, far away, it has. */
const CLIMATES: readonly Climate[] = [
  { sessions: 12, deeds: 100, latency: 3 },
  { sessions: 2, deeds: 150, latency: 100 },
]
const NOON = Date.UTC(2026, 0, 1, 12)
const LEASE = 1_000
/** After so long a node gives a call of the store up. */
const DEADLINE = 3_000
const USERS = 6

/**
 * Several nodes in one process, each with a clock, a network and a memory of its own, on one real store; clients
 * who do things and write down what they were told; and bad weather: delays, partitions of each direction, requests
 * that arrive when nobody waits any more, processes that are stopped, clocks that are put and that drift. All in
 * virtual time, all following from one seed.
 */
export async function runCluster(plan: ClusterPlan): Promise<ClusterRun> {
  const cluster = new Cluster(plan)
  await cluster.start()
  return cluster.run()
}

class Cluster {
  readonly #plan: ClusterPlan
  readonly #chance: Chance
  readonly #time: VirtualTime
  readonly #nodes: ClusterNode[] = []
  /** Calls that the real store is working on. */
  #busy = 0
  #faults = 0
  readonly #recorder: Recorder
  /** In every other cluster nobody is told of anything: there only the log tells. */
  readonly #isPushing: boolean
  readonly #climate: Climate

  constructor(plan: ClusterPlan) {
    this.#plan = plan
    this.#chance = plan.chance
    this.#isPushing = plan.chance.is(50)
    this.#climate = plan.chance.pick(CLIMATES)
    this.#time = new VirtualTime(() => this.#rest())
    this.#recorder = new Recorder(this.#time)
  }

  async start(): Promise<void> {
    for (let number = 0; number < this.#plan.nodes; number += 1) {
      const shared = this.#watched(await this.#plan.connect(), number)
      const parts = { shared, time: this.#time, chance: this.#chance, cache: this.#plan.cache }
      this.#nodes.push(new ClusterNode({ name: `node-${number}`, ...parts, latency: this.#climate.latency }))
    }
  }

  async run(): Promise<ClusterRun> {
    this.#clientsCome()
    this.#weatherTurns()
    await this.#time.runUntil(this.#plan.span)
    for (const node of this.#nodes) node.heal()
    await this.#time.runUntil(this.#plan.span + 10 * DEADLINE)
    for (const node of this.#nodes) await node.close()
    return {
      history: this.#recorder.history(),
      faults: this.#faults,
      hits: this.#nodes.reduce((sum, { hits }) => sum + hits, 0),
    }
  }

  #clientsCome(): void {
    const next = (): void => {
      if (this.#time.now >= this.#plan.span) return
      const node = this.#chance.pick(this.#nodes)
      const deed = this.#deed()
      node.request(() => void deed(node))
      this.#time.after(this.#chance.next() * 2 * this.#plan.pace, next)
    }
    next()
  }

  /** Mostly validations, of sessions that are likely to have just ended. */
  #deed(): (node: ClusterNode) => Promise<void> {
    const { sessions, deeds } = this.#climate
    const kind = this.#chance.below(deeds)
    if (kind < 6 || this.#recorder.sessions.length === 0) return this.#recorder.create(this.#anybody())
    const session = this.#recorder.recentSession(this.#chance, sessions)
    if (kind < 12 && this.#chance.is(50)) this.#allEndLater(session.userId)
    if (kind < 10) return this.#recorder.revoke(session)
    if (kind < 12) return this.#recorder.logOut(session)
    if (kind < 13) return this.#recorder.revokeAll(this.#anybody(), (userId) => ({ userId }))
    if (kind < 14) return this.#recorder.revokeAll(this.#anybody(), named)
    if (kind < 16) return this.#recorder.renew(session)
    return this.#recorder.validate(session)
  }

  /** Somebody else is worried as well, a moment later, at any node. */
  #allEndLater(userId: string): void {
    this.#time.after((this.#chance.next() * LEASE) / 4, () => {
      const node = this.#chance.pick(this.#nodes)
      node.request(() => void this.#recorder.revokeAll(userId, named)(node))
    })
  }

  #anybody(): string {
    return `user-${this.#chance.below(USERS)}`
  }

  #weatherTurns(): void {
    const next = (): void => {
      if (this.#time.now >= this.#plan.span) return
      const node = this.#chance.pick(this.#nodes)
      const span = 50 + this.#chance.next() * 4_000
      const kind = this.#chance.pick(['cut', 'mute', 'deaf', 'slow', 'stop', 'step'] as const)
      node.suffer(kind, span)
      this.#faults += 1
      this.#time.after(this.#chance.next() * 3_000, next)
    }
    this.#time.after(this.#chance.next() * 3_000, next)
  }

  /** A real store of which is known whether it is at rest, and that pushes a hint to the other nodes after each end. */
  #watched(store: Store, number: number): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return async (...args: readonly unknown[]): Promise<unknown> => {
          this.#busy += 1
          try {
            return await Reflect.apply(method, target, args)
          } finally {
            this.#busy -= 1
            if (this.#isPushing && name === 'revoke')
              this.#nodes.forEach((node, each) => each !== number && node.hintLater())
          }
        }
      },
    })
  }

  async #rest(): Promise<void> {
    do await new Promise(setImmediate)
    while (this.#busy > 0)
  }
}

function named(username: string): RevokeTarget {
  return { where: { username } }
}

type Suffering = 'cut' | 'mute' | 'deaf' | 'slow' | 'stop' | 'step'

/** Who goes first when a process that was stopped goes on: whatever came in, and its own timers last. */
const REQUEST = 0
const ANSWER = 1
const TIMER = 2

interface NodeParts {
  readonly name: string
  readonly shared: Store
  readonly time: VirtualTime
  readonly chance: Chance
  readonly cache: ClusterPlan['cache']
  readonly latency: number
}

/** A process: its clocks, its network, its memory, and what has to wait while it is stopped. */
class ClusterNode {
  readonly name: string
  readonly sessions: SessionManager
  readonly #cached: CachedStore | null
  readonly #shared: Store
  readonly #time: VirtualTime
  readonly #chance: Chance
  /** Monotonic milliseconds in a millisecond. */
  readonly #rate: number
  #wallAhead = 0
  #isStopped = false
  #waiting: { readonly kind: number; readonly task: () => void }[] = []
  readonly #isHeldUp = { before: false, after: false }
  /** Milliseconds that a message takes on average, either way, when nothing is wrong. */
  readonly #calm: number
  #latency: number
  /** Called when the network lets things through again. */
  #heldUp: (() => void)[] = []

  constructor({ name, shared, time, chance, cache, latency }: NodeParts) {
    this.name = name
    this.#calm = latency
    this.#latency = latency
    this.#shared = shared
    this.#time = time
    this.#chance = chance
    this.#rate = 0.995 + chance.next() / 100
    const sources: TimeSources = {
      wall: () => NOON + time.now + this.#wallAhead,
      monotonic: () => time.now * this.#rate,
    }
    const after: Clock['after'] = (span, task) => time.after(span, () => this.#do(TIMER, task))
    const network = this.#impatient(new FaultyStore(shared, { pause: (_, when) => this.#pass(when) }))
    this.#cached = cache?.(network, { lease: LEASE / 1_000, time: sources, clock: { after } }) ?? null
    this.sessions = new SessionManager({
      store: this.#cached ?? network,
      clock: { now: () => NOON + Math.floor(time.now), after },
      policy: { renewalOverlap: '1h' },
      random: (size) => chance.bytes(size),
      onBackgroundError: () => undefined,
    })
  }

  get hits(): number {
    return this.#cached?.figures().hits ?? 0
  }

  /** A request comes in. */
  request(task: () => void): void {
    this.#do(REQUEST, task)
  }

  /** A notice that something has happened is on its way, and is lost if nothing gets through. */
  hintLater(): void {
    this.#time.after(this.#delay(), () => {
      if (!this.#isHeldUp.after) this.#do(ANSWER, () => this.#cached?.hint())
    })
  }

  suffer(kind: Suffering, span: number): void {
    if (kind === 'step')
      this.#wallAhead += (this.#chance.next() - 0.5) * this.#chance.pick([2_000, 7_200_000, 172_800_000])
    if (kind === 'stop') this.#isStopped = true
    if (kind === 'slow') this.#latency = 700
    if (kind === 'cut' || kind === 'mute') this.#isHeldUp.before = true
    if (kind === 'cut' || kind === 'deaf') this.#isHeldUp.after = true
    this.#time.after(span, () => this.heal())
  }

  heal(): void {
    this.#latency = this.#calm
    this.#isHeldUp.before = false
    this.#isHeldUp.after = false
    const heldUp = this.#heldUp
    this.#heldUp = []
    // What the network has held up arrives late, or never.
    for (const arrive of heldUp) if (this.#chance.is(70)) this.#time.after(this.#delay(), arrive)
    this.#isStopped = false
    const waiting = this.#waiting.toSorted((a, b) => a.kind - b.kind)
    this.#waiting = []
    for (const { task } of waiting) task()
  }

  async close(): Promise<void> {
    await this.#shared.close()
  }

  #do(kind: number, task: () => void): void {
    if (this.#isStopped) this.#waiting.push({ kind, task })
    else task()
  }

  /** Both ways of a call through the network. What arrives at a process that is stopped waits there. */
  async #pass(when: 'before' | 'after'): Promise<void> {
    await new Promise<void>((arrive) => {
      if (this.#isHeldUp[when]) this.#heldUp.push(arrive)
      else this.#time.after(this.#delay(), arrive)
    })
    if (when === 'after') await new Promise<void>((go) => this.#do(ANSWER, go))
  }

  /** Gives a call up after the deadline. It may still be carried out. */
  #impatient(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const { promise, resolve, reject } = Promise.withResolvers<unknown>()
          Promise.resolve(Reflect.apply(method, target, args) as unknown).then(resolve, reject)
          const giveUp = (): void => reject(new SojournError('store_unavailable', 'the deadline has passed'))
          const cancel = this.#time.after(DEADLINE, () => this.#do(TIMER, giveUp))
          return promise.finally(cancel)
        }
      },
    })
  }

  #delay(): number {
    return this.#chance.next() ** 2 * 3 * this.#latency
  }
}
