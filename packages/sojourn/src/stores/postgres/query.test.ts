import fc from 'fast-check'
import { Client } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { execute, openPostgres, postgresPath, startPostgres, until } from '../../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../../test/support/postgres.ts'
import { required } from '../../../../../test/support/require.ts'
import { isMatch } from '../../core/filter.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { ListQuery, SessionFilter } from '../../core/store.ts'
import { makeMark, makeRecord, makeUser } from '../../testing/index.ts'
import { DAY, MINUTE, NOON } from '../../testing/records.ts'
import type { PostgresStore } from '../postgres.ts'
import { Bindings, pageOf, selectionOf } from './query.ts'

/** As many sessions of as many users, a minute apart, of which the first half have ended. */
const MANY = 20_000
const FILL = `
  INSERT INTO sojourn_users (id, username, role, epoch, created_at)
    SELECT 'u' || n, 'u' || n, 'user', 0, now() FROM generate_series(1, ${MANY}) AS n;
  INSERT INTO sojourn_sessions (session_id, user_id, username, secret_hash, created_at, authenticated_at, last_accessed,
      expires_at, ends_at, end_reason, attributes, version)
    SELECT gen_random_uuid(), 'u' || n, 'u' || n, '', at, at, at, at + interval '30 days', at + interval '1 day',
      CASE WHEN n <= ${MANY / 2} THEN 'logout' END, '{}', 1
    FROM generate_series(1, ${MANY}) AS n, LATERAL (SELECT timestamptz '2026-01-01 12:00Z' + n * interval '1 minute' AS at) AS a;
  INSERT INTO sojourn_events (at, type, user_id, actor)
    SELECT created_at, 'session_created', user_id, 'user' FROM sojourn_sessions ORDER BY created_at;
  ANALYZE sojourn_users, sojourn_sessions, sojourn_events`

let server: PostgresServer

beforeAll(async () => {
  if (postgresPath !== null) server = await startPostgres()
})
beforeEach((context) => void required(context, 'PostgreSQL', postgresPath))
afterAll(async () => server?.close())

describe('text in a filter', () => {
  test('means what it means in words, whatever signs it has', async () => {
    const store = await openPostgres(await server.createDatabase())
    const texts = ['Ada%', 'a_da', 'ÄDA', 'äda', 'back\\slash', '$1', 'İ', 'i', 'ſ', 'S', 'K', '\u212a', '’', '\0']
    const records = texts
      .filter((text) => text !== '\0')
      .map((userAgent, place) =>
        makeRecord({ userId: `user-${place}`, userAgent, ipAddress: place % 2 ? null : '::A' }),
      )
    for (const record of records) await store.insert(record, { mark: makeMark() })
    const part = fc.constantFrom(...texts, ...texts.map((text) => text.toLowerCase()), '', ':', 'U', 'er-1')
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 2 }), async (parts) => {
        const filter = { text: parts.join('') }
        expect(await store.count(filter)).toBe(records.filter((record) => isMatch(record, filter)).length)
      }),
      { numRuns: 300 },
    )
    await store.close()
  })
})

