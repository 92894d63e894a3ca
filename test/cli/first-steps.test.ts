/** The first minutes of somebody who has just installed the program, as processes on a real file. */
import { statSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SQLITE_STEPS } from '../../packages/sojourn/src/stores/sqlite/schema.ts'
import { PASSWORD, Workplace } from './support/program.ts'

const TOKEN = /^[0-9a-f-]{36}\.[A-Za-z0-9_-]{43}\n$/

describe('from an empty folder', () => {
  test('to a session and out again, for people', async () => {
    using place = new Workplace()
    const migrated = await place.run(['migrate'])
    expect(migrated).toMatchObject({ code: 0, stderr: '' })
    expect(migrated.stdout).toMatch(/sojourn\.db is ready, at version \d+: applied step 1 \(/)
    expect(statSync(place.database).mode & 0o777).toBe(0o600)

    const added = await place.run(['user', 'add', 'Ada'], { input: `${PASSWORD}\n` })
    expect(added).toMatchObject({ code: 0, stderr: '' })
    expect(added.stdout).toMatch(/^added user ada \(id [0-9a-f-]{36}\)\n$/)

    const login = await place.run(['login', 'ada'], { input: `${PASSWORD}\n` })
    expect(login.code).toBe(0)
    expect(login.stdout).toMatch(TOKEN)
    expect(login.stderr).toMatch(/^ada is signed in, session [0-9a-f-]{36}, until .*Z if it is not used before\n/)
    const token = login.stdout
    const [id, secret] = token.trim().split('.') as [string, string]

    const valid = await place.run(['validate'], { input: token })
    expect(valid).toMatchObject({ code: 0, stderr: '' })
    expect(valid.stdout).toContain(`valid: ada, session ${id}\n`)

    const listed = await place.run(['list'])
    expect(listed).toMatchObject({ code: 0, stderr: '1 active session\n' })
    expect(listed.stdout).toMatch(/^ID +USER +LAST USED .*\n/)
    expect(listed.stdout).toContain(`${id}  ada `)

    const shown = await place.run(['show', id])
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toContain(`Session ${id}\n`)
    expect(shown.stdout).toMatch(/state +active\n/)
    expect(shown.stdout).toMatch(/session created +- +user /)

    const out = await place.run(['logout', '-'], { input: token })
    expect(out).toEqual({ code: 0, stdout: `logged out: session ${id}\n`, stderr: '' })
    const again = await place.run(['logout'], { input: token })
    expect(again).toEqual({ code: 3, stdout: 'not logged out: the session was ended (logout)\n', stderr: '' })
    const invalid = await place.run(['validate', '-'], { input: token })
    expect(invalid).toEqual({ code: 3, stdout: 'not valid: the session was ended (logout)\n', stderr: '' })

    const stats = await place.run(['stats'])
    expect(stats).toMatchObject({ code: 0, stderr: '' })
    expect(stats.stdout).toMatch(/sessions kept +1\n +active +0\n +ended +1\n +created today +1 /)
    expect(stats.stdout).toMatch(/users online +0\n +most active user +ada, 1 session\n/)

    const everything = [migrated, added, valid, listed, shown, out, again, invalid, stats]
    for (const { stdout, stderr } of everything) expect(stdout + stderr).not.toContain(secret)
  })

  test('to a session and out again, for programs', async () => {
    using place = new Workplace()
    const { value: migrated } = await place.json<object>(['migrate'])
    const steps = SQLITE_STEPS.map(({ version }): unknown => expect.objectContaining({ version }))
    expect(migrated).toEqual({ path: place.database, steps, version: steps.length })

    const { value: user } = await place.json<{ id: string }>(['user', 'add', 'ada'], { input: PASSWORD })
    const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(user).toEqual({
      id: expect.any(String),
      username: 'ada',
      role: 'user',
      isDisabled: false,
      createdAt: instant,
      lastLoginAt: null,
    })

    const login = await place.json<{ token: string; session: { id: string } }>(['login', 'ada'], { input: PASSWORD })
    expect(login).toMatchObject({ code: 0, stderr: '' })
    const { token } = login.value
    const session = {
      id: token.split('.')[0],
      userId: user.id,
      username: 'ada',
      createdAt: instant,
      authenticatedAt: instant,
      lastAccessedAt: instant,
      expiresAt: instant,
      endsAt: instant,
      isActive: true,
      loggedOutAt: null,
      endReason: null,
      endedBy: null,
      device: { ip: null, userAgent: expect.stringMatching(/^sojourn-cli\//), label: 'sojourn-cli' },
      method: 'password',
      attributes: {},
    }
    expect(login.value).toEqual({ ok: true, session, token: expect.stringMatching(/^.{80}$/) })

    const valid = await place.json<object>(['validate'], { input: token })
    expect(valid).toMatchObject({ code: 0, stderr: '' })
    expect(valid.value).toEqual({ ok: true, session, isRenewalDue: false, isDeviceChanged: false })
    expect((await place.json<object>(['list'])).value).toEqual([session])

    const { value: shown } = await place.json<object>(['show', session.id!])
    const created = {
      position: expect.any(Number),
      at: instant,
      type: 'session_created',
      sessionId: session.id,
      userId: user.id,
      actor: 'user',
      reason: null,
      ipAddress: null,
      detail: 'password',
    }
    expect(shown).toEqual({ session, history: [created] })

    const endedSession = { ...session, isActive: false, loggedOutAt: instant, endReason: 'logout', endedBy: 'user' }
    const out = await place.json<object>(['logout'], { input: token })
    expect(out).toMatchObject({ code: 0, value: { ok: true, session: endedSession } })
    const again = await place.json<object>(['logout'], { input: token })
    expect(again).toMatchObject({ code: 3, value: { ok: false, reason: 'ended', endReason: 'logout' } })
    const invalid = await place.json<object>(['validate'], { input: token })
    expect(invalid).toMatchObject({ code: 3, stderr: '', value: { ok: false, reason: 'ended', endReason: 'logout' } })

    expect((await place.json<object>(['stats'])).value).toEqual({
      total: 1,
      active: 0,
      ended: 1,
      createdToday: 1,
      usersOnline: 0,
      mostActiveUser: { userId: user.id, username: 'ada', sessions: 1 },
      recent: [endedSession],
    })
  })
})

test('a login that is refused exits 3, and looks the same whoever was named', async () => {
  using place = new Workplace()
  await place.arrange(({ auth }) => auth.registerUser('ada', PASSWORD))
  const wrong = await place.run(['login', 'ada'], { input: 'not the password of ada' })
  expect(wrong).toEqual({ code: 3, stdout: 'not signed in: the username or the password is wrong\n', stderr: '' })
  const unknown = await place.run(['login', 'nobody'], { input: 'not the password of ada' })
  expect(unknown).toEqual(wrong)
  const json = await place.json<object>(['login', 'ada'], { input: 'not the password of ada' })
  expect(json).toMatchObject({ code: 3, stderr: '', value: { ok: false, reason: 'invalid_credentials' } })
})

test('--version and --help answer without a database, and no command is wrong usage', async () => {
  using place = new Workplace()
  expect(await place.run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  const help = await place.run(['--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect((await place.run(['help'])).stdout).toBe(help.stdout)
  expect(await place.run([])).toEqual({ code: 2, stdout: '', stderr: help.stdout })
})

test('whoever guesses too often is told how long to wait', async () => {
  using place = new Workplace()
  await place.arrange(async ({ auth, clock }) => {
    await auth.registerUser('ada', PASSWORD)
    for (let wait = 0; wait < 60;) {
      clock.advance(wait + 1)
      await auth.loginUser('ada', 'not the password of ada')
      const refused = await auth.loginUser('ada', 'not the password of ada')
      wait = !refused.ok && refused.reason === 'throttled' ? refused.retryAfter : 0
    }
  })
  const run = await place.run(['login', 'ada'], { input: PASSWORD })
  const sentence = /^not signed in: too many attempts; try again in [\d,]+ s\n$/
  expect(run).toMatchObject({ code: 3, stdout: expect.stringMatching(sentence) })
  const { value } = await place.json<object>(['login', 'ada'], { input: PASSWORD })
  expect(value).toEqual({ ok: false, reason: 'throttled', retryAfter: expect.any(Number) })
})
