import type { EventRecord } from './events.ts'
import type { Standing } from './policy.ts'
import type { SessionRecord } from './session.ts'
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
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from './store.ts'
import type { SessionId } from './token.ts'

/** A store that does as another one does, with something around each call. Whoever derives from it says what. */
export abstract class WrappedStore<Inner extends Store = Store> implements Store {
  /** There where the store has it, as the others below. */
  readonly now?: () => Promise<number>
  readonly reread?: (id: SessionId) => Promise<SessionRecord | null>
  readonly claim?: NonNullable<Store['claim']>
  readonly forget?: NonNullable<Store['forget']>
  readonly listen?: NonNullable<Store['listen']>
  readonly copyHistory?: NonNullable<Store['copyHistory']>
  readonly historyCopiedTo?: NonNullable<Store['historyCopiedTo']>
  protected readonly inner: Inner

  constructor(inner: Inner) {
    this.inner = inner
    const { now, reread, claim, forget, listen, copyHistory, historyCopiedTo } = inner
    if (now !== undefined) this.now = () => this.around('now', () => now.call(inner))
    if (reread !== undefined) this.reread = (id) => this.around('reread', () => reread.call(inner, id))
    if (claim !== undefined) this.claim = (...wish) => this.around('claim', () => claim.apply(inner, wish))
    if (forget !== undefined) this.forget = (...whom) => this.around('forget', () => forget.apply(inner, whom))
    if (listen !== undefined) this.listen = (hint) => this.around('listen', () => listen.call(inner, hint))
    if (copyHistory !== undefined)
      this.copyHistory = (...lines) => this.around('copyHistory', () => copyHistory.apply(inner, lines))
    if (historyCopiedTo !== undefined)
      this.historyCopiedTo = () => this.around('historyCopiedTo', () => historyCopiedTo.call(inner))
  }

  /** Makes a call of the store, or not, and answers for it. */
  protected abstract around<Answer>(method: keyof Store, make: () => Promise<Answer>): Promise<Answer>

  insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    return this.around('insert', () => this.inner.insert(record, guard))
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return this.around('get', () => this.inner.get(id))
  }

  touch(batch: readonly Touch[]): Promise<number> {
    return this.around('touch', () => this.inner.touch(batch))
  }

  update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    return this.around('update', () => this.inner.update(id, version, patch, mark))
  }

  revoke(target: RevokeTarget, mark: Parameters<Store['revoke']>[1], limit: number): Promise<readonly EndedSession[]> {
    return this.around('revoke', () => this.inner.revoke(target, mark, limit))
  }

  list(query: ListQuery): Promise<readonly SessionRecord[]> {
    return this.around('list', () => this.inner.list(query))
  }

  count(...call: Parameters<Store['count']>): Promise<number> {
    return this.around('count', () => this.inner.count(...call))
  }

  stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.around('stats', () => this.inner.stats(standing, createdSince))
  }

  prune(before: number, limit: number): Promise<Pruned> {
    return this.around('prune', () => this.inner.prune(before, limit))
  }

  changes(cursor: string | null, limit: number): Promise<Changes> {
    return this.around('changes', () => this.inner.changes(cursor, limit))
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.around('events', () => this.inner.events(query))
  }

  epoch(userId: string): Promise<number> {
    return this.around('epoch', () => this.inner.epoch(userId))
  }

  latestInstant(): Promise<number> {
    return this.around('latestInstant', () => this.inner.latestInstant())
  }

  renewalKey(): Promise<Uint8Array | null> {
    return this.around('renewalKey', () => this.inner.renewalKey())
  }

  guarantees(): Promise<Guarantees> {
    return this.around('guarantees', () => this.inner.guarantees())
  }

  close(): Promise<void> {
    return this.around('close', () => this.inner.close())
  }
}
