import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { wrongUsage } from '../failure.ts'

/** `sojourn demo`: the tour. */
export function demoCommand(cli: Cli): Command {
  return new Command('demo')
    .summary('a tour of everything, on a throw-away database')
    .description('a tour of every feature, on a database that is thrown away')
    .option('--yes', 'straight through, without waiting for anybody; so it is without a terminal, too')
    .example('sojourn demo', 'chapter by chapter')
    .example('sojourn demo --yes | less', 'to read')
    .action(async (options: { yes?: true }) => {
      if (cli.output.isJson) throw wrongUsage('the tour is for people and has no JSON; run it without --json')
      const { tour } = await import('../demo/tour.ts')
      await tour(cli, options.yes !== true && cli.input.isTTY === true && cli.output.stdout.isTTY === true)
    })
}
