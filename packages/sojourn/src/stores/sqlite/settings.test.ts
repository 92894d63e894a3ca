import { expect, test } from 'vitest'
import { assertSafe, hasWalResetFault, unsafeSettings } from './settings.ts'

const SAFE = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1, trusted_schema: 0, sqlite_version: '3.53.4' }

test.each(['3.7.0', '3.43.2', '3.44.5', '3.45.0', '3.49.2', '3.50.0', '3.50.6', '3.51.0', '3.51.2', '2.8.17'])(
  'SQLite %s can lose what several connections commit',
  (version) => expect(hasWalResetFault(version)).toBe(true),
)

test.each(['3.6.23', '3.44.6', '3.44.7', '3.50.7', '3.50.12', '3.51.3', '3.51.10', '3.52.0', '3.53.4', '4.0.0'])(
  'SQLite %s cannot',
  (version) => expect(hasWalResetFault(version)).toBe(false),
)

test.each([
  ['journal_mode', 'delete'],
  ['synchronous', 1],
  ['foreign_keys', 0],
  ['trusted_schema', 1],
  ['sqlite_version', '3.50.4'],
])('%s %s breaks a promise and is refused unless it is allowed by that name', (name, found) => {
  const settings = { ...SAFE, [name]: found }
  const unsafe = unsafeSettings(settings, false)
  expect(unsafe).toEqual([name])
  expect(() => assertSafe(settings, unsafe, ['another'], 'app.db')).toThrow(
    expect.objectContaining({ code: 'unsafe_settings', message: expect.stringContaining(`${name} ${found}`) }),
  )
  expect(() => assertSafe(settings, unsafe, [name], 'app.db')).not.toThrow()
})

test('a database in memory needs no log and has no second connection', () => {
  expect(unsafeSettings({ ...SAFE, journal_mode: 'memory', sqlite_version: '3.50.4' }, true)).toEqual([])
})
