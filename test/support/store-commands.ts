import { inspect } from 'node:util'
import fc from 'fast-check'
import type { UserRecord } from '../../packages/sojourn/src/auth/users.ts'
import type { Mark, EventRecord } from '../../packages/sojourn/src/core/events.ts'
import { END_REASONS } from '../../packages/sojourn/src/core/session.ts'
import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import type {
  InsertGuard,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
} from '../../packages/sojourn/src/core/store.ts'
import type { SessionId } from '../../packages/sojourn/src/core/token.ts'
import { makeEndMark, makeMark, makeRecord, makeUser } from '../../packages/sojourn/src/testing/index.ts'
import type { OpenedStore } from '../../packages/sojourn/src/testing/index.ts'
import type { OpenedWithUsers } from './stores.ts'

/** Events without their positions, which only need to grow, and sorted: which of several ends is told first is free. */
export function inAnyOrder(events: readonly EventRecord[]): readonly string[] {
  return events.map((event) => JSON.stringify({ ...event, position: undefined })).toSorted()
}

/** One call with its arguments, to be made on any store; those about users on a store that keeps them. */
export interface StoreCommand<Opened extends OpenedStore = OpenedWithUsers> {
  readonly run: (opened: Opened) => Promise<unknown>
  readonly toString: () => string
}

/** More than there is of anything. */
const EVERYTHING = 1_000

/*
 * Calls on a small world: eight sessions of three users within thirty milliseconds, so that ids collide, names
 * clash and every instant is a boundary of another. Nothing here is decided by a choice that the contract leaves
 * to the store (which of several are ended or pruned first): limits are above what there is.
 */
const START = Date.UTC(2026, 0, 1, 12)
const IDS = Array.from({ length: 8 }, (_, place) => `019b796d-d600-7000-8000-00000000000${place}` as SessionId)
const BYSTANDER = '019b796d-d600-7000-8000-000000000009' as SessionId
const USERS = ['u1', 'u2', 'U1']
const NAMES = ['ada', 'Ada', 'bob_%']
const BUCKETS = ['a', 'A', 'ü']
const HASHES = ['old', 'new']
const TEXTS = ['ada', 'A', '%', '_', 'curl', '192.0.2.', 'ü', '\\', '']

const instant = between(0, 30)
/** When most of the sessions begin … */
const early = between(0, 12)
/** … and end, so that most calls meet them standing. */
const late = between(20, 40)
const id = fc.constantFrom(...IDS)
const userId = fc.constantFrom(...USERS)
const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
const allowance = fc.integer({ min: 0, max: 3 })
const attributes = fc.constantFrom({}, { a: 1 }, { ü: ['"', null, { deep: true }] })
const method = fc.constantFrom(null, 'password', 'oauth:x')
const reason = fc.constantFrom(...END_REASONS)

const mark: fc.Arbitrary<Mark> = fc.record(
  {
    at: instant,
    actor: fc.constantFrom('user', 'system', 'ops:grace'),
    reason,
    ipAddress: fc.constantFrom('192.0.2.1', null),
    detail: fc.constantFrom('said so', null),
  },
  { requiredKeys: ['at', 'actor'] },
)
const endMark = fc.record({ at: instant, actor: fc.constantFrom('user', 'ops:grace'), reason })

const record: fc.Arbitrary<SessionRecord> = fc
  .record({
    id,
    userId,
    username: fc.constantFrom(...NAMES),
    secretHash: bytes,
    nextHash: fc.option(bytes),
    nextSalt: fc.option(bytes),
    previousHashes: fc.array(bytes, { maxLength: 2 }),
    previousUntil: fc.option(instant),
    createdAt: early,
    authenticatedAt: early,
    lastAccessedAt: early,
    expiresAt: late,
    endsAt: fc.oneof({ weight: 3, arbitrary: late }, instant),
    ipAddress: fc.constantFrom(null, '192.0.2.1', '192.0.2.10'),
    userAgent: fc.constantFrom(null, 'curl/8', 'CURL 100% a_b \\ ü'),
    method,
    attributes,
    version: fc.integer({ min: 1, max: 2 }),
  })
  .map(makeRecord)

