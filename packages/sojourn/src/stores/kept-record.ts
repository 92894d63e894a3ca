import { parseAttributes } from '../core/arguments.ts'
import { SojournError } from '../core/errors.ts'
import type { SessionRecord } from '../core/session.ts'

/** A copy of a record that nobody outside can change. Throws when it cannot be kept exactly as it is. */
export function keptRecord(record: SessionRecord): SessionRecord {
  const { createdAt, authenticatedAt, lastAccessedAt, expiresAt, endsAt, previousUntil, loggedOutAt } = record
  assertInstants({ createdAt, authenticatedAt, lastAccessedAt, expiresAt, endsAt })
  assertInstants({ previousUntil: previousUntil ?? 0, loggedOutAt: loggedOutAt ?? 0 })
  return Object.freeze({
    ...record,
    secretHash: Uint8Array.from(record.secretHash),
    nextHash: copyOf(record.nextHash),
    nextSalt: copyOf(record.nextSalt),
    previousHashes: Object.freeze(record.previousHashes.map((hash) => Uint8Array.from(hash))),
    attributes: parseAttributes(JSON.stringify(record.attributes)),
  })
}

/** Throws `invalid_argument` unless each is a whole number of milliseconds. */
export function assertInstants(instants: Readonly<Record<string, number>>): void {
  for (const [name, instant] of Object.entries(instants)) {
    if (!Number.isSafeInteger(instant)) {
      throw new SojournError('invalid_argument', `${name} is ${instant}; give whole milliseconds since 1970`)
    }
  }
}

function copyOf(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : Uint8Array.from(bytes)
}
