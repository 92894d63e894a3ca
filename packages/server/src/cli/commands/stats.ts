import type { Stats } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { fieldLines } from '../output/fields.ts'
import type { Output } from '../output/output.ts'
import { SessionTable } from '../output/sessions.ts'
import { counted, figure, visible } from '../output/text.ts'

/** `sojourn stats`: the figures of the installation. */
export function statsCommand(cli: Cli): Command {
  return new Command('stats')
    .summary('totals, users online, the newest sessions')
    .description('totals, users online, the most active user and the five newest sessions')
    .example('sojourn stats', 'the figures as of now')
    .example('sojourn stats --json | jq .active', 'one figure for a script')
    .action(async () => {
      await using database = await openDatabase(cli)
      const stats = await database.sessions.stats()
      await cli.output.result(stats, () => statsText(cli.output, stats))
    })
}

function statsText(output: Output, stats: Stats): string {
  const { mostActiveUser: most } = stats
  const figures = fieldLines(output, [
    ['sessions kept', figure(stats.total)],
    ['active', figure(stats.active)],
    ['ended', figure(stats.ended)],
    ['created today', `${figure(stats.createdToday)} (since midnight UTC)`],
    ['users online', figure(stats.usersOnline)],
    [
      'most active user',
      most === null ? 'none yet' : `${visible(most.username)}, ${counted(most.sessions, 'session')}`,
    ],
  ])
  if (stats.recent.length === 0) return figures
  const recent = new SessionTable(output, true).lines(stats.recent)
  return `${figures}\n\n${output.style('title', 'Newest sessions')}\n${recent}`
}
