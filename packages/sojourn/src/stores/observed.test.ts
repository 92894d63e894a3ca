import { trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { SessionManager } from '../index.ts'
import { FaultyStore, makeRecord, storeContract, userStoreContract } from '../testing/index.ts'
import type { OpenedStore } from '../testing/index.ts'
import { cached } from './cached.ts'
import { MemoryStore } from './memory.ts'
import { observed } from './observed.ts'
import type { ObservedCall, StoreSpan, StoreTracer } from './observed.ts'

test.each([...storeContract, ...userStoreContract])('an observed store is a store: $name', async ({ run }) => {
  const open = async (): Promise<OpenedStore> => {
    const store = observed(new MemoryStore(), { onCall: () => undefined, tracer: new RecordingTracer() })
    return { store, users: store.users }
  }
  await expect(run(open)).resolves.toBeUndefined()
})

describe('an observer', () => {
  test('is told which call it was and how long it took', async () => {
    const calls: ObservedCall[] = []
    let elapsed = 100
    const slow = new FaultyStore(new MemoryStore(), {
      pause: async (_, when) => void (elapsed += when === 'before' ? 3 : 4),
    })
    const store = observed(slow, { onCall: (call) => calls.push(call), monotonic: () => elapsed })
    await store.count({})
    expect(calls).toEqual([{ method: 'count', duration: 7, outcome: 'answered' }])
  })

  test('is told with which code a call was turned down, and the caller gets the error itself', async () => {
    const calls: ObservedCall[] = []
    const broken = new FaultyStore(new MemoryStore(), { isRefused: () => true })
    const store = observed(broken, { onCall: (call) => calls.push(call) })
    await expect(store.get(makeRecord().id)).rejects.toMatchObject({ code: 'store_unavailable' })
    broken.faults = { pause: () => Promise.reject(new TypeError('not ours')) }
    await expect(store.get(makeRecord().id)).rejects.toThrow('not ours')
    expect(calls.map(({ outcome }) => outcome)).toEqual(['store_unavailable', 'failed'])
  })

  test('hears of no session, no user and no secret', async () => {
    const heard: unknown[] = []
    const tracer = new RecordingTracer()
    const inner = new FaultyStore(new MemoryStore())
    const store = observed(inner, { onCall: (call) => heard.push(call), tracer })
    const sessions = new SessionManager({
      store,
      onBackgroundError: (error) => expect(String(error)).toContain('on purpose'),
    })
    const { session, token } = await sessions.create({
      userId: 'user-of-ada',
      username: 'ada',
      device: { ip: '192.0.2.7' },
    })
    await sessions.validate(token)
    inner.faults = { isRefused: () => true }
    await expect(sessions.revoke({ id: session.id })).rejects.toThrow('on purpose')
    const text = JSON.stringify([heard, tracer.heard])
    expect(text).toContain('revoke')
    for (const secret of [session.id, 'ada', '192.0.2.7', token.slice(37), 'on purpose'])
      expect(text).not.toContain(secret)
  })

  test.each([
    ['an observer', { onCall: blowUp }],
    ['a tracer', { tracer: { startSpan: blowUp } }],
    ['a span', { tracer: { startSpan: () => ({ setStatus: blowUp, end: blowUp }) } }],
  ])('that throws changes no answer: %s', async (_, options) => {
    const warned = Promise.withResolvers<Error>()
    process.once('warning', warned.resolve)
    expect(await observed(new MemoryStore(), options).count({})).toBe(0)
    expect((await warned.promise).message).toContain('an observer of the session store has thrown: Error: bang')
  })
})

describe('a tracer', () => {
  test('makes one span a call, which says by a code what went wrong', async () => {
    const tracer = new RecordingTracer()
    const inner = new FaultyStore(new MemoryStore())
    const store = observed(inner, { tracer })
    await store.epoch('ada')
    inner.faults = { isRefused: () => true }
    await expect(store.epoch('ada')).rejects.toThrow('on purpose')
    expect(tracer.heard).toEqual([
      ['start', 'sojourn.store epoch', { kind: 2 }],
      ['end'],
      ['start', 'sojourn.store epoch', { kind: 2 }],
      ['status', { code: 2, message: 'store_unavailable' }],
      ['end'],
    ])
  })

  test('may be one of OpenTelemetry', async () => {
    expect(await observed(new MemoryStore(), { tracer: trace.getTracer('sojourn') }).count({})).toBe(0)
  })
})

test('what a store has beyond the contract is there, observed or not', () => {
  const plain = observed(new MemoryStore(), {})
  expect([plain.now, plain.reread, typeof plain.users]).toEqual([undefined, undefined, 'object'])
  const poor = observed(cached(Object.assign(new MemoryStore(), { claim: undefined, forget: undefined })), {})
  expect([poor.claim, poor.forget, poor.listen]).toEqual([undefined, undefined, undefined])
  const beyond = { now: async () => 7, listen: async () => async () => {} }
  const rich = observed(cached(Object.assign(new MemoryStore(), beyond)), {})
  expect([typeof rich.now, typeof rich.reread, typeof rich.users]).toEqual(['function', 'function', 'object'])
  expect([typeof rich.claim, typeof rich.forget, typeof rich.listen]).toEqual(['function', 'function', 'function'])
})

/** Keeps what it is told. */
class RecordingTracer implements StoreTracer {
  readonly heard: unknown[] = []

  startSpan(...call: Parameters<StoreTracer['startSpan']>): StoreSpan {
    this.heard.push(['start', ...call])
    return {
      setStatus: (status) => this.heard.push(['status', status]),
      end: () => this.heard.push(['end']),
    }
  }
}

function blowUp(): never {
  throw new Error('bang')
}
