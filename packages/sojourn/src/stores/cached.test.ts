import { beforeEach, describe, expect, test } from 'vitest'
import type { UserStore } from '../auth/users.ts'
import type { SessionFilter } from '../core/store.ts'
import { SessionManager, isSojournError } from '../index.ts'
import type { SessionId, Token } from '../index.ts'
import {
  FaultyStore,
  FixedClock,
  makeEndMark,
  makeMark,
  makeRecord,
  storeContract,
  userStoreContract,
} from '../testing/index.ts'
import type { Faults, OpenedStore } from '../testing/index.ts'
import { NOON } from '../testing/records.ts'
import { CachedStore, cached } from './cached.ts'
import type { CachedOptions } from './cached.ts'
import { MemoryStore } from './memory.ts'
import { SqliteStore } from './sqlite.ts'

const ADA = { userId: '42', username: 'ada' }

describe('a cached store is a store', () => {
  const inners = { memory: () => new MemoryStore(), sqlite: () => SqliteStore.open(':memory:') }
  for (const [name, open] of Object.entries(inners)) {
    test.each([...storeContract, ...userStoreContract])(`around ${name}: $name`, async ({ run }) => {
      const opening = async (): Promise<OpenedStore> => {
        const store = cached(open())
        return { store, users: store.users }
      }
      await expect(run(opening)).resolves.toBeUndefined()
    })
  }
})

/** A store that tells whoever listens when it is asked to. */
class TellingStore extends MemoryStore {
  readonly #listeners = new Set<() => void>()

  async listen(hint: () => void): Promise<() => Promise<void>> {
    this.#listeners.add(hint)
    hint()
    return async () => void this.#listeners.delete(hint)
  }

  get listeners(): number {
    return this.#listeners.size
  }

  tell(): void {
    for (const hint of this.#listeners) hint()
  }
}

/** The way from a process to the store. Users go by another one, which nothing happens to. */
class Network extends FaultyStore {
  readonly users: UserStore

  constructor(shared: MemoryStore) {
    super(shared)
    this.users = shared.users
  }
}

/** One of several processes on the same store. */
class Node {
  readonly network: Network
  readonly store: CachedStore<Network>
  readonly sessions: SessionManager
  /** What this host's clocks show beyond the true time. */
  wallAhead = 0

  constructor(shared: MemoryStore, clock: FixedClock, options: CachedOptions = {}) {
    this.network = new Network(shared)
    const time = { wall: () => clock.now() + this.wallAhead, monotonic: () => clock.now() }
    this.store = new CachedStore(this.network, { time, clock, ...options })
    this.sessions = new SessionManager({ store: this.store, clock, onBackgroundError: () => undefined })
  }

  /** Calls that reached the network, by name. */
  calls(method: string): number {
    return this.network.calls.filter((call) => call.method === method).length
  }

  cutOff(): void {
    this.network.faults = { isRefused: () => true }
  }

  /** Has the record in memory, and a lease. */
  async warmUp(token: Token): Promise<void> {
    await this.store.pull()
    expect(await verdict(this, token)).toBe('stands')
    const before = this.calls('get')
    expect(await verdict(this, token)).toBe('stands')
    expect(this.calls('get')).toBe(before)
  }
}

let clock: FixedClock
let shared: MemoryStore
let node: Node
let other: Node
let token: Token
let id: SessionId

beforeEach(async () => {
  clock = new FixedClock(NOON)
  shared = new MemoryStore()
  node = new Node(shared, clock)
  other = new Node(shared, clock)
  ;({
    token,
    session: { id },
  } = await other.sessions.create(ADA))
})

describe('while the lease holds', () => {
  test('a session is validated without a read of the store', async () => {
    await node.warmUp(token)
    const before = node.network.calls.length
    for (let turn = 0; turn < 1_000; turn += 1) expect(await verdict(node, token)).toBe('stands')
    expect(node.network.calls.length).toBe(before)
  })

  test('it is renewed in the background for as long as somebody asks, and no longer', async () => {
    await node.warmUp(token)
    for (let turn = 0; turn < 40; turn += 1) {
      clock.advance('250ms')
      await settled()
      expect(await verdict(node, token)).toBe('stands')
    }
    expect(node.calls('get')).toBe(1)
    clock.advance('1s')
    await settled()
    const pulls = node.calls('changes')
    for (let turn = 0; turn < 40; turn += 1) clock.advance('250ms')
    await settled()
    expect(node.calls('changes') - pulls).toBeLessThanOrEqual(1)
  })

  test('what another process has ended is let in for one lease at most, though nothing gets through', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    node.cutOff()
    clock.advance('980ms')
    expect(await verdict(node, token)).toBe('stands')
    clock.advance('20ms')
    expect(await verdict(node, token)).toBe('store_unavailable')
  })

  test('what another process has ended is refused as soon as the log was read', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    await node.store.pull()
    expect(await verdict(node, token)).toBe('ended')
  })

