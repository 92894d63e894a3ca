import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SessionManager } from '../packages/sojourn/src/index.ts'
import { SqliteStore } from '../packages/sojourn/src/stores/sqlite.ts'
import { Counting } from './faults/support/counting.ts'
import { Random, seedFrom } from './faults/support/random.ts'
import { hasTokenForm, mutant } from './faults/support/token-mutants.ts'
import type { Target } from './faults/support/token-mutants.ts'
import { figure, found } from './support/proof.ts'

const PRESENTED = Number(process.env['SOJOURN_FUZZ_RUNS'] ?? 1_000_000)
const SHOWN = 10

const counting = new Counting(SqliteStore.open(':memory:'))
const sessions = new SessionManager({ store: counting.store })
const issued = new Set<string>()
const targets: Target[] = []

beforeAll(async () => {
  for (let visitor = 0; visitor < 50; visitor += 1) {
    const { session, token } = await sessions.create({
      userId: `user-${visitor % 10}`,
      username: `user-${visitor % 10}`,
    })
    if (visitor % 5 === 0) await sessions.renew(session.id)
    const record = await counting.store.get(session.id)
    targets.push({ token, secretHash: record!.secretHash })
    issued.add(token)
  }
})

afterAll(() => sessions.close())

describe('a token that was never issued', () => {
  test(
    'is refused a million times over, and rubbish costs no store call',
    { timeout: 120_000 + PRESENTED / 5 },
    async () => {
      const random = new Random(seedFrom('SOJOURN_FUZZ_SEED'))
      const figures = { rubbish: 0, wellFormed: 0 }
      const wrong: string[] = []
      for (let run = 0; run < PRESENTED && wrong.length < SHOWN; run += 1) {
        const presented = wrongToken(random)
        const isWellFormed = hasTokenForm(presented)
        figures[isWellFormed ? 'wellFormed' : 'rubbish'] += 1
        const fault = await faultOf(presented, isWellFormed, run % 10 === 0)
        if (fault !== null) wrong.push(`${fault}: ${JSON.stringify(presented)}`)
      }
      found({
        claim: 'A token that was never issued is refused, and rubbish costs no store call',
        tried: `${figure(figures.rubbish)} pieces of rubbish, ${figure(figures.wellFormed)} well-formed forgeries`,
        found: `${wrong.length} accepted, thrown or looked up`,
        seed: random.seed,
      })
      expect(wrong, `repeat with SOJOURN_FUZZ_SEED=${random.seed}`).toEqual([])
      expect(figures.wellFormed).toBeGreaterThan(PRESENTED / 10)
      for (const token of issued) expect(await sessions.validate(token)).toMatchObject({ ok: true })
    },
  )
})

/** A mutant that is not by chance a token that was issued. */
function wrongToken(random: Random): string {
  let presented: string
  do presented = mutant(random, targets)
  while (issued.has(presented))
  return presented
}

/** What is wrong with how a token that was not issued is received, or null. */
async function faultOf(presented: string, isWellFormed: boolean, isLogout: boolean): Promise<string | null> {
  const before = counting.calls
  try {
    if (isLogout && (await sessions.end(presented))) return 'ended a session'
    const check = isLogout ? null : await sessions.validate(presented)
    if (check?.ok === true) return 'accepted'
    if (check !== null && (check.reason === 'malformed') === isWellFormed) return `refused as ${check.reason}`
  } catch (error) {
    return `threw ${String(error)}`
  }
  const calls = counting.calls - before
  return calls > (isWellFormed ? 1 : 0) ? `${calls} store calls` : null
}
