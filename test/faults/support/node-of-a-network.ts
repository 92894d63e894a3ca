/** A node as a process of its own, on whichever host it is started. It reaches its database as the program does. */
import { SessionManager, isSojournError } from 'sojourn'
import { namedEngine } from '../../../packages/server/src/cli/engines/named.ts'

/** What a node can be asked for. A call that could not tell is answered with its code. */
export type Question =
  | { readonly ask: 'open'; readonly urls: Urls; readonly deadline: string; readonly lease?: string | undefined }
  | { readonly ask: 'log in' }
  /** Answered with `in`, or with why not. */
  | { readonly ask: 'validate'; readonly token: string }
  | { readonly ask: 'end'; readonly token: string }
  /** Writes down the uses that are only in memory. */
  | { readonly ask: 'flush' }

/** The database, and that of the users where it is another one. */
export interface Urls {
  readonly database: string
  readonly users?: string
}

let sessions: SessionManager

process.on('message', ({ number, question }: { number: number; question: Question }) => {
  answer(question).then(
    (value) => process.send!({ number, value }),
    (error: unknown) => process.send!({ number, value: isSojournError(error) ? error.code : String(error) }),
  )
})
process.on('disconnect', () => process.exit())

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'open':
      sessions = await opened(question.urls, question.deadline, question.lease)
      return 'opened'
    case 'log in':
      return (await sessions.create({ userId: 'ada', username: 'ada' })).token
    case 'validate': {
      const check = await sessions.validate(question.token)
      return check.ok ? 'in' : check.reason
    }
    case 'end':
      return sessions.end(question.token)
    case 'flush':
      return sessions.flush()
    default:
      throw new Error(`nobody can answer ${JSON.stringify(question)}`)
  }
}

async function opened({ database, users }: Urls, deadline: string, lease?: string): Promise<SessionManager> {
  const engine = namedEngine({
    database: { url: database, source: 'default' },
    users: users === undefined ? null : { url: users, source: 'default' },
    env: {},
  })
  const { store } = await engine.open({ create: true, deadline, lease })
  const manager = new SessionManager({ store, onBackgroundError: () => undefined })
  await manager.ready()
  return manager
}
