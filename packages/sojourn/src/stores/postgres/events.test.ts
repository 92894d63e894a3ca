import fc from 'fast-check'
import { Client } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  emptyTables,
  execute,
  openPostgres,
  postgresPath,
  startPostgres,
  until,
  untilSomebodyWaits,
} from '../../../../../test/support/postgres.ts'
import type { PostgresServer, ServerProcess } from '../../../../../test/support/postgres.ts'
import { required } from '../../../../../test/support/require.ts'
import { makeEndMark, makeMark, makeRecord } from '../../testing/index.ts'
import { DAY, NOON } from '../../testing/records.ts'
import type { PostgresStore } from '../postgres.ts'

const TELL = `INSERT INTO sojourn_events (at, type, actor, detail) VALUES (now(), 'login_failed', 'user', $1)`

let server: PostgresServer
let config: PoolConfig
let store: PostgresStore
let slow: Client

beforeAll(async () => {
  if (postgresPath === null) return
  // What nobody waits for is not on the disk when the server is killed.
  server = await startPostgres(['wal_writer_delay=10s'])
  config = await server.createDatabase()
  await (await openPostgres(config)).close()
})
beforeEach(async (context) => {
  required(context, 'PostgreSQL', postgresPath)
  await emptyTables(config)
  store = await openPostgres(config)
  slow = new Client(config)
  await slow.connect()
})
afterEach(async () => {
  await slow?.end()
  await store?.close()
})
afterAll(async () => server?.close())

describe('a reader of the log', () => {
  test('is not made to miss what commits late, although what came after it was read already', async () => {
    const { cursor: start } = await store.changes('end', 9)
    await slow.query('BEGIN')
    await slow.query(TELL, ['late'])
    await tell('early')
    const first = await store.changes(start, 9)
    expect(details(first)).toEqual(['early'])
    await slow.query('COMMIT')
    const second = await store.changes(first.cursor, 9)
    expect(details(second)).toEqual(['late'])
    expect(second.events[0]!.position).toBeLessThan(first.events[0]!.position)
    expect(details(await store.changes(second.cursor, 9))).toEqual([])
  })

  test(`who starts at 'end' is told of what was under way just then`, async () => {
    await slow.query('BEGIN')
    await slow.query(TELL, ['late'])
    await tell('early')
    const { cursor } = await store.changes('end', 9)
    await slow.query('COMMIT')
    expect(details(await store.changes(cursor, 9))).toEqual(['late'])
  })

  test('does not wait for a long transaction of somebody else', async () => {
    await slow.query('BEGIN')
    await slow.query('CREATE TABLE report AS SELECT 1 AS one')
    const { cursor } = await store.changes('end', 9)
    await tell('now')
    expect(details(await store.changes(cursor, 9))).toEqual(['now'])
    await slow.query('ROLLBACK')
  })

  test('is never told of what was rolled back', async () => {
    const { cursor } = await store.changes('end', 9)
    await slow.query('BEGIN')
    await slow.query(TELL, ['never'])
    const { cursor: middle } = await store.changes(cursor, 9)
    await slow.query('ROLLBACK')
    await tell('after')
    expect(details(await store.changes(middle, 9))).toEqual(['after'])
  })

  test('is told of everything once, whoever commits when and however short the pages are', async () => {
    const step = fc.oneof(
      fc.record({ writer: fc.nat(3), act: fc.constantFrom('begin', 'tell', 'tell', 'commit', 'roll back') }),
      fc.record({ read: fc.integer({ min: 1, max: 4 }) }),
    )
    const writers = [0, 1, 2, 3].map(() => new Client(config))
    await Promise.all(writers.map((writer) => writer.connect()))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: 'max' }), async (steps) => {
        await emptyTables(config)
        const log = new Log(writers)
        let { cursor } = await store.changes('end', 1)
        const seen: string[] = []
        const read = async (limit: number): Promise<number> => {
          const page = await store.changes(cursor, limit)
          cursor = page.cursor
          seen.push(...details(page))
          return page.events.length
        }
        for (const each of steps) await ('read' in each ? read(each.read) : log.act(each.writer, each.act))
        await log.finish()
        while ((await read(2)) > 0);
        expect(seen.toSorted()).toEqual(log.committed.toSorted())
        const fromTheStart = await store.changes(null, 1_000)
        expect(details(fromTheStart).toSorted()).toEqual(log.committed.toSorted())
      }),
      { numRuns: 60 },
    )
    await Promise.all(writers.map((writer) => writer.end()))
  })

  test('finds causes before effects', async () => {
    const other = await openPostgres(config)
    const records = Array.from({ length: 30 }, (_, place) => makeRecord({ userId: `user-${place % 3}` }))
    await Promise.all(
      records.map(async (record, place) => {
        await store.insert(record, { mark: makeMark() })
        await (place % 2 === 0 ? store : other).revoke({ id: record.id }, makeEndMark(), 1)
      }),
    )
    const { events } = await store.changes(null, 1_000)
    for (const { id } of records) {
      const types = events.filter(({ sessionId }) => sessionId === id).map(({ type }) => type)
      expect(types).toEqual(['session_created', 'session_ended'])
    }
    await other.close()
  })

  test.each(['1:1', '5:1:', '1:1:;1:1:', '2:2:;1.1', '2:2:;1.1.1;1:1:', "1:1:';--", '99:99:1,2;rubbish', '0:0:'])(
    'is turned down with the cursor %j, which no log gave out',
    async (cursor) => {
      await expect(store.changes(cursor, 9)).rejects.toMatchObject({ code: 'invalid_argument' })
    },
  )

  test('is told when its cursor is of a server that was ahead of this one', async () => {
    await tell('here')
    await expect(store.changes('99999999999:99999999999:;99999999998.1.0', 9)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining("start again from 'end'"),
    })
  })
})

