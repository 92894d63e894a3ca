/** A node that answers from memory under a lease: whom it lets in for how long, and what its figures say of it. */
import { SessionManager } from 'sojourn'
import { cached } from 'sojourn/cached'
import type { CachedStore } from 'sojourn/cached'
import { MemoryStore } from 'sojourn/memory'
import { FixedClock } from 'sojourn/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../../packages/server/src/service/log.ts'
import { Service } from '../../packages/server/src/service/service.ts'

const HITS = 'memory_reads_total{outcome="hit"}'
const MISSES = 'memory_reads_total{outcome="miss"}'

let shared: MemoryStore
let memory: CachedStore<MemoryStore>
let service: Service
/** Another node on the same store. */
let elsewhere: SessionManager
let monotonic: number

beforeEach(() => {
  const clock = new FixedClock()
  monotonic = 0
  shared = new MemoryStore()
  const time = { wall: () => clock.now() + monotonic, monotonic: () => monotonic }
  memory = cached(shared, { lease: '1s', time, clock: { after: () => () => {} } })
  const settings = {
    baseUrl: 'https://id.example.com',
    isDevelopment: false,
    trustedProxies: [],
    registration: false,
    policy: {},
    cleanupEvery: 600_000,
    metrics: 'open',
  } as const
  const log = createLog('silent', { write: () => true })
  const parts = { settings, store: memory, users: memory.users, apiKeys: shared.apiKeys, memory, log, clock }
  service = new Service(parts)
  elsewhere = new SessionManager({ store: shared, clock })
})
afterEach(() => service.close())

async function figure(name: string): Promise<number> {
  const text = await service.metrics.expose(async () => 0)
  const line = text.split('\n').find((each) => each.startsWith(`sojourn_${name} `))
  return Number(line?.split(' ')[1])
}

async function signedIn(): Promise<{ readonly token: string; readonly id: string }> {
  const { token, session } = await service.sessions.create({ userId: '42', username: 'ada' })
  await memory.pull()
  await service.sessions.validate(token)
  return { token, id: session.id }
}

test('whom another node signs out is let in until the lease is over', async () => {
  const { token, id } = await signedIn()
  await elsewhere.revoke({ id })
  monotonic += 900
  expect(await service.sessions.validate(token)).toMatchObject({ ok: true })
  monotonic += 100
  expect(await service.sessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
})

test('of an operator nothing is believed that only memory says', async () => {
  const { token, id } = await signedIn()
  await elsewhere.revoke({ id })
  expect(await service.sessions.validate(token)).toMatchObject({ ok: true })
  expect(await service.operatorSessions.validate(token)).toMatchObject({ ok: false, reason: 'ended' })
})

test('of whoever changes something nothing is believed that only memory says', async () => {
  const { token, id } = await signedIn()
  await elsewhere.revoke({ id })
  const ask = async (method: string, path: string, body?: object): Promise<number | undefined> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const url = `https://id.example.com/auth${path}`
    const request = new Request(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
    return (await service.http.handle(request))?.status
  }
  expect(await ask('GET', '/session')).toBe(200)
  expect(await ask('POST', '/password', { current: 'a', next: 'b' })).toBe(401)
  expect(await ask('POST', '/reauthenticate', { password: 'a' })).toBe(401)
  expect(await ask('DELETE', '/sessions')).toBe(401)
  expect(await ask('DELETE', `/sessions/${id}`)).toBe(401)
})

test('the figures say by how much an answer may be behind: never more than the lease, and nothing without one', async () => {
  expect(await figure('revocation_lag_seconds')).toBe(0)
  await signedIn()
  monotonic += 400
  expect(await figure('revocation_lag_seconds')).toBe(0.4)
  monotonic += 700
  expect(await figure('revocation_lag_seconds')).toBe(0)
})

test('the figures say how often memory had the answer', async () => {
  const { token } = await signedIn()
  const before = { hits: await figure(HITS), misses: await figure(MISSES) }
  await service.sessions.validate(token)
  expect({ hits: await figure(HITS), misses: await figure(MISSES) }).toEqual({ ...before, hits: before.hits + 1 })
})

test('what memory answers is not told as a read of the store', async () => {
  const { token } = await signedIn()
  const reads = (): number => service.metrics.storeLatencies().find(({ operation }) => operation === 'get')?.count ?? 0
  const before = reads()
  await service.sessions.validate(token)
  expect(reads()).toBe(before)
  monotonic += 2_000
  await service.sessions.validate(token)
  expect(reads()).toBe(before + 1)
})
