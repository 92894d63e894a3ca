import { hash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { SessionId, Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import type { Finding } from './findings.ts'
// What a row looks like is the store's business; the fixture only decides what is in it.
import { hashSecret } from '../packages/sojourn/src/core/token.ts'
import type { SessionRecord } from '../packages/sojourn/src/core/session.ts'
import { SqliteConnection } from '../packages/sojourn/src/stores/sqlite/connection.ts'
import { SESSION_COLUMNS, USER_COLUMNS, encodeSession, encodeUser } from '../packages/sojourn/src/stores/sqlite/rows.ts'
import { indexNext } from '../packages/sojourn/src/stores/sqlite/search-index.ts'

const SESSIONS_PER_USER = 5
/** A prime, so that the users' logins come in no order and everyone has as many. */
const SCATTER = 7_919
const HOUR = 3_600_000
const DAY = 24 * HOUR
const BUILDING = 'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1500000'
const USER_AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
]

/** The device of the sessions that the measurements themselves make. */
export const DEVICE = { ip: '203.0.113.77', userAgent: USER_AGENTS[1]! }

/** How many users a database of so many sessions has. */
export function usersOf(size: number): number {
  return Math.ceil(size / SESSIONS_PER_USER)
}

/** The user at a place, as the fixture wrote it. */
export function userAt(place: number): { readonly userId: string; readonly username: string } {
  return { userId: String(place + 1), username: `user${String(place + 1).padStart(7, '0')}` }
}

/**
 * Makes a database of standing sessions, five a user, that began over the last 20 days and were used within the
 * last 12 hours: row by row in the order of time with every index in place, so that its pages are as full as
 * they would be in life, but in one transaction that is not durable.
 */
export async function buildFixture(file: string, size: number): Promise<readonly Finding[]> {
  await SqliteStore.open(file).close()
  const database = new DatabaseSync(file)
  database.exec(`${BUILDING}; BEGIN`)
  insertUsers(database, usersOf(size))
  insertSessions(database, size, Date.now())
  database.exec('COMMIT')
  database.close()
  fillIndex(file)
  return []
}

/** As searches do it behind their answers. */
function fillIndex(file: string): void {
  const connection = new SqliteConnection(file, { busyTimeout: 0, mustExist: true, allowUnsafe: [] })
  while (connection.transaction(() => indexNext(connection, 500)));
  connection.close()
}

/** Tokens of so many sessions from all over the database, in no order. The same for every process that asks. */
export function sampleTokens(file: string, size: number, count: number): readonly Token[] {
  const database = new DatabaseSync(file, { readOnly: true })
  const idAt = database.prepare('SELECT session_id FROM sojourn_sessions WHERE rowid = ?')
  const tokens = shuffledPlaces(size, count).map((place) => {
    const id = String(idAt.get(place + 1)?.['session_id'])
    return `${id}.${secretAt(place)}` as Token
  })
  database.close()
  return tokens
}

/** Hands out tokens in their order, round and round. */
export function inTurn(tokens: readonly Token[]): (count: number) => readonly Token[] {
  let place = 0
  return (count) =>
    Array.from({ length: count }, () => {
      const token = tokens[place]!
      place = (place + 1) % tokens.length
      return token
    })
}

function insertUsers(database: DatabaseSync, count: number): void {
  const insert = database.prepare(`INSERT INTO sojourn_users (${USER_COLUMNS}) VALUES (${questionMarks(USER_COLUMNS)})`)
  const created = { role: 'user', epoch: 0, passwordHash: null, disabledAt: null } as const
  for (let place = 0; place < count; place += 1) {
    const { userId: id, username } = userAt(place)
    const instant = Date.now() - 20 * DAY
    insert.run(...encodeUser({ ...created, id, username, createdAt: instant, lastLoginAt: instant }))
  }
}

function insertSessions(database: DatabaseSync, size: number, now: number): void {
  const insertSession = database.prepare(
    `INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) VALUES (${questionMarks(SESSION_COLUMNS)})`,
  )
  const insertEvent = database.prepare(
    `INSERT INTO sojourn_events (at, type, session_id, user_id, actor, ip_address, detail)
     VALUES (?, 'session_created', ?, ?, 'user', ?, 'password')`,
  )
  for (let place = 0; place < size; place += 1) {
    const record = recordAt(place, size, now)
    insertSession.run(...encodeSession(record))
    insertEvent.run(record.createdAt, record.id, record.userId, record.ipAddress)
  }
}

/** The session at a place of so many, and the token that goes with it. */
export function sessionAt(
  place: number,
  size: number,
  now: number,
): { readonly record: SessionRecord; readonly token: Token } {
  const record = recordAt(place, size, now)
  return { record, token: `${record.id}.${secretAt(place)}` as Token }
}

function recordAt(place: number, size: number, now: number): SessionRecord {
  const noise = hash('sha256', `noise ${place}`, 'buffer')
  const createdAt = Math.floor(now - 20 * DAY + (place / size) * 20 * DAY)
  const usedAt = Math.max(createdAt, now - HOUR - (noise.readUInt32BE(0) % (11 * HOUR)))
  const id = idFor(createdAt, noise)
  const user = userAt((place * SCATTER) % usersOf(size))
  const ipAddress = `203.0.${noise[8]}.${noise[9]}`
  const userAgent = USER_AGENTS[noise[10]! % USER_AGENTS.length]!
  const session = { ...user, id, secretHash: hashSecret(secretAt(place)), ipAddress, userAgent }
  return newRecord(session, createdAt, usedAt)
}

/** The record of a session that stands, as a manager with the default policy would make it. */
export function newRecord(
  session: Pick<SessionRecord, 'id' | 'userId' | 'username' | 'secretHash' | 'ipAddress' | 'userAgent'>,
  createdAt: number,
  usedAt: number,
): SessionRecord {
  return {
    ...session,
    nextHash: null,
    nextSalt: null,
    previousHashes: [],
    previousUntil: null,
    createdAt,
    authenticatedAt: createdAt,
    lastAccessedAt: usedAt,
    expiresAt: createdAt + 30 * DAY,
    endsAt: usedAt + DAY,
    loggedOutAt: null,
    endReason: null,
    endedBy: null,
    method: 'password',
    attributes: {},
    version: 1,
  }
}

/** As many question marks as there are columns. */
export function questionMarks(columns: string): string {
  return columns.replace(/[a-z_]+/g, '?')
}

/** A UUIDv7 of this instant. */
function idFor(instant: number, noise: Buffer): SessionId {
  const time = instant.toString(16).padStart(12, '0')
  const tail = noise.toString('hex', 16, 32)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6, 18)}` as SessionId
}

function secretAt(place: number): string {
  return hash('sha256', `secret ${place}`, 'base64url')
}

/** Evenly spread places, shuffled: Fisher and Yates with the noise of a hash. */
export function shuffledPlaces(size: number, count: number): readonly number[] {
  const stride = size / count
  const shuffled = Array.from({ length: count }, (_, index) => Math.floor(index * stride))
  for (let last = count - 1; last > 0; last -= 1) {
    const other = hash('sha256', `shuffle ${last}`, 'buffer').readUInt32BE(0) % (last + 1)
    const held = shuffled[last]!
    shuffled[last] = shuffled[other]!
    shuffled[other] = held
  }
  return shuffled
}
