import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { hashSecret } from '../core/token.ts'
import { MemoryStore } from '../stores/memory.ts'
import { FixedClock, makeApiKey } from '../testing/index.ts'
import { ApiKeys } from './api-keys.ts'
import type { ApiKeyStore, NewApiKey } from './api-keys.ts'

const NEW: NewApiKey = { name: 'nightly report', scopes: ['read'], createdBy: 'operator:grace' }

function start(store: ApiKeyStore = new MemoryStore().apiKeys) {
  const clock = new FixedClock('2026-01-01T12:00:00Z')
  const troubles: unknown[] = []
  const keys = new ApiKeys({ store, clock, onBackgroundError: (error) => troubles.push(error) })
  return { keys, store, clock, troubles }
}

describe('a new key', () => {
  test('is good at once, with its name, its scopes in one order, and 90 days', async () => {
    const { keys } = start()
    const { key, secret } = await keys.create({ ...NEW, name: '  nightly report ', scopes: ['revoke', 'read', 'read'] })
    expect(secret).toMatch(/^sjk_[0-9a-f]{16}\.[\w-]{43}$/)
    expect(secret.startsWith(`sjk_${key.id}.`)).toBe(true)
    expect(key).toMatchObject({ name: 'nightly report', scopes: ['read', 'revoke'], createdBy: 'operator:grace' })
    expect(key.expiresAt).toEqual(new Date('2026-04-01T12:00:00Z'))
    expect(await keys.check(secret)).toMatchObject({ ok: true, key: { id: key.id } })
  })

  test('ADM-2: is kept as a hash, and its secret is shown nowhere but where it is asked for', async () => {
    const { keys, store } = start()
    const issued = await keys.create(NEW)
    const secret = issued.secret.split('.')[1]!
    expect((await store.byId(issued.key.id))?.secretHash).toEqual(Uint8Array.from(hashSecret(secret)))
    const shown = [JSON.stringify(issued), inspect(issued, { depth: 9 }), String(issued), inspect(await store.list())]
    shown.push(JSON.stringify(await keys.list()))
    for (const text of shown) expect(text).not.toContain(secret)
  })

  test.each([
    ['no name', { ...NEW, name: '   ' }],
    ['a name of 101 characters', { ...NEW, name: 'x'.repeat(101) }],
    ['a name with a line break', { ...NEW, name: 'nightly\nreport' }],
    ['no scope', { ...NEW, scopes: [] }],
    ['a scope there is not', { ...NEW, scopes: ['root' as 'read'] }],
    ['more than 365 days', { ...NEW, expiresIn: '366d' }],
    ['nobody who made it', { ...NEW, createdBy: '' }],
  ])('is not made with %s', async (_, wrong) => {
    const { keys } = start()
    await expect(keys.create(wrong)).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(await keys.list()).toEqual([])
  })

  test('is not made over another one, whatever the generator repeats', async () => {
    const store = new MemoryStore().apiKeys
    const keys = new ApiKeys({ store, random: (size) => Buffer.alloc(size, 7) })
    await keys.create(NEW)
    await expect(keys.create(NEW)).rejects.toMatchObject({ code: 'conflict' })
  })
})

