import type { ApiKeyStore } from '../../packages/sojourn/src/auth/api-keys.ts'
import type { AttemptChange, AttemptStore } from '../../packages/sojourn/src/auth/throttle.ts'
import { isMatch } from '../../packages/sojourn/src/core/filter.ts'
import type { EventRecord } from '../../packages/sojourn/src/core/events.ts'
import type { SessionRecord } from '../../packages/sojourn/src/core/session.ts'
import type { ListQuery, Pruned, SessionFilter, Store } from '../../packages/sojourn/src/core/store.ts'
import type { SessionId } from '../../packages/sojourn/src/core/token.ts'
import type { MemoryTables } from '../../packages/sojourn/src/stores/memory/tables.ts'
import { MemoryApiKeys } from '../../packages/sojourn/src/stores/memory/api-keys.ts'
import { MemoryUsers } from '../../packages/sojourn/src/stores/memory/users.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { makeRecord } from '../../packages/sojourn/src/testing/index.ts'
import { NOON } from '../../packages/sojourn/src/testing/records.ts'

/** A store with one fault, and the sentence of the contract that must not let it pass. */
export interface BrokenStore {
  readonly fault: string
  readonly caughtBy: string
  readonly open: () => MemoryStore
}

type Insert = Parameters<Store['insert']>
type Revoke = Parameters<Store['revoke']>
type Update = Parameters<Store['update']>
type TouchBatch = Parameters<Store['touch']>[0]
type Tell = MemoryTables['tell']

/** A memory store whose records can be written without a condition. */
class OpenStore extends MemoryStore {
  protected change(id: SessionId, patch: Partial<SessionRecord>): void {
    const record = this.tables.sessions.get(id)
    if (record !== undefined) this.tables.sessions.set(id, Object.freeze({ ...record, ...patch }))
  }

  protected forgetWhere(isMeant: (record: SessionRecord) => boolean, limit: number): number {
    const meant = [...this.tables.sessions.values()].filter(isMeant).slice(0, limit)
    for (const { id } of meant) this.tables.sessions.delete(id)
    return meant.length
  }

  protected tellInstead(replacement: (tell: Tell) => Tell): void {
    this.tables.tell = replacement(this.tables.tell.bind(this.tables))
  }
}

const TOUCHES: readonly BrokenStore[] = [
  {
    fault: 'a note for an unknown session makes one',
    caughtBy: 'a note for an unknown id makes nothing',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          for (const { id } of batch)
            if (!this.tables.sessions.has(id)) this.tables.sessions.set(id, makeRecord({ id }))
          return super.touch(batch)
        }
      })(),
  },
  {
    fault: 'a late note moves time back',
    caughtBy: 'a late note does not move time back; one millisecond later counts',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          const count = await super.touch(batch)
          for (const { id, at } of batch) if (this.isStanding(id)) this.change(id, { lastAccessedAt: at })
          return count
        }

        isStanding(id: SessionId): boolean {
          return this.tables.sessions.get(id)?.endReason === null
        }
      })(),
  },
  {
    fault: 'a note wakes an ended session',
    caughtBy: 'a note does not wake an ended session, not even one from before the end',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          for (const { id, endsAt } of batch) this.change(id, { endReason: null, endsAt })
          return super.touch(batch)
        }
      })(),
  },
  {
    fault: 'a note moves the end past the absolute end',
    caughtBy: 'a note never moves the end past the absolute end',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          const count = await super.touch(batch)
          for (const { id, at, endsAt } of batch) {
            if (this.tables.sessions.get(id)?.lastAccessedAt === at) this.change(id, { endsAt })
          }
          return count
        }
      })(),
  },
  {
    fault: 'a note counts although the session had run out',
    caughtBy: 'a note counts up to the last millisecond before the recorded end',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          return super.touch(batch.map((note) => ({ ...note, allowance: note.allowance + 1 })))
        }
      })(),
  },
  {
    fault: 'a note takes no allowance',
    caughtBy: 'an allowance lets the recorded end have passed by less than itself',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          return super.touch(batch.map((note) => ({ ...note, allowance: 0 })))
        }
      })(),
  },
  {
    fault: 'a note raises the version, so that a renewal under way is lost',
    caughtBy: 'a note moves the last use and the end forward and changes nothing else',
    open: () =>
      new (class extends OpenStore {
        override async touch(batch: TouchBatch): Promise<number> {
          for (const { id } of batch) this.change(id, { version: (this.tables.sessions.get(id)?.version ?? 0) + 1 })
          return super.touch(batch)
        }
      })(),
  },
]

