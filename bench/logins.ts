import { readFileSync } from 'node:fs'
import { SessionManager } from 'sojourn'
import type { SessionId } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { comparison, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { DEVICE } from './fixture.ts'
import { interleave } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import { RawDatabase, anyUser } from './raw.ts'

const AT_MOST = 1.3
const TOGETHER = 64
const ALONE: Plan = { operations: 100, rounds: 15, warmUp: 2 }
const BURSTS: Plan = { operations: 4 * TOGETHER, rounds: 15, warmUp: 2 }

/** Both ways to the same rows, on one file. */
interface Bench {
  readonly file: string
  readonly size: number
  readonly sessions: SessionManager
  readonly raw: RawDatabase
  /** Every session begun since then was begun here, and is taken back before the next turn. */
  readonly since: number
}

type Deed = 'create' | 'revoke'

/** Logins and sign-outs beside the engine's own durable commit of the same rows. */
export async function measureLogins(file: string, size: number): Promise<readonly Finding[]> {
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const raw = await RawDatabase.open(file, size)
  const bench: Bench = { file, size, sessions, raw, since: Date.now() }
  const findings = [
    await measureAlone(bench, 'create'),
    await measureAlone(bench, 'revoke'),
    ...(await measureTogether(bench, 'create')),
    ...(await measureTogether(bench, 'revoke')),
    await measureCommits(bench),
  ]
  raw.restore(bench.since)
  await sessions.close()
  raw.close()
  return findings
}

async function measureAlone(bench: Bench, deed: Deed): Promise<Finding> {
  const figures = await interleave([ours(bench, deed, 1, ALONE), byHand(bench, deed, 1, ALONE)], ALONE)
  return comparison(bench.size, `${deed}, durable, one at a time`, figures, AT_MOST)
}

/** Beside as many commits, which is the target, and beside a single one for all, which is what could be had. */
async function measureTogether(bench: Bench, deed: Deed): Promise<readonly Finding[]> {
  const [figures = [], apart = [], shared = []] = await interleave(
    [ours(bench, deed, TOGETHER, BURSTS), byHand(bench, deed, 1, BURSTS), byHand(bench, deed, TOGETHER, BURSTS)],
    BURSTS,
  )
  const subject = `${deed}, durable, ${TOGETHER} at once`
  return [
    comparison(bench.size, subject, [figures, apart], AT_MOST),
    comparison(bench.size, `${subject}; raw ${TOGETHER} a commit`, [figures, shared]),
  ]
}

/** Counts commits where they can be seen from outside: each ends in a marked frame of the write-ahead log. */
async function measureCommits(bench: Bench): Promise<Finding> {
  const { raw, file, size } = bench
  raw.restore(bench.since)
  for (const login of raw.newLogins(8)) raw.commit(() => raw.create(login))
  const counted = commitsInLog(file)
  if (counted !== 8) throw new Error(`the log shows ${counted} commits where there were 8`)
  raw.checkpoint()
  await logInTogether(bench, TOGETHER)
  return figure(size, `commits for ${TOGETHER} logins at once`, commitsInLog(file), '')
}

function ours(bench: Bench, deed: Deed, together: number, { operations }: Plan): Side {
  const { raw, sessions, since } = bench
  return async () => {
    raw.restore(since)
    if (deed === 'create') return () => inBursts(operations, together, () => logIn(bench))
    const ids = await logInTogether(bench, operations)
    raw.checkpoint()
    return () => inBursts(operations, together, (place) => sessions.revoke({ id: ids[place]! }))
  }
}

function byHand({ raw, since }: Bench, deed: Deed, perCommit: number, { operations }: Plan): Side {
  return () => {
    raw.restore(since)
    const logins = raw.newLogins(operations)
    if (deed === 'revoke') raw.commit(() => logins.forEach((login) => raw.create(login)))
    raw.checkpoint()
    return () => {
      for (let start = 0; start < operations; start += perCommit) {
        raw.commit(() => logins.slice(start, start + perCommit).forEach((login) => raw[deed](login)))
      }
      return operations
    }
  }
}

async function logIn({ sessions, size }: Bench): Promise<SessionId> {
  const { session } = await sessions.create({ ...anyUser(size), device: DEVICE, method: 'password' })
  return session.id
}

function logInTogether(bench: Bench, count: number): Promise<readonly SessionId[]> {
  return Promise.all(Array.from({ length: count }, () => logIn(bench)))
}

/** Starts so many at once, waits for all of them, and goes on with the next. */
async function inBursts(count: number, together: number, work: (place: number) => Promise<unknown>): Promise<number> {
  for (let start = 0; start < count; start += together) {
    await Promise.all(Array.from({ length: Math.min(together, count - start) }, (_, place) => work(start + place)))
  }
  return count
}

/** Frames that carry the size of the database are the last of a transaction (SQLite file format, section 4.1). */
function commitsInLog(file: string): number {
  const log = readFileSync(`${file}-wal`)
  const frame = 24 + log.readUInt32BE(8)
  let commits = 0
  for (let start = 32; start + frame <= log.length; start += frame) {
    const isOfThisLog = log.compare(log, 16, 24, start + 8, start + 16) === 0
    if (isOfThisLog && log.readUInt32BE(start + 4) > 0) commits += 1
  }
  return commits
}