const standing = fc.record({ endsAfter: instant, accessedAfter: instant, authenticatedAfter: instant })
const condition: fc.Arbitrary<SessionFilter> = fc.oneof(
  fc.record({ userId }),
  fc.record({ username: fc.constantFrom(...NAMES) }),
  fc.record({ ip: fc.constantFrom('192.0.2.1', '192.0.2.10') }),
  fc.record({ text: fc.constantFrom(...TEXTS) }),
  fc.record({ standing }),
  fc.record({ notStanding: standing }),
  fc.record({ isEnded: fc.boolean() }),
  fc.record({ endReason: reason }),
  fc.record({ method: fc.constantFrom('password', 'oauth:x') }),
  fc.record({ createdSince: early }),
  fc.record({ createdBefore: early }),
  fc.record({ accessedBy: instant }),
  fc.record({ endsBy: late }),
  fc.record({ expiresBy: late }),
  fc.record({ authenticatedBy: instant }),
)
/** Up to two conditions, so that something matches, and now and then alternatives. */
const conditions = fc.array(condition, { maxLength: 2 }).map((each) => Object.assign({}, ...each) as SessionFilter)
const filter = fc
  .tuple(conditions, mostly(undefined, fc.array(conditions, { maxLength: 2 })))
  .map(([all, anyOf]): SessionFilter => (anyOf === undefined ? all : { ...all, anyOf }))

const guard: fc.Arbitrary<InsertGuard> = fc.record(
  {
    /** By how much the epoch is wrong. */
    epoch: mostly(0, fc.integer({ min: 1, max: 2 })),
    cap: fc.record({
      max: fc.integer({ min: 1, max: 2 }),
      onExceed: fc.constantFrom('evict', 'evict', 'deny'),
      standing: fc.record({ endsAfter: instant, accessedAfter: between(-5, 5), authenticatedAfter: between(-5, 5) }),
    }),
    mark,
  },
  { requiredKeys: ['mark'] },
)
const patch: fc.Arbitrary<SessionPatch> = fc.record(
  {
    secretHash: bytes,
    nextHash: fc.option(bytes),
    nextSalt: fc.option(bytes),
    previousHashes: fc.array(bytes, { maxLength: 2 }),
    previousUntil: fc.option(instant),
    authenticatedAt: instant,
    lastAccessedAt: instant,
    expiresAt: late,
    endsAt: late,
    attributes,
    method,
  },
  { requiredKeys: [] },
)
const target: fc.Arbitrary<RevokeTarget> = fc.oneof(
  fc.record({ id }),
  fc.record({ ids: fc.array(id, { maxLength: 4 }) }),
  fc.record({ userId, except: fc.option(id, { nil: undefined }) }),
  fc.record({ where: filter }),
)
const user: fc.Arbitrary<UserRecord> = fc
  .record({
    id: userId,
    username: fc.constantFrom('ada', 'bob_%', 'cleo'),
    passwordHash: fc.constantFrom(null, ...HASHES),
    role: fc.constantFrom('user', 'operator'),
    epoch: fc.integer({ min: 0, max: 2 }),
    disabledAt: mostly(null, instant),
    createdAt: instant,
    lastLoginAt: fc.option(instant),
  })
  .map(makeUser)
const attempts = fc.option(fc.record({ count: fc.integer({ min: 1, max: 2 }), since: instant, until: instant }))