const ENDS: readonly BrokenStore[] = [
  {
    fault: 'what is named by id ends although it does not stand by the instants given',
    caughtBy: 'of sessions named by id only those end that stand by the instants given, to the millisecond',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          return super.revoke('id' in target ? { id: target.id } : target, mark, limit)
        }
      })(),
  },
  {
    fault: 'of several that are named one that does not stand uses up the limit',
    caughtBy: 'of sessions named by id only those end that stand by the instants given, to the millisecond',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          if (!('ids' in target) || target.standing === undefined) return super.revoke(target, mark, limit)
          return super.revoke({ ...target, ids: target.ids.slice(0, limit) }, mark, limit)
        }
      })(),
  },
  {
    fault: 'ending a session deletes it',
    caughtBy: 'ending a session writes how and when it ended, and keeps the rest of its record',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...call: Revoke): ReturnType<Store['revoke']> {
          const ended = await super.revoke(...call)
          for (const { id } of ended) this.tables.sessions.delete(id)
          return ended
        }
      })(),
  },
  {
    fault: 'ending a session again writes over how it ended first',
    caughtBy: 'a session ends once: what ended it first stays, and nobody else is told that they did',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          if ('id' in target) this.change(target.id, { endReason: null })
          return super.revoke(target, mark, limit)
        }
      })(),
  },
  {
    fault: 'ending a session that ran out moves its end forward',
    caughtBy: 'ending a session that was already over keeps the end it had, to the millisecond',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          const ended = await super.revoke(target, mark, limit)
          for (const { id } of ended) this.change(id, { endsAt: mark.at, loggedOutAt: mark.at })
          return ended
        }
      })(),
  },
  {
    fault: 'ending all of a user spares nobody',
    caughtBy: 'ending all of a user spares the one session that is excepted, as it is',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          return super.revoke('userId' in target ? { userId: target.userId } : target, mark, limit)
        }
      })(),
  },
  {
    fault: 'ending all of a user leaves the epoch',
    caughtBy: 'a login under way while all of a user ends produces nothing; one that begins afterwards does',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          const user = 'userId' in target ? this.tables.users.get(target.userId) : undefined
          const ended = await super.revoke(target, mark, limit)
          if (user !== undefined) this.tables.changeUser(user, { epoch: user.epoch })
          return ended
        }
      })(),
  },
  {
    fault: 'ending all of a user stops at the limit',
    caughtBy: 'ending all of a user ends each of theirs, and nobody else’s, whatever the limit',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          if (!('userId' in target)) return super.revoke(target, mark, limit)
          return super.revoke({ where: { userId: target.userId } }, mark, limit)
        }
      })(),
  },
  {
    fault: 'ending all of a user ends those it found a moment ago, and raises the epoch afterwards',
    caughtBy: 'nothing survives a sign-out everywhere that raced with logins',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          if (!('userId' in target)) return super.revoke(target, mark, limit)
          const ids = this.tables.sessionsOf(target.userId).map(({ id }) => id)
          const ended = await super.revoke({ ids: ids.filter((id) => id !== target.except) }, mark, ids.length)
          const user = this.tables.users.get(target.userId)
          if (user !== undefined) this.tables.changeUser(user, { epoch: user.epoch + 1 })
          if (user !== undefined) this.tables.tell('user_sessions_ended', mark, { userId: user.id })
          return ended
        }
      })(),
  },
  {
    fault: 'no call ends more than a limit, but several ids escape it',
    caughtBy: 'no call ends more than its limit, and calling again ends the rest, each once',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark]: Revoke): ReturnType<Store['revoke']> {
          return super.revoke(target, mark, Number.POSITIVE_INFINITY)
        }
      })(),
  },
  {
    fault: 'a session is read from memory after it ended',
    caughtBy: 'what the end of a session says holds for every read after it',
    open: () =>
      new (class extends OpenStore {
        readonly #seen = new Map<SessionId, SessionRecord | null>()

        override async get(id: SessionId): ReturnType<Store['get']> {
          const record = this.#seen.get(id) ?? (await super.get(id))
          this.#seen.set(id, record)
          return record
        }
      })(),
  },
]

const UPDATES: readonly BrokenStore[] = [
  {
    fault: 'an update does not look at the version',
    caughtBy: 'an update under any version but the present one does nothing',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          return super.update(id, this.tables.sessions.get(id)?.version ?? version, patch, mark)
        }
      })(),
  },
  {
    fault: 'an update looks at the version and writes a moment later',
    caughtBy: 'of twenty updates at once under one version exactly one is done',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          const found = await this.get(id)
          if (found?.version !== version) return false
          return super.update(id, this.tables.sessions.get(id)?.version ?? version, patch, mark)
        }
      })(),
  },
  {
    fault: 'an update changes an ended session',
    caughtBy: 'an update of an ended session does nothing, under its old version and its new one',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          const ended = this.tables.sessions.get(id)
          const isEnded = ended !== undefined && ended.endReason !== null && ended.version === version
          if (!isEnded) return super.update(id, version, patch, mark)
          this.change(id, { ...patch, version: version + 1 })
          return true
        }
      })(),
  },
  {
    fault: 'an update makes the session that it does not find',
    caughtBy: 'an update of an unknown session makes nothing',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          if (!this.tables.sessions.has(id)) this.tables.sessions.set(id, makeRecord({ id, ...patch, version }))
          return super.update(id, version, patch, mark)
        }
      })(),
  },
  {
    fault: 'an update leaves the version as it was',
    caughtBy: 'an update changes what its patch names, raises the version by one and leaves the rest',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          const isDone = await super.update(id, version, patch, mark)
          if (isDone) this.change(id, { version })
          return isDone
        }
      })(),
  },
  {
    fault: 'an update keeps eight superseded hashes instead of sixteen',
    caughtBy: 'an update changes what its patch names, raises the version by one and leaves the rest',
    open: () =>
      new (class extends OpenStore {
        override async update(...[id, version, patch, mark]: Update): Promise<boolean> {
          const isDone = await super.update(id, version, patch, mark)
          if (patch.previousHashes !== undefined) this.change(id, { previousHashes: patch.previousHashes.slice(0, 8) })
          return isDone
        }
      })(),
  },
]

