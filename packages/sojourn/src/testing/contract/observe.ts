import assert from 'node:assert/strict'
import type { EventRecord } from '../../core/events.ts'
import type { SessionRecord } from '../../core/session.ts'
import type { InsertGuard, ListQuery, SessionFilter, Store } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { makeMark } from '../records.ts'

/** More than any case makes. */
export const PLENTY = 1_000

/** Inserts sessions as logins at the instant each was created, and insists that it worked. */
export async function insertAll(store: Store, ...records: readonly SessionRecord[]): Promise<void> {
  for (const record of records) {
    const outcome = await store.insert(record, guardFor(record))
    assert.deepEqual(outcome, { ok: true, evicted: [] }, `session of '${record.userId}' must be inserted`)
  }
}

/** What a login at the instant a record was created says of itself. */
export function guardFor(record: SessionRecord, given: Partial<InsertGuard> = {}): InsertGuard {
  return { mark: makeMark({ at: record.createdAt }), ...given }
}

/** The record of a session that must be there. */
export async function read(store: Store, id: SessionId): Promise<SessionRecord> {
  const record = await store.get(id)
  assert.ok(record !== null, `session '${id}' must be there`)
  return record
}

/** A record as it can be compared: bytes as text, whatever class they come in. */
export function comparable(record: SessionRecord): object {
  const { secretHash, nextHash, nextSalt, previousHashes, attributes, ...rest } = record
  return {
    ...rest,
    secretHash: hex(secretHash),
    nextHash: nextHash === null ? null : hex(nextHash),
    nextSalt: nextSalt === null ? null : hex(nextSalt),
    previousHashes: previousHashes.map(hex),
    attributes: JSON.stringify(attributes),
  }
}

/** Insists that two records are the same to the millisecond and the byte. */
export function assertSameRecord(found: SessionRecord, expected: SessionRecord): void {
  assert.deepEqual(comparable(found), comparable(expected))
}

/** Ids of all sessions that match, in the order of creation. */
export async function idsOf(store: Store, filter: SessionFilter = {}): Promise<readonly SessionId[]> {
  return (await store.list(all(filter))).map(({ id }) => id)
}

/** A query for everything that matches, oldest first. */
export function all(filter: SessionFilter = {}): ListQuery {
  return { filter, sort: 'createdAt', descending: false, limit: PLENTY }
}

/** Every event there is, oldest first. */
export async function history(store: Store): Promise<readonly EventRecord[]> {
  return (await store.events({ limit: PLENTY })).toReversed()
}

/** Every event there is, oldest first, without its position. */
export async function told(store: Store): Promise<readonly Omit<EventRecord, 'position'>[]> {
  return (await history(store)).map(({ position, ...event }) => {
    assert.ok(Number.isSafeInteger(position), `position ${position}`)
    return event
  })
}

/** Insists that a deed leaves every session and the history exactly as they were. */
export async function assertNothingChanges(store: Store, deed: () => Promise<void>): Promise<void> {
  const before = await everything(store)
  await deed()
  assert.deepEqual(await everything(store), before, 'nothing may have changed')
}

/** Insists that a call is turned down with an error of ours, and answers its code. */
export async function rejection(call: Promise<unknown>): Promise<unknown> {
  const outcome = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  )
  assert.ok('error' in outcome, 'the call must reject')
  assert.ok(outcome.error instanceof Error && 'code' in outcome.error, `not an error of ours: ${String(outcome.error)}`)
  return outcome.error.code
}

async function everything(store: Store): Promise<object> {
  const records = await store.list(all())
  return { sessions: records.map(comparable), history: await history(store) }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
