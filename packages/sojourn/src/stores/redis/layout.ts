import { SojournError } from '../../core/errors.ts'
import type { RedisConnection } from './connection.ts'
import type { ServerFacts } from './facts.ts'
import type { Keys } from './keys.ts'
import { text } from './replies.ts'

/** The arrangement of keys that this release knows, and how many partitions it has. */
const RELEASE = 1

/**
 * Sees to it that the keys below a prefix are arranged as this store arranges them. Throws where they are arranged
 * otherwise, or where a client of one server was given for a server of a cluster.
 */
export async function assertLayout(
  connection: RedisConnection,
  keys: Keys,
  servers: readonly ServerFacts[],
): Promise<void> {
  if (!connection.isCluster && servers.some(({ isOfCluster }) => isOfCluster)) {
    throw new SojournError('invalid_option', 'the redis server belongs to a cluster; give the client of createCluster')
  }
  const layout = `${RELEASE} ${keys.partitions.length}`
  await connection.command(keys.layout, ['SET', keys.layout, layout, 'NX'])
  const found = text(await connection.command(keys.layout, ['GET', keys.layout]))
  if (found === layout) return
  throw new SojournError(
    found.startsWith(`${RELEASE} `) ? 'store_corrupt' : 'schema_newer',
    `the keys under '${keys.layout}' are arranged as '${found.slice(0, 40)}' where this store arranges them as '${layout}'; ` +
      'one server and a cluster keep them differently, and so may a newer release: give another prefix',
  )
}
