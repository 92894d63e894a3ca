import type { AuthManager, SetPasswordOutcome, User, UserOutcome } from 'sojourn/auth'
import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { failed, wrongUsage } from '../failure.ts'
import type { Output } from '../output/output.ts'
import { counted, safeJson, visible } from '../output/text.ts'
import { confirm, readSecret } from '../secret.ts'

/** `sojourn user …`: who may sign in with a password kept here, and who is an operator. */
export function userCommand(cli: Cli): Command {
  const user = new Command('user')
    .summary('add, list, passwd, disable, enable, role, delete')
    .description('users: add, list, passwd, disable, enable, role, delete')
  for (const make of [add, list, passwd, disable, enable, role, remove]) user.addCommand(make(cli))
  return user
    .example('sojourn user add ada', 'asks for a password, twice')
    .example('sojourn user disable ada', 'signed out everywhere, and no way in')
}

function add(cli: Cli): Command {
  return named('add', 'adds a user; the password comes from the prompt or from standard input')
    .reads('password')
    .option('--operator', 'may see and end the sessions of others')
    .example('sojourn user add ada', 'asks for a password, twice')
    .example('sojourn user add ada < password.txt', 'reads it from the first line of a file')
    .action(async (name: string, options: { operator?: true }) => {
      await using database = await openDatabase(cli)
      const auth = await database.auth()
      const password = await readSecret(cli, { name: 'password', isNew: true })
      const outcome = await auth.registerUser(name, password, {
        role: options.operator === true ? 'operator' : 'user',
        actor: operator(),
      })
      if (!outcome.ok) throw failed(outcome.reason, `${visible(name)} was not added: ${outcome.message}`)
      await cli.output.result(outcome.user, () => `added ${describe(outcome.user)}`)
    })
}

function list(cli: Cli): Command {
  return new Command('list')
    .description('all users, by name')
    .example('sojourn user list', 'who there is')
    .example("sojourn user list --json | jq -r '.[] | select(.isDisabled) | .username'", 'who is disabled')
    .action(async () => {
      await using database = await openDatabase(cli)
      const users: User[] = []
      for await (const user of (await database.auth()).listUsers()) users.push(user)
      if (cli.output.isJson) await cli.output.write(`${safeJson(users, 2)}\n`)
      else if (users.length > 0) await cli.output.write(`${userTable(cli.output, users)}\n`)
      cli.output.note(counted(users.length, 'user'))
    })
}

function passwd(cli: Cli): Command {
  return named('passwd', 'gives a user another password and ends all their sessions')
    .reads('password')
    .example('sojourn user passwd ada', 'asks for the new password, twice')
    .action(async (name: string) => {
      await using database = await openDatabase(cli)
      await database.user(name)
      const password = await readSecret(cli, { name: 'password', isNew: true })
      const outcome = await (await database.auth()).setPassword(name, password, { actor: operator() })
      if (!outcome.ok && outcome.reason !== 'unknown_user') throw failed(outcome.reason, refusal(name, outcome))
      const user = await database.user(name)
      await changed(cli.output, user, outcome, `${visible(user.username)} has a new password`)
    })
}

function disable(cli: Cli): Command {
  return named('disable', 'ends all sessions of a user and lets nobody sign in as them')
    .example('sojourn user disable ada', 'until she is enabled again')
    .action((name: string) =>
      change(cli, name, (auth) => auth.disableUser(name, { actor: operator() }), [
        'is disabled',
        'was disabled already',
      ]),
    )
}

function enable(cli: Cli): Command {
  return named('enable', 'lets a disabled user sign in again; ended sessions stay ended')
    .example('sojourn user enable ada', 'she may sign in again')
    .action((name: string) =>
      change(cli, name, (auth) => auth.enableUser(name, { actor: operator() }), ['is enabled', 'was enabled already']),
    )
}

function role(cli: Cli): Command {
  return named('role', 'makes a user an operator, or an operator a user again')
    .argument('<role>', 'operator or user')
    .example('sojourn user role grace operator', 'she may see and end the sessions of others')
    .action(async (name: string, wanted: string) => {
      if (wanted !== 'operator' && wanted !== 'user') {
        throw wrongUsage(`'${wanted}' is no role; give 'operator' or 'user'`)
      }
      const noun = wanted === 'operator' ? 'an operator' : 'a user'
      await change(cli, name, (auth) => auth.setRole(name, wanted, { actor: operator() }), [
        `is ${noun} now`,
        `was ${noun} already`,
      ])
    })
}

function remove(cli: Cli): Command {
  return named('delete', 'deletes a user with all their sessions; history stays')
    .option('--yes', 'do not ask first')
    .example('sojourn user delete ada', 'asks first')
    .action(async (name: string, options: { yes?: true }) => {
      await using database = await openDatabase(cli)
      const user = await database.user(name)
      await confirm(cli, `delete ${visible(user.username)} with all their sessions`, options.yes === true)
      const outcome = await (await database.auth()).deleteUser(name, { actor: operator() })
      await changed(cli.output, user, outcome, `${visible(user.username)} is deleted`)
    })
}

function named(name: string, description: string): Command {
  return new Command(name).description(description).argument('<name>', 'the name of the user')
}

async function change(
  cli: Cli,
  name: string,
  work: (auth: AuthManager) => Promise<UserOutcome>,
  [now, already]: readonly [now: string, already: string],
): Promise<void> {
  await using database = await openDatabase(cli)
  await database.user(name)
  const outcome = await work(await database.auth())
  const user = await database.user(name)
  await changed(
    cli.output,
    user,
    outcome,
    `${visible(user.username)} ${outcome.ok && outcome.isChanged ? now : already}`,
  )
}

async function changed(
  output: Output,
  user: User,
  outcome: Pick<SetPasswordOutcome, 'ok'> & { readonly isChanged?: boolean; readonly ended?: number },
  words: string,
): Promise<void> {
  const { isChanged = false, ended = 0 } = outcome
  const value = { user, isChanged, ended }
  await output.result(value, () => (ended === 0 ? words : `${words}; ended ${counted(ended, 'session')}`))
}

function refusal(name: string, outcome: { readonly message: string }): string {
  return `the password of ${visible(name)} was not changed: ${outcome.message}`
}

function describe(user: User): string {
  return `${user.role} ${visible(user.username)} (id ${visible(user.id)})`
}

function userTable(output: Output, users: readonly User[]): string {
  return output.table(
    [
      { title: 'USER', rank: 1, least: 8 },
      { title: 'ROLE', rank: 3 },
      { title: 'STATE', rank: 2 },
      { title: 'LAST LOGIN', rank: 4 },
      { title: 'CREATED', rank: 5 },
      { title: 'ID', rank: 6 },
    ],
    users.map((user) => [
      visible(user.username),
      user.role,
      user.isDisabled ? 'disabled' : 'enabled',
      user.lastLoginAt === null ? 'never' : output.instant(user.lastLoginAt),
      output.instant(user.createdAt),
      visible(user.id),
    ]),
  )
}
