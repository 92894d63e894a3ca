import { setImmediate as nextTurn } from 'node:timers/promises'
import { FIRST_EPOCH } from '../auth/users.ts'
import type { AdoptedUser, UserRecord, UserStore } from '../auth/users.ts'
import { SojournError } from '../core/errors.ts'
import type { Mark } from '../core/events.ts'
import { definePolicy } from '../core/policy.ts'
import type { PolicyOptions, ProfileName } from '../core/policy.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import type { Store } from '../core/store.ts'
import { readSession, readUser } from './user-sessions-rows.ts'
import type { Owner, Terms } from './user-sessions-rows.ts'
import { SESSION_COLUMNS, USER_COLUMNS, UserSessionsSource } from './user-sessions-source.ts'
import type {
  AdoptedColumn,
  Claims,
  RowNumber,
  SourceNames,
  SourceSession,
  SourceUser,
} from './user-sessions-source.ts'

export type { AdoptedColumn } from './user-sessions-source.ts'

/** From where to where, and on which terms. */
export interface AdoptionOptions {
  /** The path of the SQLite database of the old system; it may be the very file that `to` keeps its tables in. */
  readonly from: string
  /** The store that takes them over, with its schema in place. */
  readonly to: AdoptionTarget
  /** The instant of the adoption in milliseconds since 1970, UTC, as in `sessions.now()`. */
  readonly now: number
  /**
   * The limits the sessions have lived under and go on living under. An idle timeout shorter than the manager's
   * stays theirs for life. Default: 24 h idle, 30 days in all.
   */
  readonly policy?: PolicyOptions | ProfileName | undefined
  /** The names of the two tables. Default `users` and `user_sessions`. */
  readonly tables?: { readonly users?: string | undefined; readonly sessions?: string | undefined } | undefined
  /** Columns with another name than the one after the dot; null for one that the old system does not have. */
  readonly columns?: Readonly<Partial<Record<AdoptedColumn, string | null>>> | undefined
  /** Read and check every row, say what would happen, and write nothing. Default false. */
  readonly dryRun?: boolean | undefined
  /** Who is adopting, for the history. Default `system`. */
  readonly actor?: string | undefined
  /** Called after each batch with how many rows of how many are done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What an adoption asks of a store. */
export interface AdoptionTarget extends Pick<Store, 'get' | 'revoke' | 'events'> {
  readonly users: Pick<UserStore, 'byId' | 'byUsername' | 'adopt'>
}

/** What an adoption did, or would do. In each group `found` is the sum of `added`, `alreadyThere` and `skipped`. */
export interface AdoptionReport {
  readonly dryRun: boolean
  readonly users: AdoptionFigures
  readonly sessions: AdoptionFigures & {
    /** Of those not skipped: how many stand, going by the old table. */
    readonly live: number
    /** Of those not skipped: how many have ended, going by the old table. */
    readonly ended: number
    /** Of those already there: how many stood here and were ended now, because they were logged out there after their last use here. */
    readonly endedHere: number
  }
  /** What could not be taken over, or not whole. Empty when all is well. */
  readonly problems: readonly AdoptionProblem[]
}

/** What became of the rows of a table. */
export interface AdoptionFigures {
  readonly found: number
  readonly added: number
  readonly alreadyThere: number
  readonly skipped: number
}

/** What is wrong with a row. Holds nothing of what the row holds. */
export interface AdoptionProblem {
  readonly table: string
  /** The row's number in its table (`rowid`; the same as an integer primary key); text where it is beyond 2^53. */
  readonly row: number | string
  readonly problem: string
}

/** Rows that go to the store in one call: few enough that whoever else writes to the same file waits a moment only. */
const BATCH = 1_000

/**
 * Takes over the users and sessions of a system that keeps `users` with bcrypt hashes and a table of plain
 * 43-character session ids. Whoever is signed in there stays signed in with the id they hold; whatever ended stays
 * ended at its time; passwords stay. Only hashes of session ids are kept.
 *
 * Adds what is not there yet, and repeats are harmless: another run brings the logins that came after the one
 * before, and the logouts, unless the session was used here later. Nothing else is changed, and the old tables are only
 * read. A row that cannot be taken over is reported by its number and left out as a whole.
 *
 * Rejects with `invalid_argument` when the old database cannot be opened or lacks a table or column, and with
 * `store_unavailable` when it cannot be read to its end; what was added until then is complete and stays.
 */
export async function adoptUserSessions(options: AdoptionOptions): Promise<AdoptionReport> {
  if (!Number.isSafeInteger(options.now)) {
    throw new SojournError('invalid_argument', `now is ${options.now}; give whole milliseconds since 1970`)
  }
  const names = namesOf(options)
  const terms = { now: options.now, policy: definePolicy(options.policy), names }
  using source = new UserSessionsSource(options.from, names)
  return await new Adoption(source, options, terms).run()
}

class Adoption {
  readonly #source: UserSessionsSource
  readonly #terms: Terms
  readonly #to: AdoptionTarget
  readonly #isDryRun: boolean
  readonly #mark: Mark
  readonly #onProgress: (done: number, total: number) => void
  readonly #users = { accepted: 0, added: 0 }
  readonly #sessions = { accepted: 0, added: 0, live: 0, endedHere: 0 }
  readonly #problems: AdoptionProblem[] = []
  #batch: { readonly user: UserRecord; readonly sessions: SessionRecord[] }[] = []
  #rowsInBatch = 0
  #rowsDone = 0

