/** `sojourn migrate`: our tables come, are shown and go, and nobody else's change. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { SQLITE_STEPS } from '../../packages/sojourn/src/stores/sqlite/schema.ts'
import { foreignDump, madeUpInstallation } from '../support/legacy-installation.ts'
import { PASSWORD, Workplace } from './support/program.ts'

interface Status {
  readonly exists: boolean
  readonly applied: readonly { readonly version: number; readonly appliedAt: string }[]
  readonly pending: readonly object[]
}

test('--status and --print change nothing, and make no file', async () => {
  using place = new Workplace()
  const status = await place.run(['migrate', '--status'])
  expect(status).toMatchObject({ code: 0, stderr: '' })
  expect(status.stdout).toMatch(
    /sojourn\.db \(not there yet\)\nSTEP +WHAT +APPLIED\n +1 +\S.* to come\n.*run 'sojourn migrate'\n$/s,
  )
  const printed = await place.run(['migrate', '--print'])
  expect(printed).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('CREATE TABLE sojourn_sessions'),
  })
  const { value } = await place.json<{ sql: string }>(['migrate', '--print'])
  expect(`${value.sql.trimEnd()}\n`).toBe(printed.stdout)
  expect((await place.json<Status>(['migrate', '--status'])).value).toMatchObject({ exists: false, applied: [] })
  expect(existsSync(place.database)).toBe(false)
})

test('what --print prints is what runs', async () => {
  using place = new Workplace()
  const { stdout } = await place.run(['migrate', '--print'])
  const printed = join(place.folder, 'printed.db')
  using byHand = new DatabaseSync(printed)
  byHand.exec(stdout)
  await place.run(['migrate'])
  using migrated = new DatabaseSync(place.database)
  const schema = "SELECT name, sql FROM sqlite_schema WHERE name != 'sojourn_migrations' ORDER BY name"
  expect(byHand.prepare(schema).all()).toEqual(migrated.prepare(schema).all())
})

test('a second time there is nothing to do', async () => {
  using place = new Workplace()
  await place.run(['migrate'])
  expect((await place.run(['migrate'])).stdout).toMatch(/is up to date, at version \d+\n$/)
  const { value } = await place.json<Status>(['migrate', '--status'])
  expect(value).toMatchObject({ exists: true, pending: [] })
  expect(new Date(value.applied[0]!.appliedAt).toISOString()).toBe(value.applied[0]!.appliedAt)
  expect((await place.run(['migrate', '--print'])).stdout).toBe('-- nothing is to come\n')
})

test('beside an application its tables stay as they are, forwards and back', async () => {
  using place = new Workplace()
  const path = join(place.folder, 'app.db')
  madeUpInstallation(path)
  const before = foreignDump(path)
  const app = ['--database', 'sqlite:./app.db']
  expect(await place.run([...app, 'migrate'])).toMatchObject({ code: 0 })
  expect(await place.run([...app, 'user', 'add', 'ada'], { input: PASSWORD })).toMatchObject({ code: 0 })
  expect(foreignDump(path)).toBe(before)
  expect(await place.run([...app, 'migrate', '--rollback', '--yes'])).toMatchObject({ code: 0 })
  expect(foreignDump(path)).toBe(before)
  const { value } = await place.json<Status>([...app, 'migrate', '--status'])
  expect(value).toMatchObject({ exists: true, applied: [] })
})

test('a rollback must be agreed to', async () => {
  using place = new Workplace()
  await place.run(['migrate'])
  const asked = await place.run(['migrate', '--rollback'])
  expect(asked).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('would delete all sessions, users and history'),
  })
  expect((await place.json<Status>(['migrate', '--status'])).value.applied).toHaveLength(SQLITE_STEPS.length)
  expect(await place.run(['migrate', '--rollback', '--yes'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/took back .*step 1 /),
  })
  expect((await place.run(['migrate', '--rollback'])).stdout).toMatch(
    /has no tables of sojourn; nothing was changed\n$/,
  )
})

test('two of its flags at once are wrong usage', async () => {
  using place = new Workplace()
  expect(await place.run(['migrate', '--print', '--status'])).toMatchObject({ code: 2, stdout: '' })
})