  test('who ends all that a filter shows is let in no one of them, not even whom another process has just ended', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await verdict(node, token)).toBe('stands')
    expect(await node.sessions.revoke({ where: { username: 'ada' } })).toMatchObject({ count: 0 })
    expect(await verdict(node, token)).toBe('ended')
  })

  test.each<[string, SessionFilter]>([
    ['that has not ended', { isEnded: false }],
    ['that stands', { standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 } }],
    ['in one of several ways', { anyOf: [{ endReason: 'revoked' }, { isEnded: true }] }],
  ])('a store ends whom a filter means %s, and memory has none of them', async (_, where) => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.store.revoke({ where }, makeEndMark({ at: NOON }), 10)).toEqual([])
    expect(await verdict(node, token)).toBe('ended')
  })

  test('a hint from the engine makes the log be read at once, also behind a read that was already under way', async () => {
    await node.warmUp(token)
    const gate = new Gate()
    node.network.faults = { pause: gate.at('changes', 'after') }
    node.store.hint()
    await settled()
    await other.sessions.revoke({ id })
    node.store.hint()
    gate.open()
    await settled()
    clock.advance('20ms')
    await settled()
    expect(await verdict(node, token)).toBe('ended')
  })

  test('uses are written as rarely as without memory', async () => {
    await node.warmUp(token)
    for (let quarter = 0; quarter < 4 * 60 * 5; quarter += 1) {
      clock.advance('250ms')
      await settled()
      expect(await verdict(node, token)).toBe('stands')
    }
    expect(node.calls('touch')).toBeLessThanOrEqual(6)
    expect(node.calls('get')).toBeLessThanOrEqual(8)
  })

  test('there is no memory beyond the entries that were allowed', async () => {
    const small = new Node(shared, clock, { entries: 10 })
    await small.store.pull()
    for (let turn = 0; turn < 50; turn += 1) {
      const login = await other.sessions.create(ADA)
      expect(await verdict(small, login.token)).toBe('stands')
      expect(small.store.figures().entries).toBeLessThanOrEqual(10)
    }
    expect(small.store.figures().entries).toBeGreaterThan(1)
  })

  test('a change that no event tells of is seen elsewhere within a minute', async () => {
    await node.warmUp(token)
    await other.sessions.setAttributes(id, { theme: 'dark' })
    for (let quarter = 0; quarter < 4 * 60; quarter += 1) {
      clock.advance('250ms')
      await settled()
      await node.sessions.validate(token, { isPassive: true })
    }
    const check = await node.sessions.validate(token)
    expect(check).toMatchObject({ ok: true, session: { attributes: { theme: 'dark' } } })
  })
})

