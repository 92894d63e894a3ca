import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock } from '../testing/index.ts'
import { SessionManager } from './manager.ts'
import type { SessionManagerOptions } from './manager.ts'
import { SUPERSEDED_KEPT } from './session.ts'
import { mintSessionId } from './token.ts'
import type { SessionId, Token } from './token.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const DAY = 86_400_000
const ADA = { userId: '42', username: 'ada' }
const OVERLAP = 30_000

test('a renewal gives the same session a new secret, and both work until the new one is first presented', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  expect(next).not.toBe(token)
  expect(next.split('.')[0]).toBe(session.id)
  clock.set(NOON + DAY - 1)
  expect(await sessions.validate(token)).toMatchObject({ ok: true, session: { id: session.id } })
})

test('a lost answer strands nobody: every renewal hands out the same successor until it is presented', async () => {
  const { sessions, clock } = start()
  const { session } = await sessions.create(ADA)
  const first = await renewed(sessions, session.id)
  clock.advance('10h')
  expect(await renewed(sessions, session.id)).toBe(first)
  const parallel = await Promise.all(Array.from({ length: 20 }, () => renewed(sessions, session.id)))
  expect(new Set(parallel)).toEqual(new Set([first]))
})

test('twenty first renewals at once hand out one successor', async () => {
  const { sessions } = start()
  const { session } = await sessions.create(ADA)
  const parallel = await Promise.all(Array.from({ length: 20 }, () => renewed(sessions, session.id)))
  expect(new Set(parallel).size).toBe(1)
  expect(await sessions.events({ type: 'session_renewed' })).toHaveLength(1)
})

test('a renewal whose answer from the store was lost goes on where it was', async () => {
  const { sessions, store } = start()
  const { session, token } = await sessions.create(ADA)
  store.faults = { isLost: ({ method }) => method === 'update' }
  await expect(sessions.renew(session.id)).rejects.toMatchObject({ code: 'store_unavailable' })
  store.faults = {}
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  const next = await renewed(sessions, session.id)
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
  expect(await sessions.events({ type: 'session_renewed' })).toHaveLength(1)
})

test('every process on one store hands out the same successor', async () => {
  const { sessions, memory, clock } = start()
  const other = new SessionManager({ store: memory, clock })
  const { session } = await sessions.create(ADA)
  expect(await renewed(other, session.id)).toBe(await renewed(sessions, session.id))
})

test('without a common key a process that cannot tell the successor makes another, and the old secret still works', async () => {
  const { sessions, clock, memory } = start({ renewalKey: randomBytes(32) })
  const other = new SessionManager({ store: memory, clock, renewalKey: randomBytes(32) })
  const { session, token } = await sessions.create(ADA)
  const lost = await renewed(sessions, session.id)
  const kept = await renewed(other, session.id)
  expect(kept).not.toBe(lost)
  expect(await sessions.validate(lost)).toEqual({ ok: false, reason: 'mismatch' })
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  expect(await sessions.validate(kept)).toMatchObject({ ok: true })
})

test('the old secret works for the overlap after the new one was first presented, to the millisecond', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  clock.advance('1h')
  const presented = clock.now()
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
  clock.set(presented + OVERLAP - 1)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
  clock.set(presented + OVERLAP)
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
  expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'superseded' })
})

test('the reuse of a superseded secret ends the session for whoever holds it', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  await sessions.validate(next)
  clock.advance('30s')
  expect(await sessions.validate(token, { ip: '198.51.100.7' })).toEqual({ ok: false, reason: 'superseded' })
  expect(await sessions.validate(next)).toEqual({ ok: false, reason: 'ended', endReason: 'token_reuse' })
  expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'superseded' })
  expect(await sessions.events({ type: 'session_ended' })).toMatchObject([
    { sessionId: session.id, reason: 'token_reuse', actor: 'system', ipAddress: '198.51.100.7' },
  ])
})

test('logging out with a superseded secret is its reuse too', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  await sessions.validate(next)
  clock.advance('30s')
  expect(await sessions.end(token)).toBe(false)
  expect(await sessions.validate(next)).toMatchObject({ endReason: 'token_reuse' })
})

test('any of the last sixteen superseded secrets that comes back ends the session', async () => {
  for (let age = 1; age <= SUPERSEDED_KEPT; age += 1) {
    const { sessions, tokens, clock } = await renewedTimes(SUPERSEDED_KEPT)
    clock.advance('1h')
    expect(await sessions.validate(tokens.at(-1 - age))).toEqual({ ok: false, reason: 'superseded' })
    expect(await sessions.validate(tokens.at(-1))).toMatchObject({ ok: false, endReason: 'token_reuse' })
  }
})

test('an even older secret is like any other that is wrong: it ends nothing', async () => {
  const { sessions, tokens } = await renewedTimes(SUPERSEDED_KEPT + 1)
  expect(await sessions.validate(tokens[0])).toEqual({ ok: false, reason: 'mismatch' })
  expect(await sessions.validate(tokens.at(-1))).toMatchObject({ ok: true })
})

