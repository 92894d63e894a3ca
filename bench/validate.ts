import type { StatementSync } from 'node:sqlite'
import { SessionManager } from 'sojourn'
import type { Presentation, Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { comparison, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { DEVICE, inTurn, sampleTokens } from './fixture.ts'
import { interleave, spread } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import { RawDatabase, idsOf } from './raw.ts'
import { statementsDuring } from './statements.ts'

export const COLD = 'validate, cold'
export const WARM = 'validate, warm'

const COLD_AT_MOST = 1.5
const WARM_AT_MOST = 0.7
/** Enough to leave SQLite's own page cache behind. */
const COLD_SAMPLE = 50_000
/** Few enough that of a thousand sessions taken in turn each is out of memory again when its turn comes. */
const COLD_ENTRIES = 500
const WARM_SAMPLE = 4_000
const TOGETHER = 64
const PLAN: Plan = { operations: 4_000, rounds: 25, warmUp: 3 }
const NOTES: Plan = { operations: 1_000, rounds: 15, warmUp: 2 }
/** As many notes as go into one write of ours. */
const NOTES_A_WRITE = 500
/** Reads that do not count, after the other connection's writes moved pages under this one. */
const SETTLING = 1_000
const PASSIVE: Presentation = { ...DEVICE, isPassive: true }

/** What no client of ours can hold, in shapes in which it arrives. */
const RUBBISH: readonly unknown[] = [
  undefined,
  '',
  'null',
  'Bearer abc',
  '0192f0e4-7b3a-7c1d-8e2f-0123456789ab',
  `0192f0e4-7b3a-7c1d-8e2f-0123456789ab.${'A'.repeat(42)}B`,
  `0192f0e4-7b3a-4c1d-8e2f-0123456789ab.${'A'.repeat(43)}`,
  `0192F0E4-7B3A-7C1D-8E2F-0123456789AB.${'A'.repeat(43)}`,
  `0192f0e4-7b3a-7c1d-8e2f-0123456789ab:${'A'.repeat(43)}`,
  `${'A'.repeat(42)}=`,
  'é'.repeat(80),
  'x'.repeat(8_192),
]

/** Validations beside the raw keyed read of the same whole record. */
export async function measureValidate(file: string, size: number): Promise<readonly Finding[]> {
  return [
    ...(await measureCold(file, size)),
    ...(await measureWarm(file, size)),
    await measureNotes(file, size),
    ...(await measureRubbish(file, size)),
  ]
}

/** Every session was last seen so long ago that the store does not hold it. */
async function measureCold(file: string, size: number): Promise<readonly Finding[]> {
  const next = inTurn(sampleTokens(file, size, Math.min(size, COLD_SAMPLE)))
  const store = SqliteStore.open(file, { cacheEntries: Math.min(COLD_ENTRIES, size / 4) })
  const sessions = new SessionManager({ store })
  const raw = await RawDatabase.open(file, size)
  const ours: Side = async () => {
    await sessions.flush()
    await validateAll(sessions, next(SETTLING), PASSIVE)
    const tokens = next(PLAN.operations)
    return () => validateAll(sessions, tokens)
  }
  const figures = await interleave([ours, reading(raw, 'arrays', next), reading(raw, 'objects', next)], PLAN)
  const statements = await statementsDuring(() => validateAll(sessions, next(1_000), PASSIVE))
  await sessions.close()
  raw.close()
  return [...besideReads(size, COLD, figures, COLD_AT_MOST), perValidation(size, COLD, statements / 1_000)]
}

/** The same few thousand sessions again and again. */
async function measureWarm(file: string, size: number): Promise<readonly Finding[]> {
  const next = inTurn(sampleTokens(file, size, Math.min(size, WARM_SAMPLE)))
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const raw = await RawDatabase.open(file, size)
  const ours: Side = () => {
    const tokens = next(PLAN.operations)
    return () => validateAll(sessions, tokens)
  }
  const oursTogether: Side = () => {
    const tokens = next(PLAN.operations)
    return () => validateTogether(sessions, tokens)
  }
  const [arrays, objects] = [reading(raw, 'arrays', next), reading(raw, 'objects', next)]
  const figures = await interleave([ours, arrays, objects], PLAN)
  const figuresTogether = await interleave([oursTogether, arrays, objects], PLAN)
  const statements = await statementsDuring(() => validateAll(sessions, next(1_000)))
  await sessions.close()
  raw.close()
  return [
    ...besideReads(size, WARM, figures, WARM_AT_MOST),
    ...besideReads(size, `${WARM}, ${TOGETHER} at once`, figuresTogether, WARM_AT_MOST),
    perValidation(size, WARM, statements / 1_000),
  ]
}

/** What a validation leaves to be written later, at most once a minute for each session. */
async function measureNotes(file: string, size: number): Promise<Finding> {
  const operations = Math.min(NOTES.operations, size)
  const next = inTurn(sampleTokens(file, size, Math.min(size, COLD_SAMPLE)))
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const raw = await RawDatabase.open(file, size)
  const ours: Side = async () => {
    await validateAll(sessions, next(operations))
    return async () => {
      await sessions.flush()
      return operations
    }
  }
  const byHand: Side = () => {
    const ids = idsOf(next(operations))
    return () => {
      for (let start = 0; start < ids.length; start += NOTES_A_WRITE) {
        raw.commit(() => {
          for (const id of ids.slice(start, start + NOTES_A_WRITE)) raw.touch(id, Date.now())
        })
      }
      return ids.length
    }
  }
  const figures = await interleave([ours, byHand], { ...NOTES, operations })
  await sessions.close()
  raw.close()
  return comparison(size, 'note of use, written behind', figures)
}

async function measureRubbish(file: string, size: number): Promise<readonly Finding[]> {
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  await sessions.count({ userId: 'nobody' })
  const operations = 20 * 1_000 * RUBBISH.length
  const refuseAll = async (): Promise<number> => {
    let refused = 0
    for (let turn = 0; turn < operations / RUBBISH.length; turn += 1) {
      for (const rubbish of RUBBISH) if (!(await sessions.validate(rubbish)).ok) refused += 1
    }
    return refused
  }
  const [microseconds = []] = await interleave([() => refuseAll], { operations, rounds: 5, warmUp: 1 })
  const statements = await statementsDuring(refuseAll)
  await sessions.close()
  return [
    figure(size, 'validate, rubbish', spread(microseconds).median, 'µs'),
    figure(size, `statements for ${operations.toLocaleString('en')} rubbish tokens`, statements, '', 0),
  ]
}

async function validateAll(
  sessions: SessionManager,
  tokens: readonly Token[],
  presentation: Presentation = DEVICE,
): Promise<number> {
  let standing = 0
  for (const token of tokens) if ((await sessions.validate(token, presentation)).ok) standing += 1
  return standing
}

/** As a server does whose requests arrive faster than it answers them. */
async function validateTogether(sessions: SessionManager, tokens: readonly Token[]): Promise<number> {
  let standing = 0
  for (let start = 0; start < tokens.length; start += TOGETHER) {
    const batch = tokens.slice(start, start + TOGETHER).map((token) => sessions.validate(token, DEVICE))
    for (const { ok } of await Promise.all(batch)) if (ok) standing += 1
  }
  return standing
}

function reading(raw: RawDatabase, form: 'arrays' | 'objects', next: (count: number) => readonly Token[]): Side {
  const statement = raw.readSession(form)
  return () => {
    readAll(statement, idsOf(next(SETTLING)))
    const ids = idsOf(next(PLAN.operations))
    return () => readAll(statement, ids)
  }
}

function readAll(statement: StatementSync, ids: readonly string[]): number {
  let found = 0
  for (const id of ids) if (statement.get(id) !== undefined) found += 1
  return found
}

/** Beside the read in the form the store asks for, and beside the one that node:sqlite gives unasked. */
function besideReads(
  size: number,
  subject: string,
  [ours = [], arrays = [], objects = []]: readonly (readonly number[])[],
  atMost: number,
): readonly Finding[] {
  return [
    comparison(size, subject, [ours, arrays], atMost),
    comparison(size, `${subject}; raw as objects`, [ours, objects], atMost),
  ]
}

function perValidation(size: number, subject: string, statements: number): Finding {
  return figure(size, `statements a validation, ${subject.replace('validate, ', '')}`, statements, '', 1)
}
