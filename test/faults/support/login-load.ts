/**
 * A program that logs in and out as fast as it can on one file, until it is killed or its standard input closes.
 * It writes one line before it begins what may have an unknown outcome, and one for every promise that resolved;
 * the reader of the other end is `Ledger`.
 *
 *     login-load.ts <database> <name> [early]      standard input: one line, JSON, tokens to log out
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { createInterface } from 'node:readline'
import { SessionManager } from '../../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../../packages/sojourn/src/stores/sqlite.ts'
import { acknowledgingEarly } from './acknowledging-early.ts'

const VISITORS = 8

// A process that is killed leaves no compiled code for the next one by itself.
flushCompileCache()

const [path = '', name = '', fault] = process.argv.slice(2)
const input = createInterface({ input: process.stdin })
const [line] = (await once(input, 'line')) as [string]
const handedOver = JSON.parse(line) as string[]
input.once('close', () => process.exit())

const store = SqliteStore.open(path)
const sessions = new SessionManager({ store: fault === 'early' ? acknowledgingEarly(store) : store })
await Promise.all(Array.from({ length: VISITORS }, (_, visitor) => visit(`${name}-${visitor}`)))

/** One user who logs in and out for ever, one thing after the other. */
async function visit(userId: string): Promise<never> {
  const tokens: string[] = []
  for (let turn = 0; ; turn += 1) {
    const { token } = await sessions.create({ userId, username: userId, method: 'password' })
    acknowledge(`login ${token} ${userId}`)
    tokens.push(token)
    const leaving = turn % 4 === 0 ? handedOver.pop() : turn % 2 === 0 ? tokens.pop() : undefined
    if (leaving !== undefined) await logOut(leaving)
    if (turn % 25 === 24) {
      acknowledge(`begin-everywhere ${userId}`)
      await sessions.revoke({ userId })
      acknowledge(`everywhere ${userId}`)
      tokens.length = 0
    }
  }
}

async function logOut(token: string): Promise<void> {
  acknowledge(`begin-logout ${token}`)
  const isEnded = await sessions.end(token)
  acknowledge(`${isEnded ? 'logout' : 'denied-logout'} ${token}`)
}

function acknowledge(line: string): void {
  writeSync(1, `${line}\n`)
}