const INSERTS: readonly BrokenStore[] = [
  {
    fault: 'a login looks at the cap and is written a moment later',
    caughtBy: 'however many logins arrive at once, a cap that denies lets in exactly as many as fit',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const { cap, ...rest } = guard
          if (cap === undefined || cap.onExceed === 'evict') return super.insert(record, guard)
          const standing = await this.count({ userId: record.userId, standing: cap.standing })
          return standing >= cap.max ? { ok: false, reason: 'limit' } : super.insert(record, rest)
        }
      })(),
  },
  {
    fault: 'a login makes room first and is written a moment later',
    caughtBy: 'however many logins arrive at once, a cap that evicts is never exceeded',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const { cap, ...rest } = guard
          if (cap === undefined || cap.onExceed === 'deny') return super.insert(record, guard)
          const filter = { userId: record.userId, standing: cap.standing }
          const standing = await this.list({ filter, sort: 'lastAccessedAt', descending: false, limit: 1_000 })
          const ids = standing.slice(0, Math.max(0, standing.length - cap.max + 1)).map(({ id }) => id)
          const mark = { ...guard.mark, actor: 'system', reason: 'limit' } as const
          const evicted = await this.revoke({ ids }, mark, ids.length)
          const outcome = await super.insert(record, rest)
          return outcome.ok ? { ok: true, evicted } : outcome
        }
      })(),
  },
  {
    fault: 'a cap evicts the session that was used last',
    caughtBy: 'a cap evicts the least recently used session, whichever was created first',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const standing = guard.cap === undefined ? [] : [...this.tables.sessionsOf(record.userId)]
          const [last] = standing.sort((a, b) => b.lastAccessedAt - a.lastAccessedAt)
          if (last === undefined || standing.length < (guard.cap?.max ?? 0)) return super.insert(record, guard)
          const mark = { at: guard.mark.at, actor: 'system', reason: 'limit' } as const
          const evicted = this.tables.end([last], mark)
          const outcome = await super.insert(record, { ...guard, cap: undefined })
          return outcome.ok ? { ok: true, evicted } : outcome
        }
      })(),
  },
  {
    fault: 'a cap counts sessions that stand no more',
    caughtBy: 'a cap does not count sessions that stand no more, to the millisecond',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          if (guard.cap === undefined) return super.insert(record, guard)
          const { endsAfter, ...rest } = guard.cap.standing
          const cap = { ...guard.cap, standing: { endsAfter: endsAfter - 1, ...rest } }
          return super.insert(record, { ...guard, cap })
        }
      })(),
  },
  {
    fault: 'a login does not look at the epoch',
    caughtBy: 'an insert under another epoch than the one that holds is refused and leaves nothing',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          return super.insert(record, { ...guard, epoch: undefined })
        }
      })(),
  },
  {
    fault: 'a login overwrites the session whose id it was given',
    caughtBy: 'a taken id is refused, and the session that has it stays as it is',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          this.tables.sessions.delete(record.id)
          return super.insert(record, guard)
        }
      })(),
  },
  {
    fault: 'a login that is refused has made room already',
    caughtBy: 'an insert that is refused evicts nobody',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const standing = this.tables.sessionsOf(record.userId)
          const mark = { at: guard.mark.at, actor: 'system', reason: 'limit' } as const
          const isFull = guard.cap?.onExceed === 'evict' && standing.length >= guard.cap.max
          const evicted = isFull ? this.tables.end(standing.slice(0, 1), mark) : []
          const outcome = await super.insert(record, { ...guard, cap: undefined })
          return outcome.ok ? { ok: true, evicted } : outcome
        }
      })(),
  },
  {
    fault: 'two users may have one name',
    caughtBy: 'a new user with the username of one with a password is a conflict that leaves nothing',
    open: () =>
      new (class extends OpenStore {
        constructor() {
          super()
          this.tables.assertNameIsFree = () => {}
        }
      })(),
  },
  {
    fault: 'instants are kept in whole seconds',
    caughtBy: 'a session reads back as it was inserted, to the millisecond and the byte',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          return super.insert({ ...record, createdAt: Math.floor(record.createdAt / 1_000) * 1_000 }, guard)
        }
      })(),
  },
  {
    fault: 'attributes are cut to 255 characters',
    caughtBy: 'the longest values and the year 2100 are kept whole',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const attributes = Object.entries(record.attributes).map(([key, value]) => [
            key,
            typeof value === 'string' ? value.slice(0, 255) : value,
          ])
          return super.insert({ ...record, attributes: Object.fromEntries(attributes) }, guard)
        }
      })(),
  },
  {
    fault: 'a user agent is cut where a column is full',
    caughtBy: 'the longest values and the year 2100 are kept whole',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          return super.insert({ ...record, userAgent: record.userAgent?.slice(0, 255) ?? null }, guard)
        }
      })(),
  },
]

