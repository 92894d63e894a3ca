import { patience } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError } from '../core/errors.ts'
import type { EventRecord, Mark } from '../core/events.ts'
import type { Standing } from '../core/policy.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import type {
  Changes,
  EndedSession,
  EventQuery,
  Guarantees,
  InsertGuard,
  InsertOutcome,
  ListQuery,
  Pruned,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import { Hints } from './hints.ts'
import { assertInstants, keptRecord } from './kept-record.ts'
import { isCluster } from './redis/client.ts'
import type { AnyRedis } from './redis/client.ts'
import { RedisConnection } from './redis/connection.ts'
import { changesAfter, findEvents } from './redis/events.ts'
import { readAllFacts } from './redis/facts.ts'
import type { ServerFacts } from './redis/facts.ts'
import { assertSafe, redisGuarantees } from './redis/guarantees.ts'
import { RedisHintLine } from './redis/hint-line.ts'
import { Keys } from './redis/keys.ts'
import { assertLayout } from './redis/layout.ts'
import { Locators } from './redis/locators.ts'
import { packMark } from './redis/marks.ts'
import { pack } from './redis/packing.ts'
import { RecentEnds } from './redis/recent-ends.ts'
import { number, text } from './redis/replies.ts'
import { CLAIM, COPIED_TO, COPY_HISTORY } from './redis/scripts/history.ts'
import { TIME } from './redis/scripts/time.ts'
import { RedisSessions } from './redis/sessions.ts'
import { countStanding, redisStats } from './redis/stats.ts'
import { countSessions, endWhere, findSessions } from './redis/walk.ts'
import { Watch } from './redis/watch.ts'

export type {
  AnyRedis,
  RedisClient,
  RedisCluster,
  RedisListener,
  RedisReading,
  RedisSentinel,
  RedisSubscriber,
  RedisSubscribing,
  RedisWord,
} from './redis/client.ts'

/** How a store on Redis or Valkey is opened. Anything left out has the default. */
export interface RedisStoreOptions {
  /**
   * A connected client of node-redis 6: `createClient()` for one server, `createSentinel()` where sentinels say which one
   * that is, `createCluster()` for a cluster. It stays yours: the store does not close it. Give it `disableOfflineQueue: true`, so that a call fails at once while the
   * server is away, and a `reconnectStrategy` that never gives up.
   */
  readonly client: AnyRedis
  /** What every key begins with. Default `sojourn:`. */
  readonly prefix?: string | undefined
  /** How long one step of a call may take before it rejects with `store_unavailable`. Default 2 s, at most 24 d. */
  readonly deadline?: Duration | undefined
  /** Settings that may be other than the promises need: `maxmemory-policy`, `appendonly`. Default none. */
  readonly allowUnsafe?: readonly string[] | undefined
  /**
   * Tell other processes at once when a session ends or is renewed, so that those whose memory may answer (`cached`) learn
   * of it in milliseconds and not within the lease. They are told afterwards, by a message that nobody waits for, and nothing
   * depends on it. Give it to every process, with such a memory or without. Where there is one it takes one more
   * connection. Default false.
   */
  readonly hints?: boolean | undefined
  /** 32 bytes, the same for every process and kept apart from this server. Without it each process draws its own. */
  readonly renewalKey?: Uint8Array | undefined
}

const DEFAULTS = { prefix: 'sojourn:', deadline: '2s' } as const
const KEY_BYTES = 32

/**
 * Keeps sessions on Redis 7 or Valkey, one server or a cluster. Every node that has the server in common sees at once
 * what another ended. Users live elsewhere: what this store knows of them is their epoch.
 *
 * After a failover the promise is weaker than that of a database: `guarantees()` says so in words.
 */
export class RedisStore implements Store {
  /** There where hints were asked for. */
  readonly listen?: NonNullable<Store['listen']>
  readonly #connection: RedisConnection
  readonly #keys: Keys
  readonly #locators: Locators
  readonly #ends = new RecentEnds()
  readonly #sessions: RedisSessions
  readonly #watch: Watch
  readonly #renewalKey: Uint8Array | null
  readonly #hints: Hints | null

  /** Looks at the server and its settings. Throws a `SojournError` with one sentence when it cannot be used. */
  static async open(options: RedisStoreOptions): Promise<RedisStore> {
    const deadline = patience(options.deadline ?? DEFAULTS.deadline, 'deadline')
    const connection = new RedisConnection(options.client, deadline)
    const keys = new Keys(options.prefix ?? DEFAULTS.prefix, isCluster(options.client))
    const renewalKey = options.renewalKey === undefined ? null : keyOf(options.renewalKey)
    const hints = options.hints === true ? new Hints(new RedisHintLine(connection, options.client, keys)) : null
    const store = new RedisStore(connection, keys, renewalKey, hints)
    const servers = await store.#facts()
    assertSafe(servers, options.allowUnsafe ?? [])
    await assertLayout(connection, keys, servers)
    await store.#watch.start()
    return store
  }

  private constructor(connection: RedisConnection, keys: Keys, renewalKey: Uint8Array | null, hints: Hints | null) {
    this.#connection = connection
    this.#keys = keys
    this.#renewalKey = renewalKey
    this.#hints = hints
    this.#locators = new Locators(connection, keys)
    this.#sessions = new RedisSessions(connection, keys, this.#locators, this.#ends)
    this.#watch = new Watch(connection, keys, this.#ends)
    if (hints !== null) this.listen = async (hint) => this.#listen(hints, hint)
  }

