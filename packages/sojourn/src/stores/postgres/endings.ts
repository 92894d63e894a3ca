import { SojournError } from '../../core/errors.ts'
import type { EventType, Mark } from '../../core/events.ts'
import type { Standing } from '../../core/policy.ts'
import type { EndReason } from '../../core/session.ts'
import type { EndedSession, RevokeTarget, SessionFilter } from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import type { SessionId } from '../../core/token.ts'
import { IS_PATIENT, statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import { EVENT_COLUMNS } from './events.ts'
import { Gathering } from './gathering.ts'
import { Bindings, selectionOf } from './query.ts'
import { HAS_NOT_ENDED, decodeEnded, instantText } from './rows.ts'
import type { Value } from './rows.ts'
import { LOCKED_USER, LOCK_USER, endedOf } from './user-lock.ts'

/** A mark that says why sessions end. */
export type EndMark = Mark & { readonly reason: EndReason }

const END_ALL = statement(
  'end_all',
  `WITH ${LOCKED_USER},
  verdict AS MATERIALIZED (
    SELECT CASE WHEN seen.edition IS DISTINCT FROM held.edition THEN 'overtaken' ELSE 'ok' END AS word
    FROM held LEFT JOIN seen ON true),
  raised AS (
    UPDATE sojourn_users SET epoch = epoch + $1::bigint WHERE (SELECT word FROM verdict) = 'ok' AND id = $2),
  doomed AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions
    WHERE (SELECT word FROM verdict) = 'ok' AND user_id = $2 AND end_reason IS NULL
      AND session_id IS DISTINCT FROM $6::uuid
    ORDER BY session_id FOR NO KEY UPDATE),
  ended AS (
    UPDATE sojourn_sessions
    SET ends_at = least(ends_at, $3::timestamptz), logged_out_at = least(ends_at, $3::timestamptz), end_reason = $4::text,
      ended_by = $5::text, version = version + 1
    WHERE session_id IN (SELECT session_id FROM doomed)
    RETURNING session_id, user_id, username),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT $3::timestamptz, 'session_ended', session_id, user_id, $5::text, $4::text, $7::text, $8::text
    FROM ended
    UNION ALL
    SELECT $3::timestamptz, $9::text, NULL, $2::text, $5::text, $10::text, $7::text, $8::text
    WHERE (SELECT word FROM verdict) = 'ok')
  SELECT word, session_id, user_id, username FROM verdict LEFT JOIN ended ON true`,
)
/** Among those named by id, the ones that stand. The three instants begin at this place. */
const standsSince = (place: number): string =>
  ['ends_at', 'last_accessed', 'authenticated_at']
    .map((column, number) => `${column} > $${place + number}::timestamptz`)
    .join(' AND ')
/** One needs no order in which to be locked. */
const END_ONE = statement(
  'end_one',
  `WITH ${endingOf(`session_id = $1::uuid AND ${HAS_NOT_ENDED} AND ${standsSince(7)} AND ${IS_PATIENT}`, 2)}`,
)
/** Those of many callers. What is in other hands is left out: whoever waits for it holds up nobody else. */
const END_TOGETHER = statement(
  'end_together',
  `WITH meant AS MATERIALIZED (
    SELECT * FROM json_to_recordset((SELECT $1::json))
      AS meant (id uuid, at timestamptz, reason text, actor text, ip text, detail text,
        ends_after timestamptz, accessed_after timestamptz, authenticated_after timestamptz)),
  held AS MATERIALIZED (
    SELECT session_id FROM sojourn_sessions
    WHERE session_id = ANY((SELECT array_agg(id) FROM meant)::uuid[]) AND ${HAS_NOT_ENDED} AND ${IS_PATIENT}
    ORDER BY session_id FOR NO KEY UPDATE SKIP LOCKED),
  ended AS (
    UPDATE sojourn_sessions
    SET ends_at = least(ends_at, at), logged_out_at = least(ends_at, at), end_reason = reason, ended_by = actor,
      version = version + 1
    FROM held JOIN meant ON meant.id = held.session_id
    WHERE sojourn_sessions.session_id = held.session_id
      AND ends_at > ends_after AND last_accessed > accessed_after AND authenticated_at > authenticated_after
    RETURNING sojourn_sessions.session_id, user_id, username),
  told AS (
    INSERT INTO sojourn_events (${EVENT_COLUMNS})
    SELECT at, 'session_ended', session_id, user_id, actor, reason, ip, detail
    FROM ended JOIN meant ON meant.id = ended.session_id)
  SELECT session_id, user_id, username FROM ended`,
)
const END_THESE = statement(
  'end',
  endingOfHeld(
    `session_id = ANY($1::uuid[]) AND ${HAS_NOT_ENDED} AND ${standsSince(8)}
    ORDER BY session_id LIMIT $2::bigint FOR NO KEY UPDATE`,
    3,
  ),
)
/** Sessions that time has ended can wait for the next clean-up; those that somebody ends cannot. */
const BY_TIME: ReadonlySet<EndReason> = new Set(['idle', 'expired', 'cleanup'])

/** How many ends share a statement at most. */
const TOGETHER = 64

/** One session that somebody wants to end. */
interface Ending {
  readonly id: SessionId
  readonly values: readonly Value[]
}

/** Ends sessions, as `Store.revoke` promises. Single ones that end in one turn of the event loop share a statement. */
export class PostgresEndings {
  readonly #engine: PostgresEngine
  readonly #single: Gathering<Ending, readonly EndedSession[]>

  constructor(engine: PostgresEngine) {
    this.#engine = engine
    this.#single = new Gathering(TOGETHER, (endings) => endTogether(engine, endings))
  }

  async revoke(target: RevokeTarget, mark: EndMark, limit: number): Promise<readonly EndedSession[]> {
    this.#engine.assertOpen()
    if ('userId' in target) return revokeUser(this.#engine, target.userId, target.except, mark)
    const most = Math.max(0, limit)
    if ('where' in target) return revokeWhere(this.#engine, target.where, mark, most)
    const ids = ('id' in target ? [target.id] : target.ids).filter(isSessionId)
    const [id] = ids
    const values = [...encodeEnd(mark), ...encodeStanding(target.standing)]
    if (id !== undefined && ids.length === 1 && most > 0) return this.#single.ask({ id, values })
    const rows = await this.#engine.write((connection) => connection.rows(END_THESE, ids, most, ...values))
    return rows.map(decodeEnded)
  }

  /** Resolves when nobody waits for others. */
  idle(): Promise<void> {
    return this.#single.idle()
  }
}

/** Ends together what nobody else has in hand, and then each of the others alone. */
async function endTogether(
  engine: PostgresEngine,
  endings: readonly Ending[],
): Promise<readonly (readonly EndedSession[] | Promise<readonly EndedSession[]>)[]> {
  // Of several who want to end one session the first does.
  const firsts = new Map(endings.toReversed().map((ending) => [ending.id, ending]))
  const ended = firsts.size === 1 ? [] : await endAtOnce(engine, [...firsts.values()])
  const byId = new Map(ended.map((session) => [session.id, session]))
  return endings.map((ending) => {
    const session = firsts.get(ending.id) === ending ? byId.get(ending.id) : undefined
    return session === undefined ? endOne(engine, ending) : [session]
  })
}

/** Those that one statement ended: none where somebody's values made it fail, since then nothing of it was written. */
async function endAtOnce(engine: PostgresEngine, endings: readonly Ending[]): Promise<readonly EndedSession[]> {
  const fields = endings.map(({ id, values }) => {
    const [at, reason, actor, ip, detail, ends_after, accessed_after, authenticated_after] = values
    return { id, at, reason, actor, ip, detail, ends_after, accessed_after, authenticated_after }
  })
  try {
    const rows = await engine.write((connection) => connection.rows(END_TOGETHER, JSON.stringify(fields)))
    return rows.map(decodeEnded)
  } catch (error) {
    if (error instanceof SojournError && error.code === 'invalid_argument') return []
    throw error
  }
}

async function endOne(engine: PostgresEngine, { id, values }: Ending): Promise<readonly EndedSession[]> {
  return (await engine.write((connection) => connection.rows(END_ONE, id, ...values))).map(decodeEnded)
}

async function revokeWhere(
  engine: PostgresEngine,
  where: SessionFilter,
  mark: EndMark,
  most: number,
): Promise<readonly EndedSession[]> {
  const free = await endWhere(engine, where, mark, most, 'SKIP LOCKED')
  if (free.length === most || BY_TIME.has(mark.reason)) return free
  return [...free, ...(await endWhere(engine, where, mark, most - free.length, ''))]
}

/** What is to be done when all sessions of a user end. */
export interface EndAll {
  readonly userId: string
  readonly except?: SessionId | undefined
  readonly mark: EndMark
  /** The event that closes it, and its reason. */
  readonly type: EventType
  readonly typeReason: EndReason | undefined
  /** By how much the epoch rises. */
  readonly raise: 0 | 1
}

/** Ends the sessions of a user, with their events and the one that closes it; null when it was overtaken. */
export async function endAll(
  connection: PostgresConnection,
  { userId, except, mark, type, typeReason, raise }: EndAll,
): Promise<readonly EndedSession[] | null> {
  const spared = except !== undefined && isSessionId(except) ? except : null
  const { at, reason, actor, ipAddress = null, detail = null } = mark
  const given = [raise, userId, instantText(at), reason, actor, spared, ipAddress, detail, type, typeReason ?? null]
  const rows = await connection.rows(END_ALL, ...given)
  return rows[0]?.[0] === 'overtaken' ? null : endedOf(rows)
}

async function revokeUser(
  engine: PostgresEngine,
  userId: string,
  except: SessionId | undefined,
  mark: EndMark,
): Promise<readonly EndedSession[]> {
  const all = { userId, except, mark, type: 'user_sessions_ended', typeReason: mark.reason, raise: 1 } as const
  const ended = await engine.write((connection) => endAll(connection, all))
  if (ended !== null) return ended
  const locked = await engine.transact(async (connection) => {
    await connection.row(LOCK_USER, userId)
    return endAll(connection, all)
  })
  if (locked !== null) return locked
  throw new SojournError('store_unavailable', `${engine.place} does not keep its locks; nothing was written`)
}

/**
 * Several who do the same at once pass over what another has in hand, and share the work. What is in other hands may
 * only be in use, though: whoever means it must then wait.
 */
async function endWhere(
  engine: PostgresEngine,
  where: SessionFilter,
  mark: EndMark,
  limit: number,
  patience: 'SKIP LOCKED' | '',
): Promise<readonly EndedSession[]> {
  const bindings = new Bindings()
  const condition = selectionOf({ ...where, isEnded: where.isEnded ?? false }, bindings)
  // The server asks again when it had to wait for a row: a session that was used just now is no longer idle.
  const meant = `end_reason IS NULL AND ${condition} LIMIT ${bindings.bind(limit, 'bigint')}`
  const text = endingOfHeld(`${meant} FOR NO KEY UPDATE ${patience}`, bindings.values.length + 1)
  const rows = await engine.write((connection) => connection.rows({ text }, ...bindings.values, ...encodeEnd(mark)))
  return rows.map(decodeEnded)
}

function encodeEnd({ at, reason, actor, ipAddress, detail }: EndMark): readonly Value[] {
  return [instantText(at), reason, actor, ipAddress ?? null, detail ?? null]
}

/** Without any, everything stands whose end is not written down. */
function encodeStanding(standing: Standing | undefined): readonly Value[] {
  if (standing === undefined) return ['-infinity', '-infinity', '-infinity']
  const { endsAfter, accessedAfter, authenticatedAfter } = standing
  return [endsAfter, accessedAfter, authenticatedAfter].map(instantText)
}

/** Ends the sessions that are found, once they are locked in order. The values of the mark begin at this place. */
function endingOfHeld(meant: string, place: number): string {
  return `
    WITH held AS MATERIALIZED (SELECT session_id FROM sojourn_sessions WHERE ${IS_PATIENT} AND ${meant}),
    ${endingOf('session_id IN (SELECT session_id FROM held)', place)}`
}

/** Ends sessions, and tells of each. */
function endingOf(condition: string, place: number): string {
  const [at, reason, actor] = [`$${place}::timestamptz`, `$${place + 1}::text`, `$${place + 2}::text`]
  return `
    ended AS (
      UPDATE sojourn_sessions
      SET ends_at = least(ends_at, ${at}), logged_out_at = least(ends_at, ${at}), end_reason = ${reason},
        ended_by = ${actor}, version = version + 1
      WHERE ${condition}
      RETURNING session_id, user_id, username),
    told AS (
      INSERT INTO sojourn_events (${EVENT_COLUMNS})
      SELECT ${at}, 'session_ended', session_id, user_id, ${actor}, ${reason}, $${place + 3}::text, $${place + 4}::text
      FROM ended)
    SELECT session_id, user_id, username FROM ended`
}