describe('hints of a store that tells of news', () => {
  let telling: TellingStore
  let remote: SessionManager

  beforeEach(async () => {
    telling = new TellingStore()
    node = new Node(telling, clock)
    remote = new SessionManager({ store: telling, clock })
    ;({
      token,
      session: { id },
    } = await remote.create(ADA))
  })

  /** Has the record in memory, and has read the log for the hint that it listens. */
  async function warmUp(): Promise<void> {
    await node.warmUp(token)
    await settled()
    expect(await verdict(node, token)).toBe('stands')
    clock.advance('20ms')
  }

  test('are listened to from the first read on, once, until the end', async () => {
    expect(telling.listeners).toBe(0)
    await warmUp()
    for (let quarter = 0; quarter < 12; quarter += 1) {
      clock.advance('250ms')
      await settled()
      await verdict(node, token)
    }
    expect([telling.listeners, node.calls('listen')]).toEqual([1, 1])
    await node.store.close()
    expect(telling.listeners).toBe(0)
  })

  test('make an end be refused though no timer has run', async () => {
    await warmUp()
    await remote.revoke({ id })
    expect(await verdict(node, token)).toBe('stands')
    telling.tell()
    await settled()
    expect(await verdict(node, token)).toBe('ended')
  })

  test('renew no lease: what is read for them does, and only if it was read', async () => {
    await warmUp()
    await remote.revoke({ id })
    node.cutOff()
    for (let turn = 0; turn < 49; turn += 1) {
      clock.advance('20ms')
      telling.tell()
      await settled()
    }
    expect(node.store.figures().failedPulls).toBeGreaterThan(40)
    expect(await verdict(node, token)).toBe('store_unavailable')
  })

  test('that come in a flood make the log be read no more than once in a while', async () => {
    await warmUp()
    const before = node.calls('changes')
    for (let turn = 0; turn < 1_000; turn += 1) {
      telling.tell()
      if (turn % 100 === 0) await settled()
    }
    await settled()
    expect(node.calls('changes')).toBe(before + 1)
    await remote.revoke({ id })
    clock.advance('20ms')
    await settled()
    expect(node.calls('changes')).toBe(before + 2)
    expect(await verdict(node, token)).toBe('ended')
    clock.advance('200ms')
    await settled()
    expect(node.calls('changes')).toBe(before + 2)
  })

  test('that have to wait are heeded when their timer says so, though the clock that it was set by is a hair behind', async () => {
    let behind = 0
    const time = { wall: () => clock.now(), monotonic: () => clock.now() - behind }
    node = new Node(telling, clock, { time })
    await warmUp()
    telling.tell()
    await settled()
    await remote.revoke({ id })
    telling.tell()
    behind = 0.001
    clock.advance('20ms')
    await settled()
    expect(await verdict(node, token)).toBe('ended')
  })

  test('that cannot be had leave everything as it is without them', async () => {
    node.network.faults = { isRefused: ({ method }) => method === 'listen' }
    await node.warmUp(token)
    await remote.revoke({ id })
    telling.tell()
    await settled()
    expect(await verdict(node, token)).toBe('stands')
    clock.advance('1s')
    expect(await verdict(node, token)).toBe('ended')
    await node.store.close()
  })

  test('that never come leave the bound as it is', async () => {
    await warmUp()
    await remote.revoke({ id })
    clock.advance('1s')
    expect(await verdict(node, token)).toBe('ended')
  })

  test('are passed on by a memory to whoever listens to it', async () => {
    let heard = 0
    const stop = await node.store.listen?.(() => (heard += 1))
    telling.tell()
    expect(heard).toBe(2)
    await stop?.()
    telling.tell()
    expect(heard).toBe(2)
    expect(other.store.listen).toBe(undefined)
  })
})

