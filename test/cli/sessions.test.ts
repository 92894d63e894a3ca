/** Listing, looking at and ending sessions. */
import { describe, expect, test } from 'vitest'
import type { SessionManager } from 'sojourn'
import { Workplace } from './support/program.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const UNKNOWN_ID = '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'

interface Listed {
  readonly id: string
  readonly username: string
  readonly isActive: boolean
}

interface Signed {
  readonly id: string
  readonly token: string
}

/** Ada with three sessions, the second one ended, and grace with one; oldest first. */
async function someSessions(place: Workplace): Promise<readonly Signed[]> {
  return place.arrange(
    async ({ sessions, clock }) => {
      const signed: Signed[] = []
      for (const username of ['ada', 'ada', 'ada', 'grace']) {
        const device = { ip: '203.0.113.7', userAgent: 'curl/8.16.0' }
        const { session, token } = await sessions.create({ userId: `id-of-${username}`, username, device })
        signed.push({ id: session.id, token })
        clock.advance('1s')
      }
      await sessions.end(signed[1]!.token)
      return signed
    },
    { at: new Date(Date.now() - 60_000) },
  )
}

describe('the list', () => {
  test('has the active sessions, newest first; of everybody or of one; ended ones when asked for', async () => {
    using place = new Workplace()
    const [first, second, third, last] = (await someSessions(place)).map(({ id }) => id)
    const ids = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await place.json<readonly Listed[]>(['list', ...args])).value.map(({ id }) => id)
    expect(await ids()).toEqual([last, third, first])
    expect(await ids('ada')).toEqual([third, first])
    expect(await ids('Ada', '--all')).toEqual([third, second, first])
    expect(await ids('--all', '--limit', '2')).toEqual([last, third])
  })

  test('is a table of ids and no tokens, and says how many there are', async () => {
    using place = new Workplace()
    const signed = await someSessions(place)
    const { code, stdout, stderr } = await place.run(['list', 'ada', '--all'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '3 sessions of ada\n' })
    expect(stdout).toMatch(/^ID +USER +STATE +LAST USED +DEVICE +ADDRESS +SIGNED IN +METHOD\n/)
    expect(stdout).toMatch(new RegExp(`${signed[1]!.id}  ada   logout `))
    for (const { token } of signed) expect(stdout).not.toContain(token.split('.')[1])
  })

  test('of nobody is empty, for people and for programs', async () => {
    using place = new Workplace()
    await place.arrange(async () => {})
    expect(await place.run(['list'])).toEqual({ code: 0, stdout: '', stderr: '0 active sessions\n' })
    expect(await place.run(['list', '--json'])).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })

  test('of more sessions than one page is one JSON document', async () => {
    using place = new Workplace()
    await place.arrange(({ sessions }) =>
      Promise.all(Array.from({ length: 1_201 }, () => sessions.create({ userId: '1', username: 'ada' }))),
    )
    const { value } = await place.json<readonly Listed[]>(['list'])
    expect(new Set(value.map(({ id }) => id)).size).toBe(1_201)
    expect((await place.run(['list'])).stdout.trimEnd().split('\n')).toHaveLength(1_202)
  })
})

describe('ending', () => {
  test('one by its id is done once, and says who did it', async () => {
    using place = new Workplace()
    const [first] = await someSessions(place)
    const { value } = await place.json<{ ended: number; session: object }>(['revoke', first!.id])
    expect(value).toMatchObject({
      ended: 1,
      session: { isActive: false, endReason: 'revoked', endedBy: expect.stringMatching(/^cli:/) },
    })
    const again = await place.run(['revoke', first!.id])
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/had ended before, .*Z \(revoked\)\n$/) })
    expect(await place.run(['validate'], { input: first!.token })).toMatchObject({ code: 3 })
    expect((await place.run(['show', first!.id])).stdout).toMatch(/session ended +revoked +cli:/)
  })

  test('all of a user leaves nobody else without a session', async () => {
    using place = new Workplace()
    const [first, , third, graces] = await someSessions(place)
    const { value } = await place.json<object>(['invalidate', 'ada'])
    expect(value).toMatchObject({
      user: { username: 'ada' },
      ended: 2,
      ids: expect.arrayContaining([first!.id, third!.id]),
    })
    expect((await place.run(['invalidate', 'ada'])).stdout).toBe('ada had no active session\n')
    expect((await place.json<readonly Listed[]>(['list'])).value.map(({ id }) => id)).toEqual([graces!.id])
  })

  test('everybody’s is asked for, said by whom, and leaves nobody signed in', async () => {
    using place = new Workplace()
    const [first] = await someSessions(place)
    expect(await place.run(['invalidate', '--all'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    })
    for (const args of [['invalidate'], ['invalidate', 'ada', '--all', '--yes']]) {
      expect(await place.run(args)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('whose sessions are meant'),
      })
    }
    const standing = (await place.json<readonly Listed[]>(['list'])).value.length
    expect((await place.json<object>(['invalidate', '--all', '--yes'])).value).toEqual({ ended: standing })
    expect((await place.json<readonly Listed[]>(['list'])).value).toEqual([])
    expect((await place.run(['show', first!.id])).stdout).toMatch(/session ended +revoked +cli:/)
    expect((await place.run(['invalidate', '--all'])).stdout).toBe('ended 0 sessions; nobody is signed in\n')
  })

  test('everybody’s are those, too, whose time is up by what is recorded, while an application may know better', async () => {
    using place = new Workplace()
    const work = async ({ sessions }: { sessions: SessionManager }) =>
      sessions.create({ userId: 'id-of-ada', username: 'ada' })
    const at = new Date(Date.now() - DAY - 5 * MINUTE)
    const policy = { touchInterval: '10m' }
    const { token } = await place.arrange(work, { at, policy })
    expect((await place.json<object>(['invalidate', '--all', '--yes'])).value).toEqual({ ended: 1 })
    const again = async ({ sessions }: { sessions: SessionManager }) => sessions.validate(token)
    expect(await place.arrange(again, { policy })).toMatchObject({ ok: false, reason: 'ended' })
  })

  test('and showing what is not there exits 3', async () => {
    using place = new Workplace()
    await someSessions(place)
    for (const command of ['revoke', 'show']) {
      expect(await place.run([command, UNKNOWN_ID])).toEqual({
        code: 3,
        stdout: '',
        stderr: `sojourn: there is no session '${UNKNOWN_ID}'; 'sojourn list --all' shows those that are kept\n`,
      })
      const pasted = await place.run([command, '0192f0c1 -7a53-7cc4-9a41-5d0c8f3b2e1'])
      expect(pasted).toMatchObject({ code: 3, stderr: expect.stringContaining('there are blanks inside it') })
    }
  })
})

