import { beforeEach, expect, test } from 'vitest'
import type { EventRecord } from '../core/events.ts'
import { SessionManager } from '../core/manager.ts'
import type { Store } from '../core/store.ts'
import { SojournError } from '../core/errors.ts'
import { MemoryStore } from '../stores/memory.ts'
import { SqliteStore } from '../stores/sqlite.ts'
import { FaultyStore, FixedClock, makeEndMark, makeMark, makeRecord, makeUser } from '../testing/index.ts'
import { DAY, NOON } from '../testing/records.ts'
import { SessionsBeside } from './sessions-beside.ts'
import { UsersBeside } from './users-beside.ts'

let kept: MemoryStore
let users: MemoryStore
let network: FaultyStore
let store: SessionsBeside

beforeEach(() => {
  kept = new MemoryStore()
  users = new MemoryStore()
  network = new FaultyStore(users)
  store = new SessionsBeside(kept, network)
})

test('history tells what happened to users and keys among what happened to sessions, to whoever asks in whatever way', async () => {
  await guess(1)
  await store.insert(makeRecord({ userId: '42' }), { mark: makeMark() })
  await guess(2)
  expect(types(await store.events({ limit: 9 }))).toEqual(['login_failed', 'login_failed', 'session_created'])
  await guess(3)
  const { events, cursor } = await store.changes(null, 9)
  expect(types(events)).toEqual(['session_created', 'login_failed', 'login_failed', 'login_failed'])
  expect((await store.changes(cursor, 9)).events).toEqual([])
  await guess(4)
  expect((await store.changes(cursor, 9)).events).toMatchObject([{ type: 'login_failed', at: NOON + 4 }])
})

test('each line is copied once, however many processes look at once', async () => {
  const others = Array.from({ length: 3 }, () => new SessionsBeside(kept, network))
  for (let round = 0; round < 20; round += 1) {
    await guess(round)
    await Promise.all([store, ...others].map((each) => each.events({ limit: 1 })))
  }
  expect(await kept.events({ limit: 100 })).toHaveLength(20)
})

test('whoever is overtaken by somebody who had seen less copies the rest', async () => {
  const [line, gate] = [new FaultyStore(kept), new Gate()]
  await guess(1)
  network.faults = { pause: async (_, when) => (when === 'after' ? gate.opened : undefined) }
  const first = store.events({ limit: 9 })
  await settled()
  await guess(2)
  const copying = new Gate()
  line.faults = {
    pause: async ({ method }, when) => (method === 'copyHistory' && when === 'before' ? copying.opened : undefined),
  }
  const second = new SessionsBeside(line, users).events({ limit: 9 })
  await settled()
  gate.open()
  expect(await first).toHaveLength(1)
  copying.open()
  expect(await second).toHaveLength(2)
})

test('what was written before the call is told, though somebody was just copying', async () => {
  const gate = new Gate()
  network.faults = { pause: async (_, when) => (when === 'after' ? gate.opened : undefined) }
  const first = store.events({ limit: 9 })
  await settled()
  await guess(1)
  const second = store.events({ limit: 9 })
  const third = store.events({ limit: 9 })
  network.faults = {}
  gate.open()
  expect(await first).toHaveLength(0)
  expect(await second).toHaveLength(1)
  expect(await third).toHaveLength(1)
  expect(network.calls).toHaveLength(2)
})

test('a long history is copied page by page, and by another process it is gone on with, not begun again', async () => {
  for (let place = 0; place < 1_234; place += 1) await guess(place)
  expect(await store.events({ limit: 2_000 })).toHaveLength(1_234)
  network.calls.length = 0
  await guess(9_999)
  expect(await new SessionsBeside(kept, network).events({ limit: 2_000 })).toHaveLength(1_235)
  expect(network.calls).toHaveLength(1)
})

test('what the other store tells of sessions is not told again, and gone through once', async () => {
  const record = makeRecord()
  for (let place = 0; place < 1_100; place += 1) await users.insert(makeRecord(), { mark: makeMark() })
  await users.insert(record, { mark: makeMark() })
  await users.revoke({ id: record.id }, makeEndMark(), 1)
  expect(await store.events({ limit: 9 })).toEqual([])
  network.calls.length = 0
  expect(await new SessionsBeside(kept, network).events({ limit: 9 })).toEqual([])
  expect(network.calls).toHaveLength(1)
  await guess(1)
  expect(types(await store.events({ limit: 9 }))).toEqual(['login_failed'])
})

