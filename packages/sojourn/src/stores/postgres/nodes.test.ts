import { Client } from 'pg'
import type { PoolConfig } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  emptyTables,
  openPostgres,
  postgresPath,
  startPostgres,
  untilSomebodyWaits,
} from '../../../../../test/support/postgres.ts'
import type { PostgresServer } from '../../../../../test/support/postgres.ts'
import { required } from '../../../../../test/support/require.ts'
import type { InsertGuard, SessionCap } from '../../core/store.ts'
import { makeEndMark, makeMark, makeRecord, makeUser } from '../../testing/index.ts'
import { DAY, NOON } from '../../testing/records.ts'
import type { PostgresStore } from '../postgres.ts'

const NODES = 4
const STANDING = { endsAfter: NOON, accessedAfter: NOON - DAY, authenticatedAfter: NOON - 30 * DAY }

let server: PostgresServer
let config: PoolConfig
let nodes: readonly PostgresStore[]
let slow: Client

beforeAll(async () => {
  if (postgresPath === null) return
  server = await startPostgres()
  config = await server.createDatabase()
})
beforeEach(async (context) => {
  required(context, 'PostgreSQL', postgresPath)
  nodes = await Promise.all(
    Array.from({ length: NODES }, () => openPostgres({ ...config, max: 13 }, { deadline: '20s' })),
  )
  await emptyTables(config)
  slow = new Client(config)
  await slow.connect()
})
afterEach(async () => {
  await slow?.end()
  await Promise.all((nodes ?? []).map((node) => node.close()))
})
afterAll(async () => server?.close())

describe('of fifty logins at once on four nodes', () => {
  test.each([1, 3, 10])('no more than %i stand after any answer, where the cap evicts', async (max) => {
    await assertCap({ max, onExceed: 'evict', standing: STANDING }, 50)
  })

  test.each([1, 3, 10])('exactly %i are let in, where the cap denies', async (max) => {
    await assertCap({ max, onExceed: 'deny', standing: STANDING }, max)
  })

  test('each gets in where there is no cap, of a user whom nobody knew', async () => {
    const records = Array.from({ length: 50 }, () => makeRecord())
    const outcomes = await Promise.all(
      records.map((record, place) => on(place).insert(record, { mark: makeMark(), epoch: 0 })),
    )
    expect(outcomes.every(({ ok }) => ok)).toBe(true)
    expect(await on(0).count({})).toBe(50)
    expect(await on(0).users.count()).toBe(1)
  })

  test('none is left standing by a sign-out everywhere among them', async () => {
    for (let round = 0; round < 10; round += 1) {
      const userId = `user-${round}`
      await on(0).insert(makeRecord({ userId }), { mark: makeMark() })
      const epoch = await on(0).epoch(userId)
      const logIn = (place: number): Promise<unknown> =>
        on(place).insert(makeRecord({ userId }), { mark: makeMark(), epoch })
      await Promise.all([
        ...Array.from({ length: 25 }, (_, place) => logIn(place)),
        on(round).revoke({ userId }, makeEndMark(), 1),
        ...Array.from({ length: 25 }, (_, place) => logIn(place)),
      ])
      expect(await on(1).count({ userId, isEnded: false })).toBe(0)
    }
  })

  test('none is left of a user who is deleted, disabled or gets another password among them', async () => {
    const deeds = {
      deleted: (store: PostgresStore, id: string) => store.users.remove(id, makeMark()),
      disabled: (store: PostgresStore, id: string) => store.users.disable(id, makeMark()),
      'given another password': (store: PostgresStore, id: string) =>
        store.users.setPassword(id, { to: 'new' }, makeMark()),
    }
    for (const [name, deed] of Object.entries(deeds)) {
      for (let round = 0; round < 5; round += 1) {
        const userId = `${name}-${round}`
        await on(0).users.add(makeUser({ id: userId, passwordHash: 'old', epoch: 1 }), makeMark())
        const logIn = (place: number): Promise<unknown> =>
          on(place).insert(makeRecord({ userId }), { mark: makeMark(), epoch: 1 })
        const logins = Array.from({ length: 20 }, (_, place) => place)
        await Promise.all([...logins.slice(0, 10).map(logIn), deed(on(round), userId), ...logins.slice(10).map(logIn)])
        expect(await on(1).count({ userId, isEnded: false }), name).toBe(0)
      }
    }
  })
})

