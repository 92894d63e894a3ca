import { randomBytes } from 'node:crypto'
import { format, inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock, makeMark, makeRecord, makeUser } from '../testing/index.ts'
import { SessionManager } from './manager.ts'
import type { SessionManagerOptions } from './manager.ts'
import { adoptedId, hashSecret, joinToken, mintSecret, mintSessionId } from './token.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const SECOND = 1_000
const MINUTE = 60 * SECOND
const DAY = 86_400_000
const ADA = { userId: '42', username: 'ada' }

describe('a login', () => {
  test('gets a session that says who, from where, since when and until when', async () => {
    const { sessions } = start()
    const device = { ip: '192.0.2.1', userAgent: 'curl/8.5.0' }
    const { session } = await sessions.create({ ...ADA, device, method: 'password', attributes: { theme: 'dark' } })
    expect(session).toEqual({
      id: session.id,
      userId: '42',
      username: 'ada',
      createdAt: new Date(NOON),
      authenticatedAt: new Date(NOON),
      lastAccessedAt: new Date(NOON),
      expiresAt: new Date(NOON + 30 * DAY),
      endsAt: new Date(NOON + DAY),
      isActive: true,
      loggedOutAt: null,
      endReason: null,
      endedBy: null,
      device: { ...device, label: 'curl' },
      method: 'password',
      attributes: { theme: 'dark' },
    })
  })

  test('gets a session of its own each time', async () => {
    const { sessions } = start()
    const logins = await Promise.all(Array.from({ length: 20 }, () => sessions.create(ADA)))
    expect(new Set(logins.map(({ token }) => token)).size).toBe(20)
    expect(await sessions.count({ userId: '42', active: true })).toBe(20)
  })

  test('shows its token to whoever asks for it, and to nobody who prints it', async () => {
    const { sessions } = start()
    const issued = await sessions.create(ADA)
    const secret = issued.token.split('.')[1]!
    const printed = [
      inspect(issued),
      inspect({ nested: [issued] }, { depth: 9, showHidden: true }),
      format('%o %O %j %s', issued, issued, issued, issued),
      JSON.stringify({ issued }),
      String(issued),
      'issued: '.concat(issued as never),
    ]
    for (const text of printed) {
      expect(text).not.toContain(secret)
      expect(text).toContain('[redacted]')
    }
    expect(issued.token).toContain(secret)
  })

  test('leaves no secret in the store, only its hash (STO-1)', async () => {
    const { sessions, memory } = start()
    const { session, token } = await sessions.create(ADA)
    const [, secret] = token.split('.')
    const record = await memory.get(session.id)
    expect(Buffer.from(record!.secretHash)).toEqual(Buffer.from(hashSecret(secret!)))
    expect(inspect(record, { depth: 9 })).not.toContain(secret)
  })

  test('is refused at a cap that denies, and says so as an error or as a value', async () => {
    const { sessions } = start({ policy: { maxSessionsPerUser: 1, onExceed: 'deny' } })
    await sessions.create(ADA)
    expect(await sessions.tryCreate(ADA)).toEqual({ ok: false, reason: 'limit' })
    await expect(sessions.create(ADA)).rejects.toMatchObject({ code: 'refused', reason: 'limit' })
    expect(await sessions.count()).toBe(1)
  })

  test('ends the least recently used session at a cap that evicts, counting uses not yet written', async () => {
    const { sessions, clock } = start({ policy: { maxSessionsPerUser: 2 } })
    const first = await sessions.create(ADA)
    clock.advance('1s')
    const second = await sessions.create(ADA)
    clock.advance('1s')
    expect(await sessions.validate(first.token)).toMatchObject({ ok: true })
    clock.advance('1s')
    await sessions.create(ADA)
    expect(await sessions.validate(first.token)).toMatchObject({ ok: true })
    expect(await sessions.validate(second.token)).toEqual({ ok: false, reason: 'ended', endReason: 'limit' })
  })

  test('of a disabled user is refused', async () => {
    const { sessions, memory } = start()
    await sessions.create(ADA)
    await memory.users.disable('42', makeMark())
    expect(await sessions.tryCreate(ADA)).toEqual({ ok: false, reason: 'disabled' })
  })

  test('that was under way when the user was signed out everywhere is refused', async () => {
    const { sessions } = start()
    await sessions.create(ADA)
    const epoch = await sessions.epoch('42')
    await sessions.revoke({ userId: '42' })
    expect(await sessions.tryCreate({ ...ADA, epoch })).toEqual({ ok: false, reason: 'epoch' })
    expect(await sessions.tryCreate({ ...ADA, epoch: await sessions.epoch('42') })).toMatchObject({ ok: true })
  })

  test('under an id that is taken draws another, and never overwrites', async () => {
    const taken = randomBytes(10)
    let ids = 0
    const random = (size: number): Uint8Array => (size === 10 && (ids += 1) <= 2 ? taken : randomBytes(size))
    const { sessions } = start({ random })
    const first = await sessions.create(ADA)
    const second = await sessions.create({ userId: '43', username: 'bob' })
    expect(second.session.id).not.toBe(first.session.id)
    expect(await sessions.validate(first.token)).toMatchObject({ ok: true, session: { userId: '42' } })
  })

  test('fails rather than overwrite when the generator of the host repeats itself', async () => {
    const fixed = randomBytes(10)
    const { sessions } = start({ random: (size) => (size === 10 ? fixed : randomBytes(size)) })
    const first = await sessions.create(ADA)
    await expect(sessions.create(ADA)).rejects.toMatchObject({ code: 'conflict' })
    expect(await sessions.validate(first.token)).toMatchObject({ ok: true })
    expect(await sessions.count()).toBe(1)
  })

  test.each([
    { ...ADA, userId: '' },
    { ...ADA, userId: 'x'.repeat(256) },
    { ...ADA, userId: 42 },
    { ...ADA, username: '' },
    { ...ADA, method: '' },
    { ...ADA, attributes: { text: 'x'.repeat(4_096) } },
    { ...ADA, attributes: [] },
  ])('of %j is an invalid argument, and the store is not asked', async (login) => {
    const { sessions, store } = start()
    await expect(sessions.create(login as never)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(store.calls).toEqual([])
  })

  test('with the username of somebody who has a password here is a conflict', async () => {
    const { sessions, memory } = start()
    await memory.users.add(makeUser({ id: '42', username: 'ada', passwordHash: '$argon2id$' }), makeMark())
    await expect(sessions.create({ userId: '43', username: 'ada' })).rejects.toMatchObject({ code: 'conflict' })
    expect(await sessions.count()).toBe(0)
  })
})

describe('a validation', () => {
  test('answers with the session, and counts as its use', async () => {
    const { sessions, clock } = start()
    const { token, session } = await sessions.create(ADA)
    clock.advance('1h')
    const check = await sessions.validate(token)
    expect(check).toMatchObject({ ok: true, isRenewalDue: false, isDeviceChanged: false })
    expect(check.ok && check.session).toMatchObject({
      id: session.id,
      isActive: true,
      lastAccessedAt: new Date(clock.now()),
      endsAt: new Date(clock.now() + DAY),
    })
  })

  test('of rubbish costs no store call (TOK-4, CON-4)', async () => {
    const { sessions, store } = start()
    const { session } = await sessions.create(ADA)
    store.calls.length = 0
    const rubbish = [undefined, null, 42, '', 'x', session.id, `${session.id}.`, `${session.id}.${'A'.repeat(42)}B`]
    for (const presented of rubbish) {
      expect(await sessions.validate(presented)).toEqual({ ok: false, reason: 'malformed' })
      expect(await sessions.end(presented)).toBe(false)
    }
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.anything(), fc.string({ maxLength: 100 })), async (presented) => {
        expect(await sessions.validate(presented)).toEqual({ ok: false, reason: 'malformed' })
      }),
      { numRuns: 1_000 },
    )
    expect(store.calls).toEqual([])
  })

  test('of a token nobody was given is unknown', async () => {
    const { sessions } = start()
    expect(await sessions.validate(joinToken(mintSessionId(NOON), mintSecret()))).toEqual({
      ok: false,
      reason: 'unknown',
    })
    expect(await sessions.validate(mintSecret())).toEqual({ ok: false, reason: 'unknown' })
  })

  test('of a forged secret is a mismatch, says nothing of the session and ends nothing', async () => {
    const { sessions } = start()
    const { session, token } = await sessions.create(ADA)
    for (let tries = 0; tries < 20; tries += 1) {
      const forged = joinToken(session.id, mintSecret())
      expect(await sessions.validate(forged)).toEqual({ ok: false, reason: 'mismatch' })
      expect(await sessions.end(forged)).toBe(false)
    }
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    await sessions.end(token)
    expect(await sessions.validate(joinToken(session.id, mintSecret()))).toEqual({ ok: false, reason: 'mismatch' })
  })

  test('stands to the last millisecond of the idle timeout (TMO-2)', async () => {
    const { sessions, clock } = start()
    const [{ token: inTime }, { token: tooLate }] = [await sessions.create(ADA), await sessions.create(ADA)]
    clock.set(NOON + DAY - 1)
    expect(await sessions.validate(inTime)).toMatchObject({ ok: true })
    clock.set(NOON + DAY)
    expect(await sessions.validate(tooLate)).toEqual({ ok: false, reason: 'idle' })
    expect(await sessions.validate(inTime)).toMatchObject({ ok: true })
  })

  test('stands to the last millisecond before the absolute end, however much the session is used (TMO-1)', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    for (let at = NOON; at < NOON + 30 * DAY; at += DAY / 2) {
      clock.set(at)
      expect(await sessions.validate(token)).toMatchObject({
        ok: true,
        session: { expiresAt: new Date(NOON + 30 * DAY) },
      })
    }
    clock.set(NOON + 30 * DAY - 1)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    clock.set(NOON + 30 * DAY)
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'expired' })
  })

  test('that is passive does not keep the session alive', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.set(NOON + DAY - 1)
    expect(await sessions.validate(token, { isPassive: true })).toMatchObject({
      ok: true,
      session: { lastAccessedAt: new Date(NOON) },
    })
    clock.set(NOON + DAY)
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'idle' })
  })

  test('reads once and writes nothing', async () => {
    const { sessions, store } = start()
    const { token } = await sessions.create(ADA)
    store.calls.length = 0
    for (let times = 0; times < 5; times += 1) await sessions.validate(token)
    expect(store.calls.map(({ method }) => method)).toEqual(['get', 'get', 'get', 'get', 'get'])
  })

  test('writes its use down within a touch interval, once for each session', async () => {
    const { sessions, store, clock, memory } = start()
    const { session, token } = await sessions.create(ADA)
    store.calls.length = 0
    clock.advance('1s')
    for (let times = 0; times < 5; times += 1) await sessions.validate(token)
    clock.advance('1m')
    await sessions.flush()
    expect(store.calls.filter(({ method }) => method === 'touch')).toHaveLength(1)
    expect(await memory.get(session.id)).toMatchObject({ lastAccessedAt: NOON + SECOND, version: 1 })
  })

  test('says how a session ended to the holder of its token, and to nobody else', async () => {
    const { sessions } = start()
    const { session, token } = await sessions.create(ADA)
    await sessions.revoke({ id: session.id }, { reason: 'revoked', actor: 'ops:grace' })
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'revoked' })
    expect(await sessions.validate(joinToken(session.id, mintSecret()))).toEqual({ ok: false, reason: 'mismatch' })
  })

  test('that is refused because time was up writes the end down, so that no restart lets it in again', async () => {
    const { sessions, store, memory, clock } = start()
    const { session, token } = await sessions.create(ADA)
    clock.advance('24h')
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'idle' })
    expect(await sessions.get(session.id)).toMatchObject({
      endReason: 'idle',
      endedBy: 'system',
      endsAt: new Date(clock.now()),
    })
    const restarted = new SessionManager({ store: memory, clock })
    expect(await restarted.validate(token)).toEqual({ ok: false, reason: 'idle' })
    await sessions.validate(token)
    expect(store.calls.filter(({ method }) => method === 'revoke')).toHaveLength(1)
  })

  test('with a secret that is not the session’s writes nothing, whatever time it is', async () => {
    const { sessions, store, clock } = start()
    const { session } = await sessions.create(ADA)
    clock.advance('25h')
    await sessions.validate(joinToken(session.id, mintSecret()))
    expect(store.calls.filter(({ method }) => method === 'revoke')).toEqual([])
  })

  test('of a disabled user’s session says disabled', async () => {
    const { sessions, memory } = start()
    const { token } = await sessions.create(ADA)
    await memory.users.disable('42', makeMark())
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'disabled' })
  })

  test('tells when the device is not the one of the login, where both are known', async () => {
    const { sessions } = start()
    const { token } = await sessions.create({ ...ADA, device: { ip: '192.0.2.1', userAgent: 'curl/8' } })
    const isChanged = async (device: object): Promise<unknown> => {
      const check = await sessions.validate(token, device)
      return check.ok && check.isDeviceChanged
    }
    expect(await isChanged({ ip: '192.0.2.1', userAgent: 'curl/8' })).toBe(false)
    expect(await isChanged({})).toBe(false)
    expect(await isChanged({ ip: '192.0.2.2' })).toBe(true)
    expect(await isChanged({ userAgent: 'curl/9' })).toBe(true)
    expect(await isChanged({ userAgent: null })).toBe(true)
  })

  test('of an adopted token works with what the client already holds', async () => {
    const { sessions, memory } = start()
    const token = mintSecret()
    const record = makeRecord({ id: adoptedId(token), secretHash: hashSecret(token) })
    await memory.insert(record, { mark: makeMark() })
    expect(await sessions.validate(token)).toMatchObject({ ok: true, session: { id: record.id } })
    expect(await sessions.end(token)).toBe(true)
    expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
  })
})