describe('the lease', () => {
  test('counts from when the log was asked, not from when it answered', async () => {
    await node.warmUp(token)
    clock.advance('1s')
    const gate = new Gate()
    node.network.faults = { pause: gate.at('changes', 'after') }
    const pulling = node.store.pull()
    await settled()
    await other.sessions.revoke({ id })
    clock.advance('900ms')
    gate.open()
    await pulling
    node.cutOff()
    clock.advance('80ms')
    expect(await verdict(node, token)).toBe('stands')
    clock.advance('20ms')
    expect(await verdict(node, token)).toBe('store_unavailable')
  })

  test('of a process that was stopped has run out when it goes on, before any of its timers has run', async () => {
    const stopped = new FixedClock(NOON)
    const timers = new FixedClock(NOON)
    const time = { wall: () => stopped.now(), monotonic: () => stopped.now() }
    const frozen = new Node(shared, stopped, { time, clock: timers })
    await frozen.warmUp(token)
    await other.sessions.revoke({ id })
    stopped.advance('30s')
    expect(await verdict(frozen, token)).toBe('ended')
  })

  test('of a machine whose monotonic clock stood still while it slept has run out by its wall clock', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    node.wallAhead = 30_000
    expect(await verdict(node, token)).toBe('ended')
  })

  test.for([1, 3_600, 86_400, 30 * 86_400].flatMap((step) => [step, -step]))(
    'is at most lost, and no verdict changes, when the wall clock is put by %d s',
    async (step) => {
      await node.warmUp(token)
      node.wallAhead = step * 1_000
      expect(await verdict(node, token)).toBe('stands')
      await other.sessions.revoke({ id })
      clock.advance('1s')
      expect(await verdict(node, token)).toBe('ended')
    },
  )

  test('is renewed by one read of the log however many ask at once', async () => {
    await node.warmUp(token)
    clock.advance('1s')
    await settled()
    clock.advance('1s')
    const before = node.calls('changes')
    await Promise.all(Array.from({ length: 100 }, () => node.sessions.validate(token)))
    await settled()
    expect(node.calls('changes')).toBe(before + 1)
  })

  test('is not had from a log of which only a part was read', async () => {
    const busy = new Node(shared, clock)
    await busy.warmUp(token)
    for (let turn = 0; turn < 2_500; turn += 1) await shared.users.noteFailedLogin(null, makeMark())
    await other.sessions.revoke({ id })
    clock.advance('2s')
    await busy.store.pull()
    expect(await verdict(busy, token)).toBe('ended')
    let reads = 0
    busy.network.faults = { isRefused: ({ method }) => method === 'changes' && ++reads > 1 }
    for (let turn = 0; turn < 2_500; turn += 1) await shared.users.noteFailedLogin(null, makeMark())
    clock.advance('2s')
    await expect(busy.store.pull()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(busy.store.figures().isLeaseHeld).toBe(false)
  })
})

describe('a reader of the log that has lost its place forgets everything', () => {
  test('after a minute without looking, when all that it holds is too old anyway', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    for (let turn = 0; turn < 5_000; turn += 1) await shared.users.noteFailedLogin(null, makeMark())
    node.cutOff()
    clock.advance('61s')
    await settled()
    node.network.faults = {}
    const before = node.calls('changes')
    await node.store.pull()
    expect(node.calls('changes')).toBe(before + 1)
    expect(await verdict(node, token)).toBe('ended')
  })

  test('when there is more to read than it pays to read', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    for (let turn = 0; turn < 15_000; turn += 1) await shared.users.noteFailedLogin(null, makeMark())
    await node.store.pull()
    expect(node.calls('changes')).toBe(1 + 10 + 1)
    expect(await verdict(node, token)).toBe('ended')
  })

  test('when the log does not know the place', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    const changes = node.network.changes.bind(node.network)
    node.network.changes = async (cursor, limit) => changes(cursor === 'end' ? cursor : 'of another log', limit)
    await node.store.pull()
    expect(node.store.figures().entries).toBe(0)
    expect(await verdict(node, token)).toBe('ended')
  })
})

describe('what was read before an end and arrives after it', () => {
  test('is not kept when another process ended it', async () => {
    await node.store.pull()
    const gate = new Gate()
    node.network.faults = { pause: gate.at('get', 'after') }
    const validating = node.sessions.validate(token)
    await settled()
    await other.sessions.revoke({ id })
    await node.store.pull()
    gate.open()
    expect((await validating).ok).toBe(true)
    expect(await verdict(node, token)).toBe('ended')
  })

  test('is not kept when the log was followed only from after the end', async () => {
    const gate = new Gate()
    node.network.faults = { pause: gate.at('get', 'after') }
    const reading = node.store.get(id)
    await settled()
    await other.sessions.revoke({ id })
    await node.store.pull()
    gate.open()
    await reading
    expect(await verdict(node, token)).toBe('ended')
  })

  test('is not kept when this process ended it', async () => {
    await node.store.pull()
    const gate = new Gate()
    node.network.faults = { pause: gate.at('get', 'after') }
    const validating = node.sessions.validate(token)
    await settled()
    node.network.faults = {}
    await node.sessions.revoke({ userId: '42' })
    gate.open()
    await validating
    expect(await verdict(node, token)).toBe('ended')
  })
})

