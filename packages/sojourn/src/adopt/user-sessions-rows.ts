import { isBcrypt } from '../auth/bcrypt.ts'
import { parsePhc } from '../auth/phc.ts'
import { FIRST_EPOCH } from '../auth/users.ts'
import type { UserRecord } from '../auth/users.ts'
import { assertText } from '../core/arguments.ts'
import { keptIp, keptUserAgent } from '../core/device.ts'
import type { Policy } from '../core/policy.ts'
import type { EndReason, SessionRecord } from '../core/session.ts'
import { parseToken } from '../core/token.ts'
import type { PresentedToken } from '../core/token.ts'
import { canonicalUsername, usernameProblem } from '../core/username.ts'
import { readInstant } from './instants.ts'
import type { AdoptedColumn, Cell, SourceNames, SourceSession, SourceUser } from './user-sessions-source.ts'

/** What every row is read by: the instant of the adoption, the limits of the sessions, the names that the operator knows. */
export interface Terms {
  readonly now: number
  readonly policy: Policy
  readonly names: SourceNames
}

/** The user a session belongs to, and what has ended all that the user had, if anything. */
export interface Owner {
  readonly user: UserRecord
  readonly endOfAll: EndReason | null
}

/** What a row says, or what is wrong with it, in a sentence that never repeats what the row holds. */
type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** The `method` of every session that was taken over by this reader. */
const ADOPTED_METHOD = 'adopted:user-sessions'

/** What a clock may be ahead of ours, in milliseconds. */
const CLOCK_TOLERANCE = 120_000
/** What a live session has ahead of it at least, unless half its lifetime is less. */
const GRACE = 7 * 86_400_000
const TOKEN_LENGTH = 43
const TRUE: ReadonlySet<string> = new Set(['1', 'true', 't'])
const FALSE: ReadonlySet<string> = new Set(['0', 'false', 'f'])

/**
 * A row of the users table as our record. A password hash of a kind that cannot be verified is not taken over:
 * kept, it would only wait for somebody to read it as something else. `isPasswordKept` is false then.
 */
export function readUser(row: SourceUser, terms: Terms): Reading<{ user: UserRecord; isPasswordKept: boolean }> {
  const id = readId(row.id)
  if (id === null)
    return broken(`${named('users.id', terms)} is neither a whole number nor text of 1 to 255 characters`)
  const problem = usernameProblem(row.username)
  if (problem !== null) return broken(problem)
  const isActive = terms.names.columns['users.is_active'] === null ? true : readFlag(row.is_active)
  if (isActive === null) return broken(noFlag('users.is_active', terms))
  const createdAt = readPast(row.created_at, 'users.created_at', terms)
  if (!createdAt.ok) return createdAt
  const lastLoginAt = readPast(row.last_login, 'users.last_login', terms)
  if (!lastLoginAt.ok) return lastLoginAt
  const passwordHash = readPasswordHash(row.password_hash)
  const user: UserRecord = {
    id,
    username: canonicalUsername(String(row.username)),
    passwordHash,
    role: 'user',
    epoch: FIRST_EPOCH,
    disabledAt: isActive ? null : terms.now,
    createdAt: createdAt.value ?? lastLoginAt.value ?? terms.now,
    lastLoginAt: lastLoginAt.value,
  }
  return { ok: true, value: { user, isPasswordKept: passwordHash !== null || isBlank(row.password_hash) } }
}

/** A row of the sessions table as our record, standing or ended. */
export function readSession(row: SourceSession, owner: Owner, terms: Terms): Reading<SessionRecord> {
  const token = readToken(row.session_id)
  if (token === null) {
    return broken(`${named('sessions.session_id', terms)} is not 43 characters of base64url that encode 32 bytes`)
  }
  const isActive = readFlag(row.is_active)
  if (isActive === null) return broken(noFlag('sessions.is_active', terms))
  const createdAt = readPast(row.created_at, 'sessions.created_at', terms)
  if (!createdAt.ok) return createdAt
  const lastAccessedAt = readPast(row.last_accessed, 'sessions.last_accessed', terms)
  if (!lastAccessedAt.ok) return lastAccessedAt
  const loggedOutAt = readPast(row.logged_out_at, 'sessions.logged_out_at', terms)
  if (!loggedOutAt.ok) return loggedOutAt
  const began = createdAt.value ?? lastAccessedAt.value
  if (began === null) {
    return broken(`neither ${named('sessions.created_at', terms)} nor ${named('sessions.last_accessed', terms)} is set`)
  }
  if (isActive && loggedOutAt.value !== null) {
    return broken(
      `${named('sessions.is_active', terms)} says that it stands and ${named('sessions.logged_out_at', terms)} that it was ended`,
    )
  }
  const used = Math.max(began, lastAccessedAt.value ?? began)
  const end = isActive ? endOfActive(used, owner, terms) : logout(loggedOutAt.value ?? used)
  return {
    ok: true,
    value: {
      id: token.id,
      userId: owner.user.id,
      username: owner.user.username,
      secretHash: token.hash,
      nextHash: null,
      nextSalt: null,
      previousHashes: [],
      previousUntil: null,
      createdAt: began,
      lastAccessedAt: used,
      ...(end === null ? standing(began, used, terms) : ended(began, end, terms)),
      ipAddress: keptIp(textOf(row.ip_address)),
      userAgent: keptUserAgent(textOf(row.user_agent)),
      method: ADOPTED_METHOD,
      attributes: {},
      version: 1,
    },
  }
}

