import { Option } from 'commander'
import type { Argument } from 'commander'
import type { Cli } from './cli.ts'
import { Command, examplesText } from './command.ts'
import { adoptCommand } from './commands/adopt.ts'
import { cleanupCommand } from './commands/cleanup.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { invalidateCommand } from './commands/invalidate.ts'
import { keyCommand } from './commands/key.ts'
import { listCommand } from './commands/list.ts'
import { loginCommand } from './commands/login.ts'
import { logoutCommand } from './commands/logout.ts'
import { migrateCommand } from './commands/migrate.ts'
import { revokeCommand } from './commands/revoke.ts'
import { serveCommand } from './commands/serve.ts'
import { showCommand } from './commands/show.ts'
import { statsCommand } from './commands/stats.ts'
import { tailCommand } from './commands/tail.ts'
import { userCommand } from './commands/user.ts'
import { validateCommand } from './commands/validate.ts'
import { DEFAULT_DATABASE_URL } from './database-url.ts'
import type { NamedDatabase } from './engines/engine.ts'
import type { Output } from './output/output.ts'
import { VERSION } from '../service/version.ts'

/** Lines longer than this are hard to read, however wide the terminal is. */
const HELP_WIDTH = 100
/** What comes first in the help. */
const START = 'Start here:'

/** The commands by what a person wants to do, in the order of the help. */
const GROUPS = {
  [START]: [demoCommand, serveCommand, migrateCommand, adoptCommand, doctorCommand],
  'Users:': [userCommand, keyCommand],
  'Sessions:': [
    loginCommand,
    logoutCommand,
    validateCommand,
    listCommand,
    showCommand,
    revokeCommand,
    invalidateCommand,
  ],
  'Upkeep:': [statsCommand, cleanupCommand, tailCommand],
} as const

/** The program: every command, the options that hold for all of them, and the help. */
export function createProgram(cli: Cli, env: NodeJS.ProcessEnv): Command {
  const program = new Command('sojourn')
    .description('Session tracking: who is signed in, since when, from where, and out for good.')
    .version(VERSION, '-V, --version', 'print the version')
    .addOption(
      new Option('--database <url>', `the database (default: $SOJOURN_DATABASE_URL, else ${DEFAULT_DATABASE_URL})`),
    )
    .addOption(
      new Option('--users <url>', 'with sessions in redis: the database of their users (default: $SOJOURN_USERS_URL)'),
    )
    .option('--json', 'results as JSON on standard output, failures as JSON on standard error')
    .addHelpCommand(
      new Command('help').argument('[command]').description('the same as --help after the command').helpGroup(START),
    )
    .example('sojourn demo', 'a tour of everything, on a database that is thrown away')
    .example('sojourn serve --development', 'the service with its console, on this machine')
    .example('sojourn migrate', 'make a database here')
    .example('sojourn user add ada', 'the first user; asks for a password')
    .example('sojourn list', 'who is signed in')
  for (const [group, commands] of Object.entries(GROUPS)) {
    for (const make of commands) program.addCommand(make(cli).helpGroup(group))
  }
  program.hook('preAction', () => {
    const { database, users, json } = program.opts<{ database?: string; users?: string; json?: true }>()
    cli.output.isJson = json === true
    cli.database = namedDatabase(database, env)
    cli.users = namedUsers(users, env)
  })
  const shared = program.options.filter(({ long }) => long !== '--version')
  finish(program, shared, cli.output)
  return program
}

function namedDatabase(option: string | undefined, { SOJOURN_DATABASE_URL }: NodeJS.ProcessEnv): NamedDatabase {
  if (option !== undefined) return { url: option, source: '--database' }
  if (SOJOURN_DATABASE_URL) return { url: SOJOURN_DATABASE_URL, source: '$SOJOURN_DATABASE_URL' }
  return { url: DEFAULT_DATABASE_URL, source: 'default' }
}

function namedUsers(option: string | undefined, { SOJOURN_USERS_URL }: NodeJS.ProcessEnv): NamedDatabase | null {
  if (option !== undefined) return { url: option, source: '--users' }
  return SOJOURN_USERS_URL ? { url: SOJOURN_USERS_URL, source: '$SOJOURN_USERS_URL' } : null
}

/** What every command has in common: how it fails, where its help goes and how it looks. */
function finish(command: Command, shared: Option[], output: Output): void {
  const isProgram = command.parent === null
  const width = Math.min(output.width ?? HELP_WIDTH, HELP_WIDTH)
  command
    .exitOverride()
    .helpOption('-h, --help', isProgram ? 'print this help; also after a command' : 'print this help')
    .configureOutput({
      writeOut: (text) => output.stdout.write(text),
      writeErr: (text) => output.stderr.write(text),
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
    })
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: () => (isProgram ? [] : shared),
      subcommandTerm: (sub) => [sub.name(), ...sub.registeredArguments.map(argumentTerm)].join(' '),
      styleTitle: (title) => output.style('title', title),
    })
    .addHelpText('after', examplesText(command, width))
  if (!isProgram) command.helpCommand(false)
  for (const child of command.commands) if (child instanceof Command) finish(child, shared, output)
}

function argumentTerm(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
}
