import { setTimeout as later } from 'node:timers/promises'
import { SessionManager } from '../../../packages/sojourn/src/index.ts'
import type { PolicyOptions } from '../../../packages/sojourn/src/index.ts'
import { HOST_TIME, SystemClock } from '../../../packages/sojourn/src/core/clock.ts'
import type { Clock, TimeSources } from '../../../packages/sojourn/src/core/clock.ts'
import { EngineClock } from '../../../packages/sojourn/src/core/engine-clock.ts'
import type { Store } from '../../../packages/sojourn/src/core/store.ts'
import type { CachedOptions, CachedStore } from '../../../packages/sojourn/src/stores/cached.ts'
import type { NetworkedEngine } from '../../support/networked-engines.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'

/** How long a node waits for its store, in milliseconds. */
const DEADLINE = 500
const PATIENCE = 30_000
const RENEWAL_KEY = Buffer.from('four nodes make the same successors of it')

/** What the nodes are like. Anything left out is as an application has it. */
export interface FleetOptions {
  readonly policy?: PolicyOptions | undefined
  /** What a node puts around its connection. Default: nothing, the node is strict. */
  readonly around?: ((store: Store, options: CachedOptions) => Store) | undefined
  /** What a node goes by. Default: the clock of the engine where it has one, else that of the host, disciplined. */
  readonly clock?: ((store: Store, time: TimeSources) => Clock) | undefined
  /** How long a node waits for its store, in milliseconds, or one of them. Default 500. */
  readonly deadline?: number | ((node: number) => number) | undefined
}

/** One of several nodes, with a network and a wall clock of its own. */
export class FleetNode {
  readonly name: string
  readonly sessions: SessionManager
  readonly store: Store
  readonly network: TcpProxy
  readonly #time: WallClock

  constructor(name: string, connection: Store, network: TcpProxy, options: FleetOptions) {
    this.name = name
    this.network = network
    this.#time = new WallClock()
    this.store = options.around?.(connection, { lease: '1s', time: this.#time }) ?? connection
    this.sessions = new SessionManager({
      store: this.store,
      clock: (options.clock ?? clockOf)(this.store, this.#time),
      policy: { renewalOverlap: '1h', ...options.policy },
      renewalKey: RENEWAL_KEY,
      onBackgroundError: () => undefined,
    })
  }

  /** Reads answered from memory. */
  get hits(): number {
    return 'figures' in this.store ? (this.store as CachedStore).figures().hits : 0
  }

  /** Puts the wall clock of this node's host. */
  stepClock(milliseconds: number): void {
    this.#time.ahead += milliseconds
  }

  /** Nothing gets through any more, and nobody is told. */
  cutOff(): void {
    this.network.faults = { blackholes: ['up', 'down'] }
  }

  heal(): void {
    this.network.faults = {}
  }

  /** Fulfils when its store answers. */
  async isBack(): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE)
    const isAnswered = (): Promise<boolean> =>
      this.sessions.epoch('nobody').then(
        () => true,
        () => false,
      )
    while (!(await isAnswered())) {
      if (deadline.aborted) throw new Error(`${this.name} has not come back`)
      await later(10)
    }
  }
}

/** Several nodes in this process on one engine, each reaching it through a network of its own. */
export class Fleet implements AsyncDisposable {
  readonly nodes: readonly FleetNode[]

  static async open(
    engine: Pick<NetworkedEngine, 'openNetwork' | 'newPlace'>,
    count: number,
    options: FleetOptions = {},
  ): Promise<Fleet> {
    const place = await engine.newPlace()
    const { deadline = DEADLINE } = options
    const nodes: FleetNode[] = []
    for (let number = 0; number < count; number += 1) {
      const network = await engine.openNetwork()
      const span = typeof deadline === 'number' ? deadline : deadline(number)
      const connection = await place.connect(network.port, span / 1_000)
      nodes.push(new FleetNode(`node-${number}`, connection, network, options))
      await nodes.at(-1)?.sessions.ready()
    }
    return new Fleet(nodes)
  }

  private constructor(nodes: readonly FleetNode[]) {
    this.nodes = nodes
  }

  /** Whose turn it is when all take turns. */
  on(place: number): FleetNode {
    return this.nodes[place % this.nodes.length]!
  }

  async isBack(): Promise<void> {
    for (const node of this.nodes) node.heal()
    await Promise.all(this.nodes.map((node) => node.isBack()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sessions, network } of this.nodes) {
      network.faults = {}
      await sessions.close().catch(() => undefined)
      await network[Symbol.asyncDispose]()
    }
  }
}

/** The clocks of a host whose wall clock can be put. */
class WallClock implements TimeSources {
  ahead = 0
  readonly wall = (): number => HOST_TIME.wall() + this.ahead
  readonly monotonic = HOST_TIME.monotonic
}

/** What a manager takes by itself, on the clocks of this node. */
function clockOf(store: Store, time: TimeSources): Clock {
  const { now } = store
  return now === undefined ? new SystemClock(time) : new EngineClock(() => now.call(store), time)
}
