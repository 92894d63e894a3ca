import type { SecretHash } from '../core/token.ts'

const HASH_BYTES = 32
const NO_HASHES: readonly SecretHash[] = Object.freeze([])

/** Superseded hashes as one value, newest first, or null when there are none. */
export function joinHashes(hashes: readonly SecretHash[]): Uint8Array | null {
  return hashes.length === 0 ? null : Buffer.concat(hashes)
}

/** The hashes of one value, frozen. Null and no bytes are none. */
export function splitHashes(joined: Uint8Array | null): readonly SecretHash[] {
  if (joined === null || joined.length === 0) return NO_HASHES
  const hashes: SecretHash[] = []
  for (let start = 0; start < joined.length; start += HASH_BYTES)
    hashes.push(joined.subarray(start, start + HASH_BYTES))
  return Object.freeze(hashes)
}
