/** `sojourn user …`: users, and what becomes of their sessions. */
import { describe, expect, test } from 'vitest'
import { PASSWORD, Workplace } from './support/program.ts'

const OTHER_PASSWORD = 'forty-two wooden horses'

interface Change {
  readonly user: { readonly username: string; readonly role: string; readonly isDisabled: boolean }
  readonly isChanged: boolean
  readonly ended: number
}

/** A database with users, each signed in once. */
async function placeWith(...names: readonly string[]): Promise<Workplace> {
  const place = new Workplace()
  await place.arrange(async ({ auth }) => {
    for (const name of names) {
      await auth.registerUser(name, PASSWORD)
      await auth.loginUser(name, PASSWORD)
    }
  })
  return place
}

describe('adding', () => {
  test('makes a user, or an operator', async () => {
    using place = await placeWith()
    const { value } = await place.json<object>(['user', 'add', 'Grace', '--operator'], { input: PASSWORD })
    expect(value).toMatchObject({ username: 'grace', role: 'operator' })
    const history = await place.arrange(({ sessions }) => sessions.events({ type: 'user_created' }))
    expect(history).toEqual([expect.objectContaining({ actor: expect.stringMatching(/^cli:./) })])
  })

  test.each([
    [
      'a name that is taken',
      'ADA',
      PASSWORD,
      1,
      'ADA was not added: username belongs to somebody else; choose another',
    ],
    ['a short password', 'bob', 'short', 1, 'bob was not added: password is too short; give at least 15 characters'],
    [
      'an empty password',
      'bob',
      '\n',
      2,
      'the password is empty; type it at the prompt or give it as the first line of standard input',
    ],
  ])('refuses %s with one sentence', async (_, name, password, code, sentence) => {
    using place = await placeWith('ada')
    expect(await place.run(['user', 'add', name], { input: password })).toEqual({
      code,
      stdout: '',
      stderr: `sojourn: ${sentence}\n`,
    })
  })

  test('takes no password as an argument, and does not repeat it', async () => {
    using place = await placeWith()
    for (const args of [
      ['user', 'add', 'bob', 'hunter2'],
      ['login', 'bob', 'hunter2'],
      ['login', 'bob', '--password=hunter2'],
    ]) {
      const run = await place.run(args)
      expect(run).toMatchObject({ code: 2, stdout: '' })
      expect(run.stderr).not.toContain('hunter2')
    }
  })
})

test('the list has everybody, by name', async () => {
  using place = await placeWith('grace', 'ada')
  await place.arrange(({ auth }) => auth.disableUser('grace'))
  const { stdout, stderr, code } = await place.run(['user', 'list'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '2 users\n' })
  expect(stdout).toMatch(/^USER +ROLE +STATE +LAST LOGIN .*\nada +user +enabled .*\ngrace +user +disabled .*\n$/)
  const { value } = await place.json<readonly object[]>(['user', 'list'])
  expect(value).toMatchObject([
    { username: 'ada', isDisabled: false },
    { username: 'grace', isDisabled: true },
  ])
})

describe('changing', () => {
  test('a password ends the sessions, and only the new one signs in', async () => {
    using place = await placeWith('ada')
    const changed = await place.run(['user', 'passwd', 'ada'], { input: OTHER_PASSWORD })
    expect(changed).toEqual({ code: 0, stdout: 'ada has a new password; ended 1 session\n', stderr: '' })
    expect(await place.run(['login', 'ada'], { input: PASSWORD })).toMatchObject({ code: 3 })
    expect(await place.run(['login', 'ada'], { input: OTHER_PASSWORD })).toMatchObject({ code: 0 })
    const short = await place.run(['user', 'passwd', 'ada'], { input: 'short' })
    expect(short).toMatchObject({ code: 1, stderr: expect.stringContaining('was not changed: password is too short') })
  })

  test('disabling ends the sessions and lets nobody in until the user is enabled', async () => {
    using place = await placeWith('ada')
    const disabled = await place.json<Change>(['user', 'disable', 'ada'])
    expect(disabled).toMatchObject({ code: 0, value: { user: { isDisabled: true }, isChanged: true, ended: 1 } })
    expect(await place.run(['login', 'ada'], { input: PASSWORD })).toMatchObject({ code: 3 })
    expect((await place.run(['user', 'disable', 'ada'])).stdout).toBe('ada was disabled already\n')
    expect((await place.run(['user', 'enable', 'ada'])).stdout).toBe('ada is enabled\n')
    expect(await place.run(['login', 'ada'], { input: PASSWORD })).toMatchObject({ code: 0 })
  })

  test('a role makes an operator, and taking it away ends the sessions', async () => {
    using place = await placeWith('ada')
    expect((await place.run(['user', 'role', 'ada', 'operator'])).stdout).toBe('ada is an operator now\n')
    expect((await place.run(['user', 'role', 'ada', 'operator'])).stdout).toBe('ada was an operator already\n')
    const { value } = await place.json<Change>(['user', 'role', 'ada', 'user'])
    expect(value).toMatchObject({ user: { role: 'user' }, isChanged: true, ended: 1 })
    expect(await place.run(['user', 'role', 'ada', 'king'])).toMatchObject({
      code: 2,
      stderr: "sojourn: 'king' is no role; give 'operator' or 'user'\n",
    })
  })

  test('deleting needs to be agreed to, and leaves nothing of the user', async () => {
    using place = await placeWith('ada', 'grace')
    const asked = await place.run(['user', 'delete', 'ada'])
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('add --yes') })
    const deleted = await place.run(['user', 'delete', 'ada', '--yes'])
    expect(deleted).toEqual({ code: 0, stdout: 'ada is deleted; ended 1 session\n', stderr: '' })
    expect((await place.json<readonly object[]>(['user', 'list'])).value).toMatchObject([{ username: 'grace' }])
    expect((await place.json<readonly object[]>(['list', '--all'])).value).toMatchObject([{ username: 'grace' }])
  })
})

test('somebody unknown is said to be unknown, and exits 3', async () => {
  using place = await placeWith('ada')
  const commands = [
    ['list', 'bob'],
    ['invalidate', 'bob'],
    ['user', 'disable', 'bob'],
    ['user', 'enable', 'bob'],
    ['user', 'role', 'bob', 'operator'],
    ['user', 'passwd', 'bob'],
    ['user', 'delete', 'bob', '--yes'],
  ]
  for (const args of commands) {
    expect(await place.run(args, { input: PASSWORD })).toEqual({
      code: 3,
      stdout: '',
      stderr: "sojourn: there is no user 'bob'; 'sojourn user list' shows who there is\n",
    })
  }
})
