import { argon2 } from 'node:crypto'
import type { Argon2Cost } from './phc.ts'

/** What goes into an argon2id tag. */
export interface Argon2Input extends Argon2Cost {
  readonly password: string
  readonly salt: Uint8Array
  /** Bytes of the tag. */
  readonly length: number
}

/** Computes an argon2id tag, away from the main thread. */
export type Argon2 = (input: Argon2Input) => Promise<Uint8Array>

let fastest: Promise<Argon2> | null = null

/** The optional package `@node-rs/argon2` where it can be loaded, and otherwise Node's own, which takes three times as long. */
export function fastestArgon2(): Promise<Argon2> {
  fastest ??= packageArgon2().then((found) => found ?? nodeArgon2)
  return fastest
}

/** argon2id by the package `@node-rs/argon2`, or null when it is not installed or not made for this host. */
export async function packageArgon2(): Promise<Argon2 | null> {
  try {
    const { hashRaw } = await import('@node-rs/argon2')
    return ({ password, salt, memory, passes, parallelism, length }) =>
      hashRaw(password, { salt, memoryCost: memory, timeCost: passes, parallelism, outputLen: length })
  } catch {
    return null
  }
}

/** argon2id by `node:crypto`. */
export function nodeArgon2({ password, salt, memory, passes, parallelism, length }: Argon2Input): Promise<Uint8Array> {
  const parameters = { message: password, nonce: salt, memory, passes, parallelism, tagLength: length }
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, tag) => {
      if (error === null) resolve(tag)
      else reject(error)
    })
  })
}