const ENDINGS: Readonly<Record<string, (node: Node) => Promise<unknown>>> = {
  'one by its id': ({ sessions }) => sessions.revoke({ id }),
  'several by their ids': ({ sessions }) => sessions.revoke({ ids: [id] }),
  'all of a user': ({ sessions }) => sessions.revoke({ userId: '42' }),
  'those that a filter shows': ({ sessions }) => sessions.revoke({ where: { username: 'ada' } }),
  'its own by logging out': ({ sessions }) => sessions.end(token),
  'those of a user who is disabled': ({ store }) => store.users.disable('42', makeMark()),
  'those of a user with a new password': ({ store }) => store.users.setPassword('42', { to: 'x' }, makeMark()),
  'those of a user who is deleted': ({ store }) => store.users.remove('42', makeMark()),
  'those of a user who loses a role': async ({ store }) => {
    await store.users.setRole('42', 'operator', makeMark())
    await store.users.setRole('42', 'user', makeMark())
  },
  'the oldest by a login beyond the cap': ({ store }) =>
    store.insert(makeRecord({ ...ADA, createdAt: NOON + 1 }), {
      mark: makeMark(),
      cap: { max: 1, onExceed: 'evict', standing: { endsAfter: NOON, accessedAfter: 0, authenticatedAfter: 0 } },
    }),
}

describe('the process that ends sessions', () => {
  test.each(Object.entries(ENDINGS))('refuses %s at once, without having read the log', async (_, end) => {
    await node.warmUp(token)
    await end(node)
    expect(node.calls('changes')).toBe(1)
    expect(await verdict(node, token)).toMatch(/^(?:ended|disabled|unknown)$/)
  })

  test.each(Object.entries(ENDINGS))('tells the others of %s through the log', async (_, end) => {
    await node.warmUp(token)
    await end(other)
    await node.store.pull()
    expect(await verdict(node, token)).toMatch(/^(?:ended|disabled|unknown)$/)
  })

  test('refuses whom another process has ended as soon as it has forgotten them, without having read the log', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await verdict(node, token)).toBe('stands')
    expect(await node.store.forget?.('42', 9)).toBe(1)
    expect(node.calls('changes')).toBe(1)
    expect(await verdict(node, token)).toBe('unknown')
  })

  test('keeps in memory nothing that was read before it was forgotten', async () => {
    await node.store.pull()
    const gate = new Gate()
    node.network.faults = { pause: gate.at('get', 'after') }
    const validating = node.sessions.validate(token)
    await settled()
    node.network.faults = {}
    await other.sessions.revoke({ id })
    await node.store.forget?.('42', 9)
    gate.open()
    await validating
    expect(await verdict(node, token)).toBe('unknown')
  })

  test('answers from memory neither while the store is being told, nor what was read meanwhile', async () => {
    await node.warmUp(token)
    const gate = new Gate()
    node.network.faults = { pause: gate.at('revoke', 'before') }
    const revoking = node.sessions.revoke({ id })
    await settled()
    const before = node.calls('get')
    for (let turn = 0; turn < 3; turn += 1) expect(await verdict(node, token)).toBe('stands')
    expect(node.calls('get')).toBe(before + 3)
    gate.open()
    await revoking
    expect(await verdict(node, token)).toBe('ended')
  })

  test.each([
    ['a session', () => node.sessions.revoke({ id })],
    ['a user', () => node.sessions.revoke({ userId: '42' })],
    ['whom a filter shows', () => node.sessions.revoke({ where: { username: 'ada' } })],
  ] as const)(
    'cannot tell about %s when it does not know what became of it, until the store answers',
    async (_, end) => {
      await node.warmUp(token)
      node.network.faults = { isRefused: ({ method }) => method === 'get', isLost: ({ method }) => method === 'revoke' }
      await expect(end()).rejects.toMatchObject({ code: 'store_unavailable' })
      expect(node.store.figures().isLeaseHeld).toBe(true)
      expect(await verdict(node, token)).toBe('store_unavailable')
      node.network.faults = {}
      expect(await verdict(node, token)).toBe('ended')
    },
  )

  test('goes on letting others in while it does not know what became of one', async () => {
    const bob = await other.sessions.create({ userId: '43', username: 'bob' })
    await node.warmUp(token)
    await node.warmUp(bob.token)
    node.cutOff()
    await expect(node.sessions.revoke({ id })).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await verdict(node, bob.token)).toBe('stands')
    node.network.faults = {}
    expect(await verdict(node, token)).toBe('stands')
  })

  test('may wait until the end holds everywhere', async () => {
    await node.warmUp(token)
    node.network.faults = { isRefused: ({ method }) => method === 'changes' }
    let isDone = false
    const revoking = other.sessions.revoke({ id }, { wait: 'everywhere' }).then((revocation) => {
      isDone = true
      return revocation
    })
    await settled()
    clock.advance('999ms')
    await settled()
    expect(isDone).toBe(false)
    clock.advance('1ms')
    expect(await revoking).toEqual({ count: 1, ids: [id] })
    expect(await verdict(node, token)).toBe('ended')
  })

  test('waits for nobody where every process reads the store', async () => {
    const strict = new SessionManager({ store: shared, clock })
    expect(await strict.revoke({ id }, { wait: 'everywhere' })).toMatchObject({ count: 1 })
    await expect(strict.revoke({ id }, { wait: 'nowhere' as never })).rejects.toMatchObject({
      code: 'invalid_argument',
    })
  })
})