const LISTS: readonly BrokenStore[] = [
  {
    fault: 'all but one means all',
    caughtBy: 'all but one means all but that one, whatever else is asked',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, ...rest]: Revoke): ReturnType<Store['revoke']> {
          return super.revoke('where' in target ? { where: { ...target.where, except: undefined } } : target, ...rest)
        }
      })(),
  },
  {
    fault: 'the next page skips sessions of the same instant',
    caughtBy: 'page after page shows every session once and in order, however many instants are equal',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const { after, sort } = query
          const found = await super.list({ ...query, limit: 1_000 })
          return found.filter((record) => record[sort] !== after?.value).slice(0, query.limit)
        }
      })(),
  },
  {
    fault: 'the next page begins with the last session of the page before',
    caughtBy: 'page after page shows every session once and in order, however many instants are equal',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const last = query.after === undefined ? null : await this.get(query.after.id)
          const found = await super.list(query)
          return (last === null ? found : [last, ...found]).slice(0, query.limit)
        }
      })(),
  },
  {
    fault: 'sessions of the same instant come in any order',
    caughtBy: 'equal instants are put in the order of the ids',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const found = await super.list(query)
          return found.toSorted(
            (a, b) => (query.descending ? -1 : 1) * (a[query.sort] - b[query.sort]) || (a.id < b.id ? 1 : -1),
          )
        }
      })(),
  },
  {
    fault: 'a count says something else than the list',
    caughtBy: 'text is looked for in username, user agent and address, whatever the case of ASCII letters',
    open: () =>
      new (class extends OpenStore {
        override async count(filter: SessionFilter): Promise<number> {
          return super.count({ ...filter, text: undefined })
        }
      })(),
  },
  {
    fault: '% and _ stand for other letters',
    caughtBy: 'signs that a query language gives a meaning are letters like any other',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const { text, ...filter } = query.filter
          if (text === undefined) return super.list(query)
          const pattern = text
            .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
            .replaceAll('%', '.*')
            .replaceAll('_', '.')
          const found = await super.list({ ...query, filter })
          const like = new RegExp(pattern, 'i')
          return found.filter(({ username, userAgent, ipAddress }) =>
            [username, userAgent, ipAddress].some((value) => like.test(value ?? '')),
          )
        }
      })(),
  },
  {
    fault: 'text is found only in the case it was asked for',
    caughtBy: 'text is looked for in username, user agent and address, whatever the case of ASCII letters',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const { text } = query.filter
          const found = await super.list(query)
          if (text === undefined) return found
          return found.filter(({ username, userAgent, ipAddress }) =>
            [username, userAgent, ipAddress].some((value) => value?.includes(text)),
          )
        }
      })(),
  },
  {
    fault: 'a session counts as standing in the millisecond in which it ends',
    caughtBy: 'every session either stands or does not, to the millisecond of each limit',
    open: () =>
      new (class extends OpenStore {
        override async count(filter: SessionFilter): Promise<number> {
          const { standing } = filter
          if (standing === undefined) return super.count(filter)
          return super.count({ ...filter, standing: { ...standing, endsAfter: standing.endsAfter - 1 } })
        }
      })(),
  },
  {
    fault: 'of two conditions one is enough',
    caughtBy: 'everything that a filter says must hold',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const found = await super.list({ ...query, filter: {} })
          const conditions = Object.entries(query.filter).filter(([, value]) => value !== undefined)
          const isMeant = (record: SessionRecord): boolean =>
            conditions.length === 0 || conditions.some(([name, value]) => isMatch(record, { [name]: value }))
          return found.filter(isMeant)
        }
      })(),
  },
  {
    fault: 'no alternatives are taken for all',
    caughtBy: 'of alternatives at least one must hold, together with the rest of the filter',
    open: () =>
      new (class extends OpenStore {
        override async list(query: ListQuery): ReturnType<Store['list']> {
          const { anyOf, ...filter } = query.filter
          return super.list(anyOf?.length === 0 ? { ...query, filter } : query)
        }
      })(),
  },
  {
    fault: 'the most active user is anyone with that many sessions',
    caughtBy: 'of users with equally many sessions the one who signed in last is the most active',
    open: () =>
      new (class extends OpenStore {
        override async stats(...call: Parameters<Store['stats']>): ReturnType<Store['stats']> {
          const figures = await super.stats(...call)
          const users = [...this.tables.users.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1))
          const any = users.find(({ id }) => this.tables.sessionsOf(id).length === figures.mostActive?.sessions)
          if (any === undefined || figures.mostActive === null) return figures
          return { ...figures, mostActive: { ...figures.mostActive, userId: any.id, username: any.username } }
        }
      })(),
  },
]

const PRUNING: readonly BrokenStore[] = [
  {
    fault: 'pruning takes what ended at the very instant too',
    caughtBy: 'pruning deletes what ended before the instant, to the millisecond',
    open: () =>
      new (class extends OpenStore {
        override async prune(before: number, limit: number): Promise<Pruned> {
          return super.prune(before + 1, limit)
        }
      })(),
  },
  {
    fault: 'pruning goes by when a session was created',
    caughtBy: 'a session that may still stand is never pruned, however old it is',
    open: () =>
      new (class extends OpenStore {
        override async prune(before: number, limit: number): Promise<Pruned> {
          const old = [...this.tables.sessions.values()].filter(({ createdAt }) => createdAt < before)
          for (const { id } of old.slice(0, limit)) this.tables.sessions.delete(id)
          return { sessions: Math.min(limit, old.length), events: 0 }
        }
      })(),
  },
  {
    fault: 'pruning deletes everything that is old at once',
    caughtBy: 'no call deletes more than its limit, and calling again deletes the rest',
    open: () =>
      new (class extends OpenStore {
        override async prune(before: number): Promise<Pruned> {
          return super.prune(before, Number.POSITIVE_INFINITY)
        }
      })(),
  },
  {
    fault: 'pruning leaves the events',
    caughtBy: 'events older than the instant go as well, no more than the limit in a call',
    open: () =>
      new (class extends OpenStore {
        constructor() {
          super()
          this.tables.forgetEvents = () => 0
        }
      })(),
  },
  {
    fault: 'pruning does not say how many events went',
    caughtBy: 'events older than the instant go as well, no more than the limit in a call',
    open: () =>
      new (class extends OpenStore {
        override async prune(before: number, limit: number): Promise<Pruned> {
          return { ...(await super.prune(before, limit)), events: 0 }
        }
      })(),
  },
  {
    fault: 'pruning forgets users without sessions, and their epochs',
    caughtBy: 'pruning forgets no epoch',
    open: () =>
      new (class extends OpenStore {
        override async prune(before: number, limit: number): Promise<Pruned> {
          const pruned = await super.prune(before, limit)
          for (const user of this.tables.users.values()) {
            if (this.tables.sessionsOf(user.id).length === 0) this.tables.removeUser(user)
          }
          return pruned
        }
      })(),
  },
]

