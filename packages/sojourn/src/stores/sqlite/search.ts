import { setImmediate as nextTurn, setTimeout as rest } from 'node:timers/promises'
import { compareFor } from '../../core/filter.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import type { SqliteConnection } from './connection.ts'
import type { SqliteEngine } from './engine.ts'
import { ORDERS, pageOf, selectionOf } from './query.ts'
import type { Condition } from './query.ts'
import { SESSION_READ, decodeSession } from './rows.ts'
import { BEFORE_ALL, indexNext, lastValue, markOf, placesOf } from './search-index.ts'

/** How much is done at once. Each step takes a few milliseconds, and everybody else has a turn before the next. */
export interface SearchSteps {
  /** Rows that are looked at. Default 2,000. */
  readonly rows?: number
  /** Values of the index that are looked at. Default 10,000. */
  readonly values?: number
  /** Where more rows than that may mention a text, the index is of no use. Default 10,000. */
  readonly many?: number
}

const STEPS = { rows: 2_000, values: 10_000, many: 10_000 } as const
/** Rows that are taken into the index in one write. */
const INDEXED_AT_ONCE = 250
/** Between two such writes, in milliseconds, so that it takes about half of the time there is. */
const REST = 4

/**
 * Whether a filter looks for a text among everybody's sessions, for which columns have no index. It goes on in
 * steps with everybody else served in between.
 */
export function isSearch({ text, userId, username, ip }: SessionFilter): boolean {
  return text !== undefined && userId === undefined && username === undefined && ip === undefined
}

/**
 * Searches for a text. What many sessions mention is soon met on the way through all of them; what few mention is
 * found by an index, which searches themselves keep filled behind their answers. Rows that are not in it yet are
 * looked at one by one.
 */
export class SqliteSearch {
  readonly #engine: SqliteEngine
  readonly #steps: Required<SearchSteps>
  #isFilling = false

  constructor(engine: SqliteEngine, steps: SearchSteps = {}) {
    this.#engine = engine
    this.#steps = { ...STEPS, ...steps }
  }

  /** A page of what is found. */
  async find(query: ListQuery): Promise<readonly SessionRecord[]> {
    const found = await this.#find(query)
    this.#fill()
    return found
  }

  /** How many there are. */
  async count(filter: SessionFilter, enough = Infinity): Promise<number> {
    const count = await this.#count(filter, enough)
    this.#fill()
    return count
  }

  async #find(query: ListQuery): Promise<readonly SessionRecord[]> {
    const found: SessionRecord[] = []
    let isProposed = false
    for (let { after } = query; ; await nextTurn()) {
      const start = { ...query, after, limit: query.limit - found.length }
      const { end, records } = this.#engine.read((database) => {
        const last = endOfStretch(database, start, this.#steps.rows)
        return { end: last, records: recordsUpTo(database, start, last) }
      })
      found.push(...records)
      if (end === undefined || found.length >= query.limit) return found
      after = end
      if (isProposed) continue
      isProposed = true
      const proposed = await this.#proposed(query.filter.text)
      if (proposed === null) continue
      return [...found, ...(await this.#findAmong(proposed, { ...query, after, limit: query.limit - found.length }))]
    }
  }

  async #count(filter: SessionFilter, enough: number): Promise<number> {
    const { sql, values } = selectionOf(filter)
    const rows = (await this.#proposed(filter.text)) ?? { places: [], after: BEFORE_ALL }
    let count = 0
    for await (const step of this.#stepsThrough(rows)) {
      const text = `SELECT count(*) FROM sojourn_sessions NOT INDEXED WHERE ${step.sql} AND ${sql}`
      count += this.#engine.read((database) => database.row(text, ...step.values, ...values)?.[0] as number)
      if (count >= enough) break
    }
    return count
  }

