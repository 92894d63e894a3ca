import type { Check } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import type { Output } from '../output/output.ts'
import { instant, visible } from '../output/text.ts'
import { assertStandardInput } from '../refused-tokens.ts'
import { readSecret } from '../secret.ts'

/** `sojourn validate`: whether a token still stands. */
export function validateCommand(cli: Cli): Command {
  return new Command('validate')
    .summary('says whether a token still stands, and if not, why')
    .description('says whether a token still stands, and if not, why; counts as use of the session')
    .argument('[-]', 'the token is read from the prompt or from standard input, never from here')
    .reads('token')
    .example('sojourn validate', 'asks for the token')
    .example('sojourn validate < token.txt', 'reads it from a file; exits 3 if it does not stand')
    .action(async (source: string | undefined) => {
      assertStandardInput(source, 'validate')
      await using database = await openDatabase(cli)
      const check = await database.sessions.validate(await readSecret(cli, { name: 'token' }))
      // The use is written down before the answer is given, so that a failure to do so is not told after it.
      await database.sessions.flush()
      if (!check.ok) cli.exitCode = 3
      await cli.output.result(check, () => checkText(cli.output, check))
    })
}

function checkText(output: Output, check: Check): string {
  if (!check.ok) return `${output.style('bad', 'not valid')}: ${refusalText(check)}`
  const { session } = check
  return [
    `${output.style('good', 'valid')}: ${visible(session.username)}, session ${session.id}`,
    `signed in ${instant(session.createdAt)} on ${visible(session.device.label)}; ends ${instant(session.endsAt)} if it is not used before`,
  ].join('\n')
}

/** Why a token does not stand, in words. */
export function refusalText(check: Extract<Check, { ok: false }>): string {
  const words = REFUSALS[check.reason]
  return check.endReason === undefined || check.endReason === check.reason ? words : `${words} (${check.endReason})`
}

const REFUSALS: Readonly<Record<Extract<Check, { ok: false }>['reason'], string>> = {
  malformed: 'this is not a token; a token is an id, a dot and 43 characters',
  unknown: 'no such session is kept here',
  mismatch: 'there is such a session, but this is not its secret',
  superseded: 'this secret was replaced by a newer one',
  idle: 'the session was not used for too long',
  expired: 'the session has reached its absolute end',
  ended: 'the session was ended',
  disabled: 'the user is disabled',
}
