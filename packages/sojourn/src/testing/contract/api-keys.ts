import assert from 'node:assert/strict'
import type { ApiKeyRecord, ApiKeyStore } from '../../auth/api-keys.ts'
import { apiKeyCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { DAY, HOUR, NOON, makeApiKey } from '../records.ts'
import { assertNothingChanges, told } from './observe.ts'

const MARK = { at: NOON + HOUR, actor: 'operator:grace', ipAddress: '192.0.2.1' }

export const apiKeyCases: readonly ContractCase[] = [
  apiKeyCase('a key reads back as it was added, to the millisecond and the byte', async (keys) => {
    const key = makeApiKey({
      name: 'nächtlicher Bericht, "täglich"',
      scopes: ['read', 'revoke', 'manage'],
      createdAt: NOON - DAY,
      expiresAt: NOON + DAY,
      lastUsedAt: NOON - 1,
      revokedAt: NOON + 1,
    })
    await addAll(keys, key, makeApiKey())
    assert.deepEqual(comparable(await keys.byId(key.id)), comparable(key))
  }),

  apiKeyCase('what is null of a key reads back as null', async (keys) => {
    const key = makeApiKey()
    await addAll(keys, key)
    assert.deepEqual(comparable(await keys.byId(key.id)), comparable(key))
  }),

  apiKeyCase('an unknown key is null, and no id stands for another', async (keys) => {
    await addAll(keys, makeApiKey({ id: '00000000000000aa' }))
    for (const id of ['00000000000000ab', '00000000000000AA', '00000000000000a', '', '%']) {
      assert.equal(await keys.byId(id), null)
    }
  }),

  apiKeyCase(
    'adding a key writes one key_created event with its name, and nothing of its secret',
    async (keys, store) => {
      await keys.add(makeApiKey({ name: 'nightly report' }), MARK)
      assert.deepEqual(await told(store), [
        { type: 'key_created', userId: null, sessionId: null, reason: null, ...MARK, detail: 'nightly report' },
      ])
    },
  ),

  apiKeyCase('a taken id is answered with false, and the key that has it stays as it is', async (keys, store) => {
    const key = makeApiKey()
    await addAll(keys, key)
    await assertNothingChanges(store, async () => {
      assert.equal(await keys.add(makeApiKey({ id: key.id, scopes: ['manage'] }), MARK), false)
    })
    assert.deepEqual(comparable(await keys.byId(key.id)), comparable(key))
  }),

  apiKeyCase('of ten who take one id at once exactly one gets it', async (keys) => {
    const attempts = Array.from({ length: 10 }, (_, place) =>
      makeApiKey({ id: '0000000000000001', name: `key ${place}` }),
    )
    const answers = await Promise.all(attempts.map((key) => keys.add(key, MARK)))
    assert.equal(answers.filter(Boolean).length, 1)
    assert.equal((await keys.byId('0000000000000001'))?.name, `key ${answers.indexOf(true)}`)
  }),

  apiKeyCase('keys are listed newest first, revoked and expired ones too', async (keys) => {
    const [old, revoked, over] = [
      makeApiKey({ createdAt: NOON - 2 }),
      makeApiKey({ createdAt: NOON, revokedAt: NOON + 1 }),
      makeApiKey({ createdAt: NOON - 1, expiresAt: NOON }),
    ]
    assert.deepEqual(await keys.list(), [])
    await addAll(keys, old, revoked, over)
    assert.deepEqual(
      (await keys.list()).map(({ id }) => id),
      [revoked.id, over.id, old.id],
    )
    assert.deepEqual(comparable((await keys.list())[0] ?? null), comparable(revoked))
  }),

  apiKeyCase('revoking a key notes when, tells history, and leaves the others alone', async (keys, store) => {
    const [key, other] = [makeApiKey({ name: 'to go' }), makeApiKey()]
    await addAll(keys, key, other)
    assert.equal(await keys.revoke(key.id, MARK), true)
    assert.deepEqual(comparable(await keys.byId(key.id)), comparable({ ...key, revokedAt: MARK.at }))
    assert.deepEqual(comparable(await keys.byId(other.id)), comparable(other))
    assert.deepEqual((await told(store)).at(-1), {
      type: 'key_revoked',
      userId: null,
      sessionId: null,
      reason: null,
      ...MARK,
      detail: 'to go',
    })
  }),

  apiKeyCase('a key is revoked once: again changes nothing and tells nothing', async (keys, store) => {
    const key = makeApiKey()
    await addAll(keys, key)
    const answers = await Promise.all([keys.revoke(key.id, MARK), keys.revoke(key.id, { ...MARK, at: MARK.at + 1 })])
    assert.equal(answers.filter(Boolean).length, 1)
    await assertNothingChanges(store, async () => {
      assert.equal(await keys.revoke(key.id, { ...MARK, at: MARK.at + 2 }), false)
      assert.equal(await keys.revoke('0000000000000000', MARK), false)
    })
    assert.equal((await told(store)).filter(({ type }) => type === 'key_revoked').length, 1)
    assert.ok(((await keys.byId(key.id))?.revokedAt ?? 0) <= MARK.at + 1)
  }),

  apiKeyCase('a use is noted forwards only, and tells history nothing', async (keys, store) => {
    const key = makeApiKey()
    await addAll(keys, key)
    await assertNothingChanges(store, async () => {
      for (const at of [NOON + 2, NOON + 1, NOON + 3]) await keys.noteUse(key.id, at)
    })
    assert.deepEqual(comparable(await keys.byId(key.id)), comparable({ ...key, lastUsedAt: NOON + 3 }))
    await keys.noteUse(key.id, NOON)
    assert.equal((await keys.byId(key.id))?.lastUsedAt, NOON + 3)
  }),

  apiKeyCase('a use of a key that is revoked or was never made leaves no trace', async (keys) => {
    const key = makeApiKey()
    await addAll(keys, key)
    await keys.revoke(key.id, MARK)
    await keys.noteUse(key.id, MARK.at + 1)
    assert.equal((await keys.byId(key.id))?.lastUsedAt, null)
    await keys.noteUse('0000000000000000', NOON)
    assert.equal(await keys.byId('0000000000000000'), null)
    assert.equal((await keys.list()).length, 1)
  }),
]

async function addAll(keys: ApiKeyStore, ...records: readonly ApiKeyRecord[]): Promise<void> {
  for (const record of records) assert.equal(await keys.add(record, MARK), true, `key '${record.id}' must be added`)
}

/** A key as it can be compared: bytes as text, whatever class they come in. */
function comparable(key: ApiKeyRecord | null): object | null {
  if (key === null) return null
  const { secretHash, scopes, ...rest } = key
  return { ...rest, scopes: [...scopes], secretHash: Buffer.from(secretHash).toString('hex') }
}
