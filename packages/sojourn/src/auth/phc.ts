/** An argon2id hash taken apart, with everything that is needed to make it again from the password. */
export interface Argon2Hash extends Argon2Cost {
  readonly salt: Uint8Array
  readonly tag: Uint8Array
}

/** What an argon2id hash costs to make. */
export interface Argon2Cost {
  /** KiB. */
  readonly memory: number
  /** How often the memory is gone through. */
  readonly passes: number
  readonly parallelism: number
}

/** The most that a stored hash may ask for, so that one planted in the database cannot take the host down: 1 GiB, 16 passes. */
export const COST_LIMIT: Argon2Cost = { memory: 1_048_576, passes: 16, parallelism: 16 }

const PHC =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
/** RFC 9106, section 3.1: eight blocks for each lane. */
const LEAST_MEMORY_FOR_EACH_LANE = 8

/** The one spelling of a hash: `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, base64 without padding. */
export function formatPhc({ memory, passes, parallelism, salt, tag }: Argon2Hash): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`
}

/** Reads a hash back, or answers null for anything but that one spelling within `COST_LIMIT`. */
export function parsePhc(text: string): Argon2Hash | null {
  const parts = PHC.exec(text)
  if (parts === null) return null
  const [memory, passes, parallelism] = parts.slice(1, 4).map(Number) as [number, number, number]
  const salt = decode(parts[4]!)
  const tag = decode(parts[5]!)
  if (salt === null || tag === null || !isAffordable({ memory, passes, parallelism })) return null
  return { memory, passes, parallelism, salt, tag }
}

function isAffordable({ memory, passes, parallelism }: Argon2Cost): boolean {
  return (
    memory >= LEAST_MEMORY_FOR_EACH_LANE * parallelism &&
    memory <= COST_LIMIT.memory &&
    passes <= COST_LIMIT.passes &&
    parallelism <= COST_LIMIT.parallelism
  )
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}

function decode(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return encode(bytes) === text ? bytes : null
}
