import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { assertStandardInput } from '../refused-tokens.ts'
import { readSecret } from '../secret.ts'
import { refusalText } from './validate.ts'

/** `sojourn logout`: ends the session whose token is given. */
export function logoutCommand(cli: Cli): Command {
  return new Command('logout')
    .summary('ends the session of a token')
    .description('ends the session of a token')
    .argument('[-]', 'the token is read from the prompt or from standard input, never from here')
    .reads('token')
    .example('sojourn logout', 'asks for the token')
    .example('sojourn logout < token.txt', 'reads it from a file; exits 3 if it does not stand')
    .action(async (source: string | undefined) => {
      assertStandardInput(source, 'logout')
      await using database = await openDatabase(cli)
      const token = await readSecret(cli, { name: 'token' })
      const check = await database.sessions.validate(token, { isPassive: true })
      const isEnded = check.ok && (await database.sessions.end(token))
      if (check.ok) {
        const session = await database.session(check.session.id)
        const words = isEnded ? 'logged out' : 'ended by somebody else just now'
        await cli.output.result({ ok: true, session }, () => `${words}: session ${session.id}`)
      } else {
        cli.exitCode = 3
        await cli.output.result(check, () => `not logged out: ${refusalText(check)}`)
      }
    })
}