test('a history that cannot go on from where it was left is gone through again, and nothing is copied twice', async () => {
  for (let place = 0; place < 1_100; place += 1) await guess(place)
  await store.events({ limit: 1 })
  const refusing = refusingOnce(users)
  const restarted = new SessionsBeside(kept, refusing)
  await guess(5_000)
  expect(await restarted.events({ limit: 2_000 })).toHaveLength(1_101)
  await guess(5_001)
  expect(await restarted.events({ limit: 2_000 })).toHaveLength(1_102)
})

test('a history that breaks off is gone on with where it broke off', async () => {
  for (let place = 0; place < 700; place += 1) await guess(place)
  network.faults = { isRefused: ({ number }) => number === 2 }
  await expect(store.events({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' })
  network.faults = {}
  expect(await store.events({ limit: 2_000 })).toHaveLength(700)
})

test('what is done by way of the users beside stands in its order, though nobody has looked', async () => {
  const beside = new UsersBeside(users.users, store)
  await beside.add(makeUser({ id: '42' }), makeMark())
  await store.insert(makeRecord({ userId: '42' }), { mark: makeMark() })
  await beside.noteFailedLogin('42', makeMark())
  await beside.disable('42', makeMark())
  await beside.enable('42', makeMark())
  await beside.setRole('42', 'operator', makeMark())
  await beside.remove('42', makeMark())
  expect(types(await kept.events({ limit: 20 })).toReversed()).toEqual([
    'user_created',
    'session_created',
    'login_failed',
    'session_ended',
    'user_sessions_ended',
    'user_disabled',
    'user_sessions_ended',
    'user_enabled',
    'role_changed',
    'user_sessions_ended',
    'user_deleted',
    'user_sessions_ended',
  ])
})

test('a user is changed though the history of the sessions cannot be told of it yet', async () => {
  const beside = new UsersBeside(users.users, store)
  network.faults = { isRefused: () => true }
  expect(await beside.add(makeUser({ id: '42' }), makeMark())).toBe(true)
  network.faults = {}
  expect(types(await store.events({ limit: 9 }))).toEqual(['user_created'])
})

test('sessions do not depend on the other store, nor does the history of one session', async () => {
  network.faults = { isRefused: () => true }
  const sessions = new SessionManager({ store, clock: new FixedClock(NOON) })
  const { token, session } = await sessions.create({ userId: '42', username: 'ada' })
  expect(await sessions.validate(token)).toMatchObject({ ok: true })
  expect(await sessions.events({ sessionId: session.id })).toMatchObject([{ type: 'session_created' }])
  await expect(sessions.events({ userId: '42' })).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(await sessions.end(token)).toBe(true)
})

test('clean-up deletes what is old in both histories, and nothing that was not copied yet', async () => {
  const clock = new FixedClock(NOON)
  const sessions = new SessionManager({ store, clock, policy: { retention: '1d' } })
  for (let place = 0; place < 250; place += 1) await guess(place)
  await users.insert(makeRecord({ endsAt: NOON }), { mark: makeMark() })
  clock.advance('2d')
  await guess(2 * DAY)
  expect(await sessions.cleanup()).toEqual({ ended: 0, pruned: 0 })
  expect(await users.events({ limit: 1_000 })).toHaveLength(1)
  expect(await users.count({})).toBe(0)
  expect(await store.events({ limit: 1_000 })).toMatchObject([{ at: NOON + 2 * DAY }])
})

test('a store that takes no lines of another one is refused in one sentence', () => {
  const sqlite = SqliteStore.open(':memory:')
  expect(() => new SessionsBeside(sqlite, users)).toThrow(SojournError)
  expect(() => new SessionsBeside(sqlite, users)).toThrow('copyHistory')
})

/** Whoever waits for it goes on when it is open. */
class Gate {
  readonly #opening = Promise.withResolvers<void>()

  get opened(): Promise<void> {
    return this.#opening.promise
  }

  open(): void {
    this.#opening.resolve()
  }
}

async function guess(after: number): Promise<void> {
  await users.users.noteFailedLogin(null, { at: NOON + after, actor: 'user' })
}

function types(events: readonly EventRecord[]): readonly string[] {
  return events.map(({ type }) => type)
}

/** As a database whose server was lost: it does not know the cursors that the other one gave out. */
function refusingOnce(inner: Store): Pick<Store, 'changes' | 'prune'> {
  let isRefused = false
  return {
    prune: (...call) => inner.prune(...call),
    changes: async (cursor, limit) => {
      if (cursor === null || isRefused) return inner.changes(cursor, limit)
      isRefused = true
      throw new SojournError('invalid_argument', 'cursor is of another server')
    },
  }
}

async function settled(): Promise<void> {
  await new Promise(setImmediate)
}
