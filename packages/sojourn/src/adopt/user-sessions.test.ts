import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  LEGACY_NOW,
  LegacyDatabase,
  foreignDump,
  temporaryFolder,
} from '../../../../test/support/legacy-installation.ts'
import type { LegacyRow } from '../../../../test/support/legacy-installation.ts'
import { SessionManager } from '../core/manager.ts'
import type { SessionRecord } from '../core/session.ts'
import { adoptedId, mintSecret } from '../core/token.ts'
import { MemoryStore } from '../stores/memory.ts'
import { FixedClock } from '../testing/fixed-clock.ts'
import { adoptUserSessions } from './user-sessions.ts'
import type { AdoptionOptions, AdoptionReport, AdoptionTarget } from './user-sessions.ts'

const NOW = Date.parse(LEGACY_NOW)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MINUTE = 60_000

let folder: ReturnType<typeof temporaryFolder>
let legacy: LegacyDatabase
let store: MemoryStore
let clock: FixedClock

beforeEach(() => {
  folder = temporaryFolder()
  legacy = new LegacyDatabase(join(folder.path, 'old.db'))
  store = new MemoryStore()
  clock = new FixedClock(NOW)
})

afterEach(() => {
  legacy.close()
  folder[Symbol.dispose]()
})

function adopt(options: Partial<AdoptionOptions> = {}): Promise<AdoptionReport> {
  return adoptUserSessions({ from: legacy.path, to: store, now: clock.now(), ...options })
}

function manager(): SessionManager {
  return new SessionManager({ store, clock })
}

async function adopted(token: string): Promise<SessionRecord> {
  const record = await store.get(adoptedId(token))
  expect(record).not.toBeNull()
  return record!
}

async function everything(): Promise<unknown> {
  const filter = { filter: {}, sort: 'createdAt', descending: false, limit: 100 } as const
  return [await store.list(filter), await store.users.list(null, 100), (await store.changes(null, 1_000)).events]
}

function containing(text: string): unknown {
  return expect.stringContaining(text)
}

function ago(span: number): string {
  return new Date(NOW - span).toISOString()
}

