import { setTimeout as pass } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { figure, found } from '../support/proof.ts'
import { OtherProcess } from '../sqlite/support/process.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

/** How often a process is stopped; raise it to look longer. */
const CYCLES = Number(process.env['SOJOURN_STOP_CYCLES'] ?? 30)
const LEASE = 50

test('a process that was stopped answers what waited for it by what has ended meanwhile, not from memory', async () => {
  using folder = new TemporaryFolder()
  const path = folder.file('shared.db')
  await using sessions = new SessionManager({ store: SqliteStore.open(path) })
  await using other = new OtherProcess()
  await other.ask({ ask: 'open', path, lease: `${LEASE}ms` })
  const stale: number[] = []
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const { token, session } = await sessions.create({ userId: 'ada', username: 'ada' })
    for (let turn = 0; turn < 5; turn += 1) expect(await other.ask({ ask: 'validate', token })).toBe(true)
    // Long enough that it has stopped renewing its lease: no timer of it is due when it goes on.
    await pass(LEASE)
    other.stop()
    await sessions.revoke({ id: session.id })
    const answer = other.ask({ ask: 'validate', token })
    // A real process has real clocks, which go on while it does not.
    await pass(LEASE + 1)
    other.goOn()
    if ((await answer) === true) stale.push(cycle)
  }
  found({
    claim: 'A process that was stopped (SIGSTOP) answers by what has ended meanwhile',
    tried: `${figure(CYCLES)} stops, with a request that waits`,
    found: `${stale.length} stale accepts`,
  })
  expect(stale).toEqual([])
})
