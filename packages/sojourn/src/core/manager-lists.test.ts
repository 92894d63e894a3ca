import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, FixedClock } from '../testing/index.ts'
import type { Page } from './listing.ts'
import { SessionManager } from './manager.ts'
import type { CleanupResult, SessionManagerOptions } from './manager.ts'
import type { Session } from './session.ts'
import { mintSessionId } from './token.ts'

const NOON = Date.UTC(2026, 0, 1, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const ADA = { userId: '42', username: 'ada' }
const BOB = { userId: '43', username: 'bob' }

describe('a list', () => {
  test('shows the sessions of a user, newest first, with the one that asks marked', async () => {
    const { sessions, clock } = start()
    const first = await sessions.create(ADA)
    clock.advance('1s')
    const second = await sessions.create(ADA)
    await sessions.create(BOB)
    const { sessions: shown } = await sessions.page({ userId: '42', current: first.session.id })
    expect(shown.map(({ id, current }) => [id, current])).toEqual([
      [second.session.id, false],
      [first.session.id, true],
    ])
  })

  test('shows uses that are not written yet', async () => {
    const { sessions, clock } = start()
    const { token, session } = await sessions.create(ADA)
    clock.advance('1s')
    await sessions.validate(token)
    expect((await sessions.page()).sessions[0]?.lastAccessedAt).toEqual(new Date(NOON + 1_000))
    clock.advance('1s')
    await sessions.validate(token)
    expect((await sessions.get(session.id))?.lastAccessedAt).toEqual(new Date(NOON + 2_000))
  })

  test('and a count, the figures and an end by filter know of uses that are not written yet', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.advance('3h')
    const asked = [
      () => sessions.count({ unusedFor: '2h' }),
      async () => (await sessions.revoke({ where: { unusedFor: '2h' } })).count,
      async () => (await sessions.cleanup({ olderThan: '2h' })).ended,
      async () => 1 - (await sessions.stats()).active,
    ]
    for (const ask of asked) {
      await sessions.validate(token)
      expect(await ask()).toBe(0)
      clock.set(clock.now() + DAY - 1)
    }
  })

  test('counts no more than it is asked to', async () => {
    const { sessions } = start()
    for (let n = 0; n < 3; n += 1) await sessions.create(ADA)
    expect(await sessions.count({}, { upTo: 2 })).toBe(2)
    expect(await sessions.count({ text: 'ada' }, { upTo: 3 })).toBe(3)
    expect(await sessions.count({}, { upTo: 4 })).toBe(3)
    for (const upTo of [0, 1.5, Infinity, '2' as unknown as number]) {
      await expect(sessions.count({}, { upTo })).rejects.toMatchObject({ code: 'invalid_argument' })
    }
  })

  test('counts a session as active exactly as long as a validation does', async () => {
    const { sessions, clock } = start()
    const { session } = await sessions.create(ADA)
    clock.set(NOON + DAY - 1)
    expect(await sessions.count({ active: true })).toBe(1)
    expect(await sessions.get(session.id)).toMatchObject({ isActive: true })
    clock.set(NOON + DAY)
    expect(await sessions.count({ active: true })).toBe(0)
    expect(await sessions.count({ active: false })).toBe(1)
    expect(await sessions.get(session.id)).toMatchObject({ isActive: false, endReason: null })
  })

  test('comes in pages that show every session once', async () => {
    const { sessions } = start()
    for (let place = 0; place < 7; place += 1) await sessions.create(ADA)
    const pages: Page[] = []
    for (let cursor: string | null = null; ;) {
      const page: Page = await sessions.page({ limit: 3, cursor, sort: 'lastAccessedAt', order: 'asc' })
      pages.push(page)
      cursor = page.next
      if (cursor === null) break
    }
    expect(pages.map((page) => page.sessions.length)).toEqual([3, 3, 1])
    expect(new Set(pages.flatMap((page) => page.sessions.map(({ id }) => id))).size).toBe(7)
  })

  test('has no next page when the last one is exactly full', async () => {
    const { sessions } = start()
    for (let place = 0; place < 4; place += 1) await sessions.create(ADA)
    expect((await sessions.page({ limit: 4 })).next).toBeNull()
    expect((await sessions.page({ limit: 3 })).next).not.toBeNull()
  })

  test('can be walked through to the end, however long it is', async () => {
    const { sessions } = start()
    for (let place = 0; place < 1_001; place += 1) await sessions.create(ADA)
    const ids = new Set<string>()
    for await (const { id } of sessions.list()) ids.add(id)
    expect(ids.size).toBe(1_001)
  })

  test('can be cut to what is looked for', async () => {
    const { sessions, clock } = start()
    const device = { ip: '192.0.2.1', userAgent: 'curl/8' }
    const { session, token } = await sessions.create({ ...ADA, device, method: 'passkey' })
    const other = await sessions.create({ ...BOB, device: { ip: '192.0.2.2', userAgent: 'Firefox/128' } })
    await sessions.end(other.token)
    clock.advance('2h')
    const found = async (filter: object): Promise<readonly string[]> =>
      (await sessions.page(filter)).sessions.map(({ id }) => id)
    for (const filter of [
      { username: 'ada' },
      { ip: '192.0.2.1' },
      { text: 'CURL' },
      { method: 'passkey' },
      { active: true },
      { userId: '42', createdSince: new Date(NOON), createdBefore: new Date(NOON + 1) },
    ]) {
      expect(await found(filter), JSON.stringify(filter)).toEqual([session.id])
      expect(await sessions.count(filter)).toBe(1)
    }
    expect(await found({ endReason: 'logout' })).toEqual([other.session.id])
    expect(await found({ active: true, unusedFor: '2h' })).toEqual([session.id])
    await sessions.validate(token)
    expect(await found({ active: true, unusedFor: '1m' })).toEqual([])
  })

  test.each([
    [{ limit: 0 }, /limit is 0; give a whole number from 1 to 500/],
    [{ limit: 501 }, /limit is 501/],
    [{ limit: 1.5 }, /limit is 1\.5/],
    [{ sort: 'id' }, /sort is 'id'; give one of createdAt, lastAccessedAt/],
    [{ order: 'up' }, /order is 'up'; give one of asc, desc/],
    [{ userid: '42' }, /options has no 'userid'/],
    [{ createdSince: '2026-01-01' }, /createdSince is '2026-01-01'; give a Date/],
    [{ active: 'yes' }, /active is 'yes'; give true or false/],
    [{ cursor: 'rubbish' }, /cursor is not one of this list/],
    [{ cursor: '' }, /cursor is not one of this list/],
  ])('with %j is refused by a sentence that says what to give', async (options, message) => {
    const { sessions, store } = start()
    await expect(sessions.page(options as never)).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
    )
    expect(store.calls).toEqual([])
  })

  test('carries no secret and no hash', async () => {
    const { sessions } = start()
    const { token } = await sessions.create(ADA)
    const text = JSON.stringify(await sessions.page())
    expect(text).not.toContain(token.split('.')[1])
    expect(text).not.toMatch(/hash|salt|secret/i)
  })
})

