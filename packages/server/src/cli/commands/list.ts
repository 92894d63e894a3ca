import type { ListOptions, Session } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import { wholeNumber } from '../numbers.ts'
import type { Output } from '../output/output.ts'
import { SessionTable } from '../output/sessions.ts'
import { counted, safeJson, visible } from '../output/text.ts'

/** How many sessions are written at once. */
const PIECE = 500

/** `sojourn list`: who is signed in. */
export function listCommand(cli: Cli): Command {
  return new Command('list')
    .summary('active sessions, newest first')
    .description('active sessions, newest first: of everybody, or of one user')
    .argument('[name]', 'only the sessions of this user')
    .option('--all', 'ended sessions too')
    .option('--limit <n>', 'at most so many', wholeNumber)
    .example('sojourn list', 'everybody who is signed in')
    .example('sojourn list ada --all', "all that is kept of ada's sessions")
    .example('sojourn list --json | jq -r .[].id', 'the ids, for a script')
    .action(async (name: string | undefined, options: { all?: true; limit?: number }) => {
      await using database = await openDatabase(cli)
      const user = name === undefined ? undefined : await database.user(name)
      const wanted: ListOptions = { userId: user?.id, active: options.all === true ? undefined : true }
      const sessions = firstOf(database.sessions.list(wanted), options.limit ?? Number.POSITIVE_INFINITY)
      const isMixed = options.all === true
      const count = cli.output.isJson
        ? await writeJson(cli.output, sessions)
        : await writeTable(cli.output, sessions, isMixed)
      const whose = user === undefined ? '' : ` of ${visible(user.username)}`
      cli.output.note(counted(count, isMixed ? 'session' : 'active session') + whose)
    })
}

async function* firstOf(sessions: AsyncIterable<Session>, limit: number): AsyncGenerator<Session, void, undefined> {
  let count = 0
  for await (const session of sessions) {
    yield session
    count += 1
    if (count >= limit) return
  }
}

async function writeTable(output: Output, sessions: AsyncIterable<Session>, isMixed: boolean): Promise<number> {
  const table = new SessionTable(output, isMixed)
  let count = 0
  for await (const piece of pieces(sessions)) {
    await output.write(`${table.lines(piece)}\n`)
    count += piece.length
  }
  return count
}

/** One array, written piece by piece, so that a million sessions need no memory for a million. */
async function writeJson(output: Output, sessions: AsyncIterable<Session>): Promise<number> {
  let count = 0
  for await (const piece of pieces(sessions)) {
    await output.write((count === 0 ? '[\n' : ',\n') + piece.map((session) => safeJson(session)).join(',\n'))
    count += piece.length
  }
  await output.write(count === 0 ? '[]\n' : '\n]\n')
  return count
}

async function* pieces(sessions: AsyncIterable<Session>): AsyncGenerator<readonly Session[], void, undefined> {
  let piece: Session[] = []
  for await (const session of sessions) {
    piece.push(session)
    if (piece.length === PIECE) {
      yield piece
      piece = []
    }
  }
  if (piece.length > 0) yield piece
}