describe('sessions', () => {
  test('a live session validates with the id its client holds', async () => {
    legacy.addUser()
    const { token } = legacy.addSession()
    const report = await adopt()
    expect(report.sessions).toEqual({
      found: 1,
      added: 1,
      alreadyThere: 0,
      skipped: 0,
      live: 1,
      ended: 0,
      endedHere: 0,
    })
    expect(await manager().validate(token)).toMatchObject({ ok: true, session: { userId: '1', username: 'user1' } })
  })

  test('a session keeps what was known of it, to the millisecond', async () => {
    legacy.addUser()
    const { token } = legacy.addSession()
    await adopt()
    expect(await adopted(token)).toMatchObject({
      createdAt: Date.parse('2026-11-23T18:04:36.997Z'),
      authenticatedAt: Date.parse('2026-11-23T18:04:36.997Z'),
      lastAccessedAt: Date.parse('2026-11-23T18:05:04.971Z'),
      endsAt: Date.parse('2026-11-24T18:05:04.971Z'),
      expiresAt: Date.parse('2026-12-23T18:04:36.997Z'),
      ipAddress: '203.0.113.7',
      userAgent: 'curl/8.5.0',
      method: 'adopted:user-sessions',
    })
  })

  test('an ended session stays ended at its time', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ is_active: 0, logged_out_at: '2026-11-23T18:06:00.000999+00:00' })
    const report = await adopt()
    expect(report.sessions).toMatchObject({ added: 1, live: 0, ended: 1 })
    const endedAt = Date.parse('2026-11-23T18:06:00Z')
    const end = { endsAt: endedAt, loggedOutAt: endedAt, endReason: 'logout', endedBy: 'user' }
    expect(await adopted(token)).toMatchObject(end)
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'logout' })
  })

  test('a session that was ended at no known time ended when it was last used', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ is_active: 0, logged_out_at: null })
    await adopt()
    const lastUse = Date.parse('2026-11-23T18:05:04.971Z')
    expect(await adopted(token)).toMatchObject({ loggedOutAt: lastUse, endsAt: lastUse, endReason: 'logout' })
  })

  test('a session left idle is not revived: it is overdue, and a clean-up writes that down', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ created_at: ago(3 * DAY), last_accessed: ago(DAY + 2 * MINUTE) })
    const { token: younger } = legacy.addSession({ created_at: ago(3 * DAY), last_accessed: ago(DAY - 1) })
    expect((await adopt()).sessions).toMatchObject({ live: 1, ended: 1 })
    expect(await manager().validate(younger)).toMatchObject({ ok: true })
    expect(await manager().cleanup()).toEqual({ ended: 1, pruned: 0 })
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'idle' })
    const idleAt = NOW - 2 * MINUTE
    expect(await adopted(token)).toMatchObject({ endReason: 'idle', loggedOutAt: idleAt, endsAt: idleAt })
  })

  test('a session that was allowed less idle time than ours keeps to it for life', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ last_accessed: ago(HOUR) })
    const { token: idle } = legacy.addSession({ created_at: ago(DAY), last_accessed: ago(2 * HOUR + 2 * MINUTE) })
    await adopt({ policy: { idleTimeout: '2h' } })
    const sessions = manager()
    expect(await sessions.validate(idle)).toEqual({ ok: false, reason: 'idle' })
    clock.advance('30m')
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    clock.advance('2h')
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'idle' })
  })

  test('a live session older than the absolute lifetime has a week left, and does not pass for a recent login', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ created_at: ago(400 * DAY), last_accessed: ago(HOUR) })
    await adopt()
    const sessions = manager()
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    const { createdAt, authenticatedAt, expiresAt } = await adopted(token)
    expect(createdAt).toBe(NOW - 400 * DAY)
    expect(authenticatedAt).toBe(NOW - 23 * DAY)
    expect(expiresAt).toBe(NOW + 7 * DAY)
    for (let hour = 0; hour < 167; hour += 1) {
      clock.advance('1h')
      expect(await sessions.validate(token)).toMatchObject({ ok: true })
    }
    clock.advance('1h')
    expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'expired' })
  })

  test('under a short lifetime the grace is half of it', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ created_at: ago(DAY), last_accessed: ago(HOUR) })
    await adopt({ policy: { idleTimeout: '2h', absoluteLifetime: '8h' } })
    expect(await adopted(token)).toMatchObject({ authenticatedAt: NOW - 4 * HOUR, expiresAt: NOW + 4 * HOUR })
  })

  test('a missing creation or use is made good by the other', async () => {
    legacy.addUser()
    const { token: unused } = legacy.addSession({ last_accessed: null })
    const { token: unborn } = legacy.addSession({ created_at: null })
    await adopt()
    expect(await adopted(unused)).toMatchObject({ lastAccessedAt: Date.parse('2026-11-23T18:04:36.997Z') })
    expect(await adopted(unborn)).toMatchObject({ createdAt: Date.parse('2026-11-23T18:05:04.971Z') })
  })

  test('a clock a little ahead of ours is put right', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ last_accessed: ago(-120_000) })
    await adopt()
    expect(await adopted(token)).toMatchObject({ lastAccessedAt: NOW })
  })

  test('numbers that a text column has made into text are read as numbers', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ created_at: NOW / 1_000 - 60, last_accessed: NOW - 5 })
    await adopt()
    expect(await adopted(token)).toMatchObject({ createdAt: NOW - 60_000, lastAccessedAt: NOW - 5 })
  })

  test('an address or user agent too long to be one does not keep a session out', async () => {
    legacy.addUser()
    const { token } = legacy.addSession({ ip_address: 'x'.repeat(200), user_agent: 'y'.repeat(2_000) })
    await adopt()
    expect(await adopted(token)).toMatchObject({ ipAddress: null, userAgent: 'y'.repeat(512) })
  })
})

