import { setImmediate as nextTurn, setTimeout as after } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import type { Store } from '../../packages/sojourn/src/index.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/fixed-clock.ts'
import { figure, found } from '../support/proof.ts'
import { Child } from './support/child.ts'
import { Random, seedFrom } from './support/random.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'
import { LONGEST_STEP, USE_POLICY } from './support/use-policy.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const START = Date.UTC(2026, 0, 1)
/** The spans of `USE_POLICY`, in milliseconds. */
const INTERVAL = MINUTE
const IDLE = 10 * MINUTE
const LIFETIME = 15 * MINUTE
const KILLS = Number(process.env['SOJOURN_TOUCH_KILLS'] ?? 50)
/** The longest a process lives after its first word, in milliseconds. */
const LONGEST_LIFE = 500

describe('a process that is killed between the use of a session and the note of it', () => {
  test(
    'loses no note that is older than a touch interval, ends nobody early and lets nobody live too long',
    { timeout: 120_000 },
    async () => {
      using folder = new TemporaryFolder()
      const figures = { uses: 0, reachedTheEnd: 0, lost: 0, early: 0, late: 0, longestLoss: 0 }
      for (let kill = 0; kill < KILLS; kill += 1) {
        const path = folder.file(`${kill}.db`)
        const story = storyOf(await killedAtRandom(path, kill, folder.file('compiled')))
        figures.uses += story.uses
        figures.reachedTheEnd += story.over.length
        figures.early += story.over.filter(({ life, at }) => at < life.began + LIFETIME).length
        for (const aftermath of await aftermathsOf(path, story)) {
          figures.lost += Number(aftermath.isLost)
          figures.early += Number(aftermath.isEarly)
          figures.late += Number(aftermath.isLate)
          figures.longestLoss = Math.max(figures.longestLoss, aftermath.loss)
        }
      }
      found({
        claim: 'A kill between a use and its note ends nobody early and lets nobody live too long',
        tried: `${figure(KILLS)} kills, ${figure(figures.uses)} uses`,
        found: `${figures.lost} notes lost that were older than a minute, ${figures.early} ended early, ${figures.late} late; longest loss ${figure(figures.longestLoss)} ms`,
      })
      expect(figures.longestLoss).toBeGreaterThan(0)
      expect(figures.reachedTheEnd).toBeGreaterThan(0)
      expect(figures).toMatchObject({ lost: 0, early: 0, late: 0 })
    },
  )

  test.for([
    ['came back from a long pause', [4 * MINUTE]],
    ['comes every fifty seconds', [50 * SECOND, 100 * SECOND]],
  ] as const)('five seconds after the use does not sign out early who %s', async ([, uses]) => {
    const store = new MemoryStore()
    const killed = new Visit(store, START)
    const token = await killed.logIn()
    for (const use of uses) expect(await killed.verdictAt(token, START + use, 'use')).toBe('stands')
    const used = START + uses.at(-1)!
    await killed.live(used + 5 * SECOND)
    const restarted = new Visit(store, used + 5 * SECOND)
    expect(await restarted.verdictAt(token, used + IDLE - 1)).toBe('stands')
  })
})

describe('ten thousand sessions, half of their processes killed,', () => {
  test('end at the millisecond of the policy, but for the minute after a restart', { timeout: 60_000 }, async () => {
    const random = new Random(seedFrom('SOJOURN_TOUCH_SEED'))
    const store = new MemoryStore()
    const wrong = { early: 0, late: 0, outlived: 0 }
    for (let run = 0; run < 10_000; run += 1) {
      const killed = new Visit(store, START)
      const token = await killed.logIn()
      let used = START
      for (let use = random.integer(4); use > 0; use -= 1) {
        used += 1 + random.integer(INTERVAL - 1)
        await killed.verdictAt(token, used, 'use')
      }
      const isKilled = random.chance(0.5)
      const visit = isKilled ? new Visit(store, used) : killed
      if ((await visit.verdictAt(token, used + IDLE - 1)) !== 'stands') wrong.early += 1
      if ((await visit.verdictAt(token, used + IDLE + (isKilled ? INTERVAL : 0))) !== 'idle') wrong.late += 1
      if ((await visit.verdictAt(token, START + LIFETIME)) === 'stands') wrong.outlived += 1
    }
    expect(wrong, `SOJOURN_TOUCH_SEED=${random.seed}`).toEqual({ early: 0, late: 0, outlived: 0 })
  })
})