const COPIES: readonly BrokenStore[] = [
  {
    fault: 'lines are copied again by whoever comes second',
    caughtBy: 'whoever goes on from where somebody else has gone on already copies nothing',
    open: () =>
      new (class extends OpenStore {
        override async copyHistory(_: string | null, to: string, lines: readonly EventRecord[]): Promise<boolean> {
          return super.copyHistory(await this.historyCopiedTo(), to, lines)
        }
      })(),
  },
  {
    fault: 'copied lines tell when they were copied, and not when it happened',
    caughtBy: 'lines of another history are told as they are, in their order, among those of the sessions',
    open: () =>
      new (class extends OpenStore {
        override async copyHistory(from: string | null, to: string, lines: readonly EventRecord[]): Promise<boolean> {
          return super.copyHistory(
            from,
            to,
            lines.map((line) => ({ ...line, at: NOON + 1 })),
          )
        }
      })(),
  },
  {
    fault: 'how far was copied is not noted',
    caughtBy: 'how far was copied is nothing at first, and then what the last copy said',
    open: () =>
      new (class extends OpenStore {
        override async historyCopiedTo(): Promise<string | null> {
          return null
        }
      })(),
  },
  {
    fault: 'copied lines are of no user',
    caughtBy: 'copied lines are found by user, by type and by instant',
    open: () =>
      new (class extends OpenStore {
        override async copyHistory(from: string | null, to: string, lines: readonly EventRecord[]): Promise<boolean> {
          return super.copyHistory(
            from,
            to,
            lines.map((line) => ({ ...line, userId: null })),
          )
        }
      })(),
  },
]

const HISTORY: readonly BrokenStore[] = [
  {
    fault: 'of several types only the first is looked for',
    caughtBy: 'events of several types are found together, newest first, each once, by page',
    open: () =>
      new (class extends OpenStore {
        override async events(query: Parameters<Store['events']>[0]): ReturnType<Store['events']> {
          return super.events({ ...query, type: [query.type].flat()[0] })
        }
      })(),
  },
  {
    fault: 'the end of a session is told to nobody',
    caughtBy: 'ending a session writes exactly one session_ended event with what the mark says',
    open: () =>
      new (class extends OpenStore {
        constructor() {
          super()
          this.tellInstead((tell) => (type, ...rest) => {
            if (type !== 'session_ended') tell(type, ...rest)
          })
        }
      })(),
  },
  {
    fault: 'a login is told twice',
    caughtBy: 'an insert writes exactly one event, session_created, with what its mark says',
    open: () =>
      new (class extends OpenStore {
        constructor() {
          super()
          this.tellInstead((tell) => (type, ...rest) => {
            tell(type, ...rest)
            if (type === 'session_created') tell(type, ...rest)
          })
        }
      })(),
  },
  {
    fault: 'an end is told that did not happen',
    caughtBy: 'a session ends once: what ended it first stays, and nobody else is told that they did',
    open: () =>
      new (class extends OpenStore {
        override async revoke(...[target, mark, limit]: Revoke): ReturnType<Store['revoke']> {
          const ended = await super.revoke(target, mark, limit)
          if ('id' in target && ended.length === 0) this.tables.tell('session_ended', mark, { userId: null })
          return ended
        }
      })(),
  },
  {
    fault: 'a login that was refused is told as though it had happened',
    caughtBy: 'a taken id is refused, and the session that has it stays as it is',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const outcome = await super.insert(record, guard)
          if (!outcome.ok) this.tables.tell('session_created', guard.mark, { userId: record.userId })
          return outcome
        }
      })(),
  },
  {
    fault: 'an eviction is told as a logout',
    caughtBy: 'an eviction writes one session_ended event with reason limit',
    open: () =>
      new (class extends OpenStore {
        constructor() {
          super()
          this.tellInstead((tell) => (type, mark, whom) => {
            tell(type, mark.reason === 'limit' ? { ...mark, reason: 'logout' } : mark, whom)
          })
        }
      })(),
  },
  {
    fault: 'the cursor of changes skips what did not fit',
    caughtBy: 'a reader who passes each cursor back sees every event once and in order',
    open: () =>
      new (class extends OpenStore {
        override async changes(cursor: string | null, limit: number): ReturnType<Store['changes']> {
          const { events } = await super.changes(cursor, limit)
          return { events, cursor: String(this.tables.lastPosition) }
        }
      })(),
  },
  {
    fault: 'a reader who has seen all is sent back to the beginning',
    caughtBy: 'a reader who has seen all sees nothing, and later what came since',
    open: () =>
      new (class extends OpenStore {
        override async changes(cursor: string | null, limit: number): ReturnType<Store['changes']> {
          const { events, cursor: next } = await super.changes(cursor, limit)
          return { events, cursor: events.length === 0 ? '0' : next }
        }
      })(),
  },
  {
    fault: 'a cursor that makes no sense is taken for the beginning',
    caughtBy: 'a cursor that no log gave out is rejected',
    open: () =>
      new (class extends OpenStore {
        override async changes(cursor: string | null, limit: number): ReturnType<Store['changes']> {
          return super.changes(cursor === 'end' || /^\d+$/.test(cursor ?? '') ? cursor : null, limit)
        }
      })(),
  },
  {
    fault: 'the log keeps back what is new until it has settled',
    caughtBy: 'what was acknowledged is told to whoever asks next, whatever else is under way',
    open: () =>
      new (class extends OpenStore {
        #settled = 0

        override async changes(cursor: string | null, limit: number): ReturnType<Store['changes']> {
          const { events } = await super.changes(cursor, limit)
          const known = events.filter(({ position }) => position <= this.#settled)
          const last = this.tables.lastPosition
          setImmediate(() => {
            this.#settled = last
          })
          return { events: known, cursor: String(known.at(-1)?.position ?? Number(cursor)) }
        }
      })(),
  },
  {
    fault: 'the time of the engine goes back',
    caughtBy: 'the time of the engine, where it has its own, is in whole milliseconds and does not go back',
    open: () =>
      new (class extends OpenStore {
        #now = NOON

        async now(): Promise<number> {
          this.tables.assertOpen()
          this.#now -= 1
          return this.#now
        }
      })(),
  },
  {
    fault: 'what is read past any memory comes from memory',
    caughtBy: 'a record that is read past any memory is the record',
    open: () =>
      new (class extends OpenStore {
        readonly #remembered = new Map<SessionId, SessionRecord | null>()

        async reread(id: SessionId): Promise<SessionRecord | null> {
          const remembered = this.#remembered.get(id)
          if (remembered !== undefined && remembered !== null) return remembered
          const record = await this.get(id)
          this.#remembered.set(id, record)
          return record
        }
      })(),
  },
  {
    fault: 'ends that lie ahead are taken for what has happened',
    caughtBy: 'the latest instant is that of the last deed or use, and 0 in an empty store',
    open: () =>
      new (class extends OpenStore {
        override async latestInstant(): Promise<number> {
          const ends = [...this.tables.sessions.values()].map(({ endsAt }) => endsAt)
          return Math.max(0, ...ends)
        }
      })(),
  },
  {
    fault: 'a closed store answers that nothing is there',
    caughtBy: `after close every method rejects with 'closed', and closing again does nothing`,
    open: () =>
      new (class extends OpenStore {
        #isClosed = false

        override async get(id: SessionId): ReturnType<Store['get']> {
          return this.#isClosed ? null : super.get(id)
        }

        override async close(): Promise<void> {
          this.#isClosed = true
          await super.close()
        }
      })(),
  },
]