describe('users', () => {
  test('a user keeps id, password hash and times', async () => {
    legacy.addUser({ username: ' Ada ' })
    const report = await adopt()
    expect(report.users).toEqual({ found: 1, added: 1, alreadyThere: 0, skipped: 0 })
    expect(await store.users.byUsername('ada')).toEqual({
      id: '1',
      username: 'ada',
      passwordHash: containing('$2y$04$'),
      role: 'user',
      epoch: 1,
      disabledAt: null,
      createdAt: Date.parse('2026-10-01T08:00:00.123Z'),
      lastLoginAt: Date.parse('2026-11-23T18:04:36.997Z'),
    })
  })

  test('a user whose creation is not known was created at the login, or else now', async () => {
    legacy.addUser({ created_at: null })
    legacy.addUser({ created_at: null, last_login: null })
    await adopt()
    expect(await store.users.byId('1')).toMatchObject({ createdAt: Date.parse('2026-11-23T18:04:36.997Z') })
    expect(await store.users.byId('2')).toMatchObject({ createdAt: NOW, lastLoginAt: null })
  })

  test('an inactive user is disabled, and no session of theirs stands', async () => {
    legacy.addUser({ is_active: 0 })
    const { token } = legacy.addSession()
    const report = await adopt()
    expect(report.problems).toEqual([])
    expect(report.sessions).toMatchObject({ added: 1, live: 0, ended: 1 })
    expect(await store.users.byId('1')).toMatchObject({ disabledAt: NOW })
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'disabled' })
  })

  test.each(['md5:5f4dcc3b5aa765d61d8327deb882cf99', 'plain text', '$2b$31$', '$argon2id$v=19$broken'])(
    'a password hash such as %j is left behind and reported; the user and the sessions come along',
    async (hash) => {
      legacy.addUser({ password_hash: hash })
      const { token } = legacy.addSession()
      const report = await adopt()
      expect(report.users).toMatchObject({ added: 1, skipped: 0 })
      expect(report.problems).toEqual([{ table: 'users', row: 1, problem: containing('without a password') }])
      expect(await store.users.byId('1')).toMatchObject({ passwordHash: null })
      expect(await manager().validate(token)).toMatchObject({ ok: true })
    },
  )

  test('a user without a password is nothing to report', async () => {
    legacy.addUser({ password_hash: '' })
    expect((await adopt()).problems).toEqual([])
    expect(await store.users.byId('1')).toMatchObject({ passwordHash: null })
  })

  test('ids that are text or beyond 2^53 stay as they are', async () => {
    legacy.run('CREATE TABLE people AS SELECT * FROM users; CREATE TABLE visits AS SELECT * FROM user_sessions')
    legacy.run(`
      INSERT INTO people (id, username, is_active) VALUES ('u-1', 'ada', 1), (9007199254740993, 'grace', 1)`)
    const tokens = [mintSecret(), mintSecret()]
    legacy.run(`
      INSERT INTO visits (session_id, user_id, created_at, last_accessed, is_active) VALUES
        ('${tokens[0]}', 'u-1', '${ago(HOUR)}', '${ago(HOUR)}', 1),
        ('${tokens[1]}', 9007199254740993, '${ago(HOUR)}', '${ago(HOUR)}', 1)`)
    expect((await adopt({ tables: { users: 'people', sessions: 'visits' } })).problems).toEqual([])
    expect(await manager().validate(tokens[0])).toMatchObject({ ok: true, session: { userId: 'u-1' } })
    expect(await manager().validate(tokens[1])).toMatchObject({ ok: true, session: { userId: '9007199254740993' } })
  })

  test('ids that are one and the same as floating-point numbers are not mixed up', async () => {
    const [one, other] = [9_007_199_254_740_992n, 9_007_199_254_740_993n]
    legacy.addUser({ id: one })
    legacy.addUser({ id: other })
    const { token } = legacy.addSession({ user_id: one })
    const { token: another } = legacy.addSession({ user_id: other })
    legacy.addSession({ id: other, user_id: other, is_active: null })
    const report = await adopt()
    expect(report.problems).toMatchObject([{ row: String(other) }])
    expect(await manager().validate(token)).toMatchObject({ ok: true, session: { userId: String(one) } })
    expect(await manager().validate(another)).toMatchObject({ ok: true, session: { userId: String(other) } })
  })

  test('of several spellings of one name only the canonical one is taken over', async () => {
    legacy.addUser({ username: 'Ada' })
    legacy.addUser({ username: 'ada' })
    legacy.addUser({ username: 'ＡＤＡ' })
    const { token: capital } = legacy.addSession({ user_id: 1 })
    const { token: exact } = legacy.addSession({ user_id: 2 })
    const report = await adopt()
    expect(report.users).toEqual({ found: 3, added: 1, alreadyThere: 0, skipped: 2 })
    expect(report.sessions).toMatchObject({ found: 2, added: 1, skipped: 1 })
    expect(report.problems.map(({ table, row }) => [table, row])).toEqual([
      ['users', 1],
      ['users', 3],
    ])
    expect(await manager().validate(exact)).toMatchObject({ ok: true, session: { userId: '2' } })
    expect(await manager().validate(capital)).toEqual({ ok: false, reason: 'unknown' })
  })

  test('where no spelling is the canonical one, nobody gets the name', async () => {
    legacy.addUser({ username: 'Ada' })
    legacy.addUser({ username: 'ADA' })
    expect((await adopt()).users).toMatchObject({ added: 0, skipped: 2 })
    expect(await store.users.count()).toBe(0)
  })

  test('a column that compares without case does not hide that names differ', async () => {
    legacy.run('CREATE TABLE people (id INTEGER PRIMARY KEY, username TEXT COLLATE NOCASE, password_hash, is_active)')
    legacy.run("INSERT INTO people VALUES (1, 'Ada', NULL, 1), (2, 'ＡＤＡ', NULL, 1)")
    const report = await adopt({
      tables: { users: 'people' },
      columns: { 'users.created_at': null, 'users.last_login': null },
    })
    expect(report.users).toMatchObject({ added: 0, skipped: 2 })
  })

  test('a name or an id that is taken here keeps the user and the sessions out', async () => {
    const stranger = {
      passwordHash: null,
      role: 'user',
      epoch: 1,
      disabledAt: null,
      createdAt: 1,
      lastLoginAt: null,
    } as const
    await store.users.add({ ...stranger, id: 'x', username: 'user1' }, { at: 1, actor: 'test' })
    await store.users.add({ ...stranger, id: '2', username: 'somebody' }, { at: 1, actor: 'test' })
    legacy.addUser()
    legacy.addUser()
    const { token } = legacy.addSession({ user_id: 1 })
    const { token: other } = legacy.addSession({ user_id: 2 })
    const report = await adopt()
    expect(report.users).toEqual({ found: 2, added: 0, alreadyThere: 0, skipped: 2 })
    expect(report.sessions).toMatchObject({ found: 2, added: 0, skipped: 2 })
    expect(report.problems.map(({ problem }) => problem)).toEqual([
      'its username belongs to another user here; skipped with its sessions',
      'its id is here under another username; skipped with its sessions',
    ])
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'unknown' })
    expect(await manager().validate(other)).toEqual({ ok: false, reason: 'unknown' })
  })
})

