import type { LoginOutcome } from 'sojourn/auth'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { figure, instant, visible } from '../output/text.ts'
import { readSecret } from '../secret.ts'
import { VERSION } from '../../service/version.ts'

/** `sojourn login`: signs a user in and prints the token. */
export function loginCommand(cli: Cli): Command {
  return new Command('login')
    .summary('signs a user in and prints the token, this once')
    .description('signs a user in with the password and prints the token, this once')
    .argument('<name>', 'the name of the user')
    .reads('password')
    .example('sojourn login ada', 'asks for the password')
    .example('sojourn login ada < password.txt', 'reads it from the first line of a file')
    .example('sojourn login ada --json | jq -r .token', 'the token alone')
    .action(async (name: string) => {
      await using database = await openDatabase(cli, { policy: {} })
      const auth = await database.auth()
      const password = await readSecret(cli, { name: 'password' })
      const outcome = await auth.loginUser(name, password, { userAgent: `sojourn-cli/${VERSION}` })
      if (!outcome.ok) {
        cli.exitCode = 3
        await cli.output.result(outcome, () => `${cli.output.style('bad', 'not signed in')}: ${refusalText(outcome)}`)
        return
      }
      const { session, token } = outcome
      await cli.output.result({ ok: true, session, token }, () => token)
      cli.output.note(
        `${visible(session.username)} is signed in, session ${session.id}, until ${instant(session.endsAt)} if it is not used before\n` +
          'the token is shown this once and cannot be found again',
      )
    })
}

type LoginRefusal = Extract<LoginOutcome, { ok: false }>

function refusalText(refusal: LoginRefusal): string {
  const words = REFUSALS[refusal.reason]
  return 'retryAfter' in refusal ? `${words}; try again in ${figure(refusal.retryAfter)} s` : words
}

const REFUSALS: Readonly<Record<LoginRefusal['reason'], string>> = {
  invalid_credentials: 'the username or the password is wrong',
  limit: 'the user has as many sessions as the policy allows',
  throttled: 'too many attempts',
  overloaded: 'too many logins at once',
}