test('within the overlap only the newest of the superseded secrets is accepted', async () => {
  const { sessions, tokens } = await renewedTimes(2)
  expect(await sessions.validate(tokens[1])).toMatchObject({ ok: true })
  expect(await sessions.validate(tokens[0])).toEqual({ ok: false, reason: 'superseded' })
  expect(await sessions.validate(tokens[2])).toMatchObject({ ok: false, endReason: 'token_reuse' })
})

test('twenty requests that present the new secret at once, beside twenty with the old one, are all let in', async () => {
  const { sessions, memory } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  const presented = Array.from({ length: 40 }, (_, place) => (place % 2 === 0 ? next : token))
  const checks = await Promise.all(presented.map((each) => sessions.validate(each)))
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  expect(await memory.get(session.id)).toMatchObject({ version: 3, nextHash: null, nextSalt: null })
})

test('what the successor was made from is forgotten once it was presented', async () => {
  const { sessions, memory } = start()
  const { session } = await sessions.create(ADA)
  await sessions.validate(await renewed(sessions, session.id))
  expect(await memory.get(session.id)).toMatchObject({ nextHash: null, nextSalt: null })
  const [first, second] = [await renewed(sessions, session.id), await renewed(sessions, session.id)]
  expect(first).toBe(second)
})

test('ending a session ends its successor with it', async () => {
  const { sessions } = start()
  const { session, token } = await sessions.create(ADA)
  const next = await renewed(sessions, session.id)
  expect(await sessions.end(next)).toBe(true)
  expect(await sessions.validate(next)).toMatchObject({ ok: false, endReason: 'logout' })
  expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'logout' })
})

test('a renewal moves neither the last use nor either end', async () => {
  const { sessions, clock, memory } = start()
  const { session } = await sessions.create(ADA)
  clock.advance('1h')
  await renewed(sessions, session.id)
  expect(await memory.get(session.id)).toMatchObject({
    lastAccessedAt: NOON,
    endsAt: NOON + DAY,
    expiresAt: NOON + 30 * DAY,
  })
})

test('only a session that stands is renewed', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const idle = await sessions.create(ADA)
  await sessions.end(token)
  expect(await sessions.renew(session.id)).toEqual({ ok: false, reason: 'ended' })
  clock.set(NOON + DAY)
  expect(await sessions.renew(idle.session.id)).toEqual({ ok: false, reason: 'idle' })
  expect(await sessions.renew(token)).toEqual({ ok: false, reason: 'unknown' })
  expect(await sessions.renew('rubbish')).toEqual({ ok: false, reason: 'unknown' })
  expect(await sessions.renew(mintSessionId(NOON))).toEqual({ ok: false, reason: 'unknown' })
})

test('a renewal is due when the policy says so, counted from when the secret came into use', async () => {
  const { sessions, clock } = start({ policy: { renewEvery: '1h' } })
  const { session, token } = await sessions.create(ADA)
  clock.set(NOON + 3_600_000 - 1)
  expect(await sessions.validate(token)).toMatchObject({ ok: true, isRenewalDue: false })
  clock.set(NOON + 3_600_000)
  expect(await sessions.validate(token)).toMatchObject({ ok: true, isRenewalDue: true })
  const next = await renewed(sessions, session.id)
  expect(await sessions.validate(next)).toMatchObject({ ok: true, isRenewalDue: false })
  expect(await sessions.validate(next)).toMatchObject({ ok: true, isRenewalDue: false })
  clock.advance('1h')
  expect(await sessions.validate(next)).toMatchObject({ ok: true, isRenewalDue: true })
})

test('a renewed token is shown to whoever asks for it, and to nobody who prints it', async () => {
  const { sessions } = start()
  const { session } = await sessions.create(ADA)
  const issued = await sessions.renew(session.id)
  expect(JSON.stringify(issued)).toContain('"token":"[redacted]"')
  expect(issued).toMatchObject({ ok: true, session: { id: session.id, isActive: true } })
  expect(await sessions.renew(session.id)).toMatchObject({ ok: true, session: { id: session.id, isActive: true } })
})

interface Started {
  readonly sessions: SessionManager
  readonly store: FaultyStore
  readonly memory: MemoryStore
  readonly clock: FixedClock
}

function start(options: Partial<SessionManagerOptions> = {}): Started {
  const memory = new MemoryStore()
  const store = new FaultyStore(memory)
  const clock = new FixedClock(NOON)
  return { sessions: new SessionManager({ store, clock, ...options }), store, memory, clock }
}

async function renewed(sessions: SessionManager, id: SessionId): Promise<Token> {
  const outcome = await sessions.renew(id)
  if (!outcome.ok) throw new Error(`not renewed: ${outcome.reason}`)
  return outcome.token
}

/** A session that went through so many secrets, oldest first; the last is in use. */
async function renewedTimes(times: number): Promise<Started & { readonly tokens: readonly Token[] }> {
  const started = start()
  const { session, token } = await started.sessions.create(ADA)
  const tokens = [token]
  for (let time = 0; time < times; time += 1) {
    const next = await renewed(started.sessions, session.id)
    expect(await started.sessions.validate(next)).toMatchObject({ ok: true })
    tokens.push(next)
  }
  return { ...started, tokens }
}