describe('adopting again', () => {
  test('changes nothing', async () => {
    legacy.addUser()
    legacy.addSession()
    legacy.addSession({ is_active: 0, logged_out_at: ago(HOUR) })
    await adopt()
    const before = await everything()
    clock.advance('1h')
    const report = await adopt()
    expect(report.users).toEqual({ found: 1, added: 0, alreadyThere: 1, skipped: 0 })
    expect(report.sessions).toEqual({
      found: 2,
      added: 0,
      alreadyThere: 2,
      skipped: 0,
      live: 1,
      ended: 1,
      endedHere: 0,
    })
    expect(await everything()).toEqual(before)
  })

  test('takes over those who came since', async () => {
    legacy.addUser()
    legacy.addSession()
    await adopt()
    legacy.addUser()
    const { token } = legacy.addSession({ user_id: 2 })
    const { token: another } = legacy.addSession({ user_id: 1 })
    const report = await adopt()
    expect(report.users).toMatchObject({ found: 2, added: 1, alreadyThere: 1 })
    expect(report.sessions).toMatchObject({ found: 3, added: 2, alreadyThere: 1 })
    expect(await manager().validate(token)).toMatchObject({ ok: true })
    expect(await manager().validate(another)).toMatchObject({ ok: true })
  })

  test('ends what was logged out there since, at that time', async () => {
    legacy.addUser()
    const { token, row } = legacy.addSession()
    await adopt()
    legacy.run(`UPDATE user_sessions SET is_active = 0, logged_out_at = '${ago(60_000)}' WHERE id = ${row}`)
    clock.advance('1h')
    expect((await adopt({ dryRun: true })).sessions).toMatchObject({ alreadyThere: 1, endedHere: 1 })
    expect(await manager().validate(token, { isPassive: true })).toMatchObject({ ok: true })
    expect((await adopt()).sessions).toMatchObject({ alreadyThere: 1, endedHere: 1 })
    expect(await adopted(token)).toMatchObject({ loggedOutAt: NOW - 60_000, endReason: 'logout', endedBy: 'user' })
    expect((await adopt()).sessions).toMatchObject({ alreadyThere: 1, endedHere: 0 })
  })

  test('leaves a session standing that was used here after it was marked as logged out there', async () => {
    legacy.addUser()
    const { token, row } = legacy.addSession()
    await adopt()
    await using sessions = manager()
    await sessions.validate(token)
    await sessions.flush()
    legacy.run(`UPDATE user_sessions SET is_active = 0, logged_out_at = '${ago(1)}' WHERE id = ${row}`)
    expect((await adopt()).sessions).toMatchObject({ alreadyThere: 1, endedHere: 0 })
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('reports a user who became inactive there since', async () => {
    legacy.addUser()
    await adopt()
    legacy.run('UPDATE users SET is_active = 0')
    const { token } = legacy.addSession()
    const report = await adopt()
    expect(report.problems).toEqual([{ table: 'users', row: 1, problem: containing('disable the user here') }])
    expect(await store.users.byId('1')).toMatchObject({ disabledAt: null })
    expect(await manager().validate(token)).toMatchObject({ ok: false, reason: 'disabled' })
  })

  test('does not revive a session that was ended here', async () => {
    legacy.addUser()
    const { token } = legacy.addSession()
    await adopt()
    await manager().end(token)
    await adopt()
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'logout' })
  })

  test('does not bring in a session of a user who signed out everywhere here', async () => {
    legacy.addUser()
    await adopt()
    await manager().revoke({ userId: '1' })
    const { token } = legacy.addSession()
    await adopt()
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'epoch' })
  })

  test('does not bring in a session of a user who was disabled here', async () => {
    legacy.addUser()
    await adopt()
    await store.users.disable('1', { at: NOW, actor: 'test' })
    const { token } = legacy.addSession()
    await adopt()
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'disabled' })
  })

  test('does not bring back a user who was deleted here', async () => {
    legacy.addUser()
    const { token } = legacy.addSession()
    await adopt()
    await store.users.remove('1', { at: NOW, actor: 'test' })
    const report = await adopt()
    expect(report.users).toMatchObject({ added: 0, skipped: 1 })
    expect(report.problems).toEqual([{ table: 'users', row: 1, problem: containing('deleted here') }])
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'unknown' })
  })
})

