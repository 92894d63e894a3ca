import { SojournError } from '../../core/errors.ts'

/** One word of a command. */
export type RedisWord = string | Buffer

/** How an answer is to be read: bulk text as bytes. */
export interface RedisReading {
  readonly typeMapping: { readonly 36: BufferConstructor }
}

/** What this store calls on a client of one server: `createClient()` of node-redis 6, connected. */
export interface RedisClient {
  sendCommand(words: RedisWord[], reading: RedisReading): Promise<unknown>
  readonly masters?: undefined
}

/** What this store calls on a client of a cluster: `createCluster()` of node-redis 6, connected. */
export interface RedisCluster {
  sendCommand(firstKey: string, isReadonly: boolean, words: RedisWord[], reading: RedisReading): Promise<unknown>
  readonly masters: readonly unknown[]
}

/** Sends a command to the server that holds a key. */
export type Send = (key: string, words: RedisWord[]) => Promise<unknown>

/** `RESP_TYPES.BLOB_STRING` of node-redis, by its number. */
const AS_BYTES: RedisReading = { typeMapping: { 36: Buffer } }

/** Whether a client speaks to a cluster. Throws `invalid_option` for what is no client. */
export function isCluster(client: RedisClient | RedisCluster): client is RedisCluster {
  if (typeof client !== 'object' || client === null || typeof client.sendCommand !== 'function') {
    throw new SojournError(
      'invalid_option',
      'client has no sendCommand; give the connected client or cluster of node-redis 6',
    )
  }
  return client.masters !== undefined
}

/** One way to speak to either. Nothing is ever read from a replica, which may not have heard of an end. */
export function sender(client: RedisClient | RedisCluster): Send {
  return isCluster(client)
    ? (key, words) => client.sendCommand(key, false, words, AS_BYTES)
    : (_, words) => client.sendCommand(words, AS_BYTES)
}
