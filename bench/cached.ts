import { hash, timingSafeEqual } from 'node:crypto'
import { SessionManager } from 'sojourn'
import type { Token } from 'sojourn'
import { cached } from 'sojourn/cached'
import { MemoryStore } from 'sojourn/memory'
import { comparison, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { DEVICE, inTurn, sessionAt } from './fixture.ts'
import { interleave } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import { FIXTURE_NOW, tokensOf } from './networked.ts'

const AT_MOST = 3
const ENTRIES = 10_000
const PLAN: Plan = { operations: 20_000, rounds: 21, warmUp: 4 }

/** Validations from memory under a lease, beside a Map with the hash of the secret: what nobody could do without. */
export async function measureCached(_: string, size: number): Promise<readonly Finding[]> {
  const shared = new MemoryStore()
  for (let place = 0; place < size; place += 1) {
    const { record } = sessionAt(place, size, FIXTURE_NOW)
    await shared.insert(record, { mark: { at: record.createdAt, actor: 'user' } })
  }
  const store = cached(shared, { entries: ENTRIES })
  const sessions = new SessionManager({ store })
  const tokens = tokensOf(size, FIXTURE_NOW)
  await store.pull()
  await validateAll(sessions, tokens)
  const next = inTurn(tokens)
  const known = new Map<string, Uint8Array>(
    tokens.map((token) => [Buffer.from(token.slice(0, 36)).toString(), hash('sha256', token.slice(37), 'buffer')]),
  )
  const ours: Side = async () => {
    await store.pull()
    const turn = next(PLAN.operations)
    return () => validateAll(sessions, turn)
  }
  const byHand: Side = () => {
    const turn = next(PLAN.operations)
    return () => lookUpAll(known, turn)
  }
  const figures = await interleave([ours, byHand], PLAN)
  await store.pull()
  const { misses } = store.figures()
  await validateAll(sessions, next(1_000))
  const reads = store.figures().misses - misses
  await sessions.close()
  return [
    comparison(size, 'validate, cached; beside a Map and the hash', figures, AT_MOST),
    figure(size, 'reads of the store for 1,000 validations, cached', reads, '', 0),
  ]
}

async function validateAll(sessions: SessionManager, tokens: readonly Token[]): Promise<number> {
  let standing = 0
  for (const token of tokens) if ((await sessions.validate(token, DEVICE)).ok) standing += 1
  return standing
}

function lookUpAll(known: ReadonlyMap<string, Uint8Array>, tokens: readonly Token[]): number {
  let found = 0
  for (const token of tokens) {
    const kept = known.get(token.slice(0, 36))
    if (kept !== undefined && timingSafeEqual(kept, hash('sha256', token.slice(37), 'buffer'))) found += 1
  }
  return found
}