describe('a dry run', () => {
  test('tells what would happen, and nothing happens', async () => {
    legacy.addUser()
    legacy.addSession()
    await adopt()
    legacy.addUser()
    legacy.addUser({ username: '' })
    legacy.addSession({ user_id: 2 })
    legacy.addSession({ user_id: 2, last_accessed: 'never' })
    legacy.addSession({ user_id: 3 })
    const rehearsed = await adopt({ dryRun: true })
    expect(await store.users.count()).toBe(1)
    expect(await store.count({})).toBe(1)
    expect(rehearsed.users).toEqual({ found: 3, added: 1, alreadyThere: 1, skipped: 1 })
    expect(rehearsed.sessions).toEqual({
      found: 4,
      added: 1,
      alreadyThere: 1,
      skipped: 2,
      live: 2,
      ended: 0,
      endedHere: 0,
    })
    expect(await adopt()).toEqual({ ...rehearsed, dryRun: false })
  })
})

describe('broken rows', () => {
  const brokenUsers: readonly [string, LegacyRow][] = [
    ['username is empty', { username: ' ' }],
    ['username has 300 characters', { username: 'x'.repeat(300) }],
    ['username contains characters that cannot be seen', { username: 'a\u202Eb' }],
    ['is_active is neither 1 nor 0', { is_active: 2 }],
    ['created_at is no instant', { created_at: 'a while ago' }],
    ['created_at lies in the future', { created_at: ago(-121_000) }],
    ['last_login is no instant', { last_login: '2026-02-30T00:00:00Z' }],
  ]
  test.each(brokenUsers)('a user: %s', async (problem, row) => {
    legacy.addUser(row)
    legacy.addUser()
    const { token } = legacy.addSession({ user_id: 1 })
    const { token: sound } = legacy.addSession({ user_id: 2 })
    const report = await adopt()
    expect(report.problems).toEqual([{ table: 'users', row: 1, problem: containing(problem) }])
    expect(report.users).toEqual({ found: 2, added: 1, alreadyThere: 0, skipped: 1 })
    expect(report.sessions).toMatchObject({ found: 2, added: 1, skipped: 1 })
    expect(await store.users.byId('1')).toBeNull()
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'unknown' })
    expect(await manager().validate(sound)).toMatchObject({ ok: true })
  })

  const notAToken = 'session_id is not 43 characters of base64url that encode 32 bytes'
  const brokenSessions: readonly [string, string, LegacyRow][] = [
    ['too short an id', notAToken, { session_id: mintSecret().slice(1) }],
    ['too long an id', notAToken, { session_id: `${mintSecret()}A` }],
    ['an empty id', notAToken, { session_id: '' }],
    ['an id of other characters', notAToken, { session_id: `!${mintSecret().slice(1)}` }],
    ['an id of bytes', notAToken, { session_id: Buffer.from(mintSecret()) }],
    ['an id with another spelling', notAToken, { session_id: `${mintSecret().slice(0, 42)}B` }],
    ['a token of ours', notAToken, { session_id: `${adoptedId('x')}.${mintSecret()}` }],
    ['no such user', 'its user is not in the users table', { user_id: 99 }],
    ['an unclear state', 'is_active is neither 1 nor 0', { is_active: null }],
    ['two states at once', 'says that it stands and logged_out_at that it was ended', { logged_out_at: ago(HOUR) }],
    ['no instants', 'neither created_at nor last_accessed is set', { created_at: null, last_accessed: '' }],
    ['nonsense for an instant', 'created_at is no instant', { created_at: 'recently' }],
    ['bytes for an instant', 'last_accessed is no instant', { last_accessed: Buffer.alloc(8) }],
    ['a use in the future', 'last_accessed lies in the future', { last_accessed: ago(-120_001) }],
    ['nonsense for its end', 'logged_out_at is no instant', { is_active: 0, logged_out_at: 'x' }],
    ['an end in the future', 'logged_out_at lies in the future', { is_active: 0, logged_out_at: ago(-DAY) }],
  ]
  test.each(brokenSessions)('a session with %s', async (_, problem, row) => {
    legacy.addUser()
    legacy.addSession()
    legacy.addSession(row)
    legacy.addSession()
    const report = await adopt()
    expect(report.problems).toEqual([{ table: 'user_sessions', row: 2, problem: containing(problem) }])
    expect(report.sessions).toMatchObject({ found: 3, added: 2, skipped: 1 })
    expect(await store.count({})).toBe(2)
  })

  test('of sessions with one and the same id the first counts', async () => {
    legacy.run('DROP INDEX ix_user_sessions_session_id')
    legacy.addUser()
    const { token } = legacy.addSession({ ip_address: 'first' })
    legacy.addSession({ session_id: token, ip_address: 'second' })
    const report = await adopt()
    const problem = 'its session id is that of another row'
    expect(report.problems).toEqual([{ table: 'user_sessions', row: 2, problem }])
    expect(report.sessions).toMatchObject({ found: 2, added: 1, skipped: 1 })
    expect(await adopted(token)).toMatchObject({ ipAddress: 'first' })
  })

  test.each<[string, LegacyRow]>([
    ['whose it is', { user_id: 2 }],
    ['whether it stands', { is_active: 0 }],
  ])('sessions with the same id that disagree %s all stay behind', async (_, row) => {
    legacy.run('DROP INDEX ix_user_sessions_session_id')
    legacy.addUser()
    legacy.addUser()
    const { token } = legacy.addSession()
    legacy.addSession({ session_id: token, ...row })
    const report = await adopt()
    expect(report.problems.map(({ row: number }) => number)).toEqual([1, 2])
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'unknown' })
  })

  test('users with one and the same id, or none, stay behind with their sessions', async () => {
    legacy.run('CREATE TABLE people AS SELECT * FROM users')
    legacy.run("INSERT INTO people (id, username, is_active) VALUES (1, 'ada', 1), (1, 'eve', 1), (NULL, 'mallory', 1)")
    const { token } = legacy.addSession()
    const report = await adopt({ tables: { users: 'people' } })
    expect(new Set(report.problems.map(({ row }) => row))).toEqual(new Set([1, 2, 3]))
    expect(report.users).toEqual({ found: 3, added: 0, alreadyThere: 0, skipped: 3 })
    expect(report.sessions).toMatchObject({ found: 1, added: 0, skipped: 1 })
    expect(await manager().validate(token)).toEqual({ ok: false, reason: 'unknown' })
  })

  test('no problem repeats what a row holds', async () => {
    legacy.run('DROP INDEX ix_user_sessions_session_id')
    const canary = `canary${mintSecret()}`
    const { token } = legacy.addSession({ user_id: 99 })
    legacy.addUser({ password_hash: canary, created_at: canary, last_login: canary })
    legacy.addUser({ password_hash: canary })
    legacy.addUser({ username: `\u202E${canary}` })
    legacy.addSession({ session_id: canary, user_id: 2 })
    legacy.addSession({ created_at: canary, user_id: 2 })
    legacy.addSession({ session_id: token, user_id: 2 })
    const report = await adopt()
    expect(report.problems.length).toBe(7)
    expect(JSON.stringify(report)).not.toMatch(new RegExp(`${canary}|${token}`))
  })
})

