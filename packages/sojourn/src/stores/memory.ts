import { randomBytes } from 'node:crypto'
import type { ApiKeyStore } from '../auth/api-keys.ts'
import type { UserRecord, UserStore } from '../auth/users.ts'
import { SojournError } from '../core/errors.ts'
import type { Mark, EventRecord } from '../core/events.ts'
import { compareFor, isAfter, isMatch } from '../core/filter.ts'
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
  SessionCap,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { SessionId } from '../core/token.ts'
import { canonicalUsername } from '../core/username.ts'
import { assertInstants, keptRecord } from './kept-record.ts'
import { MemoryApiKeys } from './memory/api-keys.ts'
import { MemoryTables } from './memory/tables.ts'
import { MemoryUsers } from './memory/users.ts'

/**
 * Keeps sessions and users in the memory of this process: for tests, for trying things out, and as the example
 * that every other store is compared with. Whatever it holds is gone with the process.
 *
 * A method does its whole work before its promise is returned, so each is one step that nothing comes between.
 */
export class MemoryStore implements Store {
  /** The users that belong to the sessions. */
  readonly users: UserStore
  /** The keys of programs. */
  readonly apiKeys: ApiKeyStore
  /** For those who derive from this store to show what a test catches; not for applications. */
  protected readonly tables = new MemoryTables()
  readonly #renewalKey = randomBytes(32)
  #copiedTo: string | null = null

  constructor() {
    this.users = new MemoryUsers(this.tables)
    this.apiKeys = new MemoryApiKeys(this.tables)
  }

