import { closeSync, openSync, readSync, statSync } from 'node:fs'
import type { AdoptedColumn, AdoptionFigures, AdoptionReport, AdoptionTarget } from 'sojourn/adopt/user-sessions'
import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase, openForRehearsal } from '../database.ts'
import type { Database } from '../database.ts'
import { IN_MEMORY, databasePath } from '../database-url.ts'
import { namedEngine } from '../engines/named.ts'
import { failed, wrongUsage } from '../failure.ts'
import type { Output } from '../output/output.ts'
import { Progress } from '../output/progress.ts'
import { counted, figure, visible } from '../output/text.ts'

/** How many problems are told to a person; `--json` tells them all. */
const TOLD = 20
/** How every SQLite file begins. */
const MAGIC = 'SQLite format 3\0'

interface AdoptFlags {
  readonly from: string
  readonly dryRun?: true
  readonly usersTable?: string
  readonly sessionsTable?: string
  readonly column?: readonly string[]
  readonly idle?: string
  readonly lifetime?: string
}

/** `sojourn adopt`: takes over users and sessions of another system. */
export function adoptCommand(cli: Cli): Command {
  return new Command('adopt')
    .summary("takes over another system's users and live sessions")
    .description("takes over another system's users and sessions, so that nobody is logged out")
    .argument('<system>', 'what the other system is: user-sessions')
    .requiredOption('--from <url>', 'the database of the other system, which may be the same one; it is only read')
    .option('--dry-run', 'read every row, say what would happen, and write nothing')
    .option('--users-table <name>', 'the table of users (default: users)')
    .option('--sessions-table <name>', 'the table of sessions (default: user_sessions)')
    .option(
      '--column <name=theirs>',
      'a column with another name, as in sessions.session_id=sid; nothing after = where there is none',
      collected,
    )
    .option('--idle <duration>', 'how long a session was allowed to go unused there (default: 24h)')
    .option('--lifetime <duration>', 'how long a session was allowed to last there (default: 30d)')
    .example('sojourn adopt user-sessions --from sqlite:./app.db --dry-run', 'what would be taken over')
    .example('sojourn --database sqlite:./app.db adopt user-sessions --from sqlite:./app.db', 'beside the old tables')
    .example('sojourn adopt user-sessions --from app.db --column users.password_hash=pw', 'a column of another name')
    .action(async (system: string, flags: AdoptFlags) => {
      if (system !== 'user-sessions') {
        throw wrongUsage(`'${system}' is no system that can be adopted; give 'user-sessions'`)
      }
      const report = await adopt(cli, flags)
      await cli.output.result(report, () => reportText(cli.output, report))
    })
}

async function adopt(cli: Cli, flags: AdoptFlags): Promise<AdoptionReport> {
  const from = databasePath(flags.from)
  assertAdoptable(from)
  if (namedEngine(cli).kind === 'redis') {
    throw wrongUsage(
      'sessions are adopted into the database that keeps their users, and redis keeps none; give --database sqlite: or postgres:',
    )
  }
  const columns = renamed(flags.column ?? [])
  const isRehearsal = flags.dryRun === true
  await using database = isRehearsal ? await openForRehearsal(cli) : await openDatabase(cli, { create: true })
  const { adoptUserSessions } = await import('sojourn/adopt/user-sessions')
  const progress = new Progress(cli.output, isRehearsal ? 'reading' : 'adopting')
  try {
    return await adoptUserSessions({
      from,
      to: targetIn(database),
      now: database.sessions.now(),
      policy: {
        ...(flags.idle === undefined ? {} : { idleTimeout: flags.idle }),
        ...(flags.lifetime === undefined ? {} : { absoluteLifetime: flags.lifetime }),
      },
      tables: { users: flags.usersTable, sessions: flags.sessionsTable },
      columns,
      dryRun: isRehearsal,
      actor: operator(),
      onProgress: (done, total) => progress.update(done, total),
    })
  } finally {
    progress.finish()
  }
}

function targetIn({ store, users }: Database): AdoptionTarget {
  return {
    users,
    get: (id) => store.get(id),
    revoke: (target, mark, limit) => store.revoke(target, mark, limit),
    events: (query) => store.events(query),
  }
}

function assertAdoptable(path: string): void {
  if (path === IN_MEMORY || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw failed(
      'no_database',
      `there is no database at '${path}' to adopt from; give the file of the other system with --from`,
    )
  }
  if (!isSqliteFile(path)) {
    throw failed('not_a_database', `'${path}' is not an SQLite database; give the file of the other system with --from`)
  }
}

function isSqliteFile(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const start = Buffer.alloc(MAGIC.length)
    return readSync(file, start) === MAGIC.length && start.toString('latin1') === MAGIC
  } finally {
    closeSync(file)
  }
}

function renamed(pairs: readonly string[]): Partial<Record<AdoptedColumn, string | null>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [name = '', theirs] = pair.split(/=(.*)/s)
      if (!isColumn(name) || theirs === undefined) {
        throw wrongUsage(
          `--column '${pair}' is not understood; give one of ${COLUMNS.join(', ')}, '=' and the name it has there`,
        )
      }
      return [name, theirs === '' ? null : theirs]
    }),
  )
}

const COLUMNS: readonly AdoptedColumn[] = [
  'users.id',
  'users.username',
  'users.password_hash',
  'users.created_at',
  'users.last_login',
  'users.is_active',
  'sessions.session_id',
  'sessions.user_id',
  'sessions.created_at',
  'sessions.last_accessed',
  'sessions.ip_address',
  'sessions.user_agent',
  'sessions.is_active',
  'sessions.logged_out_at',
]

function isColumn(name: string): name is AdoptedColumn {
  return COLUMNS.some((column) => column === name)
}

function collected(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}

function reportText(output: Output, report: AdoptionReport): string {
  const { users, sessions, problems } = report
  const lines = [
    output.style('title', report.dryRun ? 'What would be taken over' : 'Taken over'),
    output.table(
      [
        { title: '', rank: 1 },
        { title: 'FOUND', rank: 2, align: 'right' },
        { title: report.dryRun ? 'TO ADD' : 'ADDED', rank: 3, align: 'right' },
        { title: 'ALREADY HERE', rank: 4, align: 'right' },
        { title: 'SKIPPED', rank: 5, align: 'right' },
      ],
      [figures('users', users), figures('sessions', sessions)],
    ),
    `of these sessions ${figure(sessions.live)} live and ${figure(sessions.ended)} ended`,
  ]
  if (problems.length > 0) lines.push('', output.style('warning', counted(problems.length, 'row') + ' with a problem'))
  for (const { table, row, problem } of problems.slice(0, TOLD))
    lines.push(`  ${visible(table)}, row ${row}: ${visible(problem)}`)
  if (problems.length > TOLD) lines.push(`  and ${figure(problems.length - TOLD)} more; --json tells them all`)
  if (report.dryRun) lines.push('nothing was changed')
  return lines.join('\n')
}

function figures(name: string, { found, added, alreadyThere, skipped }: AdoptionFigures): readonly string[] {
  return [name, figure(found), figure(added), figure(alreadyThere), figure(skipped)]
}