describe('the old database', () => {
  test('is only read', async () => {
    legacy.addUser()
    legacy.addSession()
    const bytes = readFileSync(legacy.path)
    const dump = foreignDump(legacy.path)
    await adopt({ dryRun: true })
    await adopt()
    expect(readFileSync(legacy.path).equals(bytes)).toBe(true)
    expect(foreignDump(legacy.path)).toBe(dump)
  })

  test('is read with what stands in its write-ahead log only, and left as it was found', async () => {
    legacy.run('PRAGMA journal_mode = WAL')
    legacy.addUser()
    const { token } = legacy.addSession()
    const crashed = join(folder.path, 'crashed.db')
    for (const suffix of ['', '-wal']) copyFileSync(legacy.path + suffix, crashed + suffix)
    const contents = (): readonly Buffer[] => ['', '-wal'].map((suffix) => readFileSync(crashed + suffix))
    const before = contents()
    await adopt({ from: crashed })
    expect(await manager().validate(token)).toMatchObject({ ok: true })
    expect(contents()).toEqual(before)
  })

  test('may have other names, and may lack what can be done without', async () => {
    const token = mintSecret()
    legacy.run(`
      CREATE TABLE "log ins" ("the ""id""" INTEGER PRIMARY KEY, login TEXT, pw TEXT);
      CREATE TABLE visits (sid TEXT, "who" INTEGER, began REAL, used REAL, open TEXT);
      INSERT INTO "log ins" VALUES (7, 'ada', NULL);
      INSERT INTO visits VALUES ('${token}', 7, ${NOW / 1_000 - 60.5}, ${NOW / 1_000 - 1.25}, 'True')`)
    const report = await adopt({
      tables: { users: 'log ins', sessions: 'visits' },
      columns: {
        'users.id': 'the "id"',
        'users.username': 'Login',
        'users.password_hash': 'pw',
        'users.created_at': null,
        'users.last_login': null,
        'users.is_active': null,
        'sessions.session_id': 'sid',
        'sessions.user_id': 'who',
        'sessions.created_at': 'began',
        'sessions.last_accessed': 'used',
        'sessions.ip_address': null,
        'sessions.user_agent': null,
        'sessions.is_active': 'open',
        'sessions.logged_out_at': null,
      },
    })
    expect(report.problems).toEqual([])
    expect(await manager().validate(token)).toMatchObject({ ok: true, session: { userId: '7', username: 'ada' } })
    expect(await adopted(token)).toMatchObject({ createdAt: NOW - 60_500, lastAccessedAt: NOW - 1_250 })
  })

  test.each<[string, Partial<AdoptionOptions>]>([
    ["has no table 'people'; name its table of users", { tables: { users: 'people' } }],
    ["'busy_users' in", { tables: { users: 'busy_users' } }],
    ["'settings' in", { tables: { sessions: 'settings' } }],
    [
      "table 'users' has no column 'login'; name the column that is users.username",
      { columns: { 'users.username': 'login' } },
    ],
    [
      "table 'user_sessions' has no column 'ip'; name the column that is sessions.ip_address, or say that there is none",
      { columns: { 'sessions.ip_address': 'ip' } },
    ],
    [
      "sessions.user_id cannot be done without; name its column in table 'user_sessions'",
      { columns: { 'sessions.user_id': null } },
    ],
    ['now is NaN', { now: Number.NaN }],
  ])('%s …', async (message, options) => {
    await expect(adopt(options)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: containing(message),
    })
  })

  test('a column that is not read cannot be named', async () => {
    const columns = { 'session.user_id': 'x' } as object
    await expect(adopt({ columns })).rejects.toThrow(/columns\['session.user_id'\] is not read; give one of users.id, /)
  })

  test('a file that is not there or no database is refused', async () => {
    await expect(adopt({ from: join(folder.path, 'none.db') })).rejects.toMatchObject({ code: 'invalid_argument' })
    writeFileSync(join(folder.path, 'text.db'), 'not a database '.repeat(100))
    await expect(adopt({ from: join(folder.path, 'text.db') })).rejects.toThrow(
      /could not be opened for reading: file is not a database/,
    )
  })

  test('that turns out to be damaged fails the run, and says why', async () => {
    legacy.run('BEGIN')
    for (let nth = 0; nth < 2_000; nth += 1) legacy.addUser()
    for (let nth = 0; nth < 2_000; nth += 1) legacy.addSession({ user_id: nth + 1 })
    legacy.run('COMMIT')
    const damaged = readFileSync(legacy.path)
    const page = damaged.indexOf('user1900')
    damaged.fill(0xff, page - (page % 4_096), page - (page % 4_096) + 4_096)
    const from = join(folder.path, 'damaged.db')
    writeFileSync(from, damaged)
    const message = containing('could not be read: database disk image is malformed')
    await expect(adopt({ from })).rejects.toMatchObject({ code: 'store_unavailable', message })
  })

  test('is seen as it was at the start, whatever is written to it meanwhile', async () => {
    legacy.run('PRAGMA journal_mode = WAL')
    legacy.addUser()
    for (let nth = 0; nth < 1_500; nth += 1) legacy.addSession()
    let late = ''
    const onProgress = (): void => {
      late = legacy.addSession().token
      legacy.addSession({ user_id: 99 })
    }
    const report = await adopt({ onProgress })
    expect(report.sessions).toMatchObject({ found: 1_500, added: 1_500, skipped: 0 })
    expect(report.problems).toEqual([])
    expect(await manager().validate(late)).toEqual({ ok: false, reason: 'unknown' })
    expect((await adopt()).sessions).toMatchObject({ added: 2, alreadyThere: 1_500, skipped: 2 })
  })
})

