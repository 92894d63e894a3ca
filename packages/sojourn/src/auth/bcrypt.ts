import { SojournError } from '../core/errors.ts'

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** A round more doubles the time; 15 take more than a second, 31 a day. */
const COST_LIMIT = 15
const LEAST_COST = 4
/** bcrypt reads no further, so two passwords that differ after it would be the same one. */
const BYTES_LIMIT = 72

/** Whether a stored hash is one of bcrypt's, at a cost that can be paid. */
export function isBcrypt(stored: string): boolean {
  const cost = Number(BCRYPT.exec(stored)?.[1])
  return cost >= LEAST_COST && cost <= COST_LIMIT
}

/**
 * Whether a bcrypt hash was made from this password. A password that bcrypt would cut (over 72 bytes, or with a
 * NUL inside) and an empty one never match, after the same work. Rejects when the optional package `@node-rs/bcrypt` is missing.
 */
export async function verifyBcrypt(password: string, stored: string): Promise<boolean> {
  const isUsable = password !== '' && Buffer.byteLength(password) <= BYTES_LIMIT && !password.includes('\0')
  const bcrypt = await loadBcrypt()
  return (await bcrypt.verify(isUsable ? password : '', stored)) && isUsable
}

async function loadBcrypt(): Promise<{ verify(password: string, hash: string): Promise<boolean> }> {
  try {
    return await import('@node-rs/bcrypt')
  } catch (cause) {
    throw new SojournError(
      'dependency_missing',
      'a password is kept as a bcrypt hash, which takes a package to verify; run npm install @node-rs/bcrypt',
      { cause },
    )
  }
}