describe('across the idle boundary', () => {
  test('a session in use stays signed in although its last use was not written yet', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.set(NOON + DAY - 10 * SECOND)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    clock.set(NOON + DAY + 5 * SECOND)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    clock.set(NOON + DAY + 2 * MINUTE)
    await sessions.flush()
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    expect(await sessions.count({ active: true })).toBe(1)
  })

  test('a session in use can be renewed, and have its attributes set, although its last use was not written yet', async () => {
    const { sessions, clock } = start()
    const { session, token } = await sessions.create(ADA)
    clock.set(NOON + DAY - 10 * SECOND)
    await sessions.validate(token)
    clock.set(NOON + DAY + 5 * SECOND)
    const renewed = await sessions.renew(session.id)
    expect(await sessions.validate(renewed.ok && renewed.token)).toMatchObject({ ok: true })
    expect(await sessions.setAttributes(session.id, { a: 1 })).toBe(true)
  })

  test('a use that is written down while the record is read is not forgotten', async () => {
    const { sessions, clock, store } = start()
    const { token } = await sessions.create(ADA)
    clock.set(NOON + DAY - 2 * MINUTE)
    await sessions.validate(token)
    const gate = Promise.withResolvers<void>()
    store.faults = {
      pause: async ({ method }, when) => (method === 'get' && when === 'after' ? gate.promise : undefined),
    }
    const checking = sessions.validate(token)
    clock.set(NOON + DAY + 5 * SECOND)
    await sessions.flush()
    gate.resolve()
    expect(await checking).toMatchObject({ ok: true })
  })

  test('a successor presented in time counts as use from that moment, however long the store takes over it', async () => {
    const { sessions, clock, store } = start()
    const { session, token } = await sessions.create(ADA)
    const renewed = await sessions.renew(session.id)
    const next = renewed.ok && renewed.token
    clock.set(NOON + DAY - 5 * MINUTE)
    const gate = Promise.withResolvers<void>()
    store.faults = {
      pause: async ({ method }, when) => (method === 'update' && when === 'before' ? gate.promise : undefined),
    }
    const checking = sessions.validate(next)
    await sessions.validate(token, { isPassive: true })
    clock.set(NOON + DAY)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    gate.resolve()
    expect(await checking).toMatchObject({ ok: true })
  })

  test('after a restart a session has the touch interval in addition, once, since a note may have been lost', async () => {
    const { sessions, memory } = start()
    const { token } = await sessions.create(ADA)
    const clock = new FixedClock(NOON + DAY + MINUTE - 1)
    const restarted = new SessionManager({ store: memory, clock })
    expect(await restarted.validate(token)).toMatchObject({ ok: true })
    const used = clock.now()
    clock.set(used + DAY)
    expect(await restarted.validate(token)).toEqual({ ok: false, reason: 'idle' })
    const later = new SessionManager({ store: memory, clock: new FixedClock(NOON + DAY + MINUTE) })
    const untouched = await sessions.create({ userId: '43', username: 'bob' })
    expect(await later.validate(untouched.token)).toEqual({ ok: false, reason: 'idle' })
  })

  test('a use written on the strength of that interval takes effect', async () => {
    const { sessions, memory } = start()
    const { session, token } = await sessions.create(ADA)
    const clock = new FixedClock(NOON + DAY + 30 * SECOND)
    const restarted = new SessionManager({ store: memory, clock })
    await restarted.validate(token)
    await restarted.flush()
    expect(await memory.get(session.id)).toMatchObject({ lastAccessedAt: clock.now(), endsAt: clock.now() + DAY })
  })

  test('ending everybody also ends whom that interval would let in again', async () => {
    const { sessions, memory } = start()
    const { session, token } = await sessions.create(ADA)
    const restarted = new SessionManager({ store: memory, clock: new FixedClock(NOON + DAY + 30 * SECOND) })
    expect(await restarted.revoke({ where: { active: true } })).toEqual({ count: 1, ids: [session.id] })
    expect(await restarted.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
  })

  test('ending everybody also ends who was here a moment ago, though another process has not written it yet', async () => {
    const { sessions, memory, clock } = start()
    const { session, token } = await sessions.create(ADA)
    clock.set(NOON + DAY - SECOND)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
    clock.set(NOON + DAY + 30 * SECOND)
    const other = new SessionManager({ store: memory, clock })
    expect(await other.revoke({ where: { username: 'ada' } })).toEqual({ count: 1, ids: [session.id] })
    await sessions.flush()
    expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
  })

  test('ending all whose end is not written down asks for no standing: the policy they live by may be another', async () => {
    const { sessions, memory } = start({ policy: { touchInterval: '1h' } })
    const { session } = await sessions.create(ADA)
    const other = new SessionManager({ store: memory, clock: new FixedClock(NOON + DAY + 30 * MINUTE) })
    expect(await other.revoke({ where: { active: true } })).toMatchObject({ count: 0 })
    expect(await other.revoke({ where: { ended: true } })).toMatchObject({ count: 0 })
    expect(await other.revoke({ where: { ended: false } })).toEqual({ count: 1, ids: [session.id] })
  })
})

