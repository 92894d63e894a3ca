import { parseAttributes } from '../../core/arguments.ts'
import type { EndReason, SessionRecord } from '../../core/session.ts'
import type { SessionPatch } from '../../core/store.ts'
import type { SessionId } from '../../core/token.ts'
import { splitHashes } from '../joined-hashes.ts'
import { assertInstants } from '../kept-record.ts'
import { meaningOf } from './errors.ts'
import { Unpacker } from './packing.ts'
import type { Packable } from './packing.ts'

/**
 * Where each value stands in the packed list that is a session's own key, counted from 1 as the scripts do. The last is
 * the epoch of its user at the login: a session of an older epoch than its user's has ended, whatever else it says.
 */
export const PLACES = {
  id: 1,
  userId: 2,
  username: 3,
  secretHash: 4,
  nextHash: 5,
  nextSalt: 6,
  previousHashes: 7,
  previousUntil: 8,
  createdAt: 9,
  authenticatedAt: 10,
  lastAccessedAt: 11,
  expiresAt: 12,
  endsAt: 13,
  loggedOutAt: 14,
  endReason: 15,
  endedBy: 16,
  ipAddress: 17,
  userAgent: 18,
  method: 19,
  attributes: 20,
  version: 21,
  epoch: 22,
} as const satisfies Record<keyof SessionRecord | 'epoch', number>

const LENGTH = PLACES.epoch

/** The values of a session in their places. The script that inserts it writes the epoch. */
export function encodeSession(record: SessionRecord): readonly Packable[] {
  return [
    record.id,
    record.userId,
    record.username,
    record.secretHash,
    record.nextHash,
    record.nextSalt,
    Buffer.concat(record.previousHashes),
    record.previousUntil,
    record.createdAt,
    record.authenticatedAt,
    record.lastAccessedAt,
    record.expiresAt,
    record.endsAt,
    record.loggedOutAt,
    record.endReason,
    record.endedBy,
    record.ipAddress,
    record.userAgent,
    record.method,
    JSON.stringify(record.attributes),
    record.version,
    0,
  ]
}

/** A session from the bytes of its own key, frozen. Throws `store_corrupt` when they are no session. */
export function decodeSession(bytes: unknown): SessionRecord {
  try {
    return decode(bytes as Buffer)
  } catch (error) {
    throw meaningOf(error)
  }
}

function decode(bytes: Buffer): SessionRecord {
  const values = new Unpacker(bytes, LENGTH)
  return Object.freeze({
    id: values.text() as SessionId,
    userId: values.text(),
    username: values.text(),
    secretHash: values.bytes(),
    nextHash: values.bytesOrNull(),
    nextSalt: values.bytesOrNull(),
    previousHashes: splitHashes(values.bytes()),
    previousUntil: values.numberOrNull(),
    createdAt: values.number(),
    authenticatedAt: values.number(),
    lastAccessedAt: values.number(),
    expiresAt: values.number(),
    endsAt: values.number(),
    loggedOutAt: values.numberOrNull(),
    endReason: values.textOrNull() as EndReason | null,
    endedBy: values.textOrNull(),
    ipAddress: values.textOrNull(),
    userAgent: values.textOrNull(),
    method: values.textOrNull(),
    attributes: parseAttributes(values.text()),
    version: values.number(),
  })
}

/** What an update changes, as pairs of a place and its new value. Throws where an instant is none. */
export function encodePatch(patch: SessionPatch): readonly Packable[] {
  const { previousUntil, authenticatedAt = 0, lastAccessedAt = 0, expiresAt = 0, endsAt = 0 } = patch
  assertInstants({ previousUntil: previousUntil ?? 0, authenticatedAt, lastAccessedAt, expiresAt, endsAt })
  const changes: readonly (readonly [place: number, value: Packable | undefined])[] = [
    [PLACES.secretHash, patch.secretHash],
    [PLACES.nextHash, patch.nextHash],
    [PLACES.nextSalt, patch.nextSalt],
    [PLACES.previousHashes, patch.previousHashes && Buffer.concat(patch.previousHashes)],
    [PLACES.previousUntil, patch.previousUntil],
    [PLACES.authenticatedAt, patch.authenticatedAt],
    [PLACES.lastAccessedAt, patch.lastAccessedAt],
    [PLACES.expiresAt, patch.expiresAt],
    [PLACES.endsAt, patch.endsAt],
    [PLACES.attributes, patch.attributes && JSON.stringify(patch.attributes)],
    [PLACES.method, patch.method],
  ]
  return changes.flatMap(([place, value]) => (value === undefined ? [] : [[place, value]]))
}