const ofSessions = {
  insert: command([record, guard], async ({ store }, given, { epoch: error, ...rest }) => {
    const epoch = error === undefined ? undefined : (await store.epoch(given.userId)) + error
    const outcome = await store.insert(given, { ...rest, epoch })
    // Nothing is promised about the order of those who make room.
    return outcome.ok ? { ...outcome, evicted: outcome.evicted.toSorted((a, b) => (a.id < b.id ? -1 : 1)) } : outcome
  }),
  get: command([id], async ({ store }, which) => store.get(which)),
  touch: command(
    [fc.array(fc.record({ id, at: instant, endsAt: late, allowance }), { minLength: 1, maxLength: 5 })],
    async ({ store }, batch) => store.touch(batch),
  ),
  update: command(
    [id, mostly(0, fc.constantFrom(-1, 1)), patch, mark, fc.option(allowance, { nil: undefined }), fc.boolean()],
    async ({ store }, which, error, change, given, allowed, isTold) => {
      const version = ((await store.get(which))?.version ?? 1) + error
      const event = isTold ? 'session_renewed' : undefined
      return store.update(which, version, change, { ...given, allowance: allowed, event })
    },
  ),
  revoke: command([target, endMark], async ({ store }, whom, given) =>
    byId(await store.revoke(whom, given, EVERYTHING)),
  ),
  list: command(
    [
      filter,
      fc.constantFrom('createdAt', 'lastAccessedAt'),
      fc.boolean(),
      fc.option(fc.record({ value: instant, id }), { nil: undefined }),
      fc.integer({ min: 1, max: 9 }),
    ],
    async ({ store }, which, sort, descending, after, limit) =>
      store.list({ filter: which, sort, descending, after, limit }),
  ),
  count: command([filter], async ({ store }, which) => store.count(which)),
  stats: command([standing, instant], async ({ store }, limits, since) => {
    const { mostActive, ...figures } = await store.stats(limits, since)
    return { ...figures, most: mostActive?.sessions }
  }),
  /** A store may keep its newest line of history; which of several ends that is must not matter here. */
  prune: command([between(0, 25)], async ({ store, users }, before) => {
    if (users === undefined) await letBystanderComeAndGo(store)
    else await users.noteFailedLogin(null, { at: START + 30, actor: 'user' })
    return store.prune(before, EVERYTHING)
  }),
  forget: command([userId], async ({ store }, whose) => store.forget?.(whose, EVERYTHING)),
  events: command(
    [
      fc.record(
        { sessionId: id, userId, type: fc.constantFrom('session_ended', 'session_created'), since: instant },
        { requiredKeys: [] },
      ),
    ],
    async ({ store }, query) => inAnyOrder(await store.events({ ...query, limit: EVERYTHING })),
  ),
  changes: command([fc.integer({ min: 1, max: 5 })], async ({ store }, limit) => {
    const seen: EventRecord[] = []
    let { events, cursor } = await store.changes(null, limit)
    while (events.length > 0) {
      seen.push(...events)
      ;({ events, cursor } = await store.changes(cursor, limit))
    }
    return inAnyOrder(seen)
  }),
  epoch: command([userId], async ({ store }, whose) => store.epoch(whose)),
  latestInstant: command([], async ({ store }) => store.latestInstant()),
} satisfies Record<string, (name: string) => fc.Arbitrary<StoreCommand<OpenedStore>>>

const ofUsers = {
  addUser: command([user, mark], async ({ users }: OpenedWithUsers, given, by) => users.add(given, by)),
  listUsers: command(
    [fc.constantFrom(null, 'ada', 'bob'), fc.integer({ min: 1, max: 3 })],
    async ({ users }: OpenedWithUsers, after, limit) => users.list(after, limit),
  ),
  byUsername: command([fc.constantFrom(...NAMES)], async ({ users }: OpenedWithUsers, name) => users.byUsername(name)),
  rehash: command(
    [userId, fc.constantFrom(...HASHES), fc.constantFrom(...HASHES)],
    async ({ users }: OpenedWithUsers, whose, from, to) => users.rehash(whose, from, to),
  ),
  setPassword: command(
    [
      userId,
      fc.record(
        { from: fc.constantFrom(...HASHES), to: fc.constantFrom(...HASHES), except: id },
        { requiredKeys: ['to'] },
      ),
      mark,
    ],
    async ({ users }: OpenedWithUsers, whose, change, by) => sorted(await users.setPassword(whose, change, by)),
  ),
  disable: command([userId, mark], async ({ users }: OpenedWithUsers, whose, by) =>
    sorted(await users.disable(whose, by)),
  ),
  enable: command([userId, mark], async ({ users }: OpenedWithUsers, whose, by) => users.enable(whose, by)),
  setRole: command(
    [userId, fc.constantFrom('user', 'operator'), mark],
    async ({ users }: OpenedWithUsers, whose, role, by) => sorted(await users.setRole(whose, role, by)),
  ),
  remove: command([userId, mark], async ({ users }: OpenedWithUsers, whose, by) => users.remove(whose, by)),
  noteFailedLogin: command([fc.option(userId), mark], async ({ users }: OpenedWithUsers, whose, by) =>
    users.noteFailedLogin(whose, by),
  ),
  adopt: command(
    [fc.array(fc.tuple(user, fc.array(record, { maxLength: 3 })), { maxLength: 2 }), mark],
    async ({ users }: OpenedWithUsers, batch, by) =>
      users.adopt(
        batch.map(([adopted, sessions]) => ({
          user: adopted,
          sessions: sessions.map((session) => ({ ...session, userId: adopted.id })),
        })),
        by,
      ),
  ),
  readAttempts: command(
    [fc.array(fc.constantFrom(...BUCKETS), { maxLength: 3 })],
    async ({ users }: OpenedWithUsers, buckets) => users.attempts.read(buckets),
  ),
  swapAttempts: command(
    [
      fc.uniqueArray(fc.record({ bucket: fc.constantFrom(...BUCKETS), isStale: fc.boolean(), to: attempts }), {
        selector: ({ bucket }) => bucket,
        maxLength: 3,
      }),
    ],
    async ({ users }: OpenedWithUsers, changes) => {
      const states = await users.attempts.read(changes.map(({ bucket }) => bucket))
      return users.attempts.swap(
        changes.map(({ bucket, isStale, to }, place) => ({
          bucket,
          from: isStale ? { count: 9, since: 9, until: 9 } : (states[place] ?? null),
          to,
        })),
      )
    },
  ),
  sweepAttempts: command([instant], async ({ users }: OpenedWithUsers, before) =>
    users.attempts.sweep(before, EVERYTHING),
  ),
} satisfies Record<string, (name: string) => fc.Arbitrary<StoreCommand>>