describe('ending sessions that are named', () => {
  test('one that stands is one step of the store', async () => {
    const { sessions, store } = start()
    const { session } = await sessions.create(ADA)
    store.calls.length = 0
    expect(await sessions.revoke({ id: session.id })).toEqual({ count: 1, ids: [session.id] })
    expect(store.calls.map(({ method }) => method)).toEqual(['revoke'])
  })

  test('tells of what time had ended before as idle, and of the others as the deed', async () => {
    const { sessions, memory, clock } = start()
    const idle = await sessions.create(ADA)
    clock.advance('24h')
    const standing = await sessions.create(ADA)
    clock.advance('1m')
    const ids = [idle.session.id, standing.session.id, standing.session.id]
    expect(await sessions.revoke({ ids })).toEqual({ count: 1, ids: [standing.session.id] })
    expect(await memory.get(idle.session.id)).toMatchObject({ endReason: 'idle', endedBy: 'system' })
    expect(await memory.get(standing.session.id)).toMatchObject({ endReason: 'revoked' })
  })

  test('also ends whom another process may still let in, since a use there is not written yet', async () => {
    const { sessions, memory, clock } = start()
    const { session, token } = await sessions.create(ADA)
    clock.set(NOON + DAY - SECOND)
    await sessions.validate(token)
    clock.set(NOON + DAY + 30 * SECOND)
    const other = new SessionManager({ store: memory, clock })
    expect(await other.revoke({ id: session.id })).toEqual({ count: 1, ids: [session.id] })
    expect(await sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
  })

  test('writes down their last use before, and leaves the uses of others for later', async () => {
    const { sessions, store, memory, clock } = start()
    const [one, other] = [await sessions.create(ADA), await sessions.create(ADA)]
    clock.advance('1s')
    for (const { token } of [one, other]) await sessions.validate(token)
    store.calls.length = 0
    await sessions.revoke({ id: one.session.id })
    expect(store.calls.map(({ method }) => method)).toEqual(['touch', 'revoke'])
    expect(await memory.get(one.session.id)).toMatchObject({ lastAccessedAt: NOON + SECOND })
    expect(await memory.get(other.session.id)).toMatchObject({ lastAccessedAt: NOON })
  })
})

describe('another policy', () => {
  test('that is shorter applies to existing sessions at once, in validations, lists and counts (TMO-6)', async () => {
    const { sessions, memory, clock } = start()
    const { token } = await sessions.create(ADA)
    const shorter = new SessionManager({ store: memory, clock, policy: { idleTimeout: '1h' } })
    await shorter.count()
    clock.set(NOON + 3_600_000)
    expect(await shorter.validate(token)).toMatchObject({ ok: false, reason: 'idle' })
    expect(await shorter.count({ active: true })).toBe(0)
    expect((await shorter.page()).sessions[0]).toMatchObject({ isActive: false })
  })

  test('that is longer does not stretch what was promised before (TMO-6)', async () => {
    const { sessions, memory, clock } = start()
    const { token } = await sessions.create(ADA)
    const longer = new SessionManager({ store: memory, clock, policy: { idleTimeout: '7d', absoluteLifetime: '90d' } })
    await longer.validate(token)
    clock.set(NOON + DAY)
    expect(await longer.validate(token)).toMatchObject({ ok: false, reason: 'idle' })
    expect(await longer.count({ active: true })).toBe(0)
  })

  test('that cannot be used is refused when the manager is made', () => {
    expect(() => start({ policy: { idleTimeout: 'soon' } })).toThrow(/^policy\.idleTimeout is 'soon'/)
    expect(() => start({ renewalKey: new Uint8Array(32) })).toThrow(/^renewalKey is not 32 random bytes/)
    expect(() => start({ renewalKey: randomBytes(16) })).toThrow(/^renewalKey is not 32 random bytes/)
  })
})

describe('logging out', () => {
  test('ends the session of the token at once, with the time, and tells the history', async () => {
    const { sessions, clock } = start()
    const { session, token } = await sessions.create(ADA)
    const other = await sessions.create(ADA)
    clock.advance('1h')
    expect(await sessions.end(token)).toBe(true)
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'ended', endReason: 'logout' })
    expect(await sessions.get(session.id)).toMatchObject({
      isActive: false,
      loggedOutAt: new Date(clock.now()),
      endedBy: 'user',
    })
    expect(await sessions.events({ sessionId: session.id })).toMatchObject([
      { type: 'session_ended', reason: 'logout', at: new Date(clock.now()) },
      { type: 'session_created', at: new Date(NOON) },
    ])
    expect(await sessions.validate(other.token)).toMatchObject({ ok: true })
  })

  test('twice does nothing the second time', async () => {
    const { sessions } = start()
    const { token } = await sessions.create(ADA)
    expect(await Promise.all([sessions.end(token), sessions.end(token)])).toEqual([true, false])
    expect(await sessions.end(token)).toBe(false)
  })

  test('with a token nobody was given, or one that is none, is nothing to do', async () => {
    const { sessions } = start()
    expect(await sessions.end(joinToken(mintSessionId(NOON), mintSecret()))).toBe(false)
    expect(await sessions.end('rubbish')).toBe(false)
  })

  test('of a session that ran out is nothing to do', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.set(NOON + DAY)
    expect(await sessions.end(token)).toBe(false)
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'idle' })
  })
})

