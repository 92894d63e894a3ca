import { expect, test } from 'vitest'
import { postgresGuarantees } from './guarantees.ts'
import { assertSafe, unsafeSettings } from './settings.ts'
import type { Settings } from './settings.ts'

const SAFE: Settings = {
  server_version: '15.18 (Debian 15.18-0+deb12u1)',
  synchronous_commit: 'on',
  synchronous_standby_names: '',
  fsync: 'on',
  full_page_writes: 'on',
  pg_is_in_recovery: false,
  transaction_read_only: 'off',
  server_encoding: 'UTF8',
  default_transaction_isolation: 'read committed',
}

test('a server as it comes is safe', () => {
  expect(unsafeSettings(SAFE)).toEqual([])
  expect(() => assertSafe({ place: 'here', settings: SAFE }, [])).not.toThrow()
  expect(postgresGuarantees({ place: 'here', settings: SAFE }).warnings).toEqual([])
})

test.each([
  ['synchronous_commit', 'off', { survivesProcessKill: false, survivesPowerLoss: false }],
  ['fsync', 'off', { survivesProcessKill: true, survivesPowerLoss: false }],
  ['full_page_writes', 'off', { survivesProcessKill: true, survivesPowerLoss: false }],
  ['pg_is_in_recovery', true, {}],
  ['transaction_read_only', 'on', {}],
  ['server_encoding', 'SQL_ASCII', {}],
])('%s %s is refused unless it is allowed by name, and is warned of then', (name, value, promises) => {
  const found = { place: `database 'app'`, settings: { ...SAFE, [name]: value } }
  expect(() => assertSafe(found, ['another'])).toThrow(
    expect.objectContaining({ code: 'unsafe_settings', message: expect.stringContaining(`has ${name} ${value}`) }),
  )
  expect(() => assertSafe(found, [name])).not.toThrow()
  expect(postgresGuarantees(found)).toMatchObject({ ...promises, warnings: [expect.stringContaining(name)] })
})

test('a server that is too old is refused, whatever is allowed', () => {
  const found = { place: `database 'app'`, settings: { ...SAFE, server_version: '12.22' } }
  expect(() => assertSafe(found, Object.keys(SAFE))).toThrow(/runs PostgreSQL 12\.22; use 13 or newer$/)
})

test('a commit that does not wait for the standby there is, is warned of', () => {
  const settings = { ...SAFE, synchronous_commit: 'local', synchronous_standby_names: '*' }
  expect(postgresGuarantees({ place: 'here', settings }).warnings).toEqual([expect.stringContaining('standby')])
})

test('an isolation under which logins get in each other’s way is warned of', () => {
  const settings = { ...SAFE, default_transaction_isolation: 'serializable' }
  expect(postgresGuarantees({ place: 'here', settings }).warnings).toEqual([expect.stringContaining('read committed')])
})
