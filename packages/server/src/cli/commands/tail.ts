import { setTimeout as pause } from 'node:timers/promises'
import type { SessionEvent } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import type { Database } from '../database.ts'
import { EVENT_COLUMNS, eventRow } from '../output/events.ts'
import { layOut, rowLine, titleLine } from '../output/table.ts'
import { safeJson } from '../output/text.ts'

/** Milliseconds between two looks at the log. */
const INTERVAL = 500
const REMEMBERED_NAMES = 1_000
/** How wide the texts after the instant usually are: what comes is not known when the columns are laid out. */
const TYPICAL = [
  'user sessions ended',
  'a'.repeat(16),
  'password_change',
  'a'.repeat(14),
  '192.168.100.100',
  'a'.repeat(16),
  'a'.repeat(36),
]

/** `sojourn tail`: what happens, as it happens. */
export function tailCommand(cli: Cli): Command {
  return new Command('tail')
    .summary('logins, ends and the rest, as they happen')
    .description('shows what happens as it happens: logins, ends, users; Ctrl-C to stop')
    .option('--from-start', 'begin with the oldest event that is kept, rather than now')
    .example('sojourn tail', 'from now on')
    .example('sojourn tail --from-start --json | jq \'select(.type == "login_failed")\'', 'one JSON object a line')
    .action(async (options: { fromStart?: true }) => {
      await using database = await openDatabase(cli)
      const stopped = new AbortController()
      const stop = (): void => stopped.abort()
      process.once('SIGINT', stop).once('SIGTERM', stop)
      try {
        await follow(cli, database, options.fromStart === true ? null : 'end', stopped.signal)
      } finally {
        process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop)
      }
    })
}

async function follow(cli: Cli, database: Database, from: string | null, stopped: AbortSignal): Promise<void> {
  const line = cli.output.isJson ? safeJson : eventLines(cli, database)
  for (let cursor = from; !stopped.aborted;) {
    cli.output.assertOpen()
    const changes = await database.sessions.changes(cursor)
    cursor = changes.cursor
    for (const event of changes.events) await cli.output.write(`${await line(event)}\n`)
    if (changes.events.length === 0) await pause(INTERVAL, undefined, { signal: stopped }).catch(() => {})
  }
}

function eventLines(cli: Cli, database: Database): (event: SessionEvent) => Promise<string> {
  const typical = [cli.output.instant(new Date(0)), ...TYPICAL]
  const layout = layOut(EVENT_COLUMNS, [typical], cli.output.width)
  cli.output.note(titleLine(layout))
  const names = new Map<string, string | null>()
  return async (event) => {
    if (event.userId !== null && !names.has(event.userId)) {
      if (names.size >= REMEMBERED_NAMES) names.clear()
      names.set(event.userId, (await database.users.byId(event.userId))?.username ?? null)
    }
    return rowLine(layout, eventRow(cli.output, event, names.get(event.userId ?? '') ?? null))
  }
}