describe('when the store fails', () => {
  test('nothing is ever answered as though a session were alive or dead (STO-9)', async () => {
    const { sessions, store } = start({ onBackgroundError: () => {} })
    const { session, token } = await sessions.create(ADA)
    const renewed = await sessions.renew(session.id)
    const next = renewed.ok && renewed.token
    store.faults = { isRefused: () => true }
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      validate: () => sessions.validate(token),
      'validate the successor': () => sessions.validate(next),
      create: () => sessions.create(ADA),
      renew: () => sessions.renew(session.id),
      end: () => sessions.end(token),
      revoke: () => sessions.revoke({ id: session.id }),
      'revoke a user': () => sessions.revoke({ userId: '42' }),
      get: () => sessions.get(session.id),
      page: () => sessions.page(),
      list: () => Array.fromAsync(sessions.list()),
      count: () => sessions.count(),
      stats: () => sessions.stats(),
      cleanup: () => sessions.cleanup(),
      setAttributes: () => sessions.setAttributes(session.id, {}),
      epoch: () => sessions.epoch('42'),
      events: () => sessions.events(),
      changes: () => sessions.changes(),
      guarantees: () => sessions.guarantees(),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({ code: 'store_unavailable' })
    }
    store.faults = {}
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('in the middle of any call, the call rejects or the session is as it was or as asked', async () => {
    for (let failing = 1; failing <= 6; failing += 1) {
      for (const fault of ['isRefused', 'isLost'] as const) {
        const { sessions, store } = start()
        const { token } = await sessions.create(ADA)
        store.calls.length = 0
        store.faults = { [fault]: ({ number }: { number: number }) => number === failing }
        const ended = await sessions.end(token).catch(() => 'unknown')
        store.faults = {}
        const check = await sessions.validate(token)
        if (ended === true) expect(check).toMatchObject({ ok: false, endReason: 'logout' })
        if (check.ok) expect(ended).toBe('unknown')
      }
    }
  })

  test('an answer for another session than the one asked for is a fault, never a session', async () => {
    const { sessions, memory } = start()
    const [mine, theirs] = [await sessions.create(ADA), await sessions.create({ userId: '43', username: 'bob' })]
    class CrossedStore extends MemoryStore {
      override get(): ReturnType<MemoryStore['get']> {
        return memory.get(theirs.session.id)
      }
    }
    const confused = new SessionManager({ store: new CrossedStore(), clock: new FixedClock(NOON) })
    await expect(confused.validate(mine.token)).rejects.toMatchObject({ code: 'store_corrupt' })
  })

  test('at the start, the start is tried again with the next call', async () => {
    const memory = new MemoryStore()
    const store = new FaultyStore(memory, { isRefused: ({ number }) => number === 1 })
    const reached: number[] = []
    const clock = { now: () => NOON, atLeast: (instant: number) => void reached.push(instant) }
    const sessions = new SessionManager({ store, clock })
    await expect(sessions.create(ADA)).rejects.toMatchObject({ code: 'store_unavailable' })
    await sessions.create(ADA)
    expect(reached).toEqual([0])
  })

  test('while notes are written in the background, somebody is told and nobody loses them', async () => {
    const errors: unknown[] = []
    const { sessions, store, clock, memory } = start({ onBackgroundError: (error) => errors.push(error) })
    const { session, token } = await sessions.create(ADA)
    clock.advance('1s')
    await sessions.validate(token)
    store.faults = { isRefused: ({ method }) => method === 'touch' }
    clock.advance('1m')
    await expect(sessions.flush()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(errors).toHaveLength(1)
    store.faults = {}
    await sessions.flush()
    expect(await memory.get(session.id)).toMatchObject({ lastAccessedAt: NOON + SECOND })
  })
})

describe('a manager', () => {
  test('starts its clock from what the store has recorded', async () => {
    const memory = new MemoryStore()
    await memory.insert(makeRecord({ createdAt: NOON + DAY }), { mark: makeMark({ at: NOON + DAY }) })
    const reached: number[] = []
    const clock = { now: () => NOON, atLeast: (instant: number) => void reached.push(instant) }
    await new SessionManager({ store: memory, clock }).count()
    expect(reached).toEqual([NOON + DAY])
  })

  test('does so whichever call comes first', async () => {
    const id = mintSessionId(NOON)
    const token = joinToken(id, mintSecret())
    const firsts: readonly ((sessions: SessionManager) => Promise<unknown>)[] = [
      (sessions) => sessions.create(ADA),
      (sessions) => sessions.validate(token),
      (sessions) => sessions.renew(id),
      (sessions) => sessions.reauthenticated(id),
      (sessions) => sessions.end(token),
      (sessions) => sessions.revoke({ id }),
      (sessions) => sessions.get(id),
      (sessions) => sessions.page(),
      (sessions) => sessions.count(),
      (sessions) => sessions.stats(),
      (sessions) => sessions.cleanup(),
      (sessions) => sessions.setAttributes(id, {}),
    ]
    for (const first of firsts) {
      const reached: number[] = []
      const clock = { now: () => NOON, atLeast: (instant: number) => void reached.push(instant) }
      await first(new SessionManager({ store: new MemoryStore(), clock }))
      expect(reached, String(first)).toEqual([0])
    }
  })

  test('asks the store nothing about what cannot be the id of a session', async () => {
    const { sessions, store } = start()
    expect(await sessions.get('rubbish')).toBeNull()
    expect(await sessions.renew('rubbish')).toEqual({ ok: false, reason: 'unknown' })
    expect(await sessions.reauthenticated('rubbish')).toEqual({ ok: false, reason: 'unknown' })
    expect(await sessions.setAttributes('rubbish', {})).toBe(false)
    expect(store.calls).toEqual([])
  })

  test('writes the uses that are only in memory when it closes, and closes the store once', async () => {
    const { sessions, store, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.advance('1s')
    await sessions.validate(token)
    await sessions.close()
    await sessions.close()
    expect(store.calls.slice(-2).map(({ method }) => method)).toEqual(['touch', 'close'])
  })

  test('closes the store even if the last uses cannot be written', async () => {
    const { sessions, store, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.advance('1s')
    await sessions.validate(token)
    store.faults = { isRefused: ({ method }) => method === 'touch' }
    await expect(sessions.close()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(store.calls.at(-1)?.method).toBe('close')
  })

  test('turns every call down after it was closed', async () => {
    const { sessions } = start()
    const { session, token } = await sessions.create(ADA)
    await sessions.close()
    const calls = [
      sessions.validate(token),
      sessions.create(ADA),
      sessions.renew(session.id),
      sessions.end(token),
      sessions.revoke({ id: session.id }),
      sessions.get(session.id),
      sessions.page(),
      sessions.count(),
      sessions.stats(),
      sessions.cleanup(),
      sessions.setAttributes(session.id, {}),
      sessions.epoch('42'),
      sessions.events(),
      sessions.changes(),
      sessions.guarantees(),
    ]
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'closed' })
  })

  test('closes at the end of its block', async () => {
    const memory = new MemoryStore()
    {
      await using sessions = new SessionManager({ store: memory, clock: new FixedClock(NOON) })
      await sessions.create(ADA)
    }
    await expect(memory.count({})).rejects.toMatchObject({ code: 'closed' })
  })
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
