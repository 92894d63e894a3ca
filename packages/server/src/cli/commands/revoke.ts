import type { Cli } from '../cli.ts'
import { operator } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { stateOf } from '../output/sessions.ts'
import { instant, visible } from '../output/text.ts'
import { sessionIdOf } from '../session-id.ts'

/** `sojourn revoke`: ends one session. */
export function revokeCommand(cli: Cli): Command {
  return new Command('revoke')
    .summary('ends one session')
    .description('ends one session for good')
    .argument('<id>', 'the id of the session, as `sojourn list` shows it')
    .example('sojourn revoke 0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11', 'whoever holds its token is signed out')
    .action(async (typed: string) => {
      const id = sessionIdOf(typed)
      await using database = await openDatabase(cli)
      await database.session(id)
      const { count } = await database.sessions.revoke({ id }, { actor: operator() })
      const session = await database.session(id)
      const whose = `session ${id} of ${visible(session.username)}`
      await cli.output.result({ ended: count, session }, () =>
        count === 1 ? `ended ${whose}` : `${whose} had ended before, ${instant(session.endsAt)} (${stateOf(session)})`,
      )
    })
}
