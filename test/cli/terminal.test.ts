/** What the program looks like: in a pipe, in a terminal of any width, with and without colours, and whatever stands in the records. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { TestContext } from 'vitest'
import { displayWidth } from '../../packages/server/src/cli/output/text.ts'
import { required } from '../support/require.ts'
import { PASSWORD, Workplace, ended } from './support/program.ts'
import type { Ended } from './support/program.ts'
import { startInTerminal } from './support/terminal.ts'
import type { Keys } from './support/terminal.ts'

const ESCAPE = '\u001b'
const HOSTILE = `${ESCAPE}]0;owned\u0007${ESCAPE}[2J\r\n\u009b31m\u202egnp.exe`

/** Sessions of users with names of every width, and one device that tries to take over the terminal. */
async function sessionsOfAllSorts(place: Workplace, count = 12): Promise<void> {
  const names = [
    'ada',
    'grace.murray.hopper@navy.example.mil',
    '東京都庁の管理者',
    'żółć',
    '👩🏽‍💻'.replaceAll('\u200d', ''),
  ]
  await place.arrange(({ sessions }) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const username = names[index % names.length]!
        const userAgent =
          index === 0 ? HOSTILE : 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
        return sessions.create({
          userId: `id-of-${username}`,
          username,
          device: { ip: '2001:db8::8a2e:370:7334', userAgent },
        })
      }),
    ),
  )
}

describe('in a pipe', () => {
  test.each(['list --all | head -1', 'list --all --json | head -1', 'tail --from-start | head -1', '--help | head -1'])(
    'the reader of %s may go, without a word and with exit code 0',
    async (command) => {
      using place = new Workplace()
      await sessionsOfAllSorts(place, 1_500)
      const [program, reader] = command.split(' | ')
      const shell = spawn('bash', ['-c', `${place.shellCommand} ${program} | ${reader}; exit \${PIPESTATUS[0]}`], {
        cwd: place.folder,
      })
      const { code, stdout, stderr } = await ended(shell)
      expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 1 })
      expect(stderr).not.toMatch(/EPIPE|Error| at /)
    },
  )

  test('there are no colours and no bars, unless FORCE_COLOR asks for colours', async () => {
    using place = new Workplace()
    await sessionsOfAllSorts(place)
    for (const args of [['list', '--all'], ['stats'], ['doctor'], ['cleanup'], ['--help']]) {
      const { stdout, stderr } = await place.run(args)
      expect(stdout + stderr).not.toContain(ESCAPE)
    }
    expect((await place.run(['stats'], { env: { FORCE_COLOR: '1' } })).stdout).toContain(`${ESCAPE}[`)
    expect((await place.run(['stats', '--json'], { env: { FORCE_COLOR: '1' } })).stdout).not.toContain(ESCAPE)
  })

  test('a full disk behind standard output is a sentence', async (context) => {
    required(context, '/dev/full', existsSync('/dev/full') ? true : null)
    using place = new Workplace()
    await sessionsOfAllSorts(place)
    const shell = spawn('bash', ['-c', `${place.shellCommand} stats > /dev/full`], { cwd: place.folder })
    expect(await ended(shell)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'sojourn: standard output could not be written: ENOSPC\n',
    })
  })
})

describe('a table', () => {
  test.each([60, 80, 100, 132, 200])('fits a terminal of %i columns, with whole ids', async (columns) => {
    using place = new Workplace()
    await sessionsOfAllSorts(place)
    for (const args of [['list'], ['list', '--all'], ['stats'], ['user', 'list']]) {
      const { stdout } = await place.run(args, { env: { COLUMNS: String(columns) } })
      const lines = stdout.trimEnd().split('\n')
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns)
      if (args[0] === 'list')
        for (const line of lines.slice(1)) expect(line).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}  \S/)
    }
  })

  test('shows what a device says of itself without obeying it', async () => {
    using place = new Workplace()
    await sessionsOfAllSorts(place, 1)
    const { value } = await place.json<readonly { id: string; device: { userAgent: string } }[]>(['list'])
    expect(value[0]?.device.userAgent).toBe(HOSTILE)
    const runs = [
      await place.run(['list', '--all']),
      await place.run(['show', value[0]!.id]),
      await place.run(['list', '--json']),
      await place.run(['show', value[0]!.id, '--json']),
      await place.run(['list', `bob${HOSTILE}`]),
    ]
    for (const { stdout, stderr } of runs) expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}]/u)
    expect(runs[1]?.stdout).toContain('\\u{1b}]0;owned\\u{7}')
  })
})