  async #findAmong(rows: Rows, query: ListQuery): Promise<readonly SessionRecord[]> {
    const { sql, values } = pageOf(query)
    let found: SessionRecord[] = []
    for await (const step of this.#stepsThrough(rows)) {
      const text = `SELECT ${SESSION_READ} FROM sojourn_sessions NOT INDEXED WHERE ${step.sql} AND ${sql}`
      const records = this.#engine.read((database) => database.rows(text, ...step.values, ...values))
      found = [...found, ...records.map(decodeSession)].toSorted(compareFor(query)).slice(0, query.limit)
    }
    return found
  }

  /** All rows that may mention a text, or null where it is better to look at every one. */
  async #proposed(text: string | undefined): Promise<Rows | null> {
    const { many, values } = this.#steps
    if (text === undefined || text === '') return null
    const read = <T>(work: (database: SqliteConnection) => T): T => this.#engine.read(work)
    const mark = read(markOf)
    if (read((database) => hasMoreAfter(database, mark.place, many))) return null
    const places = new Set<number>()
    const last = read(lastValue)
    for (let after = 0; after < last; after += values, await nextTurn()) {
      const found = read((database) => placesOf(database, text, after, after + values, many + 1))
      // Those behind the mark are looked at anyway.
      for (const place of found) if (place <= mark.place) places.add(place)
      if (found.length > many || places.size > many) return null
    }
    // Somebody who begins anew has thrown away what was not read yet.
    return read(markOf).round === mark.round ? { places: [...places], after: mark.place } : null
  }

  async *#stepsThrough({ places, after }: Rows): AsyncGenerator<Condition, void, undefined> {
    const { rows } = this.#steps
    for (let first = 0; first < places.length; first += rows, await nextTurn()) {
      const step = JSON.stringify(places.slice(first, first + rows))
      yield { sql: 'rowid IN (SELECT value FROM json_each(?))', values: [step] }
    }
    const next = (place: number): number | null =>
      this.#engine.read(
        (database) => database.row('SELECT min(rowid) FROM sojourn_sessions WHERE rowid > ?', place)?.[0],
      ) as number | null
    for (let first = next(after); first !== null; first = next(first + rows - 1), await nextTurn()) {
      yield { sql: 'rowid >= ? AND rowid < ?', values: [first, first + rows] }
    }
  }

  /** Searches are right without it, so a full disk or a store that is closed ends it until another search begins it again. */
  #fill(): void {
    if (this.#isFilling) return
    this.#isFilling = true
    void this.#fillAll().then(
      () => (this.#isFilling = false),
      () => (this.#isFilling = false),
    )
  }

  async #fillAll(): Promise<void> {
    const isBehind = this.#engine.read((database) => hasMoreAfter(database, markOf(database).place, this.#steps.rows))
    if (!isBehind) return
    while (await this.#engine.write((database) => indexNext(database, INDEXED_AT_ONCE))) {
      await rest(REST, undefined, { ref: false })
    }
  }
}

type Position = NonNullable<ListQuery['after']>

/** Rows by their places, and all rows after a place. */
interface Rows {
  readonly places: readonly number[]
  readonly after: number
}

function hasMoreAfter(database: SqliteConnection, place: number, count: number): boolean {
  return database.row('SELECT 1 FROM sojourn_sessions WHERE rowid > ? LIMIT 1 OFFSET ?', place, count) !== undefined
}

/** The last row of the stretch that begins behind a position; undefined where the table ends before that. */
function endOfStretch(database: SqliteConnection, query: ListQuery, stretch: number): Position | undefined {
  const { sql, values } = pageOf({ ...query, filter: {}, limit: 1 })
  const columns = `${ORDERS[query.sort]}, session_id`
  const row = database.row(`SELECT ${columns} FROM sojourn_sessions WHERE ${sql} OFFSET ${stretch - 1}`, ...values)
  return row === undefined ? undefined : { value: row[0] as number, id: row[1] as SessionId }
}

function recordsUpTo(database: SqliteConnection, query: ListQuery, end: Position | undefined): SessionRecord[] {
  const { sql, values } = pageOf(query)
  const within = `(${ORDERS[query.sort]}, session_id) ${query.descending ? '>=' : '<='} (?, ?) AND`
  const bounds = end === undefined ? [] : [end.value, end.id]
  const text = `SELECT ${SESSION_READ} FROM sojourn_sessions WHERE ${end === undefined ? '' : within} ${sql}`
  return database.rows(text, ...bounds, ...values).map(decodeSession)
}
