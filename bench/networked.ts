import type { SessionId, SessionManager, Token } from 'sojourn'
import { comparison } from './findings.ts'
import type { Finding } from './findings.ts'
import { DEVICE, inTurn, sessionAt, shuffledPlaces } from './fixture.ts'
import { interleave } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import { anyUser } from './raw.ts'

/** The rows that growth is reckoned from. */
export const POSTGRES = 'validate, PostgreSQL, 64 in flight'
export const REDIS = 'validate, Redis, 64 in flight'

/** The instant that records are reckoned from: one for a whole process. */
export const FIXTURE_NOW = Date.now()

/** 0.7 of the rate is so much of the time. */
const READ_AT_MOST = 1 / 0.7
const COMMIT_AT_MOST = 1.3
const IN_FLIGHT = [1, 64, 256]
const SAMPLE = 4_096
const ALONE: Plan = { operations: 256, rounds: 9, warmUp: 2 }
const TOGETHER: Plan = { operations: 32_768, rounds: 9, warmUp: 3 }
const DEEDS_ALONE: Plan = { operations: 32, rounds: 9, warmUp: 1 }
const DEEDS_TOGETHER: Plan = { operations: 512, rounds: 9, warmUp: 1 }

/** An engine with so many sessions, and what somebody would do by hand with its client. */
export interface NetworkedBench {
  readonly engine: string
  readonly size: number
  readonly sessions: SessionManager
  /** Reads the whole records of these sessions in one round trip; one name a form, the store's own first. */
  readonly rawReads: Readonly<Record<string, (ids: readonly string[]) => Promise<number>>>
  /** Writes one row of the width of a session, durably, in a transaction of its own. */
  readonly rawCommit: () => Promise<unknown>
  readonly rawSessions: RawSessions
}

type Deed = 'create' | 'revoke'

/** The sessions of somebody who writes by hand and keeps the same facts of them. */
export interface RawSessions {
  /** What its rows of the table are marked with. */
  readonly form: string
  /** Draws a login before the clock runs. */
  login(): RawDeeds
}

/** What is done with a login, durably, in a transaction of its own. Rejects unless it came out right. */
export type RawDeeds = Readonly<Record<Deed, () => Promise<void>>>

/** Validations beside the engine's own read of as many records in a round trip, logins and sign-outs beside its own commits. */
export async function measureNetworked(bench: NetworkedBench): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const inFlight of IN_FLIGHT) findings.push(...(await measureReads(bench, inFlight)))
  for (const deed of ['create', 'revoke'] as const) {
    for (const inFlight of [1, 64]) findings.push(...(await measureDeed(bench, deed, inFlight)))
  }
  return findings
}

/** What is found where the engine is missing: nothing, and that is said. */
export function without(engine: string): readonly Finding[] {
  process.stderr.write(`this machine has no ${engine}; its part is left out\n`)
  return []
}

/** Tokens of sessions from all over, in no order. */
export function tokensOf(size: number, now: number): readonly Token[] {
  const count = Math.min(size, SAMPLE)
  return shuffledPlaces(size, count).map((place) => sessionAt(place, size, now).token)
}

async function measureReads(bench: NetworkedBench, inFlight: number): Promise<readonly Finding[]> {
  const { engine, size, sessions, rawReads } = bench
  const plan = inFlight === 1 ? ALONE : TOGETHER
  const next = inTurn(tokensOf(size, FIXTURE_NOW))
  const ours: Side = async () => {
    await sessions.flush()
    const tokens = next(plan.operations)
    return () => validateAll(sessions, tokens, inFlight)
  }
  const byHand = Object.values(rawReads).map((read): Side => () => {
    const ids = next(plan.operations).map((token) => token.slice(0, 36))
    return async () => {
      let found = 0
      for (let start = 0; start < ids.length; start += inFlight) found += await read(ids.slice(start, start + inFlight))
      return found
    }
  })
  const [figures = [], ...raws] = await interleave([ours, ...byHand], plan)
  return Object.keys(rawReads).map((form, place) => {
    const subject = `validate, ${engine}, ${inFlight} in flight${form}`
    return comparison(size, subject, [figures, raws[place] ?? []], inFlight === 1 ? null : READ_AT_MOST)
  })
}

/** Beside the commit of a single row, and beside that of everything which a session is made of. */
async function measureDeed(bench: NetworkedBench, deed: Deed, inFlight: number): Promise<readonly Finding[]> {
  const { engine, size, sessions, rawCommit, rawSessions } = bench
  const plan = inFlight === 1 ? DEEDS_ALONE : DEEDS_TOGETHER
  const logIn = async (): Promise<SessionId> => {
    const { session } = await sessions.create({ ...anyUser(size), device: DEVICE, method: 'password' })
    return session.id
  }
  const ours: Side = async () => {
    if (deed === 'create') return () => inParallel(plan.operations, inFlight, logIn)
    const ids: SessionId[] = []
    await inParallel(plan.operations, 64, async () => void ids.push(await logIn()))
    return () => inParallel(plan.operations, inFlight, (place) => sessions.revoke({ id: ids[place]! }))
  }
  const oneRow: Side = () => () => inParallel(plan.operations, inFlight, rawCommit)
  const allOfIt: Side = async () => {
    const logins = Array.from({ length: plan.operations }, () => rawSessions.login())
    if (deed === 'revoke') await inParallel(plan.operations, 64, (place) => logins[place]!.create())
    return () => inParallel(plan.operations, inFlight, (place) => logins[place]![deed]())
  }
  const [figures = [], rows = [], whole = []] = await interleave([ours, oneRow, allOfIt], plan)
  const subject = `${deed}, ${engine}, durable, ${inFlight} in flight`
  return [
    comparison(size, subject, [figures, rows], COMMIT_AT_MOST),
    comparison(size, subject + rawSessions.form, [figures, whole], COMMIT_AT_MOST),
  ]
}

/** As a server does with so many requests at any moment: whoever is answered is followed by another. */
async function validateAll(sessions: SessionManager, tokens: readonly Token[], inFlight: number): Promise<number> {
  let standing = 0
  await inParallel(tokens.length, inFlight, async (place) => {
    if ((await sessions.validate(tokens[place], DEVICE)).ok) standing += 1
  })
  return standing
}

async function inParallel(count: number, inFlight: number, work: (place: number) => Promise<unknown>): Promise<number> {
  let place = 0
  const worker = async (): Promise<void> => {
    while (place < count) {
      place += 1
      await work(place - 1)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return count
}
