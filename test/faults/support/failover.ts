import { setTimeout as later } from 'node:timers/promises'
import { isSojournError } from '../../../packages/sojourn/src/index.ts'
import type { SessionId } from '../../../packages/sojourn/src/index.ts'
import type { EventRecord, EventType } from '../../../packages/sojourn/src/core/events.ts'
import type { SessionRecord } from '../../../packages/sojourn/src/core/session.ts'
import type { Store } from '../../../packages/sojourn/src/core/store.ts'
import type { Chance } from '../../support/chance.ts'
import type { Operation } from '../../support/history-checker.ts'
import { until } from '../../support/postgres.ts'
import { Recorder } from '../../support/recorder.ts'
import type { KnownSession } from '../../support/recorder.ts'
import type { Fleet, FleetNode } from './fleet.ts'
import { clientsCome } from './weather.ts'

/** What is found after a failover, of one fleet. */
export interface FailoverReport {
  readonly history: readonly Operation[]
  /** Calls of which nobody could tell what came of them. */
  readonly untold: number
  /** Reads answered from memory since the new primary has answered. */
  readonly hits: number
  /** From before the primary went until every node had answered again, in milliseconds. */
  readonly interruption: number
  /** Deeds that were acknowledged. */
  readonly acknowledged: number
  /** Of these, logins of which there is no record and ends of which the record tells nothing. */
  readonly lostLogins: number
  readonly undoneEnds: number
  /** Sessions whose lines of history are not exactly those of their record. */
  readonly untoldDeeds: number
  /** Lines that a node which reads the log all the time has not been told of, or twice, and such that are there no more. */
  readonly unreadLines: number
  /** How often a node had to start over with the log. */
  readonly startedOver: number
}

/** What happens, and to whom. */
export interface FailoverRound {
  readonly fleets: readonly Fleet[]
  readonly chance: Chance
  /** From here to a new primary, with all addresses leading there. Each fleet has a recorder whose sessions clients leave alone. */
  failOver(recorders: readonly Recorder[]): Promise<void>
}

/** Answered calls before and after: the latter take longer than a lease. */
const BEFORE = 100
const AFTER = 600
/** How long they may take on a busy machine, in milliseconds. */
const PATIENCE = 60_000
/** Milliseconds from one look of a node at its log to the next, and for how many lines it asks. */
const READ_EVERY = 50
const PAGE = 100

/** Clients log in and out on all nodes of every fleet, and write down what they are told, while the primary is replaced. */
export async function failover(round: FailoverRound): Promise<readonly FailoverReport[]> {
  const { fleets, chance } = round
  const started = performance.now()
  const time = {
    get now() {
      return performance.now() - started
    },
  }
  const parts = fleets.map((fleet) => new Part(fleet, new Recorder(time), new Recorder(time)))
  let isOver = false
  const going = Promise.all(parts.map((part) => part.go(chance, () => !isOver)))
  const replacing = replace(round, parts).finally(() => (isOver = true))
  await Promise.all([going, replacing])
  return Promise.all(parts.map((part) => part.report()))
}

async function replace(round: FailoverRound, parts: readonly Part[]): Promise<void> {
  await untilAnswered(parts, BEFORE)
  const gone = performance.now()
  await round.failOver(parts.map(({ apart }) => apart))
  await Promise.all(parts.map((part) => part.isBack(gone)))
  await untilAnswered(parts, AFTER)
}

/** So many more calls than now. */
async function untilAnswered(parts: readonly Part[], count: number): Promise<void> {
  const wanted = parts.map(({ recorder }) => recorder.answered + count)
  const isDone = async (): Promise<boolean> => parts.every(({ recorder }, place) => recorder.answered >= wanted[place]!)
  await until(isDone, 'clients to be answered', PATIENCE)
}

/** One fleet, who comes to it, and who reads its log. */
class Part {
  /** What clients are told. */
  readonly recorder: Recorder
  /** For sessions that clients leave alone. */
  readonly apart: Recorder
  readonly #fleet: Fleet
  readonly #readers: readonly LogReader[]
  #interruption = 0
  #hitsBefore = 0

  constructor(fleet: Fleet, recorder: Recorder, apart: Recorder) {
    this.recorder = recorder
    this.apart = apart
    this.#fleet = fleet
    this.#readers = fleet.nodes.map((node) => new LogReader(node))
  }

