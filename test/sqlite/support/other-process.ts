import { DatabaseSync } from 'node:sqlite'
import { SessionManager, isSojournError } from '../../../packages/sojourn/src/index.ts'
import type { Token } from '../../../packages/sojourn/src/index.ts'
import { cached } from '../../../packages/sojourn/src/stores/cached.ts'
import { SqliteStore } from '../../../packages/sojourn/src/stores/sqlite.ts'

/** What the other process can be asked for. */
export type Question =
  | { readonly ask: 'open'; readonly path: string; readonly cap?: number; readonly lease?: string }
  | { readonly ask: 'log in'; readonly userId: string }
  | { readonly ask: 'keep validating'; readonly tokens: readonly string[] }
  | { readonly ask: 'validate'; readonly token: string }
  | { readonly ask: 'end'; readonly token: string }
  | { readonly ask: 'renewal key' }
  | { readonly ask: 'empty the log' }

let path: string
let store: SqliteStore
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
      path = question.path
      store = SqliteStore.open(path)
      sessions = new SessionManager({
        store: question.lease === undefined ? store : cached(store, { lease: question.lease }),
        policy: { maxSessionsPerUser: question.cap ?? 0 },
      })
      return 'opened'
    case 'log in':
      return (await sessions.create({ userId: question.userId, username: question.userId })).token
    case 'keep validating':
      void keepValidating(question.tokens as readonly Token[])
      return 'validating'
    case 'validate':
      return (await sessions.validate(question.token)).ok
    case 'end':
      return sessions.end(question.token)
    case 'renewal key':
      return Buffer.from(await store.renewalKey()).toString('hex')
    case 'empty the log':
      return emptyLog()
    default:
      throw new Error(`nobody can answer ${JSON.stringify(question)}`)
  }
}

/** Holds the records in memory, and answers nobody for them. */
async function keepValidating(tokens: readonly Token[]): Promise<void> {
  for (;;) {
    for (const token of tokens) await sessions.validate(token)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Moves the log into the database and starts it again. Answers whether another connection kept it from doing so. */
function emptyLog(): boolean {
  using database = new DatabaseSync(path, { timeout: 0 })
  const { busy } = database.prepare('PRAGMA wal_checkpoint(RESTART)').get() as { busy: number }
  return busy === 1
}