/** A process with its own clock. Leaving it alone is what a kill does to it. */
class Visit {
  readonly sessions: SessionManager
  readonly #clock: FixedClock

  constructor(store: Store, now: number) {
    this.#clock = new FixedClock(now)
    this.sessions = new SessionManager({ store, policy: USE_POLICY, clock: this.#clock })
  }

  async logIn(): Promise<string> {
    return (await this.sessions.create({ userId: 'ada', username: 'ada' })).token
  }

  /** Lets its time go on, and what is due be done. */
  async live(until: number): Promise<void> {
    this.#clock.set(until)
    await nextTurn()
  }

  async verdictAt(token: string, instant: number, purpose: 'look' | 'use' = 'look'): Promise<string> {
    this.#clock.set(instant)
    const check = await this.sessions.validate(token, { isPassive: purpose === 'look' })
    return check.ok ? 'stands' : check.reason
  }
}

/** A session as the world outside saw it. */
interface Life {
  readonly token: string
  readonly began: number
  readonly usedAt: number[]
}

/** What a program told before it was killed. */
interface Story {
  readonly lives: readonly Life[]
  /** Sessions that were refused, and when. */
  readonly over: readonly { readonly life: Life; readonly at: number }[]
  readonly uses: number
  /** The last instant that was told. */
  readonly until: number
}

/** What became of a session with the kill. */
interface Aftermath {
  /** How far the recorded last use lies before the real one, in milliseconds. */
  readonly loss: number
  /** A use that was an interval old is not recorded. */
  readonly isLost: boolean
  readonly isEarly: boolean
  readonly isLate: boolean
}

async function killedAtRandom(path: string, seed: number, cache: string): Promise<readonly string[]> {
  await using child = new Child('use-load.ts', [path, String(seed)], { env: { NODE_COMPILE_CACHE: cache } })
  await child.hasSpoken()
  await after(Math.random() * LONGEST_LIFE)
  return await child.kill()
}

function storyOf(lines: readonly string[]): Story {
  const lives = new Map<string, Life>()
  const over: { life: Life; at: number }[] = []
  let uses = 0
  let until = 0
  for (const line of lines) {
    const [what, instant, token = ''] = line.split(' ')
    until = Number(instant)
    if (what === 'login') lives.set(token, { token, began: until, usedAt: [until] })
    else if (what === 'over') over.push({ life: lives.get(token)!, at: until })
    else {
      uses += 1
      lives.get(token)!.usedAt.push(until)
    }
  }
  return { lives: [...lives.values()], over, uses, until }
}

/** Looks at the sessions as the next process does, at the edges of their lives. */
async function aftermathsOf(path: string, story: Story): Promise<readonly Aftermath[]> {
  const visit = new Visit(SqliteStore.open(path), story.until)
  const over = new Set(story.over.map(({ life }) => life))
  const aftermaths: Aftermath[] = []
  for (const life of story.lives.filter((each) => !over.has(each)))
    aftermaths.push(await aftermathOf(life, story, visit))
  await visit.sessions.close()
  return aftermaths
}

async function aftermathOf({ token, began, usedAt }: Life, { until }: Story, visit: Visit): Promise<Aftermath> {
  const recorded = (await visit.sessions.get(token.slice(0, 36)))!.lastAccessedAt.getTime()
  const used = usedAt.at(-1)!
  const due = usedAt.findLast((at) => at <= until - INTERVAL) ?? began
  const end = began + LIFETIME
  // The write that is due may be under way for as long as one step of the program's clock.
  const lastMoment = Math.min(used + IDLE - LONGEST_STEP, end) - 1
  return {
    loss: used - recorded,
    isLost: recorded < due || recorded > used,
    // The program's clock may have been a step past what it told last, and the session's end within that step.
    isEarly: lastMoment >= until + LONGEST_STEP && (await visit.verdictAt(token, lastMoment)) !== 'stands',
    isLate:
      (await visit.verdictAt(token, Math.min(used + IDLE + INTERVAL, end))) === 'stands' ||
      (await visit.verdictAt(token, end)) === 'stands',
  }
}
