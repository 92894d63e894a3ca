import { SojournError, isSojournError } from '../core/errors.ts'
import type { EventRecord, EventType } from '../core/events.ts'
import type { Changes, EventQuery, Pruned, Store } from '../core/store.ts'
import type { SessionRecord } from '../core/session.ts'
import type { SessionId } from '../core/token.ts'
import { WrappedStore } from '../core/wrapped-store.ts'

/** Lines of history that are read at once. */
const PAGE = 500
/** What the store of the sessions tells itself. */
const OF_SESSIONS: ReadonlySet<EventType> = new Set([
  'session_created',
  'session_renewed',
  'session_ended',
  'user_sessions_ended',
])

/** How far the other history was read. */
interface Reach {
  /** As the store of the sessions has it: null before the first time. */
  readonly kept: string | null
  /** Where to go on: there, or further on where nothing was to be copied. */
  readonly cursor: string | null
  /** The newest line that was copied. */
  readonly newest: number
  /** While the history is gone through again: only what is newer than this is copied. Else 0. */
  readonly beyond: number
}

/**
 * Sessions of one store whose users another one keeps, as where sessions are in Redis and users in PostgreSQL: with the
 * history of both. Each line that the other store has written of a user or a key is copied into the history of the
 * sessions exactly once, by whichever process looks at it next, before it looks; so `events` and `changes` miss
 * nothing. Clean-up deletes what is old in both. Everything else is the store's own.
 *
 * Where the other store cannot be reached, history rejects with `store_unavailable`; sessions do not depend on it.
 */
export class SessionsBeside<Sessions extends Store = Store> extends WrappedStore<Sessions> {
  readonly #users: Pick<Store, 'changes' | 'prune'>
  #reach: Reach | null = null
  #copying: Promise<void> | null = null
  /** Begins when what is under way is over. */
  #next: Promise<void> | null = null

  /** Throws `invalid_option` where the store of the sessions cannot take lines of another one. */
  constructor(sessions: Sessions, users: Pick<Store, 'changes' | 'prune'>) {
    super(sessions)
    this.#users = users
    if (this.copyHistory !== undefined && this.historyCopiedTo !== undefined) return
    throw new SojournError(
      'invalid_option',
      'this store of sessions has no copyHistory; where it keeps users itself, use those and nothing beside it',
    )
  }

  /** Copies what was not copied yet. Happens by itself before anybody looks; so early, lines stand in their order. */
  async tellOfUsers(): Promise<void> {
    await this.#copied()
  }

  override get(id: SessionId): Promise<SessionRecord | null> {
    return this.inner.get(id)
  }

  override async changes(cursor: string | null, limit: number): Promise<Changes> {
    await this.#copied()
    return this.inner.changes(cursor, limit)
  }

  override async events(query: EventQuery): Promise<readonly EventRecord[]> {
    // What is about a session is told where the session is.
    if (query.sessionId === undefined) await this.#copied()
    return this.inner.events(query)
  }

  override async prune(before: number, limit: number): Promise<Pruned> {
    await this.#copied()
    const { sessions, events } = await this.inner.prune(before, limit)
    const beside = await this.#users.prune(before, limit)
    return { sessions, events: Math.max(events, beside.events, beside.sessions) }
  }

  protected around<Answer>(_: keyof Store, make: () => Promise<Answer>): Promise<Answer> {
    return make()
  }

  /** Fulfils when everything is copied that was there at the call: what is under way may have looked before. */
  #copied(): Promise<void> {
    if (this.#copying === null) return this.#begin()
    this.#next ??= this.#copying.then(undefined, ignore).then(() => this.#begin())
    return this.#next
  }

  #begin(): Promise<void> {
    this.#next = null
    this.#copying = this.#copy().finally(() => {
      this.#copying = null
    })
    return this.#copying
  }

  async #copy(): Promise<void> {
    for (let isMore = true; isMore;) {
      const reach = (this.#reach ??= await this.#kept())
      const changes = await this.#after(reach)
      if (changes === null) {
        this.#reach = { ...reach, cursor: null, beyond: reach.newest }
        continue
      }
      const { events, cursor } = changes
      isMore = events.length === PAGE
      const lines = events.filter(({ type, position }) => !OF_SESSIONS.has(type) && position > reach.beyond)
      const newest = lines.reduce((latest, { position }) => Math.max(latest, position), reach.newest)
      const next = { ...reach, cursor, newest, beyond: isMore ? reach.beyond : 0 }
      // A full page without a line of ours is noted too, so that nobody has to go through it again.
      if (lines.length === 0 && !isMore) {
        this.#reach = next
        continue
      }
      const kept = `${next.newest} ${next.beyond} ${cursor}`
      const isOurs = await this.inner.copyHistory!(reach.kept, kept, lines)
      this.#reach = isOurs ? { ...next, kept } : null
      isMore ||= !isOurs
    }
  }

  async #kept(): Promise<Reach> {
    const kept = await this.inner.historyCopiedTo!()
    const [, newest, beyond, cursor] = /^(\d+) (\d+) (.*)$/s.exec(kept ?? '') ?? []
    return { kept, cursor: cursor ?? null, newest: Number(newest ?? 0), beyond: Number(beyond ?? 0) }
  }

  /** Null where the history cannot go on from there, as after the loss of a server: it is gone through again then. */
  async #after({ cursor }: Reach): Promise<Changes | null> {
    try {
      return await this.#users.changes(cursor, PAGE)
    } catch (error) {
      if (cursor === null || !isSojournError(error, 'invalid_argument')) throw error
      return null
    }
  }
}

function ignore(): void {}