test('thousands of users and sessions go over in batches of bounded size, with progress to the last row', async () => {
  legacy.run('BEGIN; DROP INDEX ix_user_sessions_user_id; DROP INDEX idx_session_user_active')
  for (let id = 1; id <= 2_000; id += 1) legacy.addUser()
  for (let nth = 0; nth < 2_000; nth += 1) legacy.addSession({ user_id: nth + 1 })
  for (let nth = 0; nth < 3_000; nth += 1) legacy.addSession({ user_id: 1_000 })
  for (let nth = 0; nth < 5; nth += 1) legacy.addSession({ user_id: 9_999 })
  legacy.run('COMMIT')
  const sizes: number[] = []
  const progress: (readonly [number, number])[] = []
  const users: AdoptionTarget['users'] = {
    byId: (id) => store.users.byId(id),
    byUsername: (name) => store.users.byUsername(name),
    adopt: (batch, mark) => {
      sizes.push(batch.length + batch.reduce((sum, { sessions }) => sum + sessions.length, 0))
      return store.users.adopt(batch, mark)
    },
  }
  const to: AdoptionTarget = {
    users,
    get: store.get.bind(store),
    revoke: store.revoke.bind(store),
    events: store.events.bind(store),
  }
  const report = await adopt({ to, onProgress: (done, total) => progress.push([done, total]) })
  expect(report.users).toEqual({ found: 2_000, added: 2_000, alreadyThere: 0, skipped: 0 })
  expect(report.sessions).toMatchObject({ found: 5_005, added: 5_000, alreadyThere: 0, skipped: 5 })
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_001)
  expect(progress.length).toBe(8)
  expect(progress.at(-1)).toEqual([7_005, 7_005])
})
