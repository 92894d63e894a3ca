/**
 * A program in which people use their sessions while its clock runs through the hours, until it is killed or its
 * standard input closes. It says when a session began, was used, and was over.
 *
 *     use-load.ts <database> <seed>
 */
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SessionManager } from '../../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../../packages/sojourn/src/stores/sqlite.ts'
import { FixedClock } from '../../../packages/sojourn/src/testing/fixed-clock.ts'
import { overriding } from './overriding.ts'
import { Random } from './random.ts'
import { LONGEST_PAUSE, LONGEST_STEP, USE_POLICY, VISITORS } from './use-policy.ts'

const [path = '', seed = ''] = process.argv.slice(2)
process.stdin.on('close', () => process.exit()).resume()

// A process that is killed leaves no compiled code for the next one by itself.
flushCompileCache()
const random = new Random(Number(seed))
const clock = new FixedClock()
const store = SqliteStore.open(path)
let writing = Promise.resolve(0)
const watched = overriding(store, { touch: (batch) => (writing = store.touch(batch)) })
const sessions = new SessionManager({ store: watched, policy: USE_POLICY, clock })
const tokens: string[] = []
const usedAt: number[] = []
await Promise.all(Array.from({ length: VISITORS }, (_, visitor) => logIn(visitor)))

for (;;) {
  clock.set(clock.now() + 1 + random.integer(LONGEST_STEP))
  await allIsWritten()
  for (let visitor = 0; visitor < VISITORS; visitor += 1) {
    if (random.chance(0.5) && clock.now() - usedAt[visitor]! < LONGEST_PAUSE) continue
    const check = await sessions.validate(tokens[visitor])
    if (check.ok) say('use', visitor)
    else {
      say('over', visitor)
      await logIn(visitor)
    }
  }
}

/** No time goes by while notes are written down, nor until what became due meanwhile is written too. */
async function allIsWritten(): Promise<void> {
  for (let awaited; awaited !== writing; clock.set(clock.now())) {
    awaited = writing
    await awaited
    await nextTurn()
  }
}

async function logIn(visitor: number): Promise<void> {
  const { token } = await sessions.create({ userId: `visitor-${visitor}`, username: `visitor-${visitor}` })
  tokens[visitor] = token
  say('login', visitor)
}

function say(what: string, visitor: number): void {
  usedAt[visitor] = clock.now()
  writeSync(1, `${what} ${clock.now()} ${tokens[visitor]}\n`)
}
