import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import type { Token } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { SQLITE_STEPS } from '../../packages/sojourn/src/stores/sqlite/schema.ts'
import { OtherProcess } from './support/process.ts'

const EACH = 150

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  path = join(folder, 'app.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('two processes on one file', () => {
  test('STO-5: that hold each session in memory and end each other’s never take an ended one for standing', async () => {
    await using other = new OtherProcess()
    await other.ask({ ask: 'open', path })
    await using sessions = new SessionManager({ store: SqliteStore.open(path) })
    const [theirs, ours, standing] = [await logIn(sessions), await logIn(sessions), await logIn(sessions)]
    await other.ask({ ask: 'keep validating', tokens: [...theirs, ...ours, ...standing] })
    const load = { isOver: false }
    const wrong: string[] = []
    const validating = keepValidating(sessions, [...theirs, ...standing], load)
    await Promise.all([endThere(other, sessions, theirs, wrong), endHere(other, sessions, ours, wrong)])
    load.isOver = true
    expect(await validating).toBeGreaterThan(EACH)
    for (const token of standing) {
      expect(await sessions.validate(token)).toMatchObject({ ok: true })
      expect(await other.ask({ ask: 'validate', token })).toBe(true)
    }
    expect(wrong).toEqual([])
  })

  test('CON-2: let no more sessions of a user stand than the cap, however they log in', async () => {
    await using other = new OtherProcess()
    await other.ask({ ask: 'open', path, cap: 3 })
    await using sessions = new SessionManager({ store: SqliteStore.open(path), policy: { maxSessionsPerUser: 3 } })
    await Promise.all(
      Array.from({ length: 40 }, (_, place) =>
        place % 2 === 0
          ? sessions.create({ userId: 'ada', username: 'ada' })
          : other.ask({ ask: 'log in', userId: 'ada' }),
      ),
    )
    expect(await sessions.count({ active: true })).toBe(3)
    expect(await sessions.count()).toBe(40)
  })
})

describe('several processes that start at once', () => {
  test('make the tables and the key once and agree on them', async () => {
    const others = Array.from({ length: 4 }, () => new OtherProcess())
    try {
      // Each has started and read its program when the race begins.
      await Promise.all(others.map((other) => other.ask({ ask: 'open', path: ':memory:' })))
      const opened = await Promise.all(others.map((other) => other.ask({ ask: 'open', path })))
      expect(opened).toEqual(Array.from(others, () => 'opened'))
      const keys = await Promise.all(others.map((other) => other.ask({ ask: 'renewal key' })))
      expect(new Set(keys)).toHaveLength(1)
      expect(keys[0]).toMatch(/^[0-9a-f]{64}$/)
      using database = new DatabaseSync(path)
      expect(database.prepare('SELECT count(*) AS steps FROM sojourn_migrations').get()).toMatchObject({
        steps: SQLITE_STEPS.length,
      })
    } finally {
      await Promise.all(others.map((other) => other[Symbol.asyncDispose]()))
    }
  })
})

describe('a store that is closed', () => {
  test('takes no lock away from another connection of the same process', async () => {
    await using other = new OtherProcess()
    await other.ask({ ask: 'open', path })
    const sessions = new SessionManager({ store: SqliteStore.open(path) })
    const [token] = await logIn(sessions, 1)
    for (let time = 0; time < 3; time += 1) await sessions.validate(token)
    using own = new DatabaseSync(path)
    own.exec('BEGIN')
    own.prepare('SELECT count(*) FROM sojourn_sessions').get()
    await other.ask({ ask: 'log in', userId: 'grace' })
    expect(await other.ask({ ask: 'empty the log' }), 'while the reader is there').toBe(true)
    await sessions.close()
    expect(await other.ask({ ask: 'empty the log' }), 'after the store was closed').toBe(true)
    own.exec('COMMIT')
    expect(await other.ask({ ask: 'empty the log' }), 'after the reader has gone').toBe(false)
  })
})

async function logIn(sessions: SessionManager, count = EACH): Promise<readonly Token[]> {
  const logins = Array.from({ length: count }, (_, place) =>
    sessions.create({ userId: `user-${place}`, username: `user-${place}` }),
  )
  return (await Promise.all(logins)).map(({ token }) => token)
}

/** What the other process has ended does not stand here from the moment that it says so. */
async function endThere(
  other: OtherProcess,
  sessions: SessionManager,
  tokens: readonly Token[],
  wrong: string[],
): Promise<void> {
  for (const token of tokens) {
    if ((await other.ask({ ask: 'end', token })) !== true) wrong.push('not ended there')
    if ((await sessions.validate(token)).ok) wrong.push('stands here though it was ended there')
  }
}

/** What is ended here does not stand there from the moment that it is. */
async function endHere(
  other: OtherProcess,
  sessions: SessionManager,
  tokens: readonly Token[],
  wrong: string[],
): Promise<void> {
  for (const token of tokens) {
    if (!(await sessions.end(token))) wrong.push('not ended here')
    if ((await other.ask({ ask: 'validate', token })) !== false) wrong.push('stands there though it was ended here')
  }
}

async function keepValidating(
  sessions: SessionManager,
  tokens: readonly Token[],
  load: { readonly isOver: boolean },
): Promise<number> {
  let validations = 0
  while (!load.isOver) {
    for (const token of tokens) await sessions.validate(token)
    validations += tokens.length
    await turn()
  }
  return validations
}