  constructor(source: UserSessionsSource, options: AdoptionOptions, terms: Terms) {
    this.#source = source
    this.#terms = terms
    this.#to = options.to
    this.#isDryRun = options.dryRun ?? false
    this.#mark = { at: terms.now, actor: options.actor ?? 'system', detail: 'user-sessions' }
    this.#onProgress = options.onProgress ?? (() => {})
  }

  async run(): Promise<AdoptionReport> {
    const found = this.#source.count()
    const total = found.users + found.sessions
    const claims = this.#source.claims()
    let userRow: RowNumber | null = null
    let owner: Owner | null = null
    for (const { user, session } of this.#source.rows()) {
      if (user.row !== userRow) {
        userRow = user.row
        owner = await this.#takeUser(user, claims)
      }
      if (session !== null) await this.#takeSession(session, owner, claims)
      if (this.#rowsInBatch >= BATCH) await this.#flush(total)
    }
    for (const row of this.#source.orphans()) {
      this.#rowsInBatch += 1
      this.#tell('sessions', row, 'its user is not in the users table')
      if (this.#rowsInBatch >= BATCH) await this.#flush(total)
    }
    await this.#flush(total)
    return {
      dryRun: this.#isDryRun,
      users: figures(found.users, this.#users),
      sessions: {
        ...figures(found.sessions, this.#sessions),
        live: this.#sessions.live,
        ended: this.#sessions.accepted - this.#sessions.live,
        endedHere: this.#sessions.endedHere,
      },
      problems: this.#problems,
    }
  }

  /** The user as an owner of sessions, or null when the row was reported and its sessions stay behind with it. */
  async #takeUser(row: SourceUser, claims: Claims): Promise<Owner | null> {
    this.#rowsInBatch += 1
    const reading = readUser(row, this.#terms)
    if (!reading.ok) return this.#skipUser(row, reading.problem)
    const { user, isPasswordKept } = reading.value
    if (claims.repeatedUserIds.has(row.id)) return this.#skipUser(row, 'its id is that of another row')
    const holder = claims.contestedUsernames.get(user.username)
    if (holder !== undefined && holder !== row.row) {
      return this.#skipUser(row, 'its username is that of another row in another spelling')
    }
    const there = await this.#to.users.byId(user.id)
    const obstacle = there === null ? await this.#obstacle(user) : there.username === user.username ? null : TAKEN_ID
    if (obstacle !== null) return this.#skipUser(row, obstacle)
    this.#users.accepted += 1
    if (there !== null) {
      if (user.disabledAt !== null && there.disabledAt === null) this.#tell('users', row.row, INACTIVE_THERE)
      return { user: there, endOfAll: endOfAll(there) ?? endOfAll(user) }
    }
    if (!isPasswordKept) this.#tell('users', row.row, UNKNOWN_HASH)
    if (this.#isDryRun) this.#users.added += 1
    else this.#batch.push({ user, sessions: [] })
    return { user, endOfAll: endOfAll(user) }
  }

  /** Why a user who is not there cannot be added, or null. */
  async #obstacle(user: UserRecord): Promise<string | null> {
    if ((await this.#to.users.byUsername(user.username)) !== null) return 'its username belongs to another user here'
    const deletions = await this.#to.events({ userId: user.id, type: 'user_deleted', limit: 1 })
    return deletions.length > 0 ? 'the user was adopted before and has been deleted here since' : null
  }

  #skipUser(row: SourceUser, problem: string): null {
    this.#tell('users', row.row, `${problem}; skipped with its sessions`)
    return null
  }

  async #takeSession(row: SourceSession, owner: Owner | null, claims: Claims): Promise<void> {
    this.#rowsInBatch += 1
    if (owner === null) return
    const reading = readSession(row, owner, this.#terms)
    if (!reading.ok) return this.#tell('sessions', row.row, reading.problem)
    const first = claims.repeatedSessionIds.get(row.session_id)
    if (first !== undefined && first !== row.row) {
      return this.#tell('sessions', row.row, 'its session id is that of another row')
    }
    const session = reading.value
    this.#sessions.accepted += 1
    if (session.endReason === null && session.endsAt > this.#terms.now) this.#sessions.live += 1
    if (session.endReason === 'logout') await this.#carryOver(session)
    if (!this.#isDryRun) this.#sessionsInBatch(owner.user).push(session)
    else if ((await this.#to.get(session.id)) === null) this.#sessions.added += 1
  }

  /** Ends a session that came over live earlier and was logged out there since. */
  async #carryOver({ id, endsAt: at }: SessionRecord): Promise<void> {
    const here = await this.#to.get(id)
    if (here === null || here.endReason !== null || here.lastAccessedAt > at) return
    this.#sessions.endedHere += 1
    if (!this.#isDryRun) await this.#to.revoke({ id }, { ...this.#mark, at, actor: 'user', reason: 'logout' }, 1)
  }

  #sessionsInBatch(user: UserRecord): SessionRecord[] {
    const last = this.#batch.at(-1)
    if (last?.user.id === user.id) return last.sessions
    const sessions: SessionRecord[] = []
    this.#batch.push({ user, sessions })
    return sessions
  }

  async #flush(total: number): Promise<void> {
    const batch: readonly AdoptedUser[] = this.#batch
    this.#batch = []
    if (batch.length > 0) {
      const count = await this.#to.users.adopt(batch, this.#mark)
      this.#users.added += count.users
      this.#sessions.added += count.sessions
    }
    this.#rowsDone += this.#rowsInBatch
    this.#rowsInBatch = 0
    this.#onProgress(this.#rowsDone, total)
    await nextTurn()
  }

  #tell(table: 'users' | 'sessions', number: RowNumber, problem: string): void {
    const row = Number.isSafeInteger(Number(number)) ? Number(number) : String(number)
    this.#problems.push({ table: this.#terms.names.tables[table], row, problem })
  }
}

const TAKEN_ID = 'its id is here under another username'
const INACTIVE_THERE = 'it is inactive there and was adopted before; if that is meant, disable the user here'
const UNKNOWN_HASH = 'its password hash is neither bcrypt nor argon2; adopted without a password, so set one'

/**
 * What has ended all sessions the old table may still show as active: the user is disabled, or was signed out
 * everywhere here after an earlier adoption.
 */
function endOfAll(user: UserRecord): EndReason | null {
  if (user.disabledAt !== null) return 'user_disabled'
  return user.epoch > FIRST_EPOCH ? 'epoch' : null
}

function figures(
  found: number,
  { accepted, added }: { readonly accepted: number; readonly added: number },
): AdoptionFigures {
  return { found, added, alreadyThere: accepted - added, skipped: found - accepted }
}

function namesOf({ tables, columns = {} }: AdoptionOptions): SourceNames {
  const defaults = Object.fromEntries([
    ...USER_COLUMNS.map((name) => [`users.${name}`, name]),
    ...SESSION_COLUMNS.map((name) => [`sessions.${name}`, name]),
  ]) as Record<AdoptedColumn, string>
  const unknown = Object.keys(columns).find((column) => !Object.hasOwn(defaults, column))
  if (unknown !== undefined) {
    throw new SojournError(
      'invalid_argument',
      `columns['${unknown}'] is not read; give one of ${Object.keys(defaults).join(', ')}`,
    )
  }
  return {
    tables: { users: tables?.users ?? 'users', sessions: tables?.sessions ?? 'user_sessions' },
    columns: { ...defaults, ...columns },
  }
}
