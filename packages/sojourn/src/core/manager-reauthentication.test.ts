import { expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock } from '../testing/index.ts'
import { SessionManager } from './manager.ts'
import type { PolicyOptions } from './policy.ts'
import type { Issued } from './issued.ts'
import type { SessionId } from './token.ts'

const ADA = { userId: '42', username: 'ada' }
const SUPERSEDED = { ok: false, reason: 'superseded' }

test('who has proved again who they are goes on in the same session under a new token', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  clock.advance('1h')
  const proved = await reauthenticated(sessions, session.id)
  expect(proved.session).toMatchObject({ id: session.id, userId: '42', createdAt: session.createdAt, isActive: true })
  expect(proved.token).not.toBe(token)
  expect(await sessions.validate(proved.token)).toMatchObject({ ok: true, session: { id: session.id } })
})

test('the old token is refused from the proof on, without any overlap (FIX-2)', async () => {
  const { sessions } = start()
  const { session, token } = await sessions.create(ADA)
  const { token: next } = await reauthenticated(sessions, session.id)
  expect(await sessions.validate(token)).toEqual(SUPERSEDED)
  expect(await sessions.end(token)).toBe(false)
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
})

test('requests that were under way with the old token do not end the session, for as long as the overlap', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const { token: next } = await reauthenticated(sessions, session.id)
  clock.set(clock.now() + 29_999)
  expect(await sessions.validate(token)).toEqual(SUPERSEDED)
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
})

test('an old token that comes back after the overlap is theft and ends the session (FIX-7)', async () => {
  const { sessions, clock } = start()
  const { session, token } = await sessions.create(ADA)
  const { token: next } = await reauthenticated(sessions, session.id)
  clock.advance('30s')
  expect(await sessions.validate(token)).toEqual(SUPERSEDED)
  expect(await sessions.validate(next)).toMatchObject({ ok: false, endReason: 'token_reuse' })
})

test('a proof puts an end to the overlap of a renewal, and to a successor that was not presented yet', async () => {
  const { sessions, clock } = start()
  const { session, token: first } = await sessions.create(ADA)
  const second = await renewed(sessions, session.id)
  await sessions.validate(second)
  clock.advance('10s')
  expect(await sessions.validate(first)).toMatchObject({ ok: true })
  const pending = await renewed(sessions, session.id)
  const { token } = await reauthenticated(sessions, session.id)
  for (const old of [first, second, pending]) expect(await sessions.validate(old)).toEqual(SUPERSEDED)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
})

test('a renewal after a proof goes as every renewal: overlap first, theft later', async () => {
  const { sessions, clock } = start()
  const { session } = await sessions.create(ADA)
  const { token } = await reauthenticated(sessions, session.id)
  clock.advance('1h')
  const next = await renewed(sessions, session.id)
  await sessions.validate(next)
  clock.set(clock.now() + 29_999)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  clock.set(clock.now() + 1)
  expect(await sessions.validate(token)).toEqual(SUPERSEDED)
  expect(await sessions.validate(next)).toMatchObject({ ok: false, endReason: 'token_reuse' })
})

test('a proof starts the idle time and the lifetime anew; use never moves the lifetime (TMO-5)', async () => {
  const { sessions, clock } = start({ idleTimeout: '1h', absoluteLifetime: '2h' })
  const { session } = await sessions.create(ADA)
  clock.advance('50m')
  const { session: proved, token } = await reauthenticated(sessions, session.id)
  const at = clock.now()
  expect(proved.authenticatedAt.getTime()).toBe(at)
  expect(proved.lastAccessedAt.getTime()).toBe(at)
  expect(proved.expiresAt.getTime()).toBe(at + 7_200_000)
  expect(proved.endsAt.getTime()).toBe(at + 3_600_000)
  clock.set(at + 3_599_999)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  clock.set(at + 7_199_998)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  clock.set(at + 7_200_000)
  expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'expired' })
})

test('a use noted before the proof and written after it takes nothing of the new lifetime away', async () => {
  const { sessions, store, clock } = start({ idleTimeout: '1h', absoluteLifetime: '2h' })
  const other = new SessionManager({ store, clock, policy: { idleTimeout: '1h', absoluteLifetime: '2h' } })
  const { session, token } = await sessions.create(ADA)
  clock.advance('55m')
  await sessions.validate(token)
  await sessions.flush()
  clock.advance('55m')
  await other.validate(token)
  clock.advance('1s')
  const { token: next, session: proved } = await reauthenticated(sessions, session.id)
  await other.flush()
  expect(await sessions.get(session.id)).toMatchObject({ endsAt: proved.endsAt, lastAccessedAt: proved.lastAccessedAt })
  clock.set(proved.endsAt.getTime() - 1)
  expect(await sessions.validate(next)).toMatchObject({ ok: true })
})