const USERS: readonly BrokenStore[] = [
  {
    fault: 'a disabled user is let in',
    caughtBy: 'a disabled user gets no session, under whatever epoch',
    open: () =>
      new (class extends OpenStore {
        override async insert(...[record, guard]: Insert): ReturnType<Store['insert']> {
          const user = this.tables.users.get(record.userId)
          if (user !== undefined) this.tables.changeUser(user, { disabledAt: null })
          return super.insert(record, guard)
        }
      })(),
  },
  {
    fault: 'a password is set over another hash than the one named',
    caughtBy: 'a new password is set only over the hash it names',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async setPassword(
              ...[id, change, mark]: Parameters<MemoryUsers['setPassword']>
            ): ReturnType<MemoryUsers['setPassword']> {
              return super.setPassword(id, { ...change, from: undefined }, mark)
            }
          })(tables),
      ),
  },
  {
    fault: 'a new password ends the session that set it too',
    caughtBy: 'a new password ends the user’s other sessions, raises the epoch and says so',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async setPassword(
              ...[id, change, mark]: Parameters<MemoryUsers['setPassword']>
            ): ReturnType<MemoryUsers['setPassword']> {
              return super.setPassword(id, { ...change, except: undefined }, mark)
            }
          })(tables),
      ),
  },
  {
    fault: 'a better hash is written over a password that was changed meanwhile',
    caughtBy: 'a rehash replaces the very hash it names, and ends nothing',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async rehash(id: string, _: string, to: string): Promise<boolean> {
              return super.rehash(id, tables.users.get(id)?.passwordHash ?? '', to)
            }
          })(tables),
      ),
  },
  {
    fault: 'disabling a user leaves the sessions',
    caughtBy: 'disabling a user ends all sessions, raises the epoch and says so',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async disable(
              ...[id, mark]: Parameters<MemoryUsers['disable']>
            ): ReturnType<MemoryUsers['disable']> {
              const sessions = tables.sessionsOf(id)
              const change = await super.disable(id, mark)
              for (const record of sessions) tables.sessions.set(record.id, record)
              return change
            }
          })(tables),
      ),
  },
  {
    fault: 'enabling a user revives what was ended',
    caughtBy: 'enabling a user lets in new logins; what was ended stays ended, what was under way stays out',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async enable(...[id, mark]: Parameters<MemoryUsers['enable']>): Promise<boolean> {
              for (const record of tables.sessionsOf(id)) tables.sessions.set(record.id, { ...record, endReason: null })
              return super.enable(id, mark)
            }
          })(tables),
      ),
  },
  {
    fault: 'a role is taken away from the user and not from the sessions',
    caughtBy: 'a role that takes authority away ends all sessions and raises the epoch',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async setRole(
              ...[id, role]: Parameters<MemoryUsers['setRole']>
            ): ReturnType<MemoryUsers['setRole']> {
              const user = tables.users.get(id)
              if (user === undefined || user.role === role) return { isChanged: false, ended: [] }
              tables.changeUser(user, { role })
              return { isChanged: true, ended: [] }
            }
          })(tables),
      ),
  },
  {
    fault: 'deleting a user leaves the sessions',
    caughtBy: 'deleting a user deletes the sessions, keeps one user_deleted event and frees the name',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async remove(...[id, mark]: Parameters<MemoryUsers['remove']>): Promise<boolean> {
              const sessions = tables.sessionsOf(id)
              const isGone = await super.remove(id, mark)
              for (const record of sessions) tables.sessions.set(record.id, record)
              return isGone
            }
          })(tables),
      ),
  },
  {
    fault: 'a taken username is given to another',
    caughtBy: 'a taken id or username is answered with false, and the user who has it stays as it is',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async add(...[user, mark]: Parameters<MemoryUsers['add']>): Promise<boolean> {
              if (tables.users.has(user.id)) return false
              tables.addUser(user)
              tables.tell('user_created', mark, { userId: user.id })
              return true
            }
          })(tables),
      ),
  },
  {
    fault: 'the filter of users is applied to the first page only',
    caughtBy: 'users are found by a piece of the name, the role and the state, page after page',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async list(...[after, limit, filter]: Parameters<MemoryUsers['list']>) {
              return super.list(after, limit, after === null ? filter : undefined)
            }
          })(tables),
      ),
  },
  {
    fault: 'the next page of users begins with the last of the page before',
    caughtBy: 'users are listed in the order of their usernames, page after page, each once',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async list(after: string | null, limit: number): ReturnType<MemoryUsers['list']> {
              const last = after === null ? null : tables.userNamed(after)
              const page = await super.list(after, limit)
              return (last === null ? page : [last, ...page]).slice(0, limit)
            }
          })(tables),
      ),
  },
  {
    fault: 'adopting overwrites the sessions that are there',
    caughtBy: 'a session that is there stays exactly as it is, ended ones too',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async adopt(...[batch, mark]: Parameters<MemoryUsers['adopt']>): ReturnType<MemoryUsers['adopt']> {
              const count = await super.adopt(batch, mark)
              for (const record of batch.flatMap(({ sessions }) => sessions)) tables.sessions.set(record.id, record)
              return count
            }
          })(tables),
      ),
  },
  {
    fault: 'a user is adopted although a session of theirs is broken',
    caughtBy: 'a user is adopted with all sessions or not at all',
    open: () =>
      withUsers(
        (tables) =>
          new (class extends MemoryUsers {
            override async adopt(...[batch, mark]: Parameters<MemoryUsers['adopt']>): ReturnType<MemoryUsers['adopt']> {
              const first = await super.adopt(
                batch.map(({ user }) => ({ user, sessions: [] })),
                mark,
              )
              const { sessions } = await super.adopt(batch, mark)
              return { users: first.users, sessions }
            }
          })(tables),
      ),
  },
  {
    fault: 'a swap writes what fits and leaves the rest',
    caughtBy: 'several buckets are swapped together or not at all, whichever of them does not fit',
    open: () =>
      withAttempts(({ swap, ...rest }) => ({
        ...rest,
        swap: async (changes) => {
          const done = await Promise.all(changes.map((change) => swap([change])))
          return done.every(Boolean)
        },
      })),
  },
  {
    fault: 'a swap looks at the count only',
    caughtBy: 'a bucket is swapped only if it is still exactly as it was read',
    open: () =>
      withAttempts(({ swap, read, ...rest }) => ({
        ...rest,
        read,
        swap: async (changes) => {
          const present = await read(changes.map(({ bucket }) => bucket))
          const isNear = ({ from }: AttemptChange, place: number): boolean => from?.count === present[place]?.count
          if (!changes.every(isNear)) return false
          return swap(changes.map((change, place) => ({ ...change, from: present[place] ?? null })))
        },
      })),
  },
  {
    fault: 'a sweep forgets who is blocked still',
    caughtBy: 'a sweep forgets buckets whose instants are both before, to the millisecond',
    open: () =>
      withAttempts((attempts, tables) => ({
        ...attempts,
        sweep: async (before) => {
          const old = [...tables.attempts].filter(([, { since }]) => since < before)
          for (const [bucket] of old) tables.attempts.delete(bucket)
          return old.length
        },
      })),
  },
]

