import type { StatementSync } from 'node:sqlite'
import { SessionManager } from 'sojourn'
import type { PageOptions } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { comparison, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { userAt, usersOf } from './fixture.ts'
import { interleave, ratios, spread } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import { RawDatabase } from './raw.ts'

const PLAN: Plan = { operations: 60, rounds: 25, warmUp: 3 }
const PAGE = 50
const DAY = 86_400_000

/** Pages beside the keyset query that somebody would write by hand, and a deep page beside the first. */
export async function measureLists(file: string, size: number): Promise<readonly Finding[]> {
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const raw = await RawDatabase.open(file, size)
  const newest = { active: true, limit: PAGE }
  const deep = { ...newest, cursor: await middleOf(sessions) }
  const standing = (): readonly number[] => [Date.now(), Date.now() - DAY, Date.now() - 30 * DAY]
  const users = Array.from({ length: PLAN.operations }, (_, place) => userAt((place * 7) % usersOf(size)).userId)

  const [first = [], far = [], newestByHand = []] = await interleave(
    [
      paging(sessions, () => newest),
      paging(sessions, () => deep),
      querying(raw.readPage('everyone'), () => standing()),
    ],
    PLAN,
  )
  const ofUser = await interleave(
    [
      paging(sessions, (turn) => ({ active: true, userId: users[turn]! })),
      querying(raw.readPage('user'), (turn) => [users[turn]!, ...standing()]),
    ],
    PLAN,
  )
  await sessions.close()
  raw.close()
  return [
    comparison(size, `newest page of ${PAGE}`, [first, newestByHand]),
    comparison(size, "a user's sessions", ofUser),
    figure(size, 'a page from the middle, beside the newest', spread(ratios(far, first)).median, '×', 1.2),
  ]
}

function paging(sessions: SessionManager, options: (turn: number) => PageOptions): Side {
  return () => async () => {
    let filled = 0
    for (let turn = 0; turn < PLAN.operations; turn += 1) {
      const page = await sessions.page(options(turn))
      if (page.sessions.length > 0) filled += 1
    }
    return filled
  }
}

function querying(statement: StatementSync, values: (turn: number) => readonly (string | number)[]): Side {
  return () => () => {
    let filled = 0
    for (let turn = 0; turn < PLAN.operations; turn += 1) if (statement.all(...values(turn)).length > 0) filled += 1
    return filled
  }
}

/** Where the page in the middle of the list begins: the fixture's sessions began evenly over 20 days. */
async function middleOf(sessions: SessionManager): Promise<string> {
  const createdBefore = new Date(Date.now() - 10 * DAY)
  const { next } = await sessions.page({ active: true, limit: 1, createdBefore })
  if (next === null) throw new Error('the list has no middle')
  return next
}
