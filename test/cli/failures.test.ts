/** Everything that can be wrong with a database or a command line: one sentence each, and the right exit code. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { required } from '../support/require.ts'
import { PASSWORD, Workplace } from './support/program.ts'
import type { Ended } from './support/program.ts'

/** Every command that needs a database and makes none. */
const READERS: readonly (readonly string[])[] = [
  ['list'],
  ['stats'],
  ['show', '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'],
  ['revoke', '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'],
  ['invalidate', 'ada'],
  ['validate'],
  ['logout'],
  ['login', 'ada'],
  ['cleanup'],
  ['tail'],
  ['doctor'],
  ['migrate', '--rollback', '--yes'],
  ['user', 'add', 'ada'],
  ['user', 'list'],
]
/** An account without rights, which every Unix has. */
const NOBODY = 65_534

function expectSentence(run: Ended, code: number, sentence: string | RegExp): void {
  expect(run).toEqual({ code, stdout: '', stderr: expect.stringMatching(/^sojourn: [^\n]+\n$/) })
  expect(run.stderr).toMatch(sentence)
}

describe('a database', () => {
  test('that is not there is made by nobody but migrate, adopt and demo', async () => {
    using place = new Workplace()
    for (const args of READERS) {
      const run = await place.run(args, { input: PASSWORD })
      expectSentence(run, 1, `there is no database at '${place.database}' (from default); run 'sojourn migrate'`)
    }
    expectSentence(await place.run(['list', '--database', 'sqlite:./x.db']), 1, '(from --database)')
    expectSentence(
      await place.run(['list'], { env: { SOJOURN_DATABASE_URL: './x.db' } }),
      1,
      '(from $SOJOURN_DATABASE_URL)',
    )
  })

  test('named by --database wins over the environment, before and after the command', async () => {
    using place = new Workplace()
    const env = { SOJOURN_DATABASE_URL: 'elsewhere.db' }
    const made = await place.json<{ path: string }>(['--database', 'here.db', 'migrate'], { env })
    expect(made.value.path).toBe(join(place.folder, 'here.db'))
    expect(await place.run(['user', 'list', '--database=sqlite:./here.db'], { env })).toMatchObject({ code: 0 })
    expect(await place.run(['migrate', '--status'], { env })).toMatchObject({
      stdout: expect.stringContaining('elsewhere.db (not there yet)'),
    })
  })

  test('that is a folder, or lies in none, is named', async () => {
    using place = new Workplace()
    mkdirSync(join(place.folder, 'sub'))
    for (const command of ['list', 'migrate']) {
      expectSentence(await place.run([command, '--database', 'sub']), 1, 'is a folder; name the database file in it')
    }
    expectSentence(
      await place.run(['migrate', '--database', 'no/where.db']),
      1,
      `there is no folder '${join(place.folder, 'no')}'`,
    )
  })

  test('in a folder that may not be written is named', async (context) => {
    required(context, 'account that may act as another', process.getuid?.() === 0 ? true : null)
    using place = new Workplace()
    chmodSync(place.folder, 0o555)
    expectSentence(
      await place.run(['migrate'], { uid: NOBODY }),
      1,
      'could not be created; check that its folder exists and may be written',
    )
  })

  test('that may not be written is named', async (context) => {
    required(context, 'account that may act as another', process.getuid?.() === 0 ? true : null)
    using place = new Workplace()
    await place.run(['migrate'])
    chmodSync(place.database, 0o444)
    chmodSync(place.folder, 0o755)
    expectSentence(
      await place.run(['user', 'add', 'ada'], { uid: NOBODY, input: PASSWORD }),
      1,
      /cannot be written|could not be opened/,
    )
  })

  test('that somebody else has locked is named after a few seconds', async () => {
    using place = new Workplace()
    await place.run(['migrate'])
    using other = new DatabaseSync(place.database)
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE')
    expectSentence(
      await place.run(['user', 'add', 'ada'], { input: PASSWORD }),
      1,
      'is locked by another program; try again',
    )
  })

  test('that is damaged, or none at all, is named', async () => {
    using place = new Workplace()
    writeFileSync(join(place.folder, 'notes.txt'), 'just text, and enough of it '.repeat(100))
    for (const command of ['list', 'migrate', 'stats']) {
      expectSentence(await place.run([command, '--database', 'notes.txt']), 1, 'is not an SQLite database')
    }
    await place.run(['migrate'])
    const length = 40_000
    writeFileSync(place.database, Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(length, 7)]))
    expectSentence(await place.run(['list']), 1, /is damaged|is not an SQLite database/)
  })

  test('without our tables is named, and not touched', async () => {
    using place = new Workplace()
    {
      using app = new DatabaseSync(place.database)
      app.exec('CREATE TABLE notes (text TEXT)')
    }
    expectSentence(await place.run(['list']), 1, "has no tables of sojourn; run 'sojourn migrate' to add them")
    using app = new DatabaseSync(place.database)
    expect(app.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' })
  })

  test('of a newer release is named', async () => {
    using place = new Workplace()
    await place.run(['migrate'])
    {
      using db = new DatabaseSync(place.database)
      db.exec("INSERT INTO sojourn_migrations VALUES (99, 'from the future', 0, 'x')")
    }
    for (const command of ['list', 'migrate', 'stats'])
      expectSentence(await place.run([command]), 1, 'by a newer release')
  })

  test('of another kind is named, and what stands in its URL is not repeated', async () => {
    using place = new Workplace()
    const run = await place.run(['list'], { env: { SOJOURN_DATABASE_URL: 'mysql://ada:hunter2@db/app' } })
    expectSentence(run, 2, "databases of the kind 'mysql:' are not known to this release")
    expect(run.stderr).not.toContain('hunter2')
  })

  test('with a password on the command line is refused before anything is connected to, and it is not repeated', async () => {
    using place = new Workplace()
    for (const [flag, variable] of [
      ['--database', '$SOJOURN_DATABASE_URL'],
      ['--users', '$SOJOURN_USERS_URL'],
    ] as const) {
      const env = { SOJOURN_DATABASE_URL: 'redis://localhost:1' }
      const run = await place.run(['list', flag, 'postgres://ada:hunter2@localhost:1/app'], { env })
      expectSentence(run, 2, `${flag} has a password in it`)
      expect(run.stderr).toContain(variable)
      expect(run.stderr).not.toContain('hunter2')
    }
  })

  test('that cannot be reached is named without its password, with what the network says', async () => {
    using place = new Workplace()
    const urls = ['postgres://ada:hunter2@127.0.0.1:1/app', 'redis://ada:hunter2@127.0.0.1:1']
    for (const SOJOURN_DATABASE_URL of urls) {
      await place.run(['migrate', '--database', 'users.db'])
      const env = { SOJOURN_DATABASE_URL, SOJOURN_USERS_URL: 'sqlite:./users.db' }
      const run = await place.run(['list'], { env })
      expectSentence(run, 1, /'\w+:\/\/ada@127\.0\.0\.1:1\S*' cannot be used \(.*ECONNREFUSED/)
      expect(run.stderr).not.toContain('hunter2')
    }
  })

  test('for users is asked for with sessions in redis, and only then', async () => {
    using place = new Workplace()
    expectSentence(await place.run(['list', '--database', 'redis://localhost:1']), 2, 'name it with --users')
    expectSentence(await place.run(['list', '--users', 'users.db']), 2, 'leave out one of the two')
    const both = ['--database', 'redis://localhost:1', '--users', 'redis://localhost:1']
    expectSentence(await place.run(['list', ...both]), 2, 'is redis, which keeps none')
    const run = await place.run(['adopt', 'user-sessions', '--from', 'x', '--database', 'redis://localhost:1'])
    expectSentence(run, 1, "no database at '")
  })
})

