import type { Session, SessionEvent, SessionId, SessionManager } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { EVENT_COLUMNS, eventRow } from '../output/events.ts'
import { fieldLines } from '../output/fields.ts'
import type { Output } from '../output/output.ts'
import { instant, safeJson, visible } from '../output/text.ts'
import { sessionIdOf } from '../session-id.ts'

/** How many lines of history are read at once. */
const PIECE = 500

/** `sojourn show`: one session and its history. */
export function showCommand(cli: Cli): Command {
  return new Command('show')
    .summary('one session and its history')
    .description('one session: who, from where, since when, how it ended, and its history')
    .argument('<id>', 'the id of the session, as `sojourn list` shows it')
    .example('sojourn show 0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11', 'everything that is known of it')
    .action(async (typed: string) => {
      const id = sessionIdOf(typed)
      await using database = await openDatabase(cli)
      const session = await database.session(id)
      const history = await historyOf(database.sessions, id)
      const value = { session, history }
      await cli.output.result(value, () => sessionText(cli.output, session, history))
    })
}

/** Every line of a session's history, oldest first. */
async function historyOf(sessions: SessionManager, sessionId: SessionId): Promise<readonly SessionEvent[]> {
  const history: SessionEvent[] = []
  for (let before: number | undefined; ; before = history.at(-1)?.position) {
    const piece = await sessions.events({ sessionId, before, limit: PIECE })
    history.push(...piece)
    if (piece.length < PIECE) return history.toReversed()
  }
}

function sessionText(output: Output, session: Session, history: readonly SessionEvent[]): string {
  const title = (words: string): string => output.style('title', words)
  const told = history.length === 0 ? '  nothing is recorded of it' : historyTable(output, session, history)
  return `${title(`Session ${session.id}`)}\n${sessionFields(output, session)}\n\n${title('History')}\n${told}`
}

/** All columns but those that are the same in every line. */
function historyTable(output: Output, session: Session, history: readonly SessionEvent[]): string {
  const isSame = new Set(['USER', 'SESSION'])
  const places = EVENT_COLUMNS.flatMap(({ title }, index) => (isSame.has(title) ? [] : [index]))
  const rows = history.map((event) => eventRow(output, event, session.username))
  return output.table(
    places.map((place) => EVENT_COLUMNS[place]!),
    rows.map((row) => places.map((place) => row[place]!)),
  )
}

function sessionFields(output: Output, session: Session): string {
  return fieldLines(output, [
    ['user', `${visible(session.username)} (id ${visible(session.userId)})`],
    ['state', session.isActive ? output.style('good', 'active') : output.style('bad', endText(session))],
    ['signed in', instant(session.createdAt) + (session.method === null ? '' : `, with ${visible(session.method)}`)],
    ['last used', instant(session.lastAccessedAt)],
    ['logged out', session.loggedOutAt === null ? null : instant(session.loggedOutAt)],
    ['ends', session.isActive ? `${instant(session.endsAt)} if it is not used before` : null],
    ['at the latest', session.isActive ? instant(session.expiresAt) : null],
    ['device', visible(session.device.label)],
    ['address', visible(session.device.ip ?? 'not known')],
    ['user agent', visible(session.device.userAgent ?? 'not known')],
    ['attributes', Object.keys(session.attributes).length === 0 ? null : safeJson(session.attributes)],
  ])
}

function endText(session: Session): string {
  if (session.endReason === null) return `over since ${instant(session.endsAt)}; the next cleanup writes it down`
  const actor = session.endedBy === null ? '' : `, by ${visible(session.endedBy)}`
  return `ended: ${session.endReason}${actor}`
}
