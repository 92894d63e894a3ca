import type { SessionFilter } from 'sojourn'
import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import type { Database } from '../database.ts'
import { wrongUsage } from '../failure.ts'
import { Progress } from '../output/progress.ts'
import { counted, visible } from '../output/text.ts'
import { confirm } from '../secret.ts'

interface InvalidateFlags {
  readonly all?: true
  readonly yes?: true
}

/**
 * Also those whose time is up by what is recorded: an application may have used them since, by a touch interval of its
 * own, and would let them in again.
 */
const EVERYBODY = { ended: false } as const satisfies SessionFilter

/** `sojourn invalidate`: signs a user out everywhere, or everybody. */
export function invalidateCommand(cli: Cli): Command {
  return new Command('invalidate')
    .summary('ends all sessions of a user')
    .description('ends all sessions of a user, also logins that are under way; with --all those of everybody')
    .argument('[name]', 'the name of the user')
    .option('--all', 'the sessions of everybody, as after a backup was restored')
    .option('--yes', 'with --all: do not ask first')
    .example('sojourn invalidate ada', 'ada is signed out everywhere and may sign in again')
    .example('sojourn invalidate --all', 'everybody is signed out; asks first')
    .action(async (name: string | undefined, flags: InvalidateFlags) => {
      if ((name === undefined) === (flags.all === undefined)) {
        throw wrongUsage("it is not clear whose sessions are meant; give the name of a user, or --all for everybody's")
      }
      if (name === undefined) await invalidateAll(cli, flags.yes === true)
      else await invalidate(cli, name)
    })
}

async function invalidate(cli: Cli, name: string): Promise<void> {
  await using database = await openDatabase(cli)
  const user = await database.user(name)
  const { count, ids } = await database.sessions.revoke({ userId: user.id }, { actor: operator() })
  await cli.output.result({ user, ended: count, ids }, () =>
    count === 0
      ? `${visible(user.username)} had no active session`
      : `ended ${counted(count, 'session')} of ${visible(user.username)}`,
  )
}

async function invalidateAll(cli: Cli, isAgreed: boolean): Promise<void> {
  await using database = await openDatabase(cli)
  const total = await database.sessions.count(EVERYBODY)
  if (total > 0) await confirm(cli, `end ${counted(total, 'session')}, which is everybody's`, isAgreed)
  const count = await endAll(cli, database, total)
  await cli.output.result({ ended: count }, () => `ended ${counted(count, 'session')}; nobody is signed in`)
}

async function endAll(cli: Cli, { sessions }: Database, total: number): Promise<number> {
  const progress = new Progress(cli.output, 'ending')
  const onProgress = (done: number): void => progress.update(done, total)
  try {
    const { count } = await sessions.revoke({ where: EVERYBODY }, { actor: operator(), onProgress })
    return count
  } finally {
    progress.finish()
  }
}
