import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import type { SessionId } from '../../packages/sojourn/src/core/token.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { FaultyStore } from '../../packages/sojourn/src/testing/index.ts'
import type { Engine } from './interleaving.ts'

/** An engine that goes wrong only when somebody is overtaken. */
export interface RacyEngine {
  readonly fault: string
  readonly open: () => Engine
}

/** A store that writes whole records back as it last saw them. */
class RememberingStore extends MemoryStore {
  protected readonly seen = new Map<SessionId, SessionRecord>()

  override async get(id: SessionId): ReturnType<Store['get']> {
    const record = await super.get(id)
    if (record !== null) this.seen.set(id, record)
    return record
  }
}

class TouchAsUpsert extends RememberingStore {
  override async touch(...[batch]: Parameters<Store['touch']>): Promise<number> {
    for (const { id, at, endsAt } of batch) {
      const record = this.seen.get(id)
      if (record !== undefined) this.tables.sessions.set(id, { ...record, lastAccessedAt: at, endsAt })
    }
    return batch.length
  }
}

class RevokeAsDelete extends RememberingStore {
  override async revoke(...call: Parameters<Store['revoke']>): ReturnType<Store['revoke']> {
    const ended = await super.revoke(...call)
    for (const { id } of ended) this.tables.sessions.delete(id)
    return ended
  }

  override async update(...[id, version, patch, mark]: Parameters<Store['update']>): Promise<boolean> {
    const record = this.seen.get(id)
    if (record !== undefined && !this.tables.sessions.has(id)) this.tables.sessions.set(id, record)
    return super.update(id, version, patch, mark)
  }
}

class UpdateWithoutVersion extends MemoryStore {
  override async update(...[id, version, patch, mark]: Parameters<Store['update']>): Promise<boolean> {
    return super.update(id, this.tables.sessions.get(id)?.version ?? version, patch, mark)
  }
}

/** Drops what it holds when something is written, but not what is on its way to it just then. */
class UnguardedCache extends FaultyStore {
  readonly #cache = new Map<SessionId, SessionRecord>()

  override async get(id: SessionId): ReturnType<Store['get']> {
    const record = this.#cache.get(id) ?? (await super.get(id))
    if (record !== null) this.#cache.set(id, record)
    return record
  }

  override async insert(...call: Parameters<Store['insert']>): ReturnType<Store['insert']> {
    return super.insert(...call).finally(() => this.#cache.clear())
  }

  override async touch(...call: Parameters<Store['touch']>): ReturnType<Store['touch']> {
    return super.touch(...call).finally(() => this.#cache.clear())
  }

  override async update(...call: Parameters<Store['update']>): ReturnType<Store['update']> {
    return super.update(...call).finally(() => this.#cache.clear())
  }

  override async revoke(...call: Parameters<Store['revoke']>): ReturnType<Store['revoke']> {
    return super.revoke(...call).finally(() => this.#cache.clear())
  }
}

/** Misses whoever signs in between the look and the deed. */
export class RevokeAllByCollectedIds extends FaultyStore {
  override async revoke(...[target, mark, limit]: Parameters<Store['revoke']>): ReturnType<Store['revoke']> {
    if (!('userId' in target)) return super.revoke(target, mark, limit)
    const filter = { userId: target.userId, isEnded: false }
    const standing = await super.list({ filter, sort: 'createdAt', descending: false, limit: 1_000 })
    const ids = standing.map(({ id }) => id).filter((id) => id !== target.except)
    return super.revoke({ ids }, mark, ids.length)
  }
}

/** Lets in too many when several come at once. */
export class CapBeforeInsert extends FaultyStore {
  override async insert(...[record, guard]: Parameters<Store['insert']>): ReturnType<Store['insert']> {
    const { cap, ...rest } = guard
    if (cap === undefined) return super.insert(record, guard)
    const filter = { userId: record.userId, standing: cap.standing }
    const standing = await super.list({ filter, sort: 'lastAccessedAt', descending: false, limit: 1_000 })
    const ids = standing.slice(0, Math.max(0, standing.length - cap.max + 1)).map(({ id }) => id)
    const evicted = await super.revoke({ ids }, { ...guard.mark, reason: 'limit' }, ids.length)
    const outcome = await super.insert(record, rest)
    return outcome.ok ? { ok: true, evicted } : outcome
  }
}

/** The faults that the interleavings must find, each of them seen in systems that people rely on. */
export const RACY_ENGINES: readonly RacyEngine[] = [
  { fault: 'a touch writes the record back as it saw it', open: () => ({ inner: new TouchAsUpsert() }) },
  {
    fault: 'a revoked session is deleted, and a late update makes it again',
    open: () => ({ inner: new RevokeAsDelete() }),
  },
  { fault: 'an update does not look at the version', open: () => ({ inner: new UpdateWithoutVersion() }) },
  { fault: 'a cache is filled with what was read before an end', open: around(UnguardedCache) },
  { fault: 'all of a user are ended by ids that were collected before', open: around(RevokeAllByCollectedIds) },
  { fault: 'the cap is looked at before the login is written', open: around(CapBeforeInsert) },
]

function around(Outer: new (store: Store) => Store): () => Engine {
  return () => ({ inner: new MemoryStore(), outer: (store) => new Outer(store) })
}
