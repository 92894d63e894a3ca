import assert from 'node:assert/strict'
import type { EventRecord } from '../../core/events.ts'
import type { Store } from '../../core/store.ts'
import { storeCase } from '../contract-case.ts'
import type { ContractCase } from '../contract-case.ts'
import { HOUR, NOON, makeRecord } from '../records.ts'
import { PLENTY, history, insertAll } from './observe.ts'

type Copy = NonNullable<Store['copyHistory']>
type CopiedTo = NonNullable<Store['historyCopiedTo']>

const FAILED: EventRecord = {
  position: 7,
  at: NOON - HOUR,
  type: 'login_failed',
  sessionId: null,
  userId: null,
  actor: 'user',
  reason: null,
  ipAddress: '192.0.2.66',
  detail: null,
}
const CHANGED: EventRecord = {
  ...FAILED,
  position: 9,
  at: NOON,
  type: 'password_changed',
  userId: 'user-1',
  detail: 'by é',
}

/** About methods that a store may leave out: one that does passes them all. */
export const copyCases: readonly ContractCase[] = [
  copyCase(
    'lines of another history are told as they are, in their order, among those of the sessions',
    async (store, copy) => {
      await insertAll(store, makeRecord())
      assert.equal(await copy(null, 'b', [FAILED, CHANGED]), true)
      await insertAll(store, makeRecord())
      const told = await history(store)
      assert.deepEqual(
        told.map(({ type }) => type),
        ['session_created', 'login_failed', 'password_changed', 'session_created'],
      )
      assert.deepEqual(told.slice(1, 3).map(placeless), [FAILED, CHANGED].map(placeless))
      const positions = told.map(({ position }) => position)
      assert.deepEqual(
        positions,
        positions.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(positions).size, 4)
    },
  ),

  copyCase('copied lines are found by user, by type and by instant', async (store, copy) => {
    await copy(null, 'b', [FAILED, CHANGED])
    const found = async (query: object): Promise<readonly string[]> =>
      (await store.events({ ...query, limit: PLENTY })).map(({ type }) => type)
    assert.deepEqual(await found({}), ['password_changed', 'login_failed'])
    assert.deepEqual(await found({ userId: 'user-1' }), ['password_changed'])
    assert.deepEqual(await found({ type: 'login_failed' }), ['login_failed'])
    assert.deepEqual(await found({ since: NOON }), ['password_changed'])
    assert.deepEqual(await found({ userId: 'nobody' }), [])
  }),

  copyCase(
    'how far was copied is nothing at first, and then what the last copy said',
    async (store, copy, copiedTo) => {
      assert.equal(await copiedTo(), null)
      await copy(null, 'first', [FAILED])
      assert.equal(await copiedTo(), 'first')
      await copy('first', 'second', [])
      assert.equal(await copiedTo(), 'second')
      assert.equal((await history(store)).length, 1)
    },
  ),

  copyCase(
    'whoever goes on from where somebody else has gone on already copies nothing',
    async (store, copy, copiedTo) => {
      const both = await Promise.all([copy(null, 'one', [FAILED]), copy(null, 'other', [FAILED])])
      assert.deepEqual(both.toSorted(), [false, true])
      assert.equal(await copiedTo(), both[0] ? 'one' : 'other')
      assert.equal(await copy(null, 'late', [CHANGED]), false)
      assert.equal(await copy('never', 'late', [CHANGED]), false)
      assert.deepEqual(
        (await history(store)).map(({ type }) => type),
        ['login_failed'],
      )
    },
  ),

  copyCase('copied lines go with their retention', async (store, copy, copiedTo) => {
    await copy(null, 'b', [FAILED, CHANGED])
    await insertAll(store, makeRecord())
    assert.deepEqual(await store.prune(NOON, PLENTY), { sessions: 0, events: 1 })
    assert.deepEqual(
      (await history(store)).map(({ type }) => type),
      ['password_changed', 'session_created'],
    )
    assert.equal(await copiedTo(), 'b')
  }),
]

function copyCase(
  name: string,
  attempt: (store: Store, copy: Copy, copiedTo: CopiedTo) => Promise<void>,
): ContractCase {
  return storeCase(name, async (store) => {
    const { copyHistory, historyCopiedTo } = store
    if (copyHistory === undefined && historyCopiedTo === undefined) return
    assert.ok(copyHistory !== undefined && historyCopiedTo !== undefined, 'the one is of no use without the other')
    await attempt(store, copyHistory.bind(store), historyCopiedTo.bind(store))
  })
}

/** The line wherever it stands. */
function placeless(line: EventRecord): EventRecord {
  return { ...line, position: 0 }
}
