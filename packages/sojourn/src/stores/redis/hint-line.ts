import { SojournError } from '../../core/errors.ts'
import type { HintLine, LineEvents, OpenLine } from '../hints.ts'
import { isCluster, isSentinel } from './client.ts'
import type { AnyRedis, RedisClient, RedisListener, RedisSubscribing } from './client.ts'
import type { RedisConnection } from './connection.ts'
import type { Keys } from './keys.ts'

/** What a client of several servers tells when it has another connection than before. */
const RENEWED = { cluster: 'node-ready', sentinel: 'topology-change' } as const

/** Hints by `PUBLISH`. A client of one server is doubled to listen, the others have a connection for that themselves. */
export class RedisHintLine implements HintLine {
  readonly #connection: RedisConnection
  readonly #client: AnyRedis
  readonly #channel: string

  /** Throws `invalid_option` for a client that cannot listen. */
  constructor(connection: RedisConnection, client: AnyRedis, keys: Keys) {
    const hasOwn = isCluster(client) || isSentinel(client)
    if (hasOwn ? client.subscribe === undefined : client.duplicate === undefined) {
      throw new SojournError(
        'invalid_option',
        'hints is true, and the client can neither subscribe nor be doubled; give a client of node-redis 6, or leave hints out',
      )
    }
    this.#connection = connection
    this.#client = client
    // A server has its channels for all its databases together.
    this.#channel = keys.hints(hasOwn ? 0 : (client.options?.database ?? 0))
  }

  say(words: string): Promise<unknown> {
    return this.#connection.command(this.#channel, ['PUBLISH', this.#channel, words])
  }

  open(events: LineEvents): OpenLine {
    const client = this.#client
    if (isCluster(client)) return openOwn(client, RENEWED.cluster, this.#channel, events)
    if (isSentinel(client)) return openOwn(client, RENEWED.sentinel, this.#channel, events)
    return openDouble(client, this.#channel, events)
  }
}

/** Comes back by itself after a loss, with what it listens to. */
function openDouble(client: RedisClient, channel: string, { heard, missed }: LineEvents): OpenLine {
  const double = client.duplicate!()
  double.on('error', nothing)
  const open = async (): Promise<void> => {
    await double.connect()
    await double.subscribe(channel, (words) => heard(String(words)))
    double.on('ready', missed)
  }
  const isOpen = open()
  return {
    isOpen,
    close: async () => {
      if (double.isOpen) double.destroy()
    },
  }
}

function openOwn(client: RedisSubscribing, renewed: string, channel: string, { heard, missed }: LineEvents): OpenLine {
  // A listener is known by itself.
  const listener: RedisListener = (words) => heard(String(words))
  client.on?.(renewed, missed)
  const isOpen = client.subscribe!(channel, listener)
  return {
    isOpen,
    close: async () => {
      client.removeListener?.(renewed, missed)
      // Not waited for: while its server is away the client keeps this for later.
      isOpen.then(() => client.unsubscribe?.(channel, listener)).catch(nothing)
    },
  }
}

function nothing(): void {}
