import { on } from 'node:events'
import { SessionManager } from 'sojourn'
import type { Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { LATER, visit } from './visits.ts'
import type { Visits } from './visits.ts'

// The other process on the same file. It is sent the tokens, then visits, and hands over what it saw for each wish.
const messages = on(process, 'message')
const received = async (): Promise<unknown> => ((await messages.next()).value as [unknown])[0]

const tokens = (await received()) as readonly Token[]
const sessions = new SessionManager({ store: SqliteStore.open(process.argv[2] ?? ''), clock: LATER })
let wish: unknown = 'again'
while (wish === 'again') {
  const stop = new AbortController()
  const visits = visit(sessions, tokens, stop.signal)
  wish = await received()
  stop.abort()
  await handOver(await visits)
}
await sessions.close()
process.disconnect()

/** Waits until the message has left: what is under way when a process disconnects is lost. */
function handOver(visits: Visits): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.send?.(visits, () => resolve())
  return promise
}
