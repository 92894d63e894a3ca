/** `sojourn demo`: the tour, straight through, and what is left of it. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { displayWidth } from '../../packages/server/src/cli/output/text.ts'
import { Workplace, ended } from './support/program.ts'
import { startInTerminal, whenShown } from './support/terminal.ts'
import type { Keys } from './support/terminal.ts'

/** What is typed to begin with the second chapter. */
const SECOND_CHAPTER: Keys = [['That is enough', '\u001b[B\r']]

/** What the tour has left; the compile cache of Node is nobody's session. */
function left(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name !== 'node-compile-cache')
}

/** The program in a folder of its own for what is temporary. */
function temporary(place: Workplace): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = join(place.folder, 'tmp')
  mkdirSync(folder)
  return { folder, env: { TMPDIR: folder, COLUMNS: '80' } }
}

test('it shows six chapters without asking, within 30 seconds, and leaves nothing behind', async () => {
  using place = new Workplace()
  const { folder, env } = temporary(place)
  const started = performance.now()
  const { code, stdout, stderr } = await place.run(['demo', '--yes'], { env })
  expect(performance.now() - started).toBeLessThan(30_000)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const headings = [...stdout.matchAll(/^◆ {2}(\d) of 6 {2}(.*)$/gm)].map(([, number, title]) => `${number} ${title}`)
  expect(headings).toEqual([
    '1 The basic flow: sign in, validate, sign out',
    '2 Three devices at once',
    '3 Good, ended and forged tokens',
    '4 Cleanup of what nobody uses',
    '5 Ending everything of a user',
    '6 Details and history of one session',
  ])
  for (const line of stdout.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80)
  expect(left(folder)).toEqual([])
  expect(readdirSync(place.folder)).toEqual(['tmp'])
})

test('what it tells is what the library does', async () => {
  using place = new Workplace()
  const { stdout } = await place.run(['demo', '--yes'], temporary(place))
  expect(stdout).toMatch(/logoutUser.*\n.*→ true\n/)
  expect(stdout).toMatch(/one letter of the secret changed +false +mismatch\n/)
  expect(stdout).toMatch(/the one just handed out +true +-\n/)
  expect(stdout).toMatch(/one that was logged out +false +ended\n/)
  expect(stdout).toMatch(/one not used for 24 hours +false +idle\n/)
  expect(stdout).toMatch(/tryCreate.*\n.*\{ ok: false, reason: 'epoch' \}\n/)
  expect(stdout).toMatch(/session ended +ops:grace +revoked\n/)
})

test('it shows no whole token', async () => {
  using place = new Workplace()
  const { stdout } = await place.run(['demo', '--yes'], temporary(place))
  expect(stdout).not.toMatch(/[A-Za-z0-9_-]{43}/)
})

test('it needs no terminal and no database, and takes no notice of one', async () => {
  using place = new Workplace()
  const { code, stdout } = await place.run(['demo', '--database', 'app.db'], temporary(place))
  expect({ code, isWhole: stdout.includes('Where to go from here') }).toEqual({ code: 0, isWhole: true })
  expect(readdirSync(place.folder)).toEqual(['tmp'])
})

test('stopped in the middle, it leaves nothing behind either', async () => {
  using place = new Workplace()
  const { folder, env } = temporary(place)
  const child = place.start(['demo', '--yes'], { env })
  child.stdout.once('data', () => child.kill('SIGINT'))
  const { code } = await ended(child)
  expect([0, 130]).toContain(code)
  expect(left(folder)).toEqual([])
})

test('in a terminal it goes from chapter to chapter as one likes, and can be left', async (context) => {
  using place = new Workplace()
  const { folder, env } = temporary(place)
  const tour = startInTerminal(context, place, 'demo', SECOND_CHAPTER, env)
  const keys: Keys = [
    ['go on', '\r'],
    ['go on', 'q'],
  ]
  whenShown(tour, keys, (key) => tour.stdin.write(key))
  const { code, stdout } = await ended(tour)
  expect(code).toBe(0)
  expect(stdout).toMatch(/2 of 6 .*Three devices at once/)
  expect(stdout).toContain('The tour was left and its database is gone')
  expect(left(folder)).toEqual([])
})

test.for([
  { place: 'at its first question', shown: 'That is enough', keys: [] },
  { place: 'between two steps', shown: 'go on', keys: SECOND_CHAPTER },
])('when its terminal is closed $place, it leaves nothing behind either', async ({ shown, keys }, context) => {
  using place = new Workplace()
  const { folder, env } = temporary(place)
  const tour = startInTerminal(context, place, 'demo', keys, env)
  whenShown(tour, [[shown, '']], () => tour.kill('SIGKILL'))
  await ended(tour)
  await expect.poll(() => left(folder), { timeout: 10_000 }).toEqual([])
})