const KEYS: readonly BrokenStore[] = [
  {
    fault: 'a key whose id is taken takes its place',
    caughtBy: 'a taken id is answered with false, and the key that has it stays as it is',
    open: () =>
      withKeys(
        (tables) =>
          new (class extends MemoryApiKeys {
            override async add(...[key, mark]: Parameters<ApiKeyStore['add']>): Promise<boolean> {
              const isTaken = tables.apiKeys.has(key.id)
              const isAdded = await super.add(key, mark)
              if (isTaken) tables.apiKeys.set(key.id, key)
              return isAdded
            }
          })(tables),
      ),
  },
  {
    fault: 'a use brings a revoked key to life',
    caughtBy: 'a use of a key that is revoked or was never made leaves no trace',
    open: () =>
      withKeys(
        (tables) =>
          new (class extends MemoryApiKeys {
            override async noteUse(id: string, at: number): Promise<void> {
              const key = tables.apiKeys.get(id)
              if (key !== undefined) tables.apiKeys.set(id, { ...key, revokedAt: null })
              await super.noteUse(id, at)
            }
          })(tables),
      ),
  },
  {
    fault: 'revoking a key again moves the instant',
    caughtBy: 'a key is revoked once: again changes nothing and tells nothing',
    open: () =>
      withKeys(
        (tables) =>
          new (class extends MemoryApiKeys {
            override async revoke(...[id, mark]: Parameters<ApiKeyStore['revoke']>): Promise<boolean> {
              const key = tables.apiKeys.get(id)
              if (key !== undefined) tables.apiKeys.set(id, { ...key, revokedAt: null })
              return super.revoke(id, mark)
            }
          })(tables),
      ),
  },
  {
    fault: 'a late use of a key moves time back',
    caughtBy: 'a use is noted forwards only, and tells history nothing',
    open: () =>
      withKeys(
        (tables) =>
          new (class extends MemoryApiKeys {
            override async noteUse(id: string, lastUsedAt: number): Promise<void> {
              const key = tables.apiKeys.get(id)
              if (key?.revokedAt === null) tables.apiKeys.set(id, { ...key, lastUsedAt })
            }
          })(tables),
      ),
  },
]

