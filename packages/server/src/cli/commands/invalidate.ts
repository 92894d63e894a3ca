import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { counted, visible } from '../output/text.ts'

/** `sojourn invalidate`: signs a user out everywhere. */
export function invalidateCommand(cli: Cli): Command {
  return new Command('invalidate')
    .summary('ends all sessions of a user')
    .description('ends all sessions of a user, also logins that are under way')
    .argument('<name>', 'the name of the user')
    .example('sojourn invalidate ada', 'ada is signed out everywhere and may sign in again')
    .action(async (name: string) => {
      await using database = await openDatabase(cli)
      const user = await database.user(name)
      const { count, ids } = await database.sessions.revoke({ userId: user.id }, { actor: operator() })
      await cli.output.result({ user, ended: count, ids }, () =>
        count === 0
          ? `${visible(user.username)} had no active session`
          : `ended ${counted(count, 'session')} of ${visible(user.username)}`,
      )
    })
}