describe('a statement that began before others had committed', () => {
  test('does not exceed the cap by what it could not see', async () => {
    const [first, second] = [makeRecord(), makeRecord({ createdAt: NOON + 1 })]
    const guard: InsertGuard = { mark: makeMark(), cap: { max: 1, onExceed: 'deny', standing: STANDING } }
    await on(0).users.add(makeUser(), makeMark())
    await slow.query('BEGIN')
    await slow.query('SELECT FROM sojourn_users FOR UPDATE')
    const logins = [on(0).insert(first, guard), on(1).insert(second, guard)]
    await untilSomebodyWaits(config, 2)
    await slow.query('COMMIT')
    const outcomes = await Promise.all(logins)
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    expect(outcomes).toContainEqual({ ok: false, reason: 'limit' })
  })

  test.each([
    ['signed out everywhere', 'epoch = epoch + 1', 'epoch'],
    ['disabled', 'disabled_at = created_at', 'disabled'],
  ])('lets nobody in who was %s while it waited, with a cap or without', async (_, change, reason) => {
    await on(0).users.add(makeUser(), makeMark())
    await slow.query('BEGIN')
    await slow.query(`UPDATE sojourn_users SET ${change}`)
    const capped: InsertGuard = { mark: makeMark(), epoch: 0, cap: { max: 9, onExceed: 'deny', standing: STANDING } }
    const logins = [on(0).insert(makeRecord(), { mark: makeMark(), epoch: 0 }), on(1).insert(makeRecord(), capped)]
    await untilSomebodyWaits(config, 2)
    await slow.query('COMMIT')
    expect(await Promise.all(logins)).toEqual([
      { ok: false, reason },
      { ok: false, reason },
    ])
    expect(await on(2).count({})).toBe(0)
  })

  test('ends the session whose login it waited for', async () => {
    const record = makeRecord()
    await on(0).users.add(makeUser(), makeMark())
    await slow.query('BEGIN')
    await slow.query('SELECT FROM sojourn_users FOR UPDATE')
    const login = on(0).insert(record, { mark: makeMark(), epoch: 0 })
    await untilSomebodyWaits(config, 1)
    const signOut = on(1).revoke({ userId: record.userId }, makeEndMark(), 1)
    await untilSomebodyWaits(config, 2)
    await slow.query('COMMIT')
    expect(await login).toMatchObject({ ok: true })
    expect((await signOut).map(({ id }) => id)).toEqual([record.id])
    expect(await on(2).count({ isEnded: false })).toBe(0)
  })

  test('ends the session whose adoption it waited for', async () => {
    const record = makeRecord()
    await on(0).users.add(makeUser(), makeMark())
    await slow.query('BEGIN')
    await slow.query('SELECT FROM sojourn_users FOR UPDATE')
    const adoption = on(0).users.adopt([{ user: makeUser(), sessions: [record] }], makeMark())
    await untilSomebodyWaits(config, 1)
    const signOut = on(1).revoke({ userId: record.userId }, makeEndMark(), 1)
    await untilSomebodyWaits(config, 2)
    await slow.query('COMMIT')
    expect(await adoption).toEqual({ users: 0, sessions: 1 })
    expect((await signOut).map(({ id }) => id)).toEqual([record.id])
  })
})

describe('forgetting sessions of a user', () => {
  beforeEach(async () => {
    for (const place of [0, 1]) {
      const ended = makeRecord({ createdAt: NOON + place, endReason: 'user_deleted', endsAt: NOON + place })
      await on(0).insert(ended, { mark: makeMark() })
    }
    await slow.query('BEGIN')
  })

  test('waits for a record that somebody holds, and passes over none', async () => {
    await slow.query('SELECT FROM sojourn_sessions FOR UPDATE')
    const forgetting = on(0).forget('user-1', 9)
    await untilSomebodyWaits(config, 1)
    await slow.query('COMMIT')
    expect(await forgetting).toBe(2)
  })

  test('goes on to the next where another deletes the one that it waits for', async () => {
    await slow.query('DELETE FROM sojourn_sessions WHERE created_at = (SELECT min(created_at) FROM sojourn_sessions)')
    const forgetting = on(0).forget('user-1', 1)
    await untilSomebodyWaits(config, 1)
    await slow.query('COMMIT')
    expect(await forgetting).toBe(1)
    expect(await on(1).count({})).toBe(0)
  })
})

test('nodes that use and end the same sessions at once do not stand in each other’s way', async () => {
  const records = Array.from({ length: 40 }, (_, place) => makeRecord({ userId: `user-${place % 4}` }))
  for (const record of records) await on(0).insert(record, { mark: makeMark() })
  const touches = records.map(({ id }, place) => ({ id, at: NOON + 1 + place, endsAt: NOON + DAY, allowance: 0 }))
  const ended = await Promise.all([
    ...[0, 1, 2, 3].map((place) =>
      on(place)
        .touch(place % 2 === 0 ? touches : touches.toReversed())
        .then(() => []),
    ),
    on(0).revoke({ ids: records.slice(0, 20).map(({ id }) => id) }, makeEndMark(), 99),
    on(1).revoke(
      {
        ids: records
          .slice(10, 30)
          .map(({ id }) => id)
          .toReversed(),
      },
      makeEndMark(),
      99,
    ),
    on(2).revoke({ userId: 'user-0' }, makeEndMark(), 99),
    on(3).revoke({ where: {} }, makeEndMark(), 99),
  ])
  const ids = ended.flat().map(({ id }) => id)
  expect(ids.toSorted()).toEqual(records.map(({ id }) => id).toSorted())
  expect((await on(0).events({ type: 'session_ended', limit: 99 })).length).toBe(40)
})

test('users whose names change hands at once end up with one name each', async () => {
  const names = ['ada', 'bob', 'cleo']
  const logins = Array.from({ length: 30 }, (_, place) =>
    makeRecord({ userId: `user-${place % 3}`, username: names[(place + Math.floor(place / 3)) % 3]! }),
  )
  const outcomes = await Promise.all(logins.map((record, place) => on(place).insert(record, { mark: makeMark() })))
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
  expect(await on(0).users.count()).toBe(3)
  expect(await on(0).count({})).toBe(30)
})

async function assertCap(cap: SessionCap, accepted: number): Promise<void> {
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, async (_, place) => {
      const { ok } = await on(place).insert(makeRecord({ createdAt: NOON + place }), { mark: makeMark(), cap })
      expect(await on(place + 1).count({ standing: STANDING })).toBeLessThanOrEqual(cap.max)
      return ok
    }),
  )
  expect(outcomes.filter(Boolean)).toHaveLength(accepted)
  expect(await on(0).count({ standing: STANDING })).toBe(cap.max)
}

function on(place: number): PostgresStore {
  return nodes[place % NODES]!
}
