/**
 * An existing installation moves over, and nobody notices: on a made-up database always, and on one that a real
 * program made where it is at hand; into the same file and from another one.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SessionManager } from 'sojourn'
import { adoptUserSessions } from 'sojourn/adopt/user-sessions'
import type { AdoptionReport } from 'sojourn/adopt/user-sessions'
import { AuthManager } from 'sojourn/auth'
import { SqliteStore, sqliteMigrations } from 'sojourn/sqlite'
import { FixedClock } from 'sojourn/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  LEGACY_NOW,
  LegacyDatabase,
  foreignDump,
  madeUpInstallation,
  ownDump,
  realInstallation,
  temporaryFolder,
} from './support/legacy-installation.ts'
import type { LegacyClient, LegacyInstallation } from './support/legacy-installation.ts'

const NOW = Date.parse(LEGACY_NOW)

let folder: ReturnType<typeof temporaryFolder>

beforeEach(() => {
  folder = temporaryFolder()
})

afterEach(() => folder[Symbol.dispose]())

test('a database that is adopted from another file keeps every byte', async () => {
  const { path } = madeUpInstallation(join(folder.path, 'old.db'))
  const bytes = readFileSync(path)
  const store = SqliteStore.open(join(folder.path, 'new.db'))
  await adoptUserSessions({ from: path, to: store, now: NOW })
  await store.close()
  expect(readFileSync(path).equals(bytes)).toBe(true)
})

describe.each([
  ['a made-up installation', madeUpInstallation],
  ['an installation that a real program made', realInstallation],
])('%s', (_, install: (path: string) => LegacyInstallation | null) => {
  describe.each(['into the same file', 'from another file'])('%s', (place) => {
    let installation: LegacyInstallation
    let target: string

    beforeEach((context) => {
      const found = install(join(folder.path, 'old.db'))
      // A clone has no real installation beside it, and passes without.
      installation = found ?? context.skip('there is no real installation at ../shared/fixtures/legacy')
      target = place === 'into the same file' ? installation.path : join(folder.path, 'new.db')
    })

    async function adopt(options: { dryRun?: boolean; now?: number } = {}): Promise<AdoptionReport> {
      const store = SqliteStore.open(target)
      try {
        return await adoptUserSessions({ from: installation.path, to: store, now: NOW, ...options })
      } finally {
        await store.close()
      }
    }

    test('everybody who was signed in stays signed in with the id they hold', async () => {
      const live = installation.clients.filter(({ isLoggedOut }) => !isLoggedOut)
      expect((await adopt()).sessions).toMatchObject({ live: live.length, skipped: 0 })
      await using restarted = reopened(target)
      const { sessions } = restarted
      for (const { token, username } of live) {
        expect(await sessions.validate(token)).toMatchObject({ ok: true, session: { username } })
      }
    })

    test('whatever ended stays ended at its time', async () => {
      const ended = installation.clients.filter(({ isLoggedOut }) => isLoggedOut)
      expect((await adopt()).sessions).toMatchObject({ ended: ended.length })
      await using restarted = reopened(target)
      const { sessions } = restarted
      for (const { token } of ended) {
        expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'logout' })
      }
      const found = await sessions.page({ active: false, limit: 500 })
      const instants = found.sessions.map(({ loggedOutAt }) => loggedOutAt?.toISOString())
      expect(new Set(instants)).toEqual(loggedOutInstants(installation.path))
    })

    test('everybody signs in with the old password, and nobody with another', async () => {
      await adopt()
      await using restarted = reopened(target)
      const auth = new AuthManager(restarted)
      for (const { username, password } of oneForEachUser(installation.clients)) {
        expect(await auth.loginUser(username, password)).toMatchObject({ ok: true, session: { username } })
      }
      const [{ username, password }] = installation.clients as [LegacyClient]
      expect(await auth.loginUser(username, `${password}!`)).toMatchObject({ ok: false })
    })

    test('nothing else in the database changes, and only objects of ours come into it', async () => {
      const before = foreignDump(installation.path)
      await adopt({ dryRun: true })
      await adopt()
      expect(foreignDump(installation.path)).toBe(before)
      expect(sqliteMigrations(target).down().steps.length).toBeGreaterThan(0)
      expect(foreignDump(installation.path)).toBe(before)
      expect(ownDump(target)).toBe('[]')
    })

    test('no old session id stands readable in what is ours', async () => {
      await adopt()
      const dump = ownDump(target)
      const files = place === 'from another file' ? filesOf(folder.path, 'new.db') : []
      for (const { token } of installation.clients) {
        const spellings = [token, Buffer.from(token).toString('hex'), Buffer.from(token, 'base64url').toString('hex')]
        for (const spelling of spellings) expect(dump.toLowerCase()).not.toContain(spelling.toLowerCase())
        for (const file of files) {
          expect(file.includes(token)).toBe(false)
          expect(file.includes(Buffer.from(token, 'base64url'))).toBe(false)
        }
      }
    })

    test('a second time changes nothing', async () => {
      const first = await adopt()
      const dump = ownDump(target)
      const second = await adopt({ now: NOW + 60_000 })
      expect(second.users).toEqual({ ...first.users, added: 0, alreadyThere: first.users.added })
      expect(second.sessions).toEqual({ ...first.sessions, added: 0, alreadyThere: first.sessions.added })
      expect(ownDump(target)).toBe(dump)
    })

    test('a dry run tells the same figures and adds nothing', async () => {
      const rehearsed = await adopt({ dryRun: true })
      expect(await storedUsers(target)).toBe(0)
      expect(await adopt()).toEqual({ ...rehearsed, dryRun: false })
    })
  })
})

test('the old application may go on writing to the same file while it is adopted', async () => {
  const path = join(folder.path, 'app.db')
  using legacy = new LegacyDatabase(path)
  legacy.addUser()
  for (let nth = 0; nth < 1_200; nth += 1) legacy.addSession()
  const store = SqliteStore.open(path)
  const late: string[] = []
  const onProgress = (): unknown => late.push(legacy.addSession().token)
  const first = await adoptUserSessions({ from: path, to: store, now: NOW, onProgress })
  expect(first.sessions).toMatchObject({ found: 1_200, added: 1_200, skipped: 0 })
  const second = await adoptUserSessions({ from: path, to: store, now: NOW })
  expect(second.sessions).toMatchObject({ added: late.length, alreadyThere: 1_200 })
  await using sessions = new SessionManager({ store, clock: new FixedClock(NOW) })
  expect(await sessions.validate(late[0])).toMatchObject({ ok: true })
})

test('two adoptions at once add each user and session once', async () => {
  const { path, clients } = madeUpInstallation(join(folder.path, 'old.db'))
  const stores = [SqliteStore.open(join(folder.path, 'new.db')), SqliteStore.open(join(folder.path, 'new.db'))]
  const reports = await Promise.all(stores.map((store) => adoptUserSessions({ from: path, to: store, now: NOW })))
  for (const store of stores) await store.close()
  expect(reports.reduce((sum, { users }) => sum + users.added, 0)).toBe(12)
  expect(reports.reduce((sum, { sessions }) => sum + sessions.added, 0)).toBe(clients.length)
})

test('an adopted session is renewed, ended and listed like any other', async () => {
  const { path, clients } = madeUpInstallation(join(folder.path, 'old.db'))
  const store = SqliteStore.open(path)
  await adoptUserSessions({ from: path, to: store, now: NOW })
  await using sessions = new SessionManager({ store, clock: new FixedClock(NOW) })
  const { token } = clients.find(({ isLoggedOut }) => !isLoggedOut)!
  const check = await sessions.validate(token)
  const id = check.ok ? check.session.id : ''
  const renewed = await sessions.renew(id)
  const successor = renewed.ok ? renewed.token : ''
  expect(await sessions.validate(successor)).toMatchObject({ ok: true, session: { id } })
  expect(await sessions.end(successor)).toBe(true)
  expect(await sessions.validate(token)).toMatchObject({ ok: false })
  const adopted = await sessions.page({ method: 'adopted:user-sessions', limit: 500 })
  expect(adopted.sessions.length).toBe(clients.length)
})

describe('the SQL in docs/MIGRATING.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/MIGRATING.md'), 'utf8')
  const [signOut = '', whoChanged = '', dropOld = ''] = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].map(
    ([, sql]) => sql,
  )

  test('signs out in the old tables whoever ended something since, and nobody else', async () => {
    const { path } = madeUpInstallation(join(folder.path, 'app.db'))
    const store = SqliteStore.open(path)
    await adoptUserSessions({ from: path, to: store, now: NOW })
    await using sessions = new SessionManager({ store, clock: new FixedClock(NOW) })
    await sessions.revoke({ userId: '3' })
    await store.users.setPassword('5', { to: 'another' }, { at: NOW, actor: 'test' })
    using old = new DatabaseSync(path)
    expect(old.prepare(whoChanged).all()).toEqual([{ username: 'user5', type: 'password_changed' }])
    old.exec(signOut)
    const signedOut = old
      .prepare('SELECT DISTINCT user_id FROM user_sessions WHERE logged_out_at > ? ORDER BY 1')
      .all('2026-11-23T18:07')
    expect(signedOut).toEqual([{ user_id: 3 }, { user_id: 5 }])
  })

  test('leaves no old session id in the file', async () => {
    const { path, clients } = madeUpInstallation(join(folder.path, 'app.db'))
    const store = SqliteStore.open(path)
    await adoptUserSessions({ from: path, to: store, now: NOW })
    await using sessions = new SessionManager({ store, clock: new FixedClock(NOW) })
    using old = new DatabaseSync(path, { enableForeignKeyConstraints: false })
    old.exec(dropOld)
    for (const file of filesOf(folder.path, 'app.db')) {
      for (const { token } of clients) expect(file.includes(token)).toBe(false)
    }
    expect(await sessions.validate(clients[0]!.token)).toMatchObject({ ok: true })
  })
})

/** A manager on a database opened anew, as after a restart. */
function reopened(path: string): { sessions: SessionManager; users: SqliteStore['users'] } & AsyncDisposable {
  const store = SqliteStore.open(path, { migrate: false })
  const sessions = new SessionManager({ store, clock: new FixedClock(NOW) })
  return { sessions, users: store.users, [Symbol.asyncDispose]: () => sessions.close() }
}

async function storedUsers(path: string): Promise<number> {
  const store = SqliteStore.open(path)
  const count = await store.users.count()
  await store.close()
  return count
}

function loggedOutInstants(path: string): ReadonlySet<string> {
  using db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare('SELECT logged_out_at AS at FROM user_sessions WHERE is_active = 0').all()
  return new Set(rows.map(({ at }) => `${String(at).slice(0, 23)}Z`))
}

function oneForEachUser(clients: readonly LegacyClient[]): readonly LegacyClient[] {
  return [...new Map(clients.map((client) => [client.username, client])).values()]
}

function filesOf(path: string, prefix: string): readonly Buffer[] {
  return readdirSync(path)
    .filter((name) => name.startsWith(prefix))
    .map((name) => readFileSync(join(path, name)))
}