describe('a token', () => {
  test.each([
    ['rubbish', 'let-me-in', 'malformed'],
    ['one of nobody', `${UNKNOWN_ID}.${'A'.repeat(43)}`, 'unknown'],
  ])('that is %s does not stand', async (_, token, reason) => {
    using place = new Workplace()
    await someSessions(place)
    expect(await place.json<object>(['validate'], { input: token })).toMatchObject({
      code: 3,
      value: { ok: false, reason },
    })
  })

  test('with another secret does not stand, and one not used for a day does not either', async () => {
    using place = new Workplace()
    const [signed] = await someSessions(place)
    const forged = `${signed!.id}.${'A'.repeat(43)}`
    expect((await place.json<object>(['validate'], { input: forged })).value).toEqual({ ok: false, reason: 'mismatch' })
    const idle = await place.arrange(
      async ({ sessions }) => (await sessions.create({ userId: '9', username: 'old' })).token,
      { at: new Date(Date.now() - 25 * 3_600_000) },
    )
    expect((await place.json<object>(['validate'], { input: idle })).value).toEqual({ ok: false, reason: 'idle' })
  })

  test('that is validated counts as used', async () => {
    using place = new Workplace()
    const [signed] = await someSessions(place)
    await place.run(['validate'], { input: signed!.token })
    const [used] = await place.arrange(({ sessions }) => Array.fromAsync(sessions.list({ sort: 'lastAccessedAt' })))
    expect(used?.id).toBe(signed!.id)
  })

  test('as an argument is refused wherever it stands, and its secret is not repeated', async () => {
    using place = new Workplace()
    const [{ id, token }] = (await someSessions(place)) as [Signed]
    const secret = token.split('.')[1]!
    for (const args of [
      ['validate', token],
      ['logout', token],
      ['show', token],
      ['revoke', token],
      ['list', token],
      ['validate', secret],
    ]) {
      const run = await place.run(args)
      expect(run).toMatchObject({ code: 2, stdout: '' })
      expect(run.stderr).toMatch(/^sojourn: a token was given as an argument.*end that session.*standard input/)
      expect(run.stderr).not.toContain(secret)
      if (args[1] === token) expect(run.stderr).toContain(`sojourn revoke ${id}`)
    }
    const other = await place.run(['validate', 'let-me-in'])
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('paste it at the prompt') })
    expect(other.stderr).not.toContain('let-me-in')
    expect(await place.run(['validate'], { input: token })).toMatchObject({ code: 0 })
  })

  test('is read from one line; nothing, too much or no text is refused', async () => {
    using place = new Workplace()
    await someSessions(place)
    for (const [input, sentence] of [
      ['', 'the token is empty'],
      ['a'.repeat(5_000), 'longer than 4096 bytes'],
    ] as const) {
      expect(await place.run(['validate'], { input })).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining(sentence),
      })
    }
  })

  test('is answered as soon as its line has come, however long standard input stays open', async () => {
    using place = new Workplace()
    const [signed] = await someSessions(place)
    const child = place.start(['validate'])
    child.stdin.write(`${signed!.token}\n`)
    const code = await new Promise((resolve) => child.once('exit', resolve))
    child.stdin.destroy()
    expect(code).toBe(0)
  })
})