test('the lifetime after a proof is the one that the policy has now', async () => {
  const { sessions, store, clock } = start()
  const { session } = await sessions.create(ADA)
  const longer = new SessionManager({ store, clock, policy: { absoluteLifetime: '60d' } })
  const { session: proved } = await reauthenticated(longer, session.id)
  expect(proved.expiresAt.getTime()).toBe(clock.now() + 60 * 86_400_000)
})

test('a proof is not followed by a renewal before its time', async () => {
  const { sessions, clock } = start({ renewEvery: '1h' })
  const { session } = await sessions.create(ADA)
  clock.advance('2h')
  const { token } = await reauthenticated(sessions, session.id)
  clock.set(clock.now() + 3_599_999)
  expect(await sessions.validate(token)).toMatchObject({ ok: true, isRenewalDue: false })
  clock.set(clock.now() + 1)
  expect(await sessions.validate(token)).toMatchObject({ ok: true, isRenewalDue: true })
})

test('a session that has ended gets nothing from a proof, whatever ended it', async () => {
  const { sessions, clock } = start()
  const { session: revoked } = await sessions.create(ADA)
  const { session: idle } = await sessions.create(ADA)
  await sessions.revoke({ id: revoked.id })
  expect(await sessions.reauthenticated(revoked.id)).toEqual({ ok: false, reason: 'ended' })
  clock.advance('24h')
  expect(await sessions.reauthenticated(idle.id)).toEqual({ ok: false, reason: 'idle' })
  expect(await sessions.reauthenticated('nothing')).toEqual({ ok: false, reason: 'unknown' })
})

test('a session that ends while the proof is written stays ended (STO-3)', async () => {
  const { sessions, store, memory, clock } = start()
  const { session } = await sessions.create(ADA)
  store.faults = {
    pause: async ({ method }, when) => {
      if (method === 'update' && when === 'before') {
        await memory.revoke({ id: session.id }, { at: clock.now(), actor: 'ops:grace', reason: 'revoked' }, 1)
      }
    },
  }
  expect(await sessions.reauthenticated(session.id)).toEqual({ ok: false, reason: 'ended' })
})

test('of two proofs at once the later one holds, and neither is lost in silence', async () => {
  const { sessions } = start()
  const { session } = await sessions.create(ADA)
  const both = await Promise.all([1, 2].map(() => reauthenticated(sessions, session.id)))
  const checks = await Promise.all(both.map(({ token }) => sessions.validate(token)))
  expect(checks.filter(({ ok }) => ok)).toHaveLength(1)
  expect(checks).toContainEqual(SUPERSEDED)
})

test('history tells of a proof, and not with what', async () => {
  const { sessions } = start()
  const { session } = await sessions.create(ADA)
  const { token } = await reauthenticated(sessions, session.id)
  const [event] = await sessions.events({ type: 'session_renewed' })
  expect(event).toMatchObject({ sessionId: session.id, actor: 'user', detail: 'authenticated again' })
  expect(JSON.stringify(event)).not.toContain(token.split('.')[1])
})

test('a proof that was overtaken by the end of its session and by other logins brings back no session beyond the cap', async () => {
  const { sessions, clock, store } = start({ maxSessionsPerUser: 1 })
  const { session } = await sessions.create(ADA)
  const reached = Promise.withResolvers<void>()
  const overtaken = Promise.withResolvers<void>()
  store.faults = {
    async pause({ method }, when) {
      if (method !== 'update' || when !== 'before') return
      reached.resolve()
      await overtaken.promise
    },
  }
  const proof = sessions.reauthenticated(session.id)
  await reached.promise
  clock.advance('24h')
  const { token } = await sessions.create(ADA)
  overtaken.resolve()
  expect(await proof).toMatchObject({ ok: false, reason: 'idle' })
  expect(await sessions.count({ active: true })).toBe(1)
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
})

function start(policy: PolicyOptions = {}) {
  const memory = new MemoryStore()
  const store = new FaultyStore(memory)
  const clock = new FixedClock()
  return { sessions: new SessionManager({ store, clock, policy }), store, memory, clock }
}

async function reauthenticated(sessions: SessionManager, id: SessionId): Promise<Issued> {
  return issued(await sessions.reauthenticated(id))
}

async function renewed(sessions: SessionManager, id: SessionId) {
  return issued(await sessions.renew(id)).token
}

function issued(outcome: Awaited<ReturnType<SessionManager['renew']>>): Issued {
  if (!outcome.ok) throw new Error(outcome.reason)
  return outcome
}