  async insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    this.tables.assertOpen()
    const kept = keptRecord(record)
    if (this.tables.sessions.has(record.id)) return { ok: false, reason: 'id_taken' }
    const user = this.tables.users.get(record.userId)
    if (user !== undefined && user.disabledAt !== null) return { ok: false, reason: 'disabled' }
    if (guard.epoch !== undefined && guard.epoch !== (user?.epoch ?? 0)) return { ok: false, reason: 'epoch' }
    const surplus = this.#surplus(record.userId, guard.cap)
    if (surplus.length > 0 && guard.cap?.onExceed === 'deny') return { ok: false, reason: 'limit' }
    if (user === undefined) this.#addUserOf(record, guard.mark)
    else this.#noteLogin(user, record, guard.mark)
    const { at, ipAddress } = guard.mark
    const evicted = this.tables.end(surplus, { at, actor: 'system', reason: 'limit', ipAddress })
    this.tables.sessions.set(kept.id, kept)
    this.tables.tell('session_created', guard.mark, { sessionId: kept.id, userId: kept.userId })
    return { ok: true, evicted }
  }

  async get(id: SessionId): Promise<SessionRecord | null> {
    this.tables.assertOpen()
    return this.tables.sessions.get(id) ?? null
  }

  async touch(batch: readonly Touch[]): Promise<number> {
    this.tables.assertOpen()
    for (const { at, endsAt, allowance } of batch) assertInstants({ at, endsAt, allowance })
    return batch.filter((touch) => this.#touchOne(touch)).length
  }

  async update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    this.tables.assertOpen()
    const record = this.tables.sessions.get(id)
    if (record === undefined || record.endReason !== null || record.version !== version) return false
    if (record.endsAt + (mark.allowance ?? 0) <= mark.at) return false
    const lastAccessedAt = Math.max(record.lastAccessedAt, patch.lastAccessedAt ?? 0)
    this.tables.sessions.set(id, keptRecord({ ...record, ...patch, lastAccessedAt, version: version + 1 }))
    if (mark.event !== undefined) this.tables.tell(mark.event, mark, { sessionId: id, userId: record.userId })
    return true
  }

  async revoke(
    target: RevokeTarget,
    mark: Mark & { readonly reason: EndReason },
    limit: number,
  ): Promise<readonly EndedSession[]> {
    this.tables.assertOpen()
    assertInstants({ at: mark.at })
    if ('userId' in target) return this.#revokeUser(target.userId, target.except, mark)
    const meant = this.#records(target).filter(({ endReason }) => endReason === null)
    return this.tables.end(meant.slice(0, Math.max(0, limit)), mark)
  }

  async list(query: ListQuery): Promise<readonly SessionRecord[]> {
    this.tables.assertOpen()
    return this.#matching(query.filter)
      .filter((record) => isAfter(record, query))
      .toSorted(compareFor(query))
      .slice(0, Math.max(0, query.limit))
  }

  async count(filter: SessionFilter): Promise<number> {
    this.tables.assertOpen()
    return this.#matching(filter).length
  }

  async stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    this.tables.assertOpen()
    const active = this.#matching({ standing })
    return {
      total: this.tables.sessions.size,
      active: active.length,
      createdSince: this.#matching({ createdSince }).length,
      usersOnline: new Set(active.map(({ userId }) => userId)).size,
      mostActive: mostActive(this.#matching({})),
    }
  }

  async prune(before: number, limit: number): Promise<Pruned> {
    this.tables.assertOpen()
    const old = this.#matching({})
      .filter(({ endsAt }) => endsAt < before)
      .toSorted((a, b) => a.endsAt - b.endsAt)
      .slice(0, Math.max(0, limit))
    for (const { id } of old) this.tables.sessions.delete(id)
    return { sessions: old.length, events: this.tables.forgetEvents(before, Math.max(0, limit)) }
  }

  async copyHistory(from: string | null, to: string, lines: readonly EventRecord[]): Promise<boolean> {
    this.tables.assertOpen()
    if (this.#copiedTo !== from) return false
    for (const line of lines) this.tables.append(line)
    this.#copiedTo = to
    return true
  }

  async historyCopiedTo(): Promise<string | null> {
    this.tables.assertOpen()
    return this.#copiedTo
  }

  async forget(userId: string, limit: number): Promise<number> {
    this.tables.assertOpen()
    const ended = this.tables.sessionsOf(userId).filter(({ endReason }) => endReason !== null)
    const meant = ended.slice(0, Math.max(0, limit))
    for (const { id } of meant) this.tables.sessions.delete(id)
    return meant.length
  }

  async changes(cursor: string | null, limit: number): Promise<Changes> {
    this.tables.assertOpen()
    if (cursor === 'end') return { events: [], cursor: String(this.tables.lastPosition) }
    const position = cursor === null ? 0 : readPosition(cursor)
    const start = this.tables.events.findLastIndex((event) => event.position <= position) + 1
    const events = this.tables.events.slice(start, start + Math.max(0, limit))
    return { events, cursor: String(events.at(-1)?.position ?? position) }
  }

  async events(query: EventQuery): Promise<readonly EventRecord[]> {
    this.tables.assertOpen()
    const { sessionId, userId, type, since, before } = query
    return this.tables.events
      .filter(
        (event) =>
          (sessionId === undefined || event.sessionId === sessionId) &&
          (userId === undefined || event.userId === userId) &&
          (type === undefined || [type].flat().includes(event.type)) &&
          (since === undefined || event.at >= since) &&
          (before === undefined || event.position < before),
      )
      .toReversed()
      .slice(0, Math.max(0, query.limit))
  }

  async epoch(userId: string): Promise<number> {
    this.tables.assertOpen()
    return this.tables.users.get(userId)?.epoch ?? 0
  }

  async latestInstant(): Promise<number> {
    this.tables.assertOpen()
    const told = this.tables.events.map(({ at }) => at)
    const used = this.#matching({}).map(({ lastAccessedAt }) => lastAccessedAt)
    return [...told, ...used].reduce((later, instant) => Math.max(later, instant), 0)
  }

  async renewalKey(): Promise<Uint8Array> {
    this.tables.assertOpen()
    return this.#renewalKey
  }

  async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
    this.tables.assertOpen()
    assertInstants({ now, span })
    const claim = this.tables.claims.get(name)
    if (claim !== undefined && claim.holder !== holder && now < claim.until) return false
    this.tables.claims.set(name, { holder, until: now + span })
    return true
  }

  async guarantees(): Promise<Guarantees> {
    this.tables.assertOpen()
    return {
      engine: 'memory',
      survivesProcessKill: false,
      survivesPowerLoss: false,
      revocationBound: 0,
      settings: {},
      warnings: [
        'sessions live in the memory of this process and are gone when it stops; use a store on disk to keep them',
      ],
    }
  }

  async close(): Promise<void> {
    this.tables.close()
  }

  /** The standing sessions that must end so that one more fits, the least recently used first. */
  #surplus(userId: string, cap: SessionCap | undefined): readonly SessionRecord[] {
    if (cap === undefined) return []
    const standing = this.#matching({ userId, standing: cap.standing })
    const tooMany = Math.max(0, standing.length - cap.max + 1)
    return standing.toSorted(compareFor({ sort: 'lastAccessedAt', descending: false })).slice(0, tooMany)
  }

  #noteLogin(user: UserRecord, record: SessionRecord, { at }: Mark): void {
    const username = canonicalUsername(record.username)
    const isLabel = user.passwordHash === null && user.username !== username
    if (isLabel && this.tables.takeLabel(username, user.id)) this.tables.renameUser(user, username)
    this.tables.changeUser(this.tables.users.get(user.id) ?? user, { lastLoginAt: Math.max(user.lastLoginAt ?? 0, at) })
  }

  #addUserOf(record: SessionRecord, mark: Mark): void {
    const username = canonicalUsername(record.username)
    if (!this.tables.takeLabel(username, record.userId)) this.tables.assertNameIsFree(username, record.userId)
    this.tables.addUser({
      id: record.userId,
      username,
      passwordHash: null,
      role: 'user',
      epoch: 0,
      disabledAt: null,
      createdAt: mark.at,
      lastLoginAt: mark.at,
    })
  }

  #touchOne({ id, at, endsAt, allowance }: Touch): boolean {
    const record = this.tables.sessions.get(id)
    if (record === undefined || record.endReason !== null) return false
    if (record.endsAt + allowance <= at || at <= record.lastAccessedAt) return false
    const use = { lastAccessedAt: at, endsAt: Math.min(record.expiresAt, endsAt) }
    this.tables.sessions.set(id, Object.freeze({ ...record, ...use }))
    return true
  }

  #revokeUser(
    userId: string,
    except: SessionId | undefined,
    mark: Mark & { readonly reason: EndReason },
  ): readonly EndedSession[] {
    const user = this.tables.users.get(userId)
    if (user === undefined) return []
    this.tables.changeUser(user, { epoch: user.epoch + 1 })
    const others = this.tables.sessionsOf(userId).filter(({ id }) => id !== except)
    const ended = this.tables.end(others, mark)
    this.tables.tell('user_sessions_ended', mark, { userId })
    return ended
  }

  #records(target: Exclude<RevokeTarget, { userId: string }>): readonly SessionRecord[] {
    if ('where' in target) return this.#matching(target.where)
    const { standing } = target
    const ids = new Set('id' in target ? [target.id] : target.ids)
    return [...ids]
      .map((id) => this.tables.sessions.get(id))
      .filter((record) => record !== undefined)
      .filter((record) => isMatch(record, { standing }))
  }

  #matching(filter: SessionFilter): SessionRecord[] {
    return [...this.tables.sessions.values()].filter((record) => isMatch(record, filter))
  }
}

function mostActive(records: readonly SessionRecord[]): StoreStats['mostActive'] {
  const byUser = Map.groupBy(records, ({ userId }) => userId)
  const [most] = [...byUser.values()].toSorted(
    (a, b) => b.length - a.length || latest(b).createdAt - latest(a).createdAt,
  )
  if (most === undefined) return null
  const { userId, username } = latest(most)
  return { userId, username, sessions: most.length }
}

function latest(records: readonly SessionRecord[]): SessionRecord {
  const byCreation = compareFor({ sort: 'createdAt', descending: false })
  return records.reduce((newest, record) => (byCreation(record, newest) > 0 ? record : newest))
}

function readPosition(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new SojournError(
    'invalid_argument',
    `cursor is '${cursor.slice(0, 40)}'; pass back a cursor of this log, null for its beginning, or 'end'`,
  )
}
