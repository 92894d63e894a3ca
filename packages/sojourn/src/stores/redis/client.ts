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
  /** Needed for hints: another client like this one, on which somebody listens. */
  duplicate?(): RedisSubscriber
  /** Hints are of one database of the server. */
  readonly options?: { readonly database?: number | undefined } | undefined
  readonly masters?: undefined
  readonly getMasterNode?: undefined
}

/** Called with what somebody says on a channel. */
export type RedisListener = (message: RedisWord) => void

/** What this store calls on a client of one server that listens, not connected yet. */
export interface RedisSubscriber {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  destroy(): void
  subscribe(channel: string, listener: RedisListener): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready', listener: () => void): unknown
}

/** What this store calls, where there are to be hints, on a client that speaks to several servers. */
export interface RedisSubscribing {
  subscribe?(channel: string, listener: RedisListener): Promise<unknown>
  unsubscribe?(channel: string, listener: RedisListener): Promise<unknown>
  on?(event: string, listener: () => void): unknown
  removeListener?(event: string, listener: () => void): unknown
}

/** What this store calls on a client of a cluster: `createCluster()` of node-redis 6, connected. */
export interface RedisCluster extends RedisSubscribing {
  sendCommand(firstKey: string, isReadonly: boolean, words: RedisWord[], reading: RedisReading): Promise<unknown>
  readonly masters: readonly unknown[]
}

/** What this store calls on a client that asks sentinels for the primary: `createSentinel()` of node-redis 6, connected. */
export interface RedisSentinel extends RedisSubscribing {
  sendCommand(isReadonly: boolean, words: RedisWord[], reading: RedisReading): Promise<unknown>
  getMasterNode(): unknown
  readonly masters?: undefined
}

/** Any of the three. */
export type AnyRedis = RedisClient | RedisCluster | RedisSentinel

/** Sends a command to the server that holds a key. */
export type Send = (key: string, words: RedisWord[]) => Promise<unknown>

/** `RESP_TYPES.BLOB_STRING` of node-redis, by its number. */
const AS_BYTES: RedisReading = { typeMapping: { 36: Buffer } }

/** Whether a client speaks to a cluster. Throws `invalid_option` for what is no client. */
export function isCluster(client: AnyRedis): client is RedisCluster {
  if (typeof client !== 'object' || client === null || typeof client.sendCommand !== 'function') {
    throw new SojournError(
      'invalid_option',
      'client has no sendCommand; give a connected client, cluster or sentinel of node-redis 6',
    )
  }
  return client.masters !== undefined
}

/** One way to speak to all of them. Nothing is ever read from a replica, which may not have heard of an end. */
export function sender(client: AnyRedis): Send {
  if (isCluster(client)) return (key, words) => client.sendCommand(key, false, words, AS_BYTES)
  if (isSentinel(client)) return (_, words) => client.sendCommand(false, words, AS_BYTES)
  return (_, words) => client.sendCommand(words, AS_BYTES)
}

/** Whether a client asks sentinels. */
export function isSentinel(client: RedisClient | RedisSentinel): client is RedisSentinel {
  return client.getMasterNode !== undefined
}
