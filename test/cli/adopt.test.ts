/** `sojourn adopt user-sessions`: an installation is taken over by a process, and nobody is signed out. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LegacyDatabase, foreignDump, madeUpInstallation } from '../support/legacy-installation.ts'
import { mintSecret } from '../../packages/sojourn/src/core/token.ts'
import { Workplace } from './support/program.ts'

interface Report {
  readonly dryRun: boolean
  readonly users: Readonly<Record<string, number>>
  readonly sessions: Readonly<Record<string, number>>
  readonly problems: readonly object[]
}

/** An installation whose sessions were used a moment ago, so that they stand. */
function installation(path: string): { readonly live: string; readonly ended: string } {
  using legacy = new LegacyDatabase(path, Date.now())
  legacy.addUser({ id: 1, username: 'ada' })
  const { token: live } = legacy.addSession()
  const { token: ended } = legacy.addSession({ is_active: 0, logged_out_at: legacy.ago(0) })
  return { live, ended }
}

test('a rehearsal says what would be taken over and changes nothing, not even in a database that is not there', async () => {
  using place = new Workplace()
  const path = join(place.folder, 'app.db')
  installation(path)
  const before = foreignDump(path)
  const { value } = await place.json<Report>(['adopt', 'user-sessions', '--from', 'sqlite:./app.db', '--dry-run'])
  expect(value).toMatchObject({
    dryRun: true,
    users: { found: 1, added: 1 },
    sessions: { found: 2, added: 2, live: 1, ended: 1 },
  })
  const { stdout } = await place.run([
    'adopt',
    'user-sessions',
    '--from',
    'app.db',
    '--dry-run',
    '--database',
    'app.db',
  ])
  expect(stdout).toMatch(
    /What would be taken over\n.*users +1 +1 +0 +0\nsessions +2 +2 +0 +0\n.*nothing was changed\n$/s,
  )
  expect(foreignDump(path)).toBe(before)
  expect(await place.run(['list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no database') })
  expect(await place.run(['list', '--database', 'app.db'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no tables of sojourn'),
  })
})

test.each(['app.db', 'other.db'])('whoever was signed in stays signed in, with our tables in %s', async (target) => {
  using place = new Workplace()
  const path = join(place.folder, 'app.db')
  const { live, ended } = installation(path)
  const before = foreignDump(path)
  const adopt = ['--database', `sqlite:./${target}`, 'adopt', 'user-sessions', '--from', 'sqlite:./app.db']
  const adopted = await place.run(adopt)
  expect(adopted).toMatchObject({ code: 0, stderr: '' })
  expect(adopted.stdout).toMatch(
    /^Taken over\n.*users +1 +1 +0 +0\nsessions +2 +2 +0 +0\nof these sessions 1 live and 1 ended\n$/s,
  )
  const check = (token: string) => place.json<object>(['validate', '--database', target], { input: token })
  expect(await check(live)).toMatchObject({ code: 0, value: { ok: true, session: { username: 'ada' } } })
  expect(await check(ended)).toMatchObject({ code: 3, value: { ok: false, reason: 'ended', endReason: 'logout' } })
  expect(await check(mintSecret())).toMatchObject({ code: 3, value: { ok: false, reason: 'unknown' } })
  const { value } = await place.json<Report>(adopt)
  expect(value).toMatchObject({ users: { added: 0, alreadyThere: 1 }, sessions: { added: 0, alreadyThere: 2 } })
  expect(foreignDump(path)).toBe(before)
})

test('a broken row is reported by its number, and the rest is taken over', async () => {
  using place = new Workplace()
  const path = join(place.folder, 'app.db')
  installation(path)
  using legacy = new LegacyDatabase(join(place.folder, 'broken.db'))
  legacy.addUser({ id: 1, username: 'ada' })
  const { row } = legacy.addSession({ last_accessed: 'yesterday' })
  legacy.addSession()
  const { code, stdout } = await place.run(['adopt', 'user-sessions', '--from', 'broken.db'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/sessions +2 +1 +0 +1\n/)
  expect(stdout).toContain(`1 row with a problem\n  user_sessions, row ${row}: `)
})

test('tables and columns of other names are named', async () => {
  using place = new Workplace()
  {
    using legacy = new LegacyDatabase(join(place.folder, 'app.db'))
    legacy.addUser({ id: 1, username: 'ada' })
    legacy.addSession()
    legacy.run('ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN password_hash TO pw')
    legacy.run('ALTER TABLE user_sessions DROP COLUMN ip_address')
  }
  const adopt = ['adopt', 'user-sessions', '--from', 'app.db', '--dry-run', '--json']
  const missing = await place.run(adopt)
  expect(missing).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining("no table 'users'") })
  const names = ['--users-table', 'people', '--column', 'users.password_hash=pw', '--column', 'sessions.ip_address=']
  const found = await place.json<Report>([...adopt.slice(0, -1), ...names])
  expect(found).toMatchObject({ code: 0, value: { users: { added: 1 }, sessions: { added: 1 } } })
  const misspelt = await place.run([...adopt, '--column', 'users.pasword=pw'])
  expect(misspelt).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("'users.pasword=pw' is not understood; give one of users.id, "),
  })
})

test('what cannot be adopted is named in one sentence', async () => {
  using place = new Workplace()
  writeFileSync(join(place.folder, 'notes.txt'), 'just text, and enough of it')
  const cases = [
    [['adopt', 'oracle', '--from', 'app.db'], 2, "'oracle' is no system that can be adopted; give 'user-sessions'"],
    [['adopt', 'user-sessions'], 2, "required option '--from <url>' not specified; see 'sojourn adopt --help'"],
    [
      ['adopt', 'user-sessions', '--from', 'app.db'],
      1,
      `there is no database at '${join(place.folder, 'app.db')}' to adopt from; give the file of the other system with --from`,
    ],
    [
      ['adopt', 'user-sessions', '--from', 'notes.txt'],
      1,
      `'${join(place.folder, 'notes.txt')}' is not an SQLite database; give the file of the other system with --from`,
    ],
  ] as const
  for (const [args, code, sentence] of cases)
    expect(await place.run(args)).toEqual({ code, stdout: '', stderr: `sojourn: ${sentence}\n` })
})

test('a whole installation is taken over', async () => {
  using place = new Workplace()
  const { clients } = madeUpInstallation(join(place.folder, 'app.db'))
  const { value } = await place.json<Report>(['adopt', 'user-sessions', '--from', 'app.db'])
  expect(value).toMatchObject({
    users: { found: 12, added: 12 },
    sessions: { found: clients.length, added: clients.length },
    problems: [],
  })
})
