import { expect, test } from 'vitest'
import { MemoryStore } from '../stores/memory.ts'
import { FaultyStore, makeMark, makeRecord, storeContract } from './index.ts'

test.each([...storeContract])('without faults it changes nothing: $name', async ({ run }) => {
  await expect(run(async () => ({ store: new FaultyStore(new MemoryStore()) }))).resolves.toBeUndefined()
})

test('a refused call never reaches the store', async () => {
  const inner = new MemoryStore()
  const store = new FaultyStore(inner, { isRefused: ({ number }) => number === 1 })
  const record = makeRecord()
  await expect(store.insert(record, { mark: makeMark() })).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(await inner.get(record.id)).toBeNull()
  expect(await store.insert(record, { mark: makeMark() })).toEqual({ ok: true, evicted: [] })
})

test('a call whose answer is lost was carried out all the same', async () => {
  const inner = new MemoryStore()
  const store = new FaultyStore(inner, { isLost: ({ method }) => method === 'insert' })
  const record = makeRecord()
  await expect(store.insert(record, { mark: makeMark() })).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(await inner.get(record.id)).not.toBeNull()
})

test('a call can be held back before it is made and before it is answered', async () => {
  const inner = new MemoryStore()
  const [made, answered, released] = [gate(), gate(), gate()]
  const pause = async (_: unknown, when: 'before' | 'after'): Promise<void> => {
    if (when === 'before') return made.promise
    released.resolve()
    return answered.promise
  }
  const record = makeRecord()
  const inserting = new FaultyStore(inner, { pause }).insert(record, { mark: makeMark() })
  expect(await inner.get(record.id)).toBeNull()
  made.resolve()
  await released.promise
  expect(await inner.get(record.id)).not.toBeNull()
  answered.resolve()
  expect(await inserting).toEqual({ ok: true, evicted: [] })
})

test('it remembers every call in order', async () => {
  const store = new FaultyStore(new MemoryStore())
  await store.epoch('user-1')
  await store.count({})
  expect(store.calls).toEqual([
    { method: 'epoch', number: 1 },
    { method: 'count', number: 2 },
  ])
})

function gate(): PromiseWithResolvers<void> {
  return Promise.withResolvers()
}
