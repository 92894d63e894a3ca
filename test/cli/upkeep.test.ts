/** `sojourn cleanup`, `stats`, `tail` and `doctor`: keeping an installation in order. */
import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { SQLITE_STEPS } from '../../packages/sojourn/src/stores/sqlite/schema.ts'
import { Workplace, ended } from './support/program.ts'

const HOUR = 3_600_000

function hoursAgo(hours: number): { at: Date } {
  return { at: new Date(Date.now() - hours * HOUR) }
}

/** Signs somebody in so many hours ago, on terms that outlast them. */
async function signIn(place: Workplace, username: string, hours: number): Promise<string> {
  return place.arrange(
    async ({ sessions }) => (await sessions.create({ userId: `id-of-${username}`, username })).session.id,
    { ...hoursAgo(hours), policy: { idleTimeout: '14d', absoluteLifetime: '300d' } },
  )
}

interface Listed {
  readonly id: string
}

async function active(place: Workplace): Promise<readonly string[]> {
  return (await place.json<readonly Listed[]>(['list'])).value.map(({ id }) => id)
}

describe('cleanup', () => {
  test('ends what was not used for 24 hours, or for as many as are given', async () => {
    using place = new Workplace()
    const old = await signIn(place, 'ada', 30)
    const recent = await signIn(place, 'ada', 2)
    const now = await signIn(place, 'ada', 0.1)
    expect(await active(place)).toEqual([now, recent, old])
    expect(await place.run(['cleanup'])).toEqual({
      code: 0,
      stdout: 'ended 1 session, deleted 0 old records\n',
      stderr: '',
    })
    expect(await active(place)).toEqual([now, recent])
    expect((await place.json<object>(['cleanup', '0.5'])).value).toEqual({ ended: 1, pruned: 0, dryRun: false })
    expect(await active(place)).toEqual([now])
    const { value } = await place.json<{ session: object }>(['show', old])
    expect(value.session).toMatchObject({ endReason: 'cleanup', endedBy: 'system' })
  })

  test('ends nobody earlier than it was told to, whatever this program thinks is usual', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 100)
    expect((await place.json<object>(['cleanup', '1000'])).value).toMatchObject({ ended: 0 })
    expect(await active(place)).toHaveLength(1)
  })

  test('in rehearsal counts and changes nothing', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 30)
    expect(await place.run(['cleanup', '--dry-run'])).toEqual({
      code: 0,
      stdout: 'would end 1 session and delete 0 old records; nothing was changed\n',
      stderr: '',
    })
    expect(await active(place)).toHaveLength(1)
  })

  test('deletes records past their retention, 90 days or as it is told', async () => {
    using place = new Workplace()
    for (const hours of [24 * 100, 24 * 10]) {
      await place.arrange(
        async ({ sessions }) => sessions.end((await sessions.create({ userId: '1', username: 'ada' })).token),
        hoursAgo(hours),
      )
    }
    expect((await place.json<object>(['cleanup', '--retention', '365d'])).value).toMatchObject({ pruned: 0 })
    expect((await place.json<object>(['cleanup'])).value).toMatchObject({ pruned: 1 })
    expect((await place.json<object>(['cleanup', '--retention', '7d'])).value).toMatchObject({ pruned: 1 })
    expect(await place.run(['cleanup', '--retention', 'long'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("policy.retention is 'long'"),
    })
  })

  test.each(['0', '-5', 'soon'])('of %s hours is wrong usage', async (hours) => {
    using place = new Workplace()
    await place.run(['migrate'])
    expect(await place.run(['cleanup', hours])).toEqual({
      code: 2,
      stdout: '',
      stderr: `sojourn: '${hours}' is no number of hours; give a positive number such as 24 or 0.5\n`,
    })
  })
})

test('stats count what there is', async () => {
  using place = new Workplace()
  await signIn(place, 'ada', 240)
  await signIn(place, 'ada', 200)
  await signIn(place, 'grace', 30)
  for (let count = 0; count < 4; count += 1) await signIn(place, 'linus', 0)
  await place.run(['invalidate', 'ada'])
  const { value } = await place.json<{ recent: readonly object[] }>(['stats'])
  expect(value).toMatchObject({
    total: 7,
    active: 5,
    ended: 2,
    usersOnline: 2,
    mostActiveUser: { username: 'linus', sessions: 4 },
  })
  expect(value.recent).toHaveLength(5)
})

