import type { SessionRecord } from '../packages/sojourn/src/core/session.ts'
import { pack } from '../packages/sojourn/src/stores/redis/packing.ts'
import { encodeSession } from '../packages/sojourn/src/stores/redis/records.ts'
import type { RawDeeds, RawSessions } from './networked.ts'
import { anyLogin } from './raw.ts'

/** What the keys of a store begin with whose sessions are written by hand. */
export const BY_HAND = 'by-hand:'
/** What lies between the positions of two events. */
const STEP = 16

type Words = (string | Buffer)[]

/** What is asked of a client of node-redis. */
interface Client {
  xInfoStream(key: string): Promise<{ readonly 'last-generated-id': unknown }>
  multi(): { addCommand(words: Words): unknown; exec(): Promise<readonly unknown[]> }
}

/** What an event tells besides its position and its instant. */
type Told = Readonly<Record<string, string>>

/** Sessions in the keys that the scripts of the store write, each deed in one transaction, sent in one piece. */
export class RawRedis implements RawSessions {
  readonly form = '; raw with the same keys'
  readonly #client: Client
  readonly #size: number
  #position: number

  /** Goes on where the store has stopped that filled these keys. */
  static async open(client: Client, size: number): Promise<RawRedis> {
    const { 'last-generated-id': newest } = await client.xInfoStream(`${BY_HAND}events`)
    return new RawRedis(client, size, Number.parseInt(String(newest), 10))
  }

  private constructor(client: Client, size: number, position: number) {
    this.#client = client
    this.#size = size
    this.#position = position
  }

  login(): RawDeeds {
    const record = anyLogin(this.#size)
    const { createdAt: at, ipAddress } = record
    const ended = { endsAt: at, loggedOutAt: at, endReason: 'revoked', endedBy: 'system', version: 2 } as const
    const [creating, revoking] = [creation(record), end({ ...record, ...ended })]
    const created = { type: 'session_created', actor: 'user', ip: String(ipAddress), detail: 'password' }
    return {
      create: () => this.#write(creating, record, created),
      revoke: () => this.#write(revoking, record, { type: 'session_ended', actor: 'system', reason: 'revoked' }),
    }
  }

  /** The first command says, as both deeds have it, whether there is one open session more or fewer. */
  async #write(commands: readonly Words[], record: SessionRecord, told: Told): Promise<void> {
    this.#position += STEP
    const multi = this.#client.multi()
    for (const words of commands) multi.addCommand(words)
    for (const words of telling(String(this.#position), record, told)) multi.addCommand(words)
    const [changed] = await multi.exec()
    if (Number(changed) !== 1) throw new Error(`${told['type']} by hand changed ${String(changed)} open sessions`)
  }
}

function creation(record: SessionRecord): readonly Words[] {
  const { id, userId, username } = record
  const created = String(record.createdAt)
  const accessed = String(record.lastAccessedAt)
  const ends = String(record.endsAt)
  return [
    ['ZADD', key('open:created'), created, id],
    ['ZADD', key('open:accessed'), accessed, id],
    ['ZADD', key('open:end'), ends, id],
    ['ZADD', key('open:authenticated'), String(record.authenticatedAt), id],
    ['ZADD', key(`open:user:${userId}`), created, id],
    ['ZINCRBY', key('open:users'), '1', userId],
    ['ZADD', key('all:created'), created, id],
    ['ZADD', key('all:accessed'), accessed, id],
    ['ZADD', key('all:end'), ends, id],
    ['ZADD', key(`all:name:${username}`), created, id],
    ['ZINCRBY', key('names'), '1', username],
    ['ZADD', key(`all:user:${userId}`), created, id],
    ['ZINCRBY', key('users'), '1', userId],
    ['HSETNX', key(`user:${userId}`), 'epoch', '0'],
    ['HSETNX', key(`user:${userId}`), 'created_at', created],
    ['HSET', key(`user:${userId}`), 'last_login_at', created],
    ['HINCRBY', key('totals'), 'all', '1'],
    ['HINCRBY', key('totals'), 'open', '1'],
    ['SET', key(`session:${id}`), pack(encodeSession(record))],
  ]
}

function end(record: SessionRecord): readonly Words[] {
  const { id, userId } = record
  return [
    ['ZREM', key('open:created'), id],
    ['ZREM', key('open:accessed'), id],
    ['ZREM', key('open:end'), id],
    ['ZREM', key('open:authenticated'), id],
    ['ZREM', key(`open:user:${userId}`), id],
    ['ZINCRBY', key('open:users'), '-1', userId],
    ['ZREMRANGEBYSCORE', key('open:users'), '-inf', '0'],
    ['HINCRBY', key('totals'), 'open', '-1'],
    ['ZADD', key('all:end'), String(record.endsAt), id],
    ['SET', key(`session:${id}`), pack(encodeSession(record))],
  ]
}

function telling(position: string, { id, userId, createdAt }: SessionRecord, told: Told): readonly Words[] {
  const at = String(createdAt)
  const fields = ['at', at, 'user', userId, 'session', id, ...Object.entries(told).flat()]
  return [
    ['XADD', key('events'), `${position}-0`, ...fields],
    ['ZADD', key('events:at'), at, position],
    ['ZADD', key(`events:user:${userId}`), position, position],
    ['ZADD', key(`events:session:${id}`), position, position],
  ]
}

function key(name: string): string {
  return BY_HAND + name
}
