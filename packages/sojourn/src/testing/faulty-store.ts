import { SojournError } from '../core/errors.ts'
import type { EventRecord } from '../core/events.ts'
import type { SessionRecord } from '../core/session.ts'
import type {
  Changes,
  EndedSession,
  EventQuery,
  Guarantees,
  InsertGuard,
  InsertOutcome,
  ListQuery,
  RevokeTarget,
  SessionFilter,
  SessionPatch,
  Store,
  StoreStats,
  Touch,
  UpdateMark,
} from '../core/store.ts'
import type { Standing } from '../core/policy.ts'
import type { SessionId } from '../core/token.ts'

/** A call that a store was asked to make. */
export interface StoreCall {
  readonly method: keyof Store
  /** Which call of this store it is, from 1. */
  readonly number: number
}

/** What goes wrong. Anything left out does not. */
export interface Faults {
  /** Waited for before each call reaches the store, and again before its answer is handed over. */
  readonly pause?: ((call: StoreCall, when: 'before' | 'after') => Promise<void>) | undefined
  /** Calls that are turned down without the store having heard of them. */
  readonly isRefused?: ((call: StoreCall) => boolean) | undefined
  /** Calls that the store carries out and whose answer is lost on the way back. */
  readonly isLost?: ((call: StoreCall) => boolean) | undefined
}

/** Any store, with delays and failures put between it and its caller. Both failures reject with `store_unavailable`. */
export class FaultyStore implements Store {
  /** Every call so far, in order, failed ones too. */
  readonly calls: StoreCall[] = []
  /** What goes wrong from here on. */
  faults: Faults
  readonly now?: () => Promise<number>
  readonly reread?: (id: SessionId) => Promise<SessionRecord | null>
  readonly #store: Store

  constructor(store: Store, faults: Faults = {}) {
    this.#store = store
    this.faults = faults
    const { now, reread } = store
    if (now !== undefined) this.now = () => this.#call('now', () => now.call(store))
    if (reread !== undefined) this.reread = (id) => this.#call('reread', () => reread.call(store, id))
  }

  insert(record: SessionRecord, guard: InsertGuard): Promise<InsertOutcome> {
    return this.#call('insert', () => this.#store.insert(record, guard))
  }

  get(id: SessionId): Promise<SessionRecord | null> {
    return this.#call('get', () => this.#store.get(id))
  }

  touch(batch: readonly Touch[]): Promise<number> {
    return this.#call('touch', () => this.#store.touch(batch))
  }

  update(id: SessionId, version: number, patch: SessionPatch, mark: UpdateMark): Promise<boolean> {
    return this.#call('update', () => this.#store.update(id, version, patch, mark))
  }

  revoke(target: RevokeTarget, mark: Parameters<Store['revoke']>[1], limit: number): Promise<readonly EndedSession[]> {
    return this.#call('revoke', () => this.#store.revoke(target, mark, limit))
  }

  list(query: ListQuery): Promise<readonly SessionRecord[]> {
    return this.#call('list', () => this.#store.list(query))
  }

  count(filter: SessionFilter): Promise<number> {
    return this.#call('count', () => this.#store.count(filter))
  }

  stats(standing: Standing, createdSince: number): Promise<StoreStats> {
    return this.#call('stats', () => this.#store.stats(standing, createdSince))
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#call('prune', () => this.#store.prune(before, limit))
  }

  changes(cursor: string | null, limit: number): Promise<Changes> {
    return this.#call('changes', () => this.#store.changes(cursor, limit))
  }

  events(query: EventQuery): Promise<readonly EventRecord[]> {
    return this.#call('events', () => this.#store.events(query))
  }

  epoch(userId: string): Promise<number> {
    return this.#call('epoch', () => this.#store.epoch(userId))
  }

  latestInstant(): Promise<number> {
    return this.#call('latestInstant', () => this.#store.latestInstant())
  }

  renewalKey(): Promise<Uint8Array | null> {
    return this.#call('renewalKey', () => this.#store.renewalKey())
  }

  /** Over a store that has no claims, everybody gets them: every node does the work. */
  claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
    return this.#call('claim', async () => (await this.#store.claim?.(name, holder, now, span)) ?? true)
  }

  guarantees(): Promise<Guarantees> {
    return this.#call('guarantees', () => this.#store.guarantees())
  }

  close(): Promise<void> {
    return this.#call('close', () => this.#store.close())
  }

  async #call<Answer>(method: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
    const call = { method, number: this.calls.length + 1 }
    this.calls.push(call)
    await this.faults.pause?.(call, 'before')
    if (this.faults.isRefused?.(call)) throw new SojournError('store_unavailable', `${method} was refused on purpose`)
    const answer = await make()
    await this.faults.pause?.(call, 'after')
    if (this.faults.isLost?.(call))
      throw new SojournError('store_unavailable', `the answer of ${method} was lost on purpose`)
    return answer
  }
}
