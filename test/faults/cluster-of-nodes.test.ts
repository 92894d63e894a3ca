import { describe, expect, test } from 'vitest'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import { cached } from '../../packages/sojourn/src/stores/cached.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { Chance } from '../support/chance.ts'
import { runCluster } from '../support/cluster.ts'
import type { ClusterPlan, ClusterRun } from '../support/cluster.ts'
import { cachedViolations, strictViolations, worstStaleness } from '../support/history-checker.ts'
import type { Violation } from '../support/history-checker.ts'
import { PLANTED_LEASES, PLANTED_MEMORIES } from '../support/planted-caches.ts'
import { figure, found } from '../support/proof.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

/** How many clusters are run of each kind; raise it to look longer. */
const RUNS = Number(process.env['SOJOURN_CLUSTER_RUNS'] ?? 20)
/** Within how many a planted fault must be found. */
const TEETH = 60
const BOUND = 1_000
const SPAN = 60_000

type Connect = () => Promise<Store>

/** Opens a fresh store, and connects to it as often as asked. */
const ENGINES: Readonly<Record<string, (folder: TemporaryFolder) => Connect>> = {
  memory: () => {
    const store = new MemoryStore()
    return async () => store
  },
  'sqlite in a file': (folder) => {
    const path = folder.file('shared.db')
    return async () => SqliteStore.open(path)
  },
}

describe.each(Object.keys(ENGINES))('nodes on one %s', (engine) => {
  const runs = engine === 'memory' ? RUNS : Math.ceil(RUNS / 10)

  test('that are strict keep every promise in any weather', { timeout: 600_000 }, async () => {
    const total = await repeat(runs, engine, {}, strictViolations)
    found({
      claim: `In virtual time, strict nodes on one ${engine}: every answer fits one order of events`,
      tried: total.summary,
      found: '0 sessions non-linearizable, 0 undecided',
      seed: 1,
    })
  })

  test('that are cached let in nobody later than the bound', { timeout: 600_000 }, async () => {
    const total = await repeat(runs, engine, { cache: cached }, cachedFaults)
    found({
      claim: `In virtual time, cached nodes on one ${engine}: ended is ended within the lease`,
      tried: total.summary,
      found: `0 let in beyond ${BOUND} ms, at most ${total.worst.toFixed(0)} ms`,
      seed: 1,
    })
    expect(total.hits).toBeGreaterThan(total.operations / 20)
    expect(total.worst).toBeGreaterThan(BOUND / 5)
  })
})

describe('a promise is found broken when', () => {
  test('nodes that answer from memory are taken for strict ones', async () => {
    expect(strictViolations((await run('memory', 1, { cache: cached })).history)).not.toEqual([])
  })

  test.each([...PLANTED_MEMORIES, ...PLANTED_LEASES])('$fault', { timeout: 600_000 }, async ({ open }) => {
    let violations: readonly Violation[] = []
    let seed = 0
    while (violations.length === 0 && seed < TEETH) {
      seed += 1
      violations = cachedFaults((await run('memory', seed, { cache: open })).history)
    }
    expect(violations, `after ${seed} clusters`).not.toEqual([])
    console.log(`found by cluster ${seed}: ${violations.map(({ fault }) => fault)[0]}`)
  })
})

interface Total {
  readonly summary: string
  readonly operations: number
  readonly hits: number
  readonly worst: number
}

async function repeat(
  runs: number,
  engine: string,
  given: Partial<ClusterPlan>,
  violations: (history: ClusterRun['history']) => readonly Violation[],
): Promise<Total> {
  let [operations, faults, hits, worst] = [0, 0, 0, 0]
  for (let seed = 1; seed <= runs; seed += 1) {
    const outcome = await run(engine, seed, given)
    expect(violations(outcome.history), `cluster ${seed}`).toEqual([])
    operations += outcome.history.length
    faults += outcome.faults
    hits += outcome.hits
    worst = Math.max(worst, worstStaleness(outcome.history))
  }
  const summary = `${figure(runs)} clusters of four, ${figure(operations)} operations, ${figure(faults)} faults`
  return { summary, operations, hits, worst }
}

async function run(engine: string, seed: number, given: Partial<ClusterPlan>): Promise<ClusterRun> {
  using folder = new TemporaryFolder()
  const connect = ENGINES[engine]!(folder)
  return await runCluster({ nodes: 4, span: SPAN, pace: 20, chance: new Chance(seed), connect, ...given })
}

function cachedFaults(history: ClusterRun['history']): readonly Violation[] {
  return cachedViolations(history, BOUND)
}
