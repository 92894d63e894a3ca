/** What programs write for an instant, as a column holds it. */
export type StoredInstant = string | number | bigint | Uint8Array | null

/**
 * ISO 8601: date, `T` or a space, time, a fraction of any length, and `Z`, an offset or nothing.
 * Numbers in text columns come back as text, hence the second pattern.
 */
const ISO =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?: ?(?:[Zz]|UTC|([+-])(\d{2}):?(\d{2})?))?$/
const NUMBER = /^\d{1,15}(?:\.\d+)?$/
/** Numbers from here on are milliseconds: as seconds this is the year 5138, as milliseconds it is 1973. */
const FIRST_AS_MILLISECONDS = 100_000_000_000
const END_OF_9999 = Date.UTC(10_000, 0)

/**
 * Milliseconds since 1970, UTC, of an instant as another program stored it: ISO 8601 text, where no offset means
 * UTC, or a number of seconds or milliseconds. Finer fractions are cut off, not rounded, so that nothing moves
 * into the future. Null for anything else, for dates that no calendar has, and for years before 1970 or after 9999.
 */
export function readInstant(value: StoredInstant): number | null {
  const instant = typeof value === 'string' && !NUMBER.test(value) ? fromIso(value) : fromNumber(value)
  return instant !== null && instant >= 0 && instant < END_OF_9999 ? instant : null
}

function fromNumber(value: StoredInstant): number | null {
  if (value === null || value instanceof Uint8Array) return null
  const number = Number(value)
  // By way of microseconds: 1795457076.657 times 1000 lands just below the millisecond that is meant.
  return Math.floor(number < FIRST_AS_MILLISECONDS ? Math.round(number * 1_000_000) / 1_000 : number)
}

function fromIso(text: string): number | null {
  const match = ISO.exec(text)
  if (match === null) return null
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0))
  const local = Date.UTC(year!, month! - 1, day, hour, minute, second)
  const found = new Date(local)
  // Date.UTC carries over: the 30th of February would become the 2nd of March.
  if (found.getUTCDate() !== day || found.getUTCMonth() !== month! - 1 || found.getUTCHours() !== hour) return null
  if (minute! > 59 || second! > 59) return null
  const offset = offsetOf(match[8], match[9], match[10])
  return offset === null ? null : local + millisecondsOf(match[7]) - offset
}

function millisecondsOf(fraction = ''): number {
  return Number(fraction.slice(0, 3).padEnd(3, '0'))
}

function offsetOf(sign: string | undefined, hours = '0', minutes = '0'): number | null {
  if (sign === undefined) return 0
  if (Number(hours) > 23 || Number(minutes) > 59) return null
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
