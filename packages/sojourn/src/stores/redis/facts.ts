import type { RedisConnection } from './connection.ts'
import type { Partition } from './keys.ts'
import { text } from './replies.ts'
import { INFO } from './scripts/info.ts'

/** What a server says of itself. */
export interface ServerFacts {
  /** `redis` or `valkey`, and the version. */
  readonly engine: string
  readonly isPrimary: boolean
  readonly isOfCluster: boolean
  readonly replicas: number
  readonly evictionPolicy: string
  readonly isAppending: boolean
  /** Changes when the server restarts, and when another takes over. */
  readonly identity: string
  /** How often the log is synced to disk, or null where the server does not say. */
  readonly appendfsync: string | null
}

/** Asks the server that holds a partition. */
export async function readFacts(
  connection: RedisConnection,
  partition: Partition,
): Promise<Omit<ServerFacts, 'appendfsync'>> {
  const info = fields(text(await connection.evaluate(INFO, partition, [])))
  const { valkey_version: valkey, redis_version: redis = 'unknown' } = info
  return {
    engine: valkey === undefined ? `redis ${redis}` : `valkey ${valkey}`,
    isPrimary: info['role'] === 'master',
    isOfCluster: info['cluster_enabled'] === '1',
    replicas: Number(info['connected_slaves'] ?? 0),
    evictionPolicy: info['maxmemory_policy'] ?? 'unknown',
    isAppending: info['aof_enabled'] === '1',
    identity: `${info['run_id']} ${info['master_replid']}`,
  }
}

/** The same with the one setting that needs a right of its own to be read. */
export async function readAllFacts(connection: RedisConnection, partition: Partition): Promise<ServerFacts> {
  const facts = await readFacts(connection, partition)
  return { ...facts, appendfsync: await setting(connection, partition, 'appendfsync') }
}

async function setting(connection: RedisConnection, partition: Partition, name: string): Promise<string | null> {
  try {
    const reply: unknown = await connection.command(partition.base, ['CONFIG', 'GET', name])
    // A pair in the older protocol, a map in the newer.
    const value: unknown = Array.isArray(reply) ? reply[1] : Reflect.get(Object(reply) as object, name)
    return value === undefined ? null : text(value)
  } catch {
    // Many who rent a server may not read its configuration. The guarantees then say that it is not known.
    return null
  }
}

function fields(info: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [, name = '', value = ''] of info.matchAll(/^([a-z_]+\d*):(.*?)\r?$/gm)) values[name] = value
  return values
}