describe('memory lets in, but never turns away:', () => {
  test('a session used at another process goes on here', async () => {
    await node.warmUp(token)
    await node.sessions.flush()
    for (let hour = 0; hour < 30; hour += 1) {
      clock.advance('1h')
      expect(await verdict(other, token)).toBe('stands')
      await other.sessions.flush()
    }
    expect(await verdict(node, token)).toBe('stands')
  })

  test('a secret that another process has just handed out is known here', async () => {
    await node.warmUp(token)
    const renewed = await other.sessions.renew(id)
    expect(renewed.ok && (await verdict(node, renewed.token))).toBe('stands')
  })

  test('a secret of a proof at another process is known here, and can log out here', async () => {
    await node.warmUp(token)
    const proven = await other.sessions.reauthenticated(id)
    expect(proven.ok && (await node.sessions.end(proven.token))).toBe(true)
  })

  test('a secret whose successor was presented elsewhere, of which no event tells, is refused here after the overlap', async () => {
    await node.warmUp(token)
    const renewed = await other.sessions.renew(id)
    clock.advance('1s')
    await node.store.pull()
    for (let turn = 0; turn < 3; turn += 1) expect(await verdict(node, token)).toBe('stands')
    expect(renewed.ok && (await verdict(other, renewed.token))).toBe('stands')
    for (let second = 0; second < 31; second += 1) {
      clock.advance('1s')
      await settled()
      await verdict(node, token)
    }
    expect(await verdict(node, token)).toMatch(/^(?:superseded|ended)$/)
  })

  test('a strict validation asks the store', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await verdict(node, token)).toBe('stands')
    expect(await verdict(node, token, { isStrict: true })).toBe('ended')
    expect(await verdict(node, token)).toBe('ended')
  })

  test('a strict manager asks the store every time, and what it ends is refused by the others on the same store at once', async () => {
    const strict = new SessionManager({ store: node.store, clock, isStrict: true })
    const second = await other.sessions.create(ADA)
    await node.warmUp(token)
    await node.warmUp(second.token)
    await other.sessions.revoke({ id })
    expect(await strict.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
    await strict.revoke({ id: second.session.id })
    expect(await verdict(node, second.token)).toBe('ended')
  })

  test('what is shown, changed or ended is read from the store', async () => {
    await node.warmUp(token)
    await other.sessions.revoke({ id })
    expect(await node.sessions.get(id)).toMatchObject({ isActive: false })
    await node.warmUp((await other.sessions.create(ADA)).token)
    expect(await node.sessions.setAttributes(id, {})).toBe(false)
    expect(await node.sessions.renew(id)).toEqual({ ok: false, reason: 'ended' })
  })
})