  async insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    this.#connection.assertOpen()
    const outcome = await this.#sessions.insert(keptRecord(record), guard)
    if (outcome.ok && outcome.evicted.length > 0) this.#hints?.give()
    return outcome
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return this.#sessions.get(id)
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    this.#connection.assertOpen()
    for (const { at, endsAt, allowance } of batch) assertInstants({ at, endsAt, allowance })
    return this.#sessions.touch(batch)
  }

  async update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    this.#connection.assertOpen()
    const isChanged = await this.#sessions.update(id, version, patch, mark)
    // Of what is not told in the log nobody would find anything there.
    if (isChanged && mark.event !== undefined) this.#hints?.give()
    return isChanged
  }

  async revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    this.#connection.assertOpen()
    assertInstants({ at: mark.at })
    const ended = await this.#end(target, mark, limit)
    if (ended.length > 0) this.#hints?.give()
    return ended
  }

  async list(query: ListQuery): Promise<readonly SessionRecord[]> {
    this.#connection.assertOpen()
    return findSessions(this.#connection, this.#partitionsOf(query.filter), query)
  }

  async count(filter: SessionFilter): Promise<number> {
    this.#connection.assertOpen()
    const partitions = this.#partitionsOf(filter)
    const given = Object.entries(filter).filter(([, value]) => value !== undefined)
    return filter.standing !== undefined && given.length === 1
      ? countStanding(this.#connection, partitions, filter.standing)
      : countSessions(this.#connection, partitions, filter)
  }

  async stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    this.#connection.assertOpen()
    return redisStats(this.#connection, this.#keys.partitions, standing, createdSince)
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    this.#connection.assertOpen()
    return this.#sessions.prune(before, Math.max(0, limit))
  }

  async forget(userId: string, limit: number): Promise<number> {
    this.#connection.assertOpen()
    return this.#sessions.forget(userId, Math.max(0, limit))
  }

  /** In a cluster all lines of the other store are in the first partition, whomever they are about. */
  async copyHistory(from: string | null, to: string, lines: readonly EventRecord[]): Promise<boolean> {
    this.#connection.assertOpen()
    const packed = pack(lines.map((line) => [line.type, line.sessionId, line.userId, packMark(line)]))
    return (await this.#connection.run(COPY_HISTORY, this.#keys.numbered(0), from ?? '', to, packed)) === 1
  }

  async historyCopiedTo(): Promise<string | null> {
    this.#connection.assertOpen()
    const reply = await this.#connection.evaluate(COPIED_TO, this.#keys.numbered(0), [])
    return reply === null ? null : text(reply)
  }

  async changes(cursor: string | null, limit: number): Promise<Changes> {
    this.#connection.assertOpen()
    const changes = await changesAfter(this.#connection, this.#keys.partitions, cursor, limit)
    this.#ends.ofEvents(changes.events)
    return changes
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    this.#connection.assertOpen()
    const partitions = new Set([...this.#partitionsOf(query), this.#keys.numbered(0)])
    return findEvents(this.#connection, [...partitions], query)
  }

  async epoch(userId: string): Promise<number> {
    this.#connection.assertOpen()
    return this.#sessions.epoch(userId)
  }

  async latestInstant(): Promise<number> {
    this.#connection.assertOpen()
    return this.#sessions.latestInstant()
  }

  /** The clock of one server; in a cluster of that which holds the first partition, the same for every node. */
  async now(): Promise<number> {
    this.#connection.assertOpen()
    return number(await this.#connection.evaluate(TIME, this.#keys.numbered(0), []))
  }

  async renewalKey(): Promise<Uint8Array | null> {
    this.#connection.assertOpen()
    return this.#renewalKey
  }

  async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
    this.#connection.assertOpen()
    assertInstants({ now, span })
    const reply = await this.#connection.run(CLAIM, this.#keys.numbered(0), name, holder, now, now + span)
    return reply === 1
  }

  async guarantees(): Promise<Guarantees> {
    this.#connection.assertOpen()
    return redisGuarantees(await this.#facts(), this.#connection.isCluster)
  }

  async close(): Promise<void> {
    await this.#watch.stop()
    await this.#hints?.close()
    await this.#connection.close()
  }

  async #end(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    if ('userId' in target) return this.#sessions.endAllOf(target.userId, target.except, mark)
    if (!('where' in target)) {
      const { standing } = target
      return this.#sessions.end('id' in target ? [target.id] : target.ids, mark, limit, standing)
    }
    const ended = await endWhere(this.#connection, this.#partitionsOf(target.where), target.where, mark, limit)
    this.#ends.ofSessions(ended, mark)
    return ended
  }

  async #listen(hints: Hints, hint: () => void): Promise<() => Promise<void>> {
    this.#connection.assertOpen()
    return hints.take(hint)
  }

  /** Everything of a user is in one partition. */
  #partitionsOf({ userId }: { readonly userId?: string | undefined }): Keys['partitions'] {
    return userId === undefined ? this.#keys.partitions : [this.#keys.ofUser(userId)]
  }

  #facts(): Promise<readonly ServerFacts[]> {
    return Promise.all(this.#keys.partitions.map((partition) => readAllFacts(this.#connection, partition)))
  }
}

function keyOf(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return Uint8Array.from(bytes)
  throw new SojournError('invalid_option', `renewalKey is not what it should be; give ${KEY_BYTES} random bytes`)
}