/** Runs the program in a terminal to its end. */
function inTerminal(
  context: TestContext,
  place: Workplace,
  args: string,
  keys: Keys,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  return ended(startInTerminal(context, place, args, keys, env))
}

describe('in a terminal', () => {
  test('a password is asked for twice and never shown', async (context) => {
    using place = new Workplace()
    await place.run(['migrate'])
    const { code, stdout } = await inTerminal(context, place, 'user add ada', [
      ['New password', `${PASSWORD}\r`],
      ['again', `${PASSWORD}\r`],
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('added user ada')
    expect(stdout).not.toContain(PASSWORD)
    expect(await place.run(['login', 'ada'], { input: PASSWORD })).toMatchObject({ code: 0 })
  })

  test('two passwords that differ change nothing, and neither does Ctrl-C', async (context) => {
    using place = new Workplace()
    await place.run(['migrate'])
    const slip = await inTerminal(context, place, 'user add ada', [
      ['New password', `${PASSWORD}\r`],
      ['again', `${PASSWORD}s\r`],
    ])
    expect(slip).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('sojourn: the two passwords differ; nothing was changed'),
    })
    const left = await inTerminal(context, place, 'user add ada', [['New password', '\u0003']])
    expect(left).toMatchObject({ code: 1, stdout: expect.stringContaining('sojourn: cancelled; nothing was changed') })
    expect((await place.json<readonly object[]>(['user', 'list'])).value).toEqual([])
  })

  test('a token is pasted unseen', async (context) => {
    using place = new Workplace()
    const token = await place.arrange(
      async ({ sessions }) => (await sessions.create({ userId: '1', username: 'ada' })).token,
    )
    const { code, stdout } = await inTerminal(context, place, 'validate', [['Token', `${token}\r`]])
    expect(code).toBe(0)
    expect(stdout).toContain('valid')
    expect(stdout).not.toContain(token.split('.')[1])
  })

  test('a person is asked before everything is deleted', async (context) => {
    using place = new Workplace()
    await place.run(['migrate'])
    const kept = await inTerminal(context, place, 'migrate --rollback', [['Really delete', '\r']])
    expect(kept).toMatchObject({ code: 1, stdout: expect.stringContaining('cancelled; nothing was changed') })
    const gone = await inTerminal(context, place, 'migrate --rollback', [['Really delete', 'y']])
    expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining('took back') })
  })

  test('there are colours, unless NO_COLOR is set', async (context) => {
    using place = new Workplace()
    await sessionsOfAllSorts(place)
    expect((await inTerminal(context, place, 'stats', [])).stdout).toContain(`${ESCAPE}[1m`)
    expect((await inTerminal(context, place, 'stats', [], { NO_COLOR: '1' })).stdout).not.toContain(`${ESCAPE}[`)
  })

  test('long work shows a bar, which is gone when the result is there', async (context) => {
    using place = new Workplace()
    await place.arrange(
      ({ sessions }) =>
        Promise.all(Array.from({ length: 1_200 }, () => sessions.create({ userId: '1', username: 'ada' }))),
      { at: new Date(Date.now() - 30 * 3_600_000) },
    )
    const { code, stdout } = await inTerminal(context, place, 'cleanup', [])
    expect(code).toBe(0)
    expect(stdout).toMatch(/cleaning up [█░]{24} +\d+ %  [\d,]+ of 1,200/)
    expect(stdout.endsWith(`${ESCAPE}[2Kended 1,200 sessions, deleted 0 old records\r\n`)).toBe(true)
  })
})
