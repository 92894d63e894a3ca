import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { figure, found } from '../support/proof.ts'
import { killCycles } from './support/kill-cycles.ts'
import type { KillReport } from './support/kill-cycles.ts'
import { historyFaults } from './support/ledger.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

/** Kills of one process, and kills of two on the same file. Fewer where nobody asked for the whole. */
const CYCLES = Number(
  process.env['SOJOURN_KILL_CYCLES'] ?? (process.env['SOJOURN_TEST_REQUIRE'] === undefined ? 60 : 300),
)
const CYCLES_OF_TWO = Math.ceil(CYCLES / 6)

describe('a process that is killed with SIGKILL while people log in and out', () => {
  test(
    'loses no acknowledged login and undoes no acknowledged logout',
    { timeout: 60_000 + CYCLES * 1_000 },
    async () => {
      const report = await killCycles({ cycles: CYCLES })
      tell('one process', report)
      expect(report.findings).toEqual([])
      expect(report.acknowledged).toBeGreaterThan(CYCLES)
    },
  )

  test(
    'does no harm to another process on the same file, nor that one to it',
    { timeout: 60_000 + CYCLES * 1_000 },
    async () => {
      const report = await killCycles({ cycles: CYCLES_OF_TWO, writers: 2 })
      tell('two processes on one file', report)
      expect(report.findings).toEqual([])
      expect(report.acknowledged).toBeGreaterThan(CYCLES_OF_TWO)
    },
  )
})

describe('the same rig', () => {
  test(
    'with acknowledge-before-commit planted finds lost logins and undone logouts',
    { timeout: 120_000 },
    async () => {
      const report = await killCycles({
        cycles: 60,
        fault: 'early',
        isEnough: (findings) =>
          ['lost login', 'undone logout'].every((kind) => findings.some((each) => each.kind === kind)),
      })
      tell('with acknowledge-before-commit planted', report)
      expect(new Set(report.findings.map(({ kind }) => kind))).toContain('lost login')
      expect(new Set(report.findings.map(({ kind }) => kind))).toContain('undone logout')
    },
  )

  test('finds a line of history that is missing, one too many, and one about nobody', async () => {
    using folder = new TemporaryFolder()
    const path = folder.file('app.db')
    await using sessions = new SessionManager({ store: SqliteStore.open(path) })
    const [missing, doubled] = await Promise.all(
      ['ada', 'grace'].map((userId) => sessions.create({ userId, username: userId })),
    )
    expect(historyFaults(path)).toEqual([])
    using database = new DatabaseSync(path)
    database.prepare('DELETE FROM sojourn_events WHERE session_id = ?').run(missing!.session.id)
    const tell = database.prepare("INSERT INTO sojourn_events (at, type, session_id, actor) VALUES (1, ?, ?, 'user')")
    tell.run('session_ended', doubled!.session.id)
    tell.run('session_created', 'nobody')
    expect(historyFaults(path).map(({ kind }) => kind)).toEqual(['history', 'history', 'history'])
  })
})

function tell(what: string, { cycles, acknowledged, findings }: KillReport): void {
  const count = (kind: string): number => findings.filter((finding) => finding.kind === kind).length
  found({
    claim: `SQLite: what was acknowledged survives kill -9, ${what}`,
    tried: `${figure(cycles)} kills, ${figure(acknowledged)} acknowledgements`,
    found:
      `${count('lost login')} logins lost, ${count('undone logout')} logouts undone, ` +
      `${count('history')} histories wrong, ${count('integrity')} files damaged`,
  })
}
