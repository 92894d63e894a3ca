import type { SessionId } from '../../../packages/sojourn/src/index.ts'
import type { Store } from '../../../packages/sojourn/src/core/store.ts'
import { isSojournError } from '../../../packages/sojourn/src/index.ts'
import { makeEndMark, makeMark, makeRecord } from '../../../packages/sojourn/src/testing/index.ts'
import type { NetworkedEngine } from '../../support/networked-engines.ts'
import type { Fleet } from './fleet.ts'

/** What came of killing an engine again and again. */
export interface EngineKillReport {
  readonly kills: number
  readonly acknowledged: number
  readonly lostLogins: number
  readonly undoneLogouts: number
  /** Lines of history without their deed, and deeds without their line. */
  readonly untoldDeeds: number
}

const USERS = 10
const WORKERS = 12
/** Acknowledgements after which an engine may be killed, at least, and by how many more at most. */
const AT_LEAST = 60
const AT_MOST_MORE = 60
const PAGE = 1_000
/** More sessions than anybody makes here. */
const ALL = 1_000_000

/** Logs in and out on all nodes, kills the engine in the middle of it, and looks for everything that was acknowledged. */
export async function engineKills(
  engine: NetworkedEngine,
  fleet: Fleet,
  kills: number,
  isEnough: (report: EngineKillReport) => boolean = () => false,
): Promise<EngineKillReport> {
  const acknowledged = new Map<SessionId, 'login' | 'logout'>()
  const report = { kills: 0, acknowledged: 0, lostLogins: 0, undoneLogouts: 0, untoldDeeds: 0 }
  while (report.kills < kills && !isEnough(report)) {
    const wanted = acknowledged.size + AT_LEAST + Math.floor(Math.random() * AT_MOST_MORE)
    const kill: { done: Promise<void> | null } = { done: null }
    const isOver = (): boolean => {
      if (acknowledged.size >= wanted) kill.done ??= engine.kill()
      return kill.done !== null
    }
    await Promise.all(
      Array.from({ length: WORKERS }, (_, worker) => work(fleet.on(worker).store, acknowledged, isOver)),
    )
    await kill.done
    await engine.start()
    await fleet.isBack()
    report.kills += 1
    const { store } = fleet.on(report.kills)
    for (const [id, deed] of acknowledged) {
      const record = await store.get(id)
      if (record === null) report.lostLogins += 1
      else if (deed === 'logout' && record.endReason === null) report.undoneLogouts += 1
    }
    report.untoldDeeds += await untoldDeeds(store, engine.mayBegin ? new Set(acknowledged.keys()) : null)
  }
  return { ...report, acknowledged: acknowledged.size }
}

async function work(store: Store, acknowledged: Map<SessionId, string>, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const record = makeRecord({ userId: `user-${Math.floor(Math.random() * USERS)}` })
    try {
      await store.insert(record, { mark: makeMark() })
      if (Math.random() < 0.5) {
        acknowledged.set(record.id, 'login')
        continue
      }
      await store.revoke({ id: record.id }, makeEndMark({ reason: 'logout' }), 1)
      acknowledged.set(record.id, 'logout')
    } catch (error) {
      if (isSojournError(error, 'store_unavailable')) return
      throw error
    }
  }
}

/**
 * Where an engine may do the beginning of what nobody was told of, a session may be missing of which there is a line, or its line
 * of an end that there was; never the line of a session that stands. `promised` are those of which somebody was told.
 */
async function untoldDeeds(store: Store, promised: ReadonlySet<SessionId> | null): Promise<number> {
  const told: string[] = []
  let cursor: string | null = null
  for (;;) {
    const changes = await store.changes(cursor, PAGE)
    for (const { type, sessionId } of changes.events) told.push(`${type} ${sessionId}`)
    cursor = changes.cursor
    if (changes.events.length < PAGE) break
  }
  const records = await store.list({ filter: {}, sort: 'createdAt', descending: false, limit: ALL })
  const done = records.flatMap(({ id, endReason }) =>
    endReason === null ? [`session_created ${id}`] : [`session_created ${id}`, `session_ended ${id}`],
  )
  const isForgiven = (deed: string, isTold: boolean): boolean => {
    const [type, id] = deed.split(' ')
    if (promised === null || promised.has(id as SessionId)) return false
    return isTold === (type === 'session_created')
  }
  const [lines, deeds] = [new Set(told), new Set(done)]
  return (
    told.length -
    lines.size +
    [...lines].filter((line) => !deeds.has(line) && !isForgiven(line, true)).length +
    [...deeds].filter((deed) => !lines.has(deed) && !isForgiven(deed, false)).length
  )
}