describe('when the store cannot be reached after the lease', () => {
  let patient: Node

  beforeEach(async () => {
    patient = new Node(shared, clock, { degraded: { for: '30s' } })
    await patient.warmUp(token)
  })

  test('whoever was let in is let in for as long as was allowed, and the store is not asked for each', async () => {
    patient.cutOff()
    for (let second = 0; second < 30; second += 1) {
      clock.advance('1s')
      expect(await verdict(patient, token)).toBe('stands')
    }
    const before = patient.calls('get')
    for (let turn = 0; turn < 10; turn += 1) expect(await verdict(patient, token)).toBe('stands')
    expect(patient.calls('get')).toBe(before)
    clock.advance('1s')
    expect(await verdict(patient, token)).toBe('store_unavailable')
    expect(patient.store.figures().degraded).toBe(40)
  })

  test('nobody is let in of whom this process knows or fears that they have ended', async () => {
    const bob = await other.sessions.create({ userId: '43', username: 'bob' })
    await patient.warmUp(bob.token)
    patient.cutOff()
    await expect(patient.sessions.revoke({ userId: '42' })).rejects.toMatchObject({ code: 'store_unavailable' })
    clock.advance('2s')
    expect(await verdict(patient, token)).toBe('store_unavailable')
    expect(await verdict(patient, bob.token)).toBe('stands')
  })

  test('nobody is let in past their end, and nobody whom memory has never seen', async () => {
    const unseen = await other.sessions.create(ADA)
    patient.cutOff()
    clock.advance('2s')
    expect(await verdict(patient, unseen.token)).toBe('store_unavailable')
    expect(await verdict(patient, token, { isStrict: true })).toBe('store_unavailable')
    const short = new SessionManager({ store: patient.store, clock, policy: { idleTimeout: 1 } })
    await expect(short.validate(token)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test('the bound that is stated says so', async () => {
    const { revocationBound, settings, warnings } = await patient.sessions.guarantees()
    expect({ revocationBound, settings }).toEqual({
      revocationBound: 31_000,
      settings: { lease: 1_000, degraded: 30_000 },
    })
    expect(warnings.at(-1)).toContain('for 30s')
    expect(await node.sessions.guarantees()).toMatchObject({
      revocationBound: 1_000,
      settings: { lease: 1_000, degraded: 0 },
    })
  })
})

test('it tells how it has done', async () => {
  expect(node.store.lag()).toBeNull()
  await node.warmUp(token)
  clock.advance('100ms')
  expect(node.store.lag()).toBe(100)
  await other.sessions.revoke({ id })
  await node.store.pull()
  expect(node.store.lag()).toBe(0)
  expect(node.store.figures()).toEqual({
    entries: 0,
    hits: 1,
    misses: 1,
    invalidations: 1,
    pulls: 2,
    failedPulls: 0,
    hints: 0,
    degraded: 0,
    isLeaseHeld: true,
  })
  node.cutOff()
  await expect(node.store.pull()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(node.store.figures().failedPulls).toBe(1)
})

test.each([
  [{ lease: 0 }, `lease is 0; give a positive duration such as '30m'`],
  [{ entries: 1 }, 'entries is 1; give a whole number of at least 2'],
  [{ degraded: { for: 'ever' } }, /^degraded\.for is 'ever'/],
])('a setting that cannot be used is refused when it is given: %j', (options, message) => {
  expect(() => cached(shared, options)).toThrow(message)
})

/** What comes past a place waits there until it is opened. */
class Gate {
  readonly #opened = Promise.withResolvers<void>()

  open(): void {
    this.#opened.resolve()
  }

  at(method: string, when: string): Faults['pause'] {
    return async (call, place) => {
      if (call.method === method && place === when) await this.#opened.promise
    }
  }
}

/** What could go on has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
}

async function verdict({ sessions }: Node, presented: Token, { isStrict = false } = {}): Promise<string> {
  try {
    const check = await sessions.validate(presented, { isStrict })
    return check.ok ? 'stands' : check.reason
  } catch (error) {
    if (isSojournError(error)) return error.code
    throw error
  }
}
