import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cli } from '../cli.ts'
import { CHAPTERS } from './chapters.ts'
import { DemoClock } from './clock.ts'
import { Stage, TourLeft } from './stage.ts'
import { createWorld } from './world.ts'
import type { World } from './world.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The tour through every feature, on a database that is gone afterwards, however it ends. */
export async function tour(cli: Cli, isInteractive: boolean): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-demo-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const stop = (signal: (typeof SIGNALS)[number]): never => process.exit(128 + constants.signals[signal])
  // Also when the terminal is closed, which no promise here would ever hear of.
  process.once('exit', remove)
  for (const signal of SIGNALS) process.once(signal, stop)
  try {
    const world = createWorld(join(folder, 'demo.db'), new DemoClock())
    try {
      await guide(new Stage(cli, isInteractive), world)
    } finally {
      await world.sessions.close()
    }
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, stop)
    process.removeListener('exit', remove)
    remove()
  }
}

async function guide(stage: Stage, world: World): Promise<void> {
  await stage.begin('Sojourn: session tracking, from the inside')
  await stage.say(
    'Everything you see here is done by the real library on a real SQLite file, in a folder that is removed at the end. The clock is moved forward where otherwise one would have to wait.',
  )
  try {
    await visit(stage, world)
    await stage.end(FAREWELL)
  } catch (error) {
    if (!(error instanceof TourLeft)) throw error
    await stage.end(['The tour was left and its database is gone. See you.'])
  }
}

/** Chapter after chapter; with somebody there, in the order they like. */
async function visit(stage: Stage, world: World): Promise<void> {
  for (let number = await choice(stage, 0); number < CHAPTERS.length; number = await choice(stage, number + 1)) {
    const chapter = CHAPTERS[number]!
    await stage.heading(`${number + 1} of ${CHAPTERS.length}  ${chapter.title}`)
    await chapter.play(stage, world)
  }
}

/** The chapter to play: the next one, unless somebody chooses another or has seen enough. */
async function choice(stage: Stage, next: number): Promise<number> {
  if (!stage.isInteractive) return next
  const chapters = CHAPTERS.map(({ title }, index) => ({ value: String(index), label: `${index + 1}  ${title}` }))
  const end = { value: String(CHAPTERS.length), label: 'That is enough' }
  const question =
    next === 0 ? 'Where do you want to begin?' : next < CHAPTERS.length ? 'Where to now?' : 'That was the last chapter'
  return Number(await stage.choose(question, [...chapters, end], String(next)))
}

const FAREWELL = [
  'That was the tour. Where to go from here:',
  '',
  '  npx sojourn migrate        a database of your own',
  '  npx sojourn user add ada   the first user',
  '  npx sojourn login ada      the first session',
  '  npx sojourn --help         all commands',
  '',
  'In a program it begins with new SessionManager({ store: SqliteStore.open(path) }). The README has the ten lines, docs/SESSION_TRACKING.md the rest.',
]
