import { setTimeout as later } from 'node:timers/promises'
import type { Chance } from '../../support/chance.ts'
import type { Operation } from '../../support/history-checker.ts'
import type { NetworkedEngine } from '../../support/networked-engines.ts'
import { Recorder } from '../../support/recorder.ts'
import type { RecordedNode } from '../../support/recorder.ts'
import type { Fleet, FleetNode } from './fleet.ts'

/** What is done to whom, for how long. */
export interface Storm {
  readonly fleet: Fleet
  readonly engine: NetworkedEngine
  readonly chance: Chance
  /** How long clients go on and the weather is bad, in milliseconds. */
  readonly span: number
  /** What may happen. Default: everything. */
  readonly kinds?: readonly Kind[] | undefined
}

/** What came of it. */
export interface StormReport {
  readonly history: readonly Operation[]
  /** What was done to networks, clocks and the engine, and how often. */
  readonly faults: Readonly<Record<string, number>>
  /** Calls of which nobody could tell what came of them: what HTTP answers with 503. */
  readonly untold: number
  /** The longest it took until every node answered again, in milliseconds. */
  readonly recovery: number
}

const USERS = 6
/** Sessions that clients ask about at any moment. */
const RECENT = 24
/** Calls that are made together, and milliseconds from one such lot to the next, on average. */
const TOGETHER = 4
const PACE = 8
const SECOND = 1_000
const STEPS = [SECOND, 3_600 * SECOND, 86_400 * SECOND, 30 * 86_400 * SECOND]

/**
 * Clients log in and out on all nodes and write down what they are told, while networks swallow, delay and break
 * off, clocks are put, and the engine hangs or is killed. In the end every node is asked about every session once more.
 */
export async function weather(storm: Storm): Promise<StormReport> {
  const started = performance.now()
  const time = {
    get now() {
      return performance.now() - started
    },
  }
  const recorder = new Recorder(time)
  const turns = new Turns(storm, () => time.now < storm.span)
  await Promise.all([clientsCome(storm, recorder, () => time.now < storm.span), turns.run()])
  const healed = performance.now()
  await storm.fleet.isBack()
  const recovery = performance.now() - healed
  for (const node of storm.fleet.nodes) {
    await Promise.all(recorder.sessions.map((session) => recorder.validate(session)(node)))
  }
  const history = recorder.history()
  const untold = history.filter(({ outcome }) => outcome === 'unknown').length
  return { history, faults: turns.faults, untold, recovery }
}

/** Clients log in and out on all nodes for as long as it goes on. Fulfils when the last has been answered. */
export async function clientsCome(
  { fleet, chance }: Pick<Storm, 'fleet' | 'chance'>,
  recorder: Recorder,
  isGoing: () => boolean,
): Promise<void> {
  const failures: unknown[] = []
  const deeds: Promise<unknown>[] = []
  while (isGoing() && failures.length === 0) {
    for (let turn = 0; turn < TOGETHER; turn += 1) {
      deeds.push(deed(recorder, chance)(chance.pick(fleet.nodes)).catch((error: unknown) => failures.push(error)))
    }
    await later(chance.next() * 2 * PACE)
  }
  await Promise.all(deeds)
  if (failures.length > 0) throw failures[0]
}

/** Mostly validations, of sessions that may have ended a second or two ago. */
function deed(recorder: Recorder, chance: Chance): (node: RecordedNode) => Promise<void> {
  const kind = chance.below(1_000)
  const user = `user-${chance.below(USERS)}`
  if (kind < 20 || recorder.sessions.length === 0) return recorder.create(user)
  const session = recorder.recentSession(chance, RECENT)
  if (kind < 28) return recorder.revoke(session)
  if (kind < 34) return recorder.logOut(session)
  if (kind < 37) return recorder.revokeAll(user, (userId) => ({ userId }))
  if (kind < 40) return recorder.revokeAll(user, (username) => ({ where: { username } }))
  if (kind < 50) return recorder.renew(session)
  return recorder.validate(session)
}

/** What the weather does, one thing after the other; what befalls a network lasts while others do. */
class Turns {
  readonly faults: Record<string, number> = {}
  readonly #storm: Storm
  readonly #isGoing: () => boolean

  constructor(storm: Storm, isGoing: () => boolean) {
    this.#storm = storm
    this.#isGoing = isGoing
  }

  async run(): Promise<void> {
    const { fleet, engine, chance, kinds = kindsOn(engine) } = this.#storm
    while (this.#isGoing()) {
      await later(100 + chance.next() * 300)
      const span = 50 + chance.next() ** 2 * 3_000
      const kind = chance.pick(kinds)
      this.faults[kind] = (this.faults[kind] ?? 0) + 1
      if (kind === 'engine hangs') {
        engine.hang()
        await later(Math.min(span, SECOND))
        engine.goOn()
      } else if (kind === 'engine killed') {
        await engine.kill()
        await engine.start()
      } else if (kind === 'indexes lost') await engine.loseIndexes?.(chance)
      else this.#befall(chance.pick(fleet.nodes), kind, span)
    }
  }

  #befall(node: FleetNode, kind: Exclude<Kind, EngineKind>, span: number): void {
    const { network } = node
    const { chance } = this.#storm
    if (kind === 'clock put') return node.stepClock(chance.pick(STEPS) * chance.pick([-1, 1]))
    if (kind === 'reset' || kind === 'close') return network.cut(kind)
    if (kind === 'cut off') network.faults = { blackholes: ['up', 'down'] }
    if (kind === 'deaf') network.faults = { blackholes: ['down'] }
    if (kind === 'mute') network.faults = { blackholes: ['up'] }
    if (kind === 'slow') network.faults = { delay: chance.next() * 300 }
    if (kind === 'refused') {
      network.faults = { isRefusing: true }
      network.cut('reset')
    }
    if (kind === 'cut short') network.faults = { cutAfter: chance.below(5_000) }
    setTimeout(() => node.heal(), span)
  }
}

const KINDS = [
  ...(['cut off', 'cut off', 'deaf', 'mute', 'slow', 'reset', 'close', 'refused', 'cut short', 'clock put'] as const),
  ...(['engine hangs', 'engine killed', 'indexes lost'] as const),
]
/** A kind of bad weather. */
export type Kind = (typeof KINDS)[number]
type EngineKind = 'engine hangs' | 'engine killed' | 'indexes lost'

function kindsOn({ loseIndexes }: NetworkedEngine): readonly Kind[] {
  return loseIndexes === undefined ? KINDS.filter((kind) => kind !== 'indexes lost') : KINDS
}