type Lifespan = Pick<
  SessionRecord,
  'authenticatedAt' | 'expiresAt' | 'endsAt' | 'loggedOutAt' | 'endReason' | 'endedBy'
>

interface End {
  readonly at: number
  readonly reason: EndReason
  readonly by: string
}

/**
 * The absolute lifetime counts from the login, but the old system knew none, and nobody who is here now should be
 * thrown out by having moved: whoever has less than the grace left is given that much. The login is dated
 * accordingly, because the judge counts from there, too; it stays at least half a lifetime ago, so no adopted
 * session passes for one that signed in recently.
 */
function standing(createdAt: number, lastAccessedAt: number, { now, policy }: Terms): Lifespan {
  const lifetime = policy.absoluteLifetime
  const grace = Math.min(GRACE, Math.floor(lifetime / 2))
  const authenticatedAt = Math.max(createdAt, now - (lifetime - grace))
  const expiresAt = authenticatedAt + lifetime
  const endsAt = Math.min(expiresAt, lastAccessedAt + policy.idleTimeout)
  return { authenticatedAt, expiresAt, endsAt, loggedOutAt: null, endReason: null, endedBy: null }
}

function ended(createdAt: number, { at, reason, by }: End, { policy }: Terms): Lifespan {
  const expiresAt = Math.max(createdAt + policy.absoluteLifetime, at)
  return { authenticatedAt: createdAt, expiresAt, endsAt: at, loggedOutAt: at, endReason: reason, endedBy: by }
}

/** A session that is only overdue is taken over as it is: the judge says so, and a clean-up will write it down. */
function endOfActive(lastAccessedAt: number, { endOfAll }: Owner, { now, policy }: Terms): End | null {
  if (endOfAll === null) return null
  return { at: Math.min(now, lastAccessedAt + policy.idleTimeout), reason: endOfAll, by: 'system' }
}

function logout(at: number): End {
  return { at, reason: 'logout', by: 'user' }
}

function readToken(cell: Cell): PresentedToken | null {
  return typeof cell === 'string' && cell.length === TOKEN_LENGTH ? parseToken(cell) : null
}

function readId(cell: Cell): string | null {
  if (typeof cell === 'bigint') return String(cell)
  try {
    assertText(cell, 'id')
    return cell
  } catch {
    return null
  }
}

function readPasswordHash(cell: Cell): string | null {
  return typeof cell === 'string' && (isBcrypt(cell) || parsePhc(cell) !== null) ? cell : null
}

function readFlag(cell: Cell): boolean | null {
  const text = String(cell).toLowerCase()
  return TRUE.has(text) ? true : FALSE.has(text) ? false : null
}

/** An instant that has passed, or null where none is given. */
function readPast(cell: Cell, column: AdoptedColumn, terms: Terms): Reading<number | null> {
  if (isBlank(cell)) return { ok: true, value: null }
  const instant = readInstant(cell)
  if (instant === null) {
    return broken(`${named(column, terms)} is no instant; expected ISO 8601, or seconds or milliseconds since 1970`)
  }
  if (instant > terms.now + CLOCK_TOLERANCE) return broken(`${named(column, terms)} lies in the future`)
  return { ok: true, value: Math.min(instant, terms.now) }
}

function isBlank(cell: Cell): boolean {
  return cell === null || cell === ''
}

function textOf(cell: Cell): string | null {
  return typeof cell === 'string' ? cell : null
}

function noFlag(column: AdoptedColumn, terms: Terms): string {
  return `${named(column, terms)} is neither 1 nor 0`
}

function named(column: AdoptedColumn, { names }: Terms): string {
  return names.columns[column] ?? column
}

function broken(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}
