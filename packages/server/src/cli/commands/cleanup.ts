import { DEFAULT_POLICY } from 'sojourn'
import type { CleanupResult } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { AS_RECORDED, openDatabase } from '../database.ts'
import { hours } from '../numbers.ts'
import { Progress } from '../output/progress.ts'
import { counted } from '../output/text.ts'

const DEFAULT_HOURS = 24

/** `sojourn cleanup`: ends what is overdue and forgets what ended long ago. */
export function cleanupCommand(cli: Cli): Command {
  return new Command('cleanup')
    .summary('ends what was not used for hours, prunes what is old')
    .description('ends sessions that were not used for some hours, and deletes records past their retention')
    .argument('[hours]', 'end sessions not used for so many hours', hours, DEFAULT_HOURS)
    .option('--retention <duration>', 'keep the records of ended sessions this long (default: 90d)')
    .option('--dry-run', 'count and change nothing')
    .example('sojourn cleanup', 'ends what was not used for 24 hours')
    .example('sojourn cleanup 0.5 --dry-run', 'how many were not used for half an hour')
    .example('sojourn cleanup 24 --retention 365d', 'keeps the history for a year')
    .action(async (unused: number, options: { retention?: string; dryRun?: true }) => {
      await using database = await openDatabase(cli, {
        policy: { ...AS_RECORDED, retention: options.retention ?? DEFAULT_POLICY.retention },
      })
      const olderThan = unused * 3_600
      const isRehearsal = options.dryRun === true
      const count = (): Promise<CleanupResult> => database.sessions.cleanup({ olderThan, dryRun: true })
      const work = (onProgress: Report): Promise<CleanupResult> => database.sessions.cleanup({ olderThan, onProgress })
      const result = isRehearsal ? await count() : await withProgress(cli, count, work)
      await cli.output.result({ ...result, dryRun: isRehearsal }, () => cleanupText(result, isRehearsal))
    })
}

type Report = (sofar: CleanupResult) => void

async function withProgress(
  cli: Cli,
  count: () => Promise<CleanupResult>,
  work: (report: Report) => Promise<CleanupResult>,
): Promise<CleanupResult> {
  const progress = new Progress(cli.output, 'cleaning up')
  const total = progress.isSeen ? sum(await count()) : 0
  try {
    return await work((sofar) => progress.update(sum(sofar), total))
  } finally {
    progress.finish()
  }
}

function sum({ ended, pruned }: CleanupResult): number {
  return ended + pruned
}

function cleanupText({ ended, pruned }: CleanupResult, isRehearsal: boolean): string {
  return isRehearsal
    ? `would end ${counted(ended, 'session')} and delete ${counted(pruned, 'old record')}; nothing was changed`
    : `ended ${counted(ended, 'session')}, deleted ${counted(pruned, 'old record')}`
}