/** What is asked and done most often comes most often. */
const WEIGHTS: Readonly<Record<string, number>> = {
  insert: 30,
  touch: 8,
  update: 8,
  revoke: 4,
  list: 8,
  count: 6,
  enable: 4,
  disable: 1,
  remove: 1,
  prune: 1,
}

/** Any call that a store can be asked to make. */
export const storeCommand: fc.Arbitrary<StoreCommand> = anyOf({ ...ofSessions, ...ofUsers })

/** Any call that a store without users can be asked to make. */
export const sessionCommand: fc.Arbitrary<StoreCommand<OpenedStore>> = anyOf(ofSessions)

function anyOf<Opened extends OpenedStore>(
  commands: Readonly<Record<string, (name: string) => fc.Arbitrary<StoreCommand<Opened>>>>,
): fc.Arbitrary<StoreCommand<Opened>> {
  return fc.oneof(
    ...Object.entries(commands).map(([name, make]) => ({ weight: WEIGHTS[name] ?? 2, arbitrary: make(name) })),
  )
}

/** Somebody else signs in and is signed out everywhere: the newest line of history is theirs, whatever came before. */
async function letBystanderComeAndGo(store: Store): Promise<void> {
  const at = START + 30
  const bystander = makeRecord({ id: BYSTANDER, userId: 'u9', createdAt: at, secretHash: new Uint8Array(32) })
  await store.insert(bystander, { mark: makeMark({ at }) })
  await store.revoke({ userId: 'u9' }, makeEndMark({ at }), EVERYTHING)
}

function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max }).map((offset) => START + offset)
}

/** Nine times out of ten the first. */
function mostly<Usual, Other>(usual: Usual, other: fc.Arbitrary<Other>): fc.Arbitrary<Usual | Other> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })
}

function command<Arguments extends unknown[], Opened extends OpenedStore = OpenedStore>(
  parts: { [Place in keyof Arguments]: fc.Arbitrary<Arguments[Place]> },
  call: (opened: Opened, ...given: Arguments) => Promise<unknown>,
): (name: string) => fc.Arbitrary<StoreCommand<Opened>> {
  return (name) =>
    fc.tuple<Arguments>(...parts).map((given) => ({
      run: (opened) => call(opened, ...given),
      toString: () => `${name}(${given.map((each) => inspect(each, { depth: 6, breakLength: 200 })).join(', ')})`,
    }))
}

function byId<Ended extends { readonly id: string }>(ended: readonly Ended[]): readonly Ended[] {
  return ended.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

function sorted<Ended extends { readonly id: string }>(change: { readonly ended: readonly Ended[] }): object {
  return { ...change, ended: byId(change.ended) }
}