  async go(chance: Chance, isGoing: () => boolean): Promise<void> {
    const clients = clientsCome({ fleet: this.#fleet, chance }, this.recorder, isGoing)
    await Promise.all([clients, ...this.#readers.map((reader) => reader.follow(isGoing))])
  }

  async isBack(gone: number): Promise<void> {
    await this.#fleet.isBack()
    this.#interruption = performance.now() - gone
    this.#hitsBefore = this.#hits
  }

  async report(): Promise<FailoverReport> {
    const { nodes } = this.#fleet
    const hits = this.#hits - this.#hitsBefore
    const recorders = [this.recorder, this.apart]
    for (const node of nodes) {
      await Promise.all(recorders.flatMap((each) => each.sessions.map((session) => each.validate(session)(node))))
    }
    const sessions = recorders.flatMap((each) => each.sessions)
    const history = recorders.flatMap((each) => each.history())
    const log = await wholeLog(nodes[0]!.store)
    for (const reader of this.#readers) await until(() => reader.read(), 'a node to read its log')
    return {
      history,
      untold: history.filter(({ outcome }) => outcome === 'unknown').length,
      hits,
      interruption: this.#interruption,
      ...(await audit(nodes[0]!.store, sessions, history)),
      untoldDeeds: await untoldDeeds(nodes[0]!.store, log),
      unreadLines: this.#readers.reduce((sum, reader) => sum + reader.faults(log), 0),
      startedOver: this.#readers.reduce((sum, reader) => sum + reader.startedOver, 0),
    }
  }

  get #hits(): number {
    return this.#fleet.nodes.reduce((sum, { hits }) => sum + hits, 0)
  }
}

/** Reads the log of a node on and on, and passes each cursor back. */
class LogReader {
  startedOver = 0
  readonly #store: Store
  #cursor: string | null = null
  #told: number[] = []

  constructor({ store }: FleetNode) {
    this.#store = store
  }

  async follow(isGoing: () => boolean): Promise<void> {
    while (isGoing()) {
      await this.read()
      await later(READ_EVERY)
    }
  }

  /** As far as the store answers. Whether that was to the end. */
  async read(): Promise<boolean> {
    try {
      for (;;) {
        const { events, cursor } = await this.#store.changes(this.#cursor, PAGE)
        this.#cursor = cursor
        this.#told.push(...events.map(({ position }) => position))
        if (events.length < PAGE) return true
      }
    } catch (error) {
      if (isSojournError(error, 'store_unavailable')) return false
      if (!isSojournError(error, 'invalid_argument')) throw error
      this.startedOver += 1
      this.#cursor = null
      this.#told = []
      return false
    }
  }

  /** Lines that were left out, told twice, or made up. */
  faults(log: readonly EventRecord[]): number {
    const told = new Set(this.#told)
    const there = new Set(log.map(({ position }) => position))
    const unread = [...there].filter((position) => !told.has(position)).length
    const gone = [...told].filter((position) => !there.has(position)).length
    return unread + gone + this.#told.length - told.size
  }
}

async function wholeLog(store: Store): Promise<readonly EventRecord[]> {
  const log: EventRecord[] = []
  for (let cursor: string | null = null; ;) {
    const changes = await store.changes(cursor, PAGE)
    log.push(...changes.events)
    cursor = changes.cursor
    if (changes.events.length < PAGE) return log
  }
}

/** Holds what was acknowledged to somebody against what the records say now. */
async function audit(
  store: Store,
  sessions: readonly KnownSession[],
  history: readonly Operation[],
): Promise<Pick<FailoverReport, 'acknowledged' | 'lostLogins' | 'undoneEnds'>> {
  const acknowledged = history.filter(({ kind, outcome }) => kind !== 'validate' && outcome === 'yes')
  const ended = new Set(acknowledged.filter(({ kind }) => kind === 'end').map(({ session }) => session))
  const records = await Promise.all(sessions.map(({ id }) => recordOf(store, id)))
  return {
    acknowledged: acknowledged.length,
    lostLogins: records.filter((record) => record === null).length,
    undoneEnds: records.filter((record) => record?.endReason === null && ended.has(record.id)).length,
  }
}

async function untoldDeeds(store: Store, log: readonly EventRecord[]): Promise<number> {
  const lines = Map.groupBy(log, ({ sessionId }) => sessionId)
  lines.delete(null)
  const isExact = async ([id, told]: readonly [SessionId | null, readonly EventRecord[]]): Promise<boolean> => {
    const record = id === null ? null : await recordOf(store, id)
    const count = (type: EventType): number => told.filter((each) => each.type === type).length
    const ends = record?.endReason === null ? 0 : 1
    return record !== null && count('session_created') === 1 && count('session_ended') === ends
  }
  const verdicts = await Promise.all([...lines].map(isExact))
  return verdicts.filter((each) => !each).length + Math.abs((await store.count({})) - lines.size)
}

/** From the engine, whatever is remembered. */
async function recordOf(store: Store, id: SessionId): Promise<SessionRecord | null> {
  return store.reread === undefined ? store.get(id) : store.reread(id)
}
