import { isSojournError } from 'sojourn'
import type { ApiKey, ApiKeyScope, ApiKeys, IssuedApiKey } from 'sojourn/auth'
import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { notFound, wrongUsage } from '../failure.ts'
import type { Output } from '../output/output.ts'
import { counted, instant, visible } from '../output/text.ts'

/** What may be asked for with `--scope`, and what it means. */
const SCOPES = ['read', 'revoke', 'manage'] as const satisfies readonly ApiKeyScope[]
const LONGEST_DAYS = 365

/** `sojourn key …`: keys by which programs use the service. */
export function keyCommand(cli: Cli): Command {
  const key = new Command('key')
    .summary('create, list, revoke')
    .description('keys of programs, for the HTTP interface of the service: create, list, revoke')
  for (const make of [create, list, revoke]) key.addCommand(make(cli))
  return key
    .example("sojourn key create 'nightly report' --scope read", 'prints the key, this once')
    .example('sojourn key list', 'who has one, and until when')
}

function create(cli: Cli): Command {
  return new Command('create')
    .description('makes a key for a program and prints it, this once')
    .argument('<name>', 'the program that will use it, as history shows it')
    .option('--scope <scope>', 'what it may: read, revoke or manage; as often as needed', scopes, [])
    .option('--expires <duration>', 'how long it is good for, such as 12h or 90d; at most 365d', lifetime, '90d')
    .example("sojourn key create 'nightly report' --scope read", 'may see everything and change nothing')
    .example('sojourn key create pager --scope read --scope revoke --expires 30d', 'may end sessions, too')
    .action(async (name: string, options: { scope: readonly ApiKeyScope[]; expires: string }) => {
      const { scope, expires: expiresIn } = options
      if (scope.length === 0) throw wrongUsage(`a key needs a scope; add --scope ${SCOPES.join(' or --scope ')}`)
      await using database = await openDatabase(cli)
      const keys = await database.keys()
      const issued = await made(keys, { name, scopes: scope, expiresIn, createdBy: operator() })
      await cli.output.result({ key: issued.key, secret: issued.secret }, () => issued.secret)
      cli.output.note(
        `${visible(issued.key.name)} may ${issued.key.scopes.join(', ')} until ${instant(issued.key.expiresAt)}\n` +
          'the key is shown this once and cannot be found again',
      )
    })
}

function list(cli: Cli): Command {
  return new Command('list')
    .description('every key, newest first, without its secret')
    .example('sojourn key list', 'who has one, and until when')
    .action(async () => {
      await using database = await openDatabase(cli)
      const keys = await (await database.keys()).list()
      const now = database.sessions.now()
      if (cli.output.isJson || keys.length > 0) await cli.output.result(keys, () => keyTable(cli.output, keys, now))
      cli.output.note(counted(keys.length, 'key'))
    })
}

function revoke(cli: Cli): Command {
  return new Command('revoke')
    .description('revokes a key: it is refused from its very next request')
    .argument('<id>', 'the id of the key, as `sojourn key list` shows it')
    .example('sojourn key revoke 2898a06fec2c8e91', 'for ever')
    .action(async (typed: string) => {
      const id = keyIdOf(typed)
      await using database = await openDatabase(cli)
      const keys = await database.keys()
      const isRevoked = await keys.revoke(id, { actor: operator() })
      const key = await keys.get(id)
      if (key === null) throw notFound(`there is no key '${id}'; 'sojourn key list' shows those there are`)
      const words = isRevoked ? 'is revoked' : 'was revoked before'
      await cli.output.result({ key, isRevoked }, () => `key ${id} of ${visible(key.name)} ${words}`)
    })
}

/** A name that no key can have is a mistake of whoever typed it. */
async function made(keys: ApiKeys, wanted: Parameters<ApiKeys['create']>[0]): Promise<IssuedApiKey> {
  try {
    return await keys.create(wanted)
  } catch (error) {
    if (isSojournError(error, 'invalid_argument')) throw wrongUsage(error.message)
    throw error
  }
}

function scopes(word: string, before: readonly ApiKeyScope[]): readonly ApiKeyScope[] {
  const scope = SCOPES.find((each) => each === word)
  if (scope !== undefined) return before.includes(scope) ? before : [...before, scope]
  throw wrongUsage(`'${word.slice(0, 40)}' is no scope; give ${SCOPES.join(', ')}`)
}

function lifetime(text: string): string {
  const [, amount, unit] = /^([1-9]\d{0,3})([hd])$/.exec(text) ?? []
  const days = unit === 'h' ? Number(amount) / 24 : Number(amount)
  if (amount !== undefined && days <= LONGEST_DAYS) return text
  throw wrongUsage(
    `'${text.slice(0, 40)}' is no lifetime of a key; give hours or days, such as 12h or 90d, at most 365d`,
  )
}

/** The id, also where the whole beginning of the key was copied. Never repeats what may be a secret. */
function keyIdOf(typed: string): string {
  const id = /^(?:sjk_)?([0-9a-f]{16})$/.exec(typed)?.[1]
  if (id !== undefined) return id
  throw wrongUsage("this is no id of a key; give the 16 characters that 'sojourn key list' shows, and never its secret")
}

function keyTable(output: Output, keys: readonly ApiKey[], now: number): string {
  return output.table(
    [
      { title: 'ID', rank: 1 },
      { title: 'NAME', rank: 2, least: 8 },
      { title: 'MAY', rank: 3 },
      { title: 'STATE', rank: 4 },
      { title: 'UNTIL', rank: 5 },
      { title: 'LAST USED', rank: 6 },
      { title: 'CREATED BY', rank: 7, least: 8 },
    ],
    keys.map((key) => [
      key.id,
      visible(key.name),
      key.scopes.join(' '),
      stateOf(key, now),
      output.instant(key.expiresAt),
      key.lastUsedAt === null ? 'never' : output.instant(key.lastUsedAt),
      visible(key.createdBy),
    ]),
  )
}

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): string {
  if (revokedAt !== null) return 'revoked'
  return expiresAt.getTime() <= now ? 'expired' : 'good'
}