describe('among many sessions an index answers', () => {
  let config: PoolConfig
  let store: PostgresStore
  let client: Client

  beforeAll(async () => {
    if (postgresPath === null) return
    config = await server.createDatabase()
    store = await openPostgres(config)
    await execute(config, FILL)
    client = new Client(config)
    await client.connect()
  }, 60_000)
  afterAll(async () => {
    await client?.end()
    await store?.close()
  })

  const late = NOON + (MANY - 5) * MINUTE
  const standing = { endsAfter: late, accessedAfter: late, authenticatedAfter: late }
  const after = { value: late, id: makeRecord().id }

  test.each<[string, Partial<ListQuery>]>([
    ['the newest page', {}],
    ['the page after it', { after }],
    ['the newest that stand', { filter: { standing } }],
    ['the sessions of a user', { filter: { userId: 'u7' } }],
    ['the sessions of a username', { filter: { username: 'u7' } }],
    ['those used last', { sort: 'lastAccessedAt' }],
    ['those created in a time', { filter: { createdSince: late, createdBefore: late + MINUTE } }],
  ])('%s', async (_, query) => {
    const bindings = new Bindings()
    const page = pageOf({ filter: {}, sort: 'createdAt', descending: true, limit: 20, ...query }, bindings)
    await assertIndexed(`SELECT * FROM sojourn_sessions WHERE ${page}`, bindings.values)
  })

  const early = NOON + (MANY / 2 + 20) * MINUTE

  test.each<[string, SessionFilter]>([
    ['overdue', { isEnded: false, endsBy: early + DAY }],
    ['past their absolute end', { isEnded: false, endsBy: late + DAY, expiresBy: early + 30 * DAY }],
    ['of a login too long ago', { isEnded: false, authenticatedBy: early }],
    ['unused', { isEnded: false, accessedBy: early }],
    ['unused of one user', { isEnded: false, accessedBy: late, userId: 'u7' }],
    ['standing of one user', { userId: 'u7', standing }],
    ['to be forgotten with their user', { userId: 'u7', isEnded: true }],
    ['overdue for pruning', { endsBy: NOON + 20 * MINUTE }],
    ['either of several', { anyOf: [{ isEnded: false, accessedBy: early }, { userId: 'u7' }] }],
  ])('which sessions are %s', async (_, filter) => {
    const bindings = new Bindings()
    const condition = selectionOf(filter, bindings)
    await assertIndexed(`SELECT session_id FROM sojourn_sessions WHERE ${condition}`, bindings.values)
  })

  test('a validation, a login under a cap, an end, a use, a deletion, a clean-up and a reader of the log', async () => {
    const record: SessionRecord = makeRecord({ userId: 'u1', username: 'u1' })
    const { cursor } = await store.changes('end', 9)
    await store.close()
    await until(async () => (await others()) === 0, 'those who filled the tables to end')
    const scans = await sequentialScans()
    store = await openPostgres(config)
    const cap = { max: 1, onExceed: 'evict', standing } as const
    await store.insert(record, { mark: makeMark(), epoch: 0, cap })
    await store.get(record.id)
    await store.touch([{ id: record.id, at: NOON + 1, endsAt: NOON + DAY, allowance: 0 }])
    await store.revoke({ id: record.id }, { at: NOON + 2, actor: 'user', reason: 'logout' }, 1)
    await store.revoke({ userId: 'u2' }, { at: NOON + 2, actor: 'user', reason: 'logout' }, 1)
    await store.revoke({ where: { isEnded: false, endsBy: NOON } }, { at: NOON, actor: 'system', reason: 'idle' }, 100)
    await store.forget('u3', 100)
    await store.prune(NOON + MINUTE, 100)
    await store.changes(cursor, 100)
    await store.users.byUsername('u9')
    await store.users.add(makeUser({ id: 'new' }), makeMark())
    await store.close()
    await until(async () => (await others()) === 0, 'the connections of the store to end')
    expect(await sequentialScans()).toEqual(scans)
  })

  test('a reader of the log who has read it all, and does not read it again', async () => {
    await store.close()
    store = await openPostgres(config)
    const { cursor } = await store.changes('end', 9)
    await store.close()
    await until(async () => (await others()) === 0, 'those who filled the tables to end')
    const before = await blocksOfLog()
    store = await openPostgres(config)
    await store.changes(cursor, 100)
    await store.close()
    await until(async () => (await others()) === 0, 'the connections of the store to end')
    const after = await blocksOfLog()
    expect(after.read - before.read).toBeLessThan(before.all / 4)
  })

  async function assertIndexed(sql: string, values: readonly unknown[]): Promise<void> {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, [...values])
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toMatch(/Index/)
    expect(plan).not.toMatch(/Seq Scan/)
  }

  /** How many connections there are besides. What one of them has counted is told when it ends. */
  async function others(): Promise<number> {
    const { rows } = await client.query<{ count: number }>(
      'SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    return rows[0]?.count ?? 0
  }

  /** Of the index by which the log is read on. */
  async function blocksOfLog(): Promise<{ readonly all: number; readonly read: number }> {
    const { rows } = await client.query<{ all: number; read: number }>(
      `SELECT (pg_relation_size('sojourn_events_transaction') / 8192)::int AS all,
         (idx_blks_read + idx_blks_hit)::int AS read
       FROM pg_statio_user_indexes WHERE indexrelname = 'sojourn_events_transaction'`,
    )
    return rows[0]!
  }

  async function sequentialScans(): Promise<readonly unknown[]> {
    const { rows } = await client.query<{ relname: string; seq_scan: string }>(
      `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('sojourn_sessions', 'sojourn_users', 'sojourn_events') ORDER BY 1`,
    )
    return rows
  }
})