describe('a presented key', () => {
  test.each([
    ['nothing', undefined],
    ['no text', 42],
    ['an empty text', ''],
    ['the id alone', `sjk_${'0'.repeat(16)}`],
    ['another prefix', `sjx_${'0'.repeat(16)}.${'A'.repeat(43)}`],
    ['a longer one', `sjk_${'0'.repeat(16)}.${'A'.repeat(44)}`],
    ['an id in capitals', `sjk_${'A'.repeat(16)}.${'A'.repeat(43)}`],
    ['a spelling that is not the canonical one', `sjk_${'0'.repeat(16)}.${'A'.repeat(42)}B`],
    ['a megabyte', 'sjk_'.repeat(262_144)],
  ])('is refused without asking the store: %s', async (_, presented) => {
    const { keys } = start(UNREACHABLE)
    expect(await keys.check(presented)).toEqual({ ok: false, reason: 'malformed' })
  })

  test('is refused if no key has its id, or if the key has another secret', async () => {
    const { keys } = start()
    const [{ secret }, other] = [await keys.create(NEW), await keys.create(NEW)]
    const [, own] = secret.split('.')
    expect(await keys.check(`sjk_${'0'.repeat(16)}.${own}`)).toEqual({ ok: false, reason: 'unknown' })
    expect(await keys.check(`sjk_${other.key.id}.${own}`)).toEqual({ ok: false, reason: 'mismatch' })
  })

  test('ends to the millisecond', async () => {
    const { keys, clock } = start()
    const { secret, key } = await keys.create({ ...NEW, expiresIn: '1h' })
    clock.set(key.expiresAt.getTime() - 1)
    expect(await keys.check(secret)).toMatchObject({ ok: true })
    expect(await keys.isGood(key.id)).toBe(true)
    clock.set(key.expiresAt)
    expect(await keys.check(secret)).toEqual({ ok: false, reason: 'expired' })
    expect(await keys.isGood(key.id)).toBe(false)
  })

  test('is refused from the moment it is revoked, for ever', async () => {
    const { keys } = start()
    const { secret, key } = await keys.create(NEW)
    expect(await keys.revoke(key.id, { actor: 'operator:grace' })).toBe(true)
    expect(await keys.check(secret)).toEqual({ ok: false, reason: 'revoked' })
    expect(await keys.isGood(key.id)).toBe(false)
    expect(await keys.revoke(key.id)).toBe(false)
    expect(await keys.revoke('no id')).toBe(false)
  })

  test('cannot be told about while the store does not answer', async () => {
    const { keys } = start(UNREACHABLE)
    await expect(keys.check(`sjk_${'0'.repeat(16)}.${'A'.repeat(43)}`)).rejects.toThrow('does not answer')
  })
})

describe('the use of a key', () => {
  test('is noted at once and then once a minute at most', async () => {
    const { keys, store, clock } = start()
    const { secret, key } = await keys.create(NEW)
    const noted = async (): Promise<number | null | undefined> => (await store.byId(key.id))?.lastUsedAt
    await keys.check(secret)
    const first = clock.now()
    expect(await noted()).toBe(first)
    clock.advance('59s')
    await keys.check(secret)
    expect(await noted()).toBe(first)
    clock.advance('1s')
    await keys.check(secret)
    expect(await noted()).toBe(clock.now())
  })

  test('is let through although it cannot be noted, and somebody is told', async () => {
    const memory = new MemoryStore().apiKeys
    const store: ApiKeyStore = {
      add: (...given) => memory.add(...given),
      byId: (id) => memory.byId(id),
      list: () => memory.list(),
      revoke: (...given) => memory.revoke(...given),
      noteUse: () => Promise.reject(new Error('the disk is full')),
    }
    const { keys, troubles } = start(store)
    const { secret } = await keys.create(NEW)
    expect(await keys.check(secret)).toMatchObject({ ok: true })
    expect(troubles).toHaveLength(1)
  })
})

test('a key can be looked up by its id, and by nothing else', async () => {
  const { keys, store } = start()
  const record = makeApiKey()
  await store.add(record, { at: record.createdAt, actor: 'system' })
  expect(await keys.get(record.id)).toMatchObject({ id: record.id, lastUsedAt: null })
  expect(await keys.get('0000000000000000')).toBeNull()
  expect(await keys.get(`sjk_${record.id}`)).toBeNull()
})

/** A store that does not answer. */
const UNREACHABLE: ApiKeyStore = {
  add: () => unreachable(),
  byId: () => unreachable(),
  list: () => unreachable(),
  revoke: () => unreachable(),
  noteUse: () => unreachable(),
}

function unreachable(): Promise<never> {
  return Promise.reject(new Error('the store does not answer'))
}