describe('revoking', () => {
  test('one session leaves the others', async () => {
    const { sessions } = start()
    const [first, second] = [await sessions.create(ADA), await sessions.create(ADA)]
    expect(await sessions.revoke({ id: first.session.id }, { actor: 'ops:grace' })).toEqual({
      count: 1,
      ids: [first.session.id],
    })
    expect(await sessions.validate(first.token)).toEqual({ ok: false, reason: 'ended', endReason: 'revoked' })
    expect(await sessions.get(first.session.id)).toMatchObject({ endedBy: 'ops:grace' })
    expect(await sessions.validate(second.token)).toMatchObject({ ok: true })
    expect(await sessions.revoke({ id: first.session.id })).toEqual({ count: 0, ids: [] })
  })

  test('what does not exist, or is no id, ends nothing', async () => {
    const { sessions } = start()
    const { token } = await sessions.create(ADA)
    expect(await sessions.revoke({ id: token })).toEqual({ count: 0, ids: [] })
    expect(await sessions.revoke({ ids: ['x', mintSessionId(NOON)] })).toEqual({ count: 0, ids: [] })
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('everything else of a user spares the session that asks', async () => {
    const { sessions } = start()
    const [kept, other, theirs] = [await sessions.create(ADA), await sessions.create(ADA), await sessions.create(BOB)]
    expect(await sessions.revoke({ userId: '42', except: kept.session.id })).toMatchObject({ count: 1 })
    expect(await sessions.validate(kept.token)).toMatchObject({ ok: true })
    expect(await sessions.validate(theirs.token)).toMatchObject({ ok: true })
    expect(await sessions.validate(other.token)).toMatchObject({ ok: false, reason: 'ended' })
  })

  test('everything but a token, which is no id, is refused before anything ends', async () => {
    const { sessions } = start()
    const { token } = await sessions.create(ADA)
    const attempt = sessions.revoke({ userId: '42', except: token })
    await expect(attempt).rejects.toThrow(expect.objectContaining({ code: 'invalid_argument' }))
    await expect(attempt).rejects.not.toThrow(token)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('by a filter ends what the list shows under it, in batches that report how far they are', async () => {
    const { sessions, store } = start()
    for (let place = 0; place < 220; place += 1) {
      await sessions.create({ ...ADA, device: { ip: place % 11 === 0 ? '192.0.2.2' : '192.0.2.1' } })
    }
    const where = { ip: '192.0.2.1', active: true }
    const shown = await sessions.count(where)
    store.calls.length = 0
    const progress: number[] = []
    const { count, ids } = await sessions.revoke({ where }, { onProgress: (ended) => progress.push(ended) })
    expect([count, ids.length, new Set(ids).size]).toEqual([shown, shown, shown])
    expect(progress).toEqual([100, 200])
    expect(store.calls.filter(({ method }) => method === 'revoke')).toHaveLength(3)
    expect(await sessions.count({ active: true })).toBe(20)
  })

  test('many by id works however many there are', async () => {
    const { sessions } = start()
    const ids: string[] = []
    for (let place = 0; place < 1_200; place += 1) ids.push((await sessions.create(ADA)).session.id)
    expect(await sessions.revoke({ ids })).toMatchObject({ count: 1_200 })
    expect(await sessions.count({ active: true })).toBe(0)
  })

  test('takes no credit for what time has ended', async () => {
    for (const kind of ['ids', 'user'] as const) {
      const { sessions, clock } = start()
      const idle = await sessions.create(ADA)
      clock.set(NOON + DAY + MINUTE)
      const standing = await sessions.create(ADA)
      const ids = [idle.session.id, standing.session.id]
      expect(await sessions.revoke(kind === 'ids' ? { ids } : { userId: '42' })).toMatchObject({ count: 1 })
      expect(await sessions.get(idle.session.id)).toMatchObject({
        endReason: 'idle',
        endedBy: 'system',
        loggedOutAt: new Date(NOON + DAY),
      })
      expect(await sessions.get(standing.session.id)).toMatchObject({ endReason: 'revoked' })
    }
  })

  test('by a filter means those that stand, unless it says otherwise', async () => {
    const { sessions } = start()
    const { session } = await sessions.create(ADA)
    expect(await sessions.revoke({ where: { username: 'ada' } })).toEqual({ count: 1, ids: [session.id] })
  })

  test('everything of a user also ends a session that was used a moment ago past its recorded end', async () => {
    const { sessions, clock } = start()
    const { token, session } = await sessions.create(ADA)
    clock.set(NOON + DAY - 1_000)
    await sessions.validate(token)
    clock.set(NOON + DAY + 30_000)
    await sessions.validate(token)
    expect(await sessions.revoke({ userId: '42' })).toEqual({ count: 1, ids: [session.id] })
    expect(await sessions.validate(token)).toMatchObject({ ok: false, endReason: 'revoked' })
  })

  test.each([
    [{}],
    [{ id: mintSessionId(NOON), userId: '42' }],
    [{ userId: '42', where: { active: true } }],
    [{ id: mintSessionId(NOON), except: mintSessionId(NOON) }],
  ])('needs one way of saying which sessions are meant, and refuses %j', async (target) => {
    const { sessions } = start()
    const { token } = await sessions.create(ADA)
    await expect(sessions.revoke(target as never)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('needs a name for who does it', async () => {
    const { sessions } = start()
    await expect(sessions.revoke({ userId: '42' }, { actor: '' })).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})

describe('a clean-up', () => {
  test('writes down the ends that time has brought, each with its reason', async () => {
    const { sessions, clock } = start({ policy: { idleTimeout: '1d', absoluteLifetime: '2d' } })
    const expired = await sessions.create(ADA)
    clock.set(NOON + DAY - 1)
    await sessions.validate(expired.token)
    const idle = await sessions.create(ADA)
    clock.set(NOON + 2 * DAY + MINUTE)
    const standing = await sessions.create(ADA)
    expect(await sessions.cleanup()).toEqual({ ended: 2, pruned: 0 })
    expect(await sessions.get(expired.session.id)).toMatchObject({
      endReason: 'expired',
      loggedOutAt: new Date(NOON + 2 * DAY - 1),
    })
    expect(await sessions.get(idle.session.id)).toMatchObject({ endReason: 'idle' })
    expect(await sessions.get(standing.session.id)).toMatchObject({ endReason: null, isActive: true })
  })

  test('keeps a touch interval’s distance from the idle limit, since another process may hold notes', async () => {
    const { sessions, clock } = start()
    await sessions.create(ADA)
    clock.set(NOON + DAY + MINUTE - 1)
    expect(await sessions.cleanup()).toMatchObject({ ended: 0 })
    clock.set(NOON + DAY + MINUTE)
    expect(await sessions.cleanup()).toMatchObject({ ended: 1 })
  })

  test('never ends a session that was used a moment ago', async () => {
    const { sessions, clock } = start()
    const { token } = await sessions.create(ADA)
    clock.set(NOON + DAY - 1)
    await sessions.validate(token)
    clock.set(NOON + DAY + HOUR)
    expect(await sessions.cleanup({ olderThan: '2h' })).toMatchObject({ ended: 0 })
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })

  test('ends what was not used for as long as it is told', async () => {
    const { sessions, clock } = start()
    const [old, used] = [await sessions.create(ADA), await sessions.create(ADA)]
    clock.advance('3h')
    await sessions.validate(used.token)
    clock.advance('2h')
    expect(await sessions.cleanup({ olderThan: '4h' })).toMatchObject({ ended: 1 })
    expect(await sessions.validate(old.token)).toMatchObject({ ok: false, endReason: 'cleanup' })
    expect(await sessions.validate(used.token)).toMatchObject({ ok: true })
    await expect(sessions.cleanup({ olderThan: 'long' })).rejects.toThrow(/^olderThan is 'long'/)
  })

  test('that ends what was not used for a time leaves a touch interval, at most a tenth of that time', async () => {
    for (const [olderThan, exactly] of [
      ['4h', 4 * HOUR + MINUTE],
      ['5m', 5.5 * MINUTE],
    ] as const) {
      const { sessions, clock } = start()
      await sessions.create(ADA)
      clock.set(NOON + exactly - 1)
      expect(await sessions.cleanup({ olderThan })).toMatchObject({ ended: 0 })
      clock.set(NOON + exactly)
      expect(await sessions.cleanup({ olderThan })).toMatchObject({ ended: 1 })
    }
  })

  test.each([
    [
      'expired',
      { absoluteLifetime: '2d', idleTimeout: '2d' },
      { absoluteLifetime: '30d', idleTimeout: '30d' },
      2 * DAY,
    ],
    [
      'expired',
      { absoluteLifetime: '30d', idleTimeout: '30d' },
      { absoluteLifetime: '2d', idleTimeout: '2d' },
      2 * DAY,
    ],
    ['idle', { idleTimeout: '2d' }, { idleTimeout: '7d' }, 2 * DAY + MINUTE],
    ['idle', { idleTimeout: '7d' }, { idleTimeout: '2d' }, 2 * DAY + MINUTE],
  ])(
    'ends as %s by the policy of the login (%j) or of now (%j), whichever is shorter',
    async (reason, then, now, at) => {
      const { sessions, memory, clock } = start({ policy: then })
      const { session } = await sessions.create(ADA)
      const present = new SessionManager({ store: memory, clock, policy: now })
      clock.set(NOON + at - 1)
      expect(await present.cleanup()).toMatchObject({ ended: 0 })
      clock.set(NOON + at)
      expect(await present.cleanup()).toMatchObject({ ended: 1 })
      expect(await present.get(session.id)).toMatchObject({ endReason: reason })
    },
  )

  test('deletes what ended before the retention, and not a millisecond earlier', async () => {
    const { sessions, clock } = start({ policy: { retention: '7d' } })
    const { session, token } = await sessions.create(ADA)
    await sessions.end(token)
    clock.set(NOON + 7 * DAY)
    expect(await sessions.cleanup()).toEqual({ ended: 0, pruned: 0 })
    expect(await sessions.get(session.id)).not.toBeNull()
    clock.set(NOON + 7 * DAY + 1)
    expect(await sessions.cleanup()).toEqual({ ended: 0, pruned: 1 })
    expect(await sessions.get(session.id)).toBeNull()
    expect(await sessions.validate(token)).toEqual({ ok: false, reason: 'unknown' })
  })

  test('rehearsed says what a real one then does, and changes nothing', async () => {
    const { sessions, clock, memory } = start({ policy: { retention: '1d', absoluteLifetime: '3d' } })
    for (let place = 0; place < 5; place += 1) {
      const { token } = await sessions.create(ADA)
      if (place % 2 === 0) await sessions.end(token)
      clock.advance('20h')
    }
    const before = await memory.count({ isEnded: true })
    const promised = await sessions.cleanup({ dryRun: true, olderThan: '10h' })
    expect(await memory.count({ isEnded: true })).toBe(before)
    expect(promised.ended).toBeGreaterThan(0)
    expect(promised.pruned).toBeGreaterThan(0)
    expect(await sessions.cleanup({ olderThan: '10h' })).toEqual(promised)
    expect(await sessions.cleanup({ olderThan: '10h' })).toEqual({ ended: 0, pruned: 0 })
  })

  test('works through any number in batches of 100, and tells how far it is', async () => {
    const { sessions, clock, store } = start({ policy: { retention: '1d' } })
    for (let place = 0; place < 201; place += 1) await sessions.create(ADA)
    clock.advance('3d')
    store.calls.length = 0
    const progress: CleanupResult[] = []
    expect(await sessions.cleanup({ onProgress: (sofar) => progress.push(sofar) })).toEqual({
      ended: 201,
      pruned: 201,
    })
    expect(progress.map(({ ended, pruned }) => ended + pruned)).toEqual([100, 200, 201, 301, 401, 402])
    expect(store.calls.filter(({ method }) => method === 'prune')).toHaveLength(3)
  })

  test('leaves no line of history beyond its retention, however many there are for each session', async () => {
    const { sessions, clock, memory } = start({ policy: { retention: '1d' } })
    for (let place = 0; place < 350; place += 1) {
      await memory.users.noteFailedLogin(null, { at: clock.now(), actor: 'user' })
    }
    await sessions.create(ADA)
    clock.advance('2d')
    await sessions.create(BOB)
    await sessions.cleanup()
    clock.advance('1h')
    await sessions.cleanup()
    expect((await memory.events({ type: 'login_failed', limit: 1_000 })).length).toBe(0)
  })
})

describe('the figures', () => {
  test('of an empty installation are zero', async () => {
    const { sessions } = start()
    expect(await sessions.stats()).toEqual({
      total: 0,
      active: 0,
      ended: 0,
      createdToday: 0,
      usersOnline: 0,
      mostActiveUser: null,
      recent: [],
    })
  })

  test('say how many sessions there are, stand and ended, who is there, and which came last', async () => {
    const { sessions, clock } = start()
    clock.set(Date.UTC(2026, 0, 1, 23, 59, 59, 999))
    await sessions.create(BOB)
    clock.set(Date.UTC(2026, 0, 2))
    const tokens: string[] = []
    for (let place = 0; place < 6; place += 1) {
      tokens.push((await sessions.create(ADA)).token)
      clock.advance('1s')
    }
    await sessions.end(tokens[0])
    const { recent, ...figures } = await sessions.stats()
    expect(figures).toEqual({
      total: 7,
      active: 6,
      ended: 1,
      createdToday: 6,
      usersOnline: 2,
      mostActiveUser: { userId: '42', username: 'ada', sessions: 6 },
    })
    expect(recent).toHaveLength(5)
    expect(recent.map(({ createdAt }) => createdAt.getTime())).toEqual(
      recent.map(({ createdAt }) => createdAt.getTime()).toSorted((a, b) => b - a),
    )
  })
})

describe('attributes', () => {
  test('of a standing session are replaced, and nothing else of it changes', async () => {
    const { sessions } = start()
    const { session } = await sessions.create({ ...ADA, attributes: { old: true } })
    expect(await sessions.setAttributes(session.id, { cart: [1, 2] })).toBe(true)
    const now = (await sessions.get(session.id)) as Session
    expect(now).toEqual({ ...session, attributes: { cart: [1, 2] } })
  })

  test('set by many at once are those of one of them', async () => {
    const { sessions } = start()
    const { session } = await sessions.create(ADA)
    const done = await Promise.all(Array.from({ length: 10 }, (_, n) => sessions.setAttributes(session.id, { n })))
    expect(done).toEqual(Array.from({ length: 10 }, () => true))
  })

  test('of a session that stands no more, or does not exist, are left alone', async () => {
    const { sessions, clock } = start()
    const [ended, idle] = [await sessions.create(ADA), await sessions.create(ADA)]
    await sessions.end(ended.token)
    expect(await sessions.setAttributes(ended.session.id, {})).toBe(false)
    clock.set(NOON + DAY)
    expect(await sessions.setAttributes(idle.session.id, {})).toBe(false)
    expect(await sessions.setAttributes(mintSessionId(NOON), {})).toBe(false)
    expect(await sessions.setAttributes('rubbish', {})).toBe(false)
  })

  test('that are too large are refused, not cut', async () => {
    const { sessions } = start()
    const { session } = await sessions.create(ADA)
    const attempt = sessions.setAttributes(session.id, { text: 'x'.repeat(5_000) })
    await expect(attempt).rejects.toMatchObject({ code: 'invalid_argument' })
  })
})

describe('history', () => {
  test('is read newest first, or followed from a cursor', async () => {
    const { sessions } = start()
    const { cursor } = await sessions.changes('end')
    const { token, session } = await sessions.create({ ...ADA, device: { ip: '192.0.2.1' }, method: 'password' })
    await sessions.end(token)
    const { events } = await sessions.changes(cursor)
    expect(events).toMatchObject([
      { type: 'session_created', sessionId: session.id, actor: 'user', ipAddress: '192.0.2.1', detail: 'password' },
      { type: 'session_ended', reason: 'logout' },
    ])
    expect(await sessions.events({ userId: '42' })).toEqual(events.toReversed())
  })

  test('carries no secret', async () => {
    const { sessions, clock } = start()
    const { token, session } = await sessions.create(ADA)
    const renewal = await sessions.renew(session.id)
    const next = renewal.ok ? renewal.token : ''
    await sessions.validate(next)
    clock.advance('1h')
    await sessions.validate(token)
    const text = JSON.stringify(await sessions.events())
    expect(text).toContain('token_reuse')
    for (const each of [token, next]) expect(text).not.toContain(each.split('.')[1])
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
