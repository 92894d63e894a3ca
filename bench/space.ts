import { statSync } from 'node:fs'
import { SessionManager } from 'sojourn'
import type { Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { inTurn, sampleTokens } from './fixture.ts'
import { heldBytes, interleave, spread } from './harness.ts'
import { RawDatabase, idsOf } from './raw.ts'

const SAMPLE = 50_000
/** Fewer than the notes that are held before they are written early. */
const NOTES = 9_000
const ENTRIES = 20_000
const ROUNDS = 5
/** Bytes: less than a pointer for each session that passes by. */
const NO_GROWTH = 8
/** What the tables and indexes chosen by a condition take in the file. */
const PAGES = 'SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN (SELECT name FROM sqlite_schema'

/** What a session takes on the disk and in memory, and what counting all of them takes. */
export async function measureSpace(file: string, size: number): Promise<readonly Finding[]> {
  return [
    ...(await measureDisk(file, size)),
    await measureTouchBuffer(file, size),
    ...(await measureCache(file, size)),
    await measureStats(file, size),
  ]
}

async function measureDisk(file: string, size: number): Promise<readonly Finding[]> {
  const store = SqliteStore.open(file)
  const raw = await RawDatabase.open(file, size)
  raw.checkpoint()
  const events = raw.number(`${PAGES} WHERE tbl_name = 'sojourn_events')`)
  const records = raw.number(`${PAGES} WHERE name = 'sojourn_sessions')`)
  const findings = [
    figure(size, 'bytes on disk a session, with its user and one event', statSync(file).size / size, 'B'),
    figure(size, '… without events', (statSync(file).size - events) / size, 'B'),
    figure(size, '… the record alone, without indexes', records / size, 'B'),
  ]
  await store.close()
  raw.close()
  return findings
}

async function measureTouchBuffer(file: string, size: number): Promise<Finding> {
  const tokens = sampleTokens(file, size, Math.min(NOTES, size))
  const sessions = new SessionManager({ store: SqliteStore.open(file, { cacheEntries: 0 }) })
  const held: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await sessions.flush()
    const before = await heldBytes()
    for (const token of tokens) await sessions.validate(token)
    held.push(((await heldBytes()) - before) / tokens.length)
  }
  await sessions.close()
  return figure(size, 'memory of a note of use not yet written', spread(held).median, 'B')
}

async function measureCache(file: string, size: number): Promise<readonly Finding[]> {
  const entries = Math.min(ENTRIES, size / 4)
  const tokens = sampleTokens(file, size, Math.min(SAMPLE, size))
  const next = inTurn(tokens)
  const store = SqliteStore.open(file, { cacheEntries: entries })
  const sessions = new SessionManager({ store })
  const raw = await RawDatabase.open(file, size)
  const first = tokens[0]!
  const kept: number[] = []
  const passed: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    // A commit from outside makes the cache forget everything at its next look.
    raw.touch(idsOf([first])[0]!, Date.now())
    await passBy(sessions, [first, first])
    const empty = await heldBytes()
    await passBy(sessions, tokens.slice(0, entries / 2))
    kept.push(((await heldBytes()) - empty) / (entries / 2))
    await passBy(sessions, next(SAMPLE))
    const full = await heldBytes()
    await passBy(sessions, next(SAMPLE))
    passed.push(((await heldBytes()) - full) / SAMPLE)
  }
  await sessions.close()
  raw.close()
  return [
    figure(size, 'memory of a record in the cache', spread(kept).median, 'B'),
    figure(size, 'memory grown by a session that passes the full cache', spread(passed).median, 'B', NO_GROWTH),
  ]
}

async function measureStats(file: string, size: number): Promise<Finding> {
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const side = () => async (): Promise<number> => {
    const { total } = await sessions.stats()
    return total === size ? 1 : 0
  }
  const [microseconds = []] = await interleave([side], { operations: 1, rounds: 5, warmUp: 1 })
  await sessions.close()
  return figure(size, 'stats()', spread(microseconds).median / 1_000, 'ms')
}

async function passBy(sessions: SessionManager, tokens: readonly Token[]): Promise<void> {
  for (const token of tokens) await sessions.validate(token, { isPassive: true })
}