describe('tail', () => {
  test('tells what happens as it happens, and ends on Ctrl-C with 0', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 1)
    const child = place.start(['tail', '--json'])
    const run = ended(child)
    const lines: string[] = []
    child.stdout.on('data', (piece: string) => lines.push(...piece.split('\n').filter((line) => line !== '')))
    // What happens before it listens is not its business, so it is made to happen until it is heard.
    for (let count = 0; lines.length === 0 && count < 100; count += 1) {
      await signIn(place, 'grace', 0)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    child.kill('SIGINT')
    expect(await run).toMatchObject({ code: 0, stderr: '' })
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({
        type: 'session_created',
        userId: 'id-of-grace',
        at: expect.stringMatching(/Z$/),
      })
    }
  })

  test('--from-start begins with the oldest event, and names users in its lines', async () => {
    using place = new Workplace()
    const id = await signIn(place, 'ada', 1)
    await place.run(['revoke', id])
    const child = place.start(['tail', '--from-start'])
    const run = ended(child)
    let text = ''
    child.stdout.on('data', (piece: string) => (text += piece))
    while (!text.includes('session ended')) await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGTERM')
    const { code, stdout, stderr } = await run
    expect({ code, stderr: stderr.trim().split(/ +/) }).toEqual({
      code: 0,
      stderr: ['AT', 'EVENT', 'USER', 'REASON', 'BY', 'ADDRESS', 'DETAIL', 'SESSION'],
    })
    expect(stdout).toMatch(new RegExp(`session created +ada .*\\n.*session ended +ada +revoked +cli:\\S+ .* ${id}\\n$`))
  })
})

interface Report {
  readonly ok: boolean
  readonly findings: readonly {
    readonly check: string
    readonly state: string
    readonly found: string
    readonly advice: string | null
  }[]
}

describe('doctor', () => {
  test('says what is promised and that all is well', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 1)
    const { code, stdout, stderr } = await place.run(['doctor'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/node +\d+\.\d+\.\d+ with sqlite 3\./)
    expect(stdout).toContain('journal_mode=wal synchronous=2')
    expect(stdout).not.toMatch(/✗|!/)
    const { value } = await place.json<object>(['doctor'])
    expect(value).toMatchObject({
      ok: true,
      versions: { node: process.versions.node },
      database: { path: place.database, source: 'default' },
      schema: { applied: SQLITE_STEPS.length, pending: 0 },
      guarantees: { survivesProcessKill: true, survivesPowerLoss: true, revocationBound: 0 },
      overdue: { ended: 0, pruned: 0 },
    })
  })

  test('finds a clock that is behind what was recorded, and exits 1', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', -3)
    const { code, value } = await place.json<Report>(['doctor'])
    expect({ code, ok: value.ok }).toEqual({ code: 1, ok: false })
    expect(value.findings.filter(({ state }) => state !== 'ok')).toEqual([
      expect.objectContaining({ check: 'clock', state: 'problem', advice: expect.stringContaining('set the clock') }),
    ])
  })

  test('finds a file that others can read, and exits 1', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 0)
    chmodSync(place.database, 0o644)
    const { code, stdout } = await place.run(['doctor'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/✗ .*by others.*\(mode 0644\)\n.*what to do: run chmod 600/)
  })

  test('advises a cleanup of what is overdue, which is no problem', async () => {
    using place = new Workplace()
    await signIn(place, 'ada', 24 * 20)
    const { code, value } = await place.json<Report>(['doctor'])
    expect(code).toBe(0)
    expect(value.findings).toContainEqual({
      check: 'upkeep',
      state: 'advice',
      found: '1 session overdue and 0 records past retention',
      advice: expect.stringContaining("run 'sojourn cleanup'"),
    })
  })

  test('names tables that are newer than it knows', async () => {
    using place = new Workplace()
    await place.run(['migrate'])
    {
      using db = new DatabaseSync(place.database)
      db.exec("INSERT INTO sojourn_migrations VALUES (99, 'from the future', 0, 'x')")
    }
    const { code, value } = await place.json<Report>(['doctor'])
    expect({ code, findings: value.findings }).toEqual({
      code: 1,
      findings: [
        expect.objectContaining({ check: 'schema', state: 'problem', found: expect.stringContaining('newer release') }),
      ],
    })
  })
})
