/**
 * A program that logs in and out a number of times on one file and does not mind failures. It says what `Ledger`
 * reads, what failed, and when the file was checked.
 *
 *     stubborn-load.ts <database> <turns>
 */
import { writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { SessionManager, isSojournError } from '../../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../../packages/sojourn/src/stores/sqlite.ts'

const VISITORS = 4
const OPENINGS = 50

const [path = '', turns = ''] = process.argv.slice(2)
sayWhenChecked()
const sessions = new SessionManager({ store: opened() })
await Promise.all(Array.from({ length: VISITORS }, (_, visitor) => visit(`visitor-${visitor}`)))
await attempt(() => sessions.close())

async function visit(userId: string): Promise<void> {
  const tokens: string[] = []
  for (let turn = 0; turn < Number(turns); turn += 1) {
    await attempt(async () => {
      const { token } = await sessions.create({ userId, username: userId })
      say(`login ${token} ${userId}`)
      tokens.push(token)
    })
    const leaving = turn % 2 === 1 ? tokens.pop() : undefined
    if (leaving === undefined) continue
    say(`begin-logout ${leaving}`)
    await attempt(async () => say(`${(await sessions.end(leaving)) ? 'logout' : 'denied-logout'} ${leaving}`))
  }
}

async function attempt(deed: () => Promise<void>): Promise<void> {
  try {
    await deed()
  } catch (error) {
    if (!isSojournError(error)) throw error
    say(`failed ${error.code}`)
  }
}

function opened(): SqliteStore {
  for (let opening = 1; ; opening += 1) {
    try {
      return SqliteStore.open(path)
    } catch (error) {
      if (!isSojournError(error) || opening === OPENINGS) throw error
      say(`unopened ${error.code}`)
    }
  }
}

function sayWhenChecked(): void {
  const { prepare } = DatabaseSync.prototype
  DatabaseSync.prototype.prepare = function (sql) {
    if (/quick_check|integrity_check/.test(sql)) say('checked')
    return prepare.call(this, sql)
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}