describe('of a server that was killed and is back', () => {
  test('a reader is told of what is new, under ids of transactions that were in use before and left no trace', async (context) => {
    const machine = required(context, 'PostgreSQL of its own', server.process)
    await tell('before')
    const crashAfterwards = async (): Promise<{ readonly cursors: readonly string[]; readonly areAgain: boolean }> => {
      await execute(config, `BEGIN; ${tellAs('never')}; ROLLBACK`)
      const changes = await Promise.all([store.changes('end', 9), store.changes(null, 9)])
      const inUse = await nextTransaction()
      await crash(machine)
      return { cursors: changes.map(({ cursor }) => cursor), areAgain: (await nextTransaction()) < inUse }
    }
    // Now and then the server writes to its log just then, and the ids are gone for good.
    let crashed = await crashAfterwards()
    for (let left = 5; left > 0 && !crashed.areAgain; left -= 1) crashed = await crashAfterwards()
    expect(crashed.areAgain).toBe(true)
    for (const detail of ['one', 'two']) await tell(detail)
    for (const cursor of crashed.cursors) expect(details(await store.changes(cursor, 9))).toEqual(['one', 'two'])
  })

  test('a reader who has seen what was lost is told to start again', async (context) => {
    const machine = required(context, 'PostgreSQL of its own', server.process)
    await tell('kept')
    const crashAfterwards = async () => {
      const { cursor: early } = await store.changes(null, 9)
      await execute(config, `SET synchronous_commit = off; ${tellAs('lost')}`)
      const [all, end, page] = await Promise.all([
        store.changes(null, 9),
        store.changes('end', 9),
        store.changes(early, 1),
      ])
      expect([details(all).at(-1), details(page)]).toEqual(['lost', ['lost']])
      await crash(machine)
      return { early, late: [all, end, page], isLost: (await store.changes(early, 9)).events.length === 0 }
    }
    // Now and then the server writes to its log just then, and nothing is lost.
    let crashed = await crashAfterwards()
    for (let left = 5; left > 0 && !crashed.isLost; left -= 1) crashed = await crashAfterwards()
    expect(crashed.isLost).toBe(true)
    for (const detail of ['one', 'two']) await tell(detail)
    for (const { cursor } of crashed.late)
      await expect(store.changes(cursor, 9)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(details(await store.changes(crashed.early, 9))).toEqual(['one', 'two'])
  })
})

test('a log that came from another server is read from the beginning, and nothing of it comes up again', async () => {
  await tell('old')
  await execute(config, `UPDATE sojourn_events SET transaction = '999999999999'`)
  const here = await openPostgres(config)
  const { events, cursor } = await here.changes(null, 9)
  expect(events.map(({ detail }) => detail)).toEqual(['old'])
  await tell('new')
  expect(details(await here.changes(cursor, 9))).toEqual(['new'])
  await here.close()
})

test('clean-up takes turns: while one node is at it, another finds nothing to do', async () => {
  await store.insert(makeRecord({ endsAt: NOON - DAY }), { mark: makeMark({ at: NOON - DAY }) })
  await slow.query('BEGIN')
  await slow.query('SELECT pg_advisory_xact_lock(6120447305)')
  expect(await store.prune(NOON, 9)).toMatchObject({ sessions: 0 })
  await slow.query('COMMIT')
  expect(await store.prune(NOON, 9)).toMatchObject({ sessions: 1 })
})

test('clean-up passes over a session that somebody uses just now', async () => {
  const [used, old] = [makeRecord({ endsAt: NOON - 1 }), makeRecord({ endsAt: NOON - 1 })]
  for (const record of [used, old]) await store.insert(record, { mark: makeMark() })
  await slow.query('BEGIN')
  await slow.query('SELECT FROM sojourn_sessions WHERE session_id = $1 FOR UPDATE', [used.id])
  const ended = await store.revoke({ where: { endsBy: NOON } }, makeEndMark({ reason: 'idle' }), 9)
  expect(ended.map(({ id }) => id)).toEqual([old.id])
  expect(await store.prune(NOON, 9)).toMatchObject({ sessions: 1 })
  await slow.query('UPDATE sojourn_sessions SET ends_at = ends_at + $2 WHERE session_id = $1', [used.id, '1 day'])
  await slow.query('COMMIT')
  expect(await store.prune(NOON, 9)).toMatchObject({ sessions: 0 })
  expect((await store.get(used.id))?.endReason).toBe(null)
})

test('who means sessions that are used just now waits for them, and looks at them again', async () => {
  const [busy, moved] = [makeRecord({ method: 'old' }), makeRecord({ method: 'old' })]
  for (const record of [busy, moved]) await store.insert(record, { mark: makeMark() })
  await slow.query('BEGIN')
  await slow.query('UPDATE sojourn_sessions SET version = version + 1 WHERE session_id = $1', [busy.id])
  await slow.query(`UPDATE sojourn_sessions SET method = 'new' WHERE session_id = $1`, [moved.id])
  const revoking = store.revoke({ where: { method: 'old' } }, makeEndMark(), 9)
  await untilSomebodyWaits(config)
  await slow.query('COMMIT')
  expect((await revoking).map(({ id }) => id)).toEqual([busy.id])
})

function tellAs(detail: string): string {
  return TELL.replace('$1', `'${detail}'`)
}

/** The id that the next transaction to write will have. */
async function nextTransaction(): Promise<number> {
  const [row] = await execute(config, 'SELECT pg_snapshot_xmax(pg_current_snapshot()) AS next')
  return Number(row?.['next'])
}

async function crash(machine: ServerProcess): Promise<void> {
  await slow.end()
  await machine.kill()
  await machine.start()
  const isAnswered = (): Promise<boolean> =>
    store.epoch('nobody').then(
      () => true,
      () => false,
    )
  await until(isAnswered, 'the store to answer again')
}

async function tell(detail: string): Promise<void> {
  await store.users.noteFailedLogin(null, makeMark({ detail }))
}

function details({ events }: Awaited<ReturnType<PostgresStore['changes']>>): readonly string[] {
  return events.map(({ detail }) => String(detail))
}

/** Writers of which each has at most one transaction open, and what they have committed. */
class Log {
  readonly committed: string[] = []
  readonly #writers: readonly Client[]
  readonly #open = new Map<number, string[]>()
  #count = 0

  constructor(writers: readonly Client[]) {
    this.#writers = writers
  }

  async act(place: number, act: string): Promise<void> {
    const writer = this.#writers[place]!
    const pending = this.#open.get(place)
    if (act === 'begin' && pending === undefined) {
      this.#open.set(place, [])
      await writer.query('BEGIN')
    } else if (act === 'tell') {
      this.#count += 1
      const detail = `${place}/${this.#count}`
      await writer.query(TELL, [detail])
      ;(pending ?? this.committed).push(detail)
    } else if (pending !== undefined && act !== 'begin') {
      this.#open.delete(place)
      await writer.query(act === 'commit' ? 'COMMIT' : 'ROLLBACK')
      if (act === 'commit') this.committed.push(...pending)
    }
  }

  async finish(): Promise<void> {
    for (const place of this.#open.keys()) await this.act(place, 'commit')
  }
}
