import { Pool } from 'pg'
import type { PoolConfig } from 'pg'
import { SessionManager } from 'sojourn'
import { PostgresStore } from 'sojourn/postgres'
// What a row looks like is the store's business; the fixture only decides what is in it.
import {
  SESSION_COLUMNS,
  SESSION_VALUES,
  SESSION_WIDTH,
  asMilliseconds,
  encodeSession,
} from '../packages/sojourn/src/stores/postgres/rows.ts'
import type { Value } from '../packages/sojourn/src/stores/postgres/rows.ts'
import { postgresPath, startPostgres } from '../test/support/postgres.ts'
import type { Finding } from './findings.ts'
import { sessionAt, userAt, usersOf } from './fixture.ts'
import { FIXTURE_NOW, measureNetworked, without } from './networked.ts'
import { RawPostgres } from './raw-postgres.ts'

const CONNECTIONS = 10
/** Each column by itself, and instants as numbers: what somebody would write who wants the same record. */
const WHOLE = SESSION_COLUMNS.split(', ')
  .map((name) => (/_at$|_until$|^last_accessed$/.test(name) ? asMilliseconds(name) : name))
  .join(', ')
  .replace('attributes', 'attributes::text')
const ROWS_AN_INSERT = 250

/** PostgreSQL, started for this with its settings as they come, fsync included. */
export async function measurePostgres(_: string, size: number): Promise<readonly Finding[]> {
  if (postgresPath === null) return without('PostgreSQL')
  const server = await startPostgres()
  try {
    return await onServer(await server.createDatabase(), size)
  } finally {
    await server.close()
  }
}

async function onServer(config: PoolConfig, size: number): Promise<readonly Finding[]> {
  const store = await PostgresStore.open({
    pool: new Pool({ ...config, max: CONNECTIONS }),
    endsPool: true,
    deadline: '20s',
  })
  const sessions = new SessionManager({ store })
  const raw = new Pool({ ...config, max: CONNECTIONS })
  await fill(raw, size)
  const rawSessions = await RawPostgres.open(raw, size)
  await raw.query('VACUUM ANALYZE')
  await raw.query('CHECKPOINT')
  let place = 0
  const values = encodeSession(sessionAt(0, size, FIXTURE_NOW).record).slice(1)
  const findings = await measureNetworked({
    engine: 'PostgreSQL',
    size,
    sessions,
    rawReads: {
      '': async (ids) => {
        const text = `SELECT ${WHOLE} FROM sojourn_sessions WHERE session_id = ANY($1::uuid[])`
        return (await raw.query({ name: 'arrays', text, values: [ids], rowMode: 'array' })).rows.length
      },
      '; raw as objects': async (ids) => {
        const text = 'SELECT * FROM sojourn_sessions WHERE session_id = ANY($1::uuid[])'
        return (await raw.query({ name: 'objects', text, values: [ids] })).rows.length
      },
    },
    rawCommit: () => {
      place += 1
      const id = `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`
      const text = `INSERT INTO bench_rows (${SESSION_COLUMNS}) VALUES (${SESSION_VALUES})`
      return raw.query({ name: 'commit', text, values: [id, ...values] })
    },
    rawSessions,
  })
  await sessions.close()
  await raw.end()
  return findings
}

async function fill(raw: Pool, size: number): Promise<void> {
  await raw.query(
    'CREATE TABLE bench_rows (LIKE sojourn_sessions); ALTER TABLE bench_rows ADD PRIMARY KEY (session_id)',
  )
  for (let start = 0; start < usersOf(size); start += 1_000) {
    const users = Array.from({ length: Math.min(1_000, usersOf(size) - start) }, (_, place) => userAt(start + place))
    await raw.query(
      `INSERT INTO sojourn_users (id, username, role, epoch, created_at)
       SELECT *, 'user', 0, now() FROM unnest($1::text[], $2::text[])`,
      [users.map(({ userId }) => userId), users.map(({ username }) => username)],
    )
  }
  for (let start = 0; start < size; start += ROWS_AN_INSERT) {
    const count = Math.min(ROWS_AN_INSERT, size - start)
    const values: Value[] = []
    for (let place = start; place < start + count; place += 1) {
      values.push(...encodeSession(sessionAt(place, size, FIXTURE_NOW).record))
    }
    const rows = Array.from({ length: count }, (_, row) => `(${valuesFrom(row * SESSION_WIDTH)})`)
    await raw.query(`INSERT INTO sojourn_sessions (${SESSION_COLUMNS}) VALUES ${rows.join(', ')}`, values)
  }
}

/** The places of a session's values behind so many others. */
function valuesFrom(others: number): string {
  return SESSION_VALUES.replace(/\$(\d+)/g, (_, place: string) => `$${Number(place) + others}`)
}