describe('a command line', () => {
  test.each([
    [['bogus'], "unknown command 'bogus'"],
    [['lst'], "unknown command 'lst'; did you mean 'list'? See 'sojourn --help'"],
    [['user', 'ad'], "unknown command 'ad'; did you mean 'add'? See 'sojourn user --help'"],
    [['list', '--al'], "unknown option '--al'; did you mean '--all'? See 'sojourn list --help'"],
    [['list', '--limit'], "option '--limit <n>' argument missing; see 'sojourn list --help'"],
    [['list', '--limit', '0'], "'0' is no count; give a whole number from 1 on"],
    [['list', 'ada', 'bob'], "too many arguments: 2 were given and at most 1 can be used; see 'sojourn list --help'"],
    [['show'], "missing required argument 'id'; see 'sojourn show --help'"],
    [['list', '--database', ''], 'the database URL is empty'],
    [['demo', '--json'], 'the tour is for people and has no JSON'],
  ] as const)('%j is wrong usage', async (args, sentence) => {
    using place = new Workplace()
    const run = await place.run(args)
    expect(run).toMatchObject({ code: 2, stdout: '' })
    if (args[0] === 'demo')
      expect(JSON.parse(run.stderr)).toMatchObject({ error: { message: expect.stringContaining(sentence) } })
    else expectSentence(run, 2, sentence)
  })

  test('that asks for JSON has its failures as one JSON object a line on standard error', async () => {
    using place = new Workplace()
    for (const [args, code, name] of [
      [['list', '--json'], 1, 'no_database'],
      [['--json', 'list', '--bogus'], 2, 'wrong_usage'],
      [['show', 'x', '--json'], 3, 'not_found'],
    ] as const) {
      const run = await place.run(args)
      expect({ code: run.code, stdout: run.stdout }).toEqual({ code, stdout: '' })
      expect(JSON.parse(run.stderr)).toEqual({ error: { code: name, message: expect.any(String) } })
    }
  })
})
