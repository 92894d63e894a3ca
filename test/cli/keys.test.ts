/** `sojourn key …`: keys by which programs use the service. */
import { describe, expect, test } from 'vitest'
import { ApiKeys } from 'sojourn/auth'
import { SqliteStore } from 'sojourn/sqlite'
import { Workplace } from './support/program.ts'

interface Key {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: string
  readonly expiresAt: string
  readonly revokedAt: string | null
}

async function place(): Promise<Workplace> {
  const made = new Workplace()
  await made.arrange(async () => {})
  return made
}

/** What the service would say of a key. */
async function checked({ database }: Workplace, secret: string) {
  const store = SqliteStore.open(database)
  const check = await new ApiKeys({ store: store.apiKeys }).check(secret)
  await store.close()
  return check
}

describe('creating', () => {
  test('prints a key that is good, alone on standard output, and tells history who made it', async () => {
    using here = await place()
    const { code, stdout, stderr } = await here.run(['key', 'create', 'nightly report', '--scope', 'read'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^sjk_[0-9a-f]{16}\.[\w-]{43}\n$/)
    expect(stderr).toMatch(/^nightly report may read until .*\nthe key is shown this once and cannot be found again\n$/)
    expect(await checked(here, stdout.trim())).toMatchObject({ ok: true })
    const [event] = await here.arrange(({ sessions }) => sessions.events({ type: 'key_created' }))
    expect(event).toMatchObject({ actor: expect.stringMatching(/^cli:./), detail: 'nightly report' })
  })

  test('gives the scopes and the lifetime that were asked for', async () => {
    using here = await place()
    const args = ['key', 'create', 'pager', '--scope', 'revoke', '--scope', 'read', '--scope', 'read', '--expires']
    const { value } = await here.json<{ readonly key: Key; readonly secret: string }>([...args, '12h'])
    const { scopes, createdAt, expiresAt } = value.key
    expect(scopes).toEqual(['read', 'revoke'])
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(12 * 3_600_000)
  })

  test.each([
    ['no scope', ['x'], 'a key needs a scope; add --scope read or --scope revoke or --scope manage'],
    ['a scope there is not', ['x', '--scope', 'root'], "'root' is no scope; give read, revoke, manage"],
    [
      'two years',
      ['x', '--scope', 'read', '--expires', '730d'],
      "'730d' is no lifetime of a key; give hours or days, such as 12h or 90d, at most 365d",
    ],
    [
      'no name',
      [' ', '--scope', 'read'],
      "name is ' '; give 1 to 100 characters that can be seen, such as 'nightly report'",
    ],
  ])('refuses %s with one sentence', async (_, args, sentence) => {
    using here = await place()
    const run = await here.run(['key', 'create', ...args])
    expect(run).toEqual({ code: 2, stdout: '', stderr: `sojourn: ${sentence}\n` })
  })
})

test('the list has every key, what it may and how it stands, and no secret', async () => {
  using here = await place()
  expect(await here.run(['key', 'list'])).toEqual({ code: 0, stdout: '', stderr: '0 keys\n' })
  const { stdout: secret } = await here.run(['key', 'create', 'nightly report', '--scope', 'read'])
  await here.run(['key', 'create', 'pager', '--scope', 'revoke'])
  await here.run(['key', 'revoke', secret.slice(0, 20)])
  const { stdout } = await here.run(['key', 'list'])
  expect(stdout).toMatch(
    /^ID +NAME +MAY .*\n[0-9a-f]{16} +pager +revoke +good .*\n.* nightly report +read +revoked .*\n$/,
  )
  const { value, stdout: json } = await here.json<readonly Key[]>(['key', 'list'])
  expect(value).toMatchObject([{ name: 'pager', revokedAt: null }, { name: 'nightly report' }])
  for (const text of [stdout, json]) expect(text).not.toContain(secret.trim().split('.')[1])
})

describe('revoking', () => {
  test('is for ever, and again is no failure', async () => {
    using here = await place()
    const { value } = await here.json<{ readonly key: Key; readonly secret: string }>(
      'key create pager --scope read'.split(' '),
    )
    const { id } = value.key
    expect((await here.run(['key', 'revoke', id])).stdout).toBe(`key ${id} of pager is revoked\n`)
    expect((await here.run(['key', 'revoke', id])).stdout).toBe(`key ${id} of pager was revoked before\n`)
    expect(await checked(here, value.secret)).toEqual({ ok: false, reason: 'revoked' })
  })

  test('of a key there is not is not found', async () => {
    using here = await place()
    expect(await here.run(['key', 'revoke', '0000000000000000'])).toMatchObject({ code: 3, stdout: '' })
  })

  test('ADM-10: takes no secret as an argument, and does not repeat it', async () => {
    using here = await place()
    const secret = 'sjk_0123456789abcdef.an-example-of-a-secret-which-opens-no-doorA'
    for (const args of [
      ['key', 'revoke', secret],
      ['list', `Bearer ${secret}`],
    ]) {
      const run = await here.run(args)
      expect(run).toMatchObject({ code: 2, stdout: '' })
      expect(run.stderr).toContain("revoke it with 'sojourn key revoke 0123456789abcdef'")
      expect(run.stderr).not.toContain('an-example')
    }
  })
})