const FORGETTING: readonly BrokenStore[] = [
  {
    fault: 'forgetting deletes sessions that stand as well',
    caughtBy: 'a session that nobody has ended is never forgotten, though its time is over',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          return this.forgetWhere((record) => record.userId === userId, limit)
        }
      })(),
  },
  {
    fault: 'forgetting goes by whether the time of a session is over',
    caughtBy: 'a session that nobody has ended is never forgotten, though its time is over',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          return this.forgetWhere((record) => record.userId === userId && record.endsAt <= NOON, limit)
        }
      })(),
  },
  {
    fault: 'forgetting goes by the username',
    caughtBy: 'nobody else’s sessions are forgotten, not even those of the same username',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          return this.forgetWhere((record) => record.username === userId && record.endReason !== null, limit)
        }
      })(),
  },
  {
    fault: 'forgetting says how many it was allowed to delete',
    caughtBy: 'forgetting deletes the ended sessions of a user, however they ended, and says how many',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          return (await super.forget(userId, limit)) === 0 ? 0 : limit
        }
      })(),
  },
  {
    fault: 'forgetting deletes everything at once',
    caughtBy: 'no call forgets more than its limit, and calling again forgets the rest',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string): Promise<number> {
          return super.forget(userId, Number.POSITIVE_INFINITY)
        }
      })(),
  },
  {
    fault: 'forgetting takes the history along',
    caughtBy: 'history is as it was after forgetting',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          this.tables.forgetEvents(Number.POSITIVE_INFINITY, limit)
          return super.forget(userId, limit)
        }
      })(),
  },
  {
    fault: 'forgetting takes a user without sessions along, and the epoch',
    caughtBy: 'forgetting forgets no epoch: a login from before produces nothing, a new one stands',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          const count = await super.forget(userId, limit)
          const user = this.tables.users.get(userId)
          if (user !== undefined && this.tables.sessionsOf(userId).length === 0) this.tables.removeUser(user)
          return count
        }
      })(),
  },
  {
    fault: 'forgetting looks who has ended, and deletes and counts a moment later',
    caughtBy: 'of several who forget at once each says what it forgot, and who signs in meanwhile stays',
    open: () =>
      new (class extends OpenStore {
        override async forget(userId: string, limit: number): Promise<number> {
          const query = { filter: { userId, isEnded: true }, sort: 'createdAt', descending: false, limit } as const
          const ended = await this.list(query)
          for (const { id } of ended) this.tables.sessions.delete(id)
          return ended.length
        }
      })(),
  },
]

const CLAIMS: readonly BrokenStore[] = [
  {
    fault: 'everybody gets the same claim',
    caughtBy: 'a name is claimed by one holder at a time',
    open: () =>
      new (class extends OpenStore {
        override async claim(): Promise<boolean> {
          return true
        }
      })(),
  },
  {
    fault: 'a claim never ends',
    caughtBy: 'a claim holds to the millisecond before its end, and then goes to whoever asks',
    open: () =>
      new (class extends OpenStore {
        override async claim(name: string, holder: string, _now: number, span: number): Promise<boolean> {
          return super.claim(name, holder, 0, span)
        }
      })(),
  },
  {
    fault: 'a claim cannot be had for longer',
    caughtBy: 'whoever has a claim may have it for longer',
    open: () =>
      new (class extends OpenStore {
        override async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
          return super.claim(name, `${holder} at ${now}`, now, span)
        }
      })(),
  },
  {
    fault: 'anybody gives back the claim of another',
    caughtBy: 'a claim that is given back is free at once, and nobody gives back that of another',
    open: () =>
      new (class extends OpenStore {
        override async claim(name: string, holder: string, now: number, span: number): Promise<boolean> {
          if (span === 0) this.tables.claims.delete(name)
          return super.claim(name, holder, now, span)
        }
      })(),
  },
  {
    fault: 'there is one claim for all names',
    caughtBy: 'claims of different names have nothing to do with each other',
    open: () =>
      new (class extends OpenStore {
        override async claim(_name: string, holder: string, now: number, span: number): Promise<boolean> {
          return super.claim('', holder, now, span)
        }
      })(),
  },
]

/** Stores that are wrong in one way each. */
export const BROKEN_STORES: readonly BrokenStore[] = [
  ...TOUCHES,
  ...ENDS,
  ...UPDATES,
  ...INSERTS,
  ...LISTS,
  ...PRUNING,
  ...COPIES,
  ...HISTORY,
  ...USERS,
  ...KEYS,
  ...CLAIMS,
  ...FORGETTING,
]

function withKeys(broken: (tables: MemoryTables) => ApiKeyStore): MemoryStore {
  return new (class extends MemoryStore {
    override readonly apiKeys = broken(this.tables)
  })()
}

function withUsers(broken: (tables: MemoryTables) => MemoryUsers): MemoryStore {
  return new (class extends MemoryStore {
    override readonly users = broken(this.tables)
  })()
}

function withAttempts(broken: (attempts: AttemptStore, tables: MemoryTables) => AttemptStore): MemoryStore {
  return withUsers((tables) => {
    const { attempts } = new MemoryUsers(tables)
    const whole: AttemptStore = {
      read: (buckets) => attempts.read(buckets),
      swap: (changes) => attempts.swap(changes),
      sweep: (before, limit) => attempts.sweep(before, limit),
    }
    return new (class extends MemoryUsers {
      override readonly attempts = broken(whole, tables)
    })(tables)
  })
}
