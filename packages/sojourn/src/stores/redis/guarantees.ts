import { SojournError } from '../../core/errors.ts'
import type { Guarantees } from '../../core/store.ts'
import type { ServerFacts } from './facts.ts'

/** The settings that may be other than the promises need, if allowed by name. */
const NEEDED = {
  'maxmemory-policy': ({ evictionPolicy }: ServerFacts) => evictionPolicy === 'noeviction',
  appendonly: ({ isAppending }: ServerFacts) => isAppending,
} as const

const WHY: Readonly<Record<keyof typeof NEEDED, string>> = {
  'maxmemory-policy': 'it may throw sessions away when memory runs short; set maxmemory-policy noeviction',
  appendonly: 'it forgets ended sessions when it restarts; set appendonly yes',
}

const NAMES = Object.keys(NEEDED) as readonly (keyof typeof NEEDED)[]

/** Throws `unsafe_settings` for a server on which a promise could not be kept, unless that was allowed by name. */
export function assertSafe(servers: readonly ServerFacts[], allowed: readonly string[]): void {
  const unknown = allowed.find((name) => !NAMES.some((each) => each === name))
  if (unknown !== undefined) {
    const known = NAMES.join(`', '`)
    throw new SojournError('invalid_option', `allowUnsafe names '${unknown.slice(0, 40)}'; it may name '${known}'`)
  }
  if (servers.some(({ isPrimary }) => !isPrimary)) {
    throw new SojournError('unsafe_settings', 'the redis server is a replica and may be behind; connect to the primary')
  }
  for (const name of NAMES) {
    if (servers.every(NEEDED[name]) || allowed.includes(name)) continue
    throw new SojournError(
      'unsafe_settings',
      `the redis server has another ${name} than sessions need: ${WHY[name]}, or allow it with allowUnsafe: ['${name}']`,
    )
  }
}

/** What a store on these servers promises. */
export function redisGuarantees(servers: readonly ServerFacts[], isCluster: boolean): Guarantees {
  const isAppending = servers.every(NEEDED.appendonly)
  const isKept = servers.every(NEEDED['maxmemory-policy'])
  const syncs = servers.map(({ appendfsync }) => appendfsync)
  const survives = isAppending && isKept
  const replicas = servers.reduce((most, server) => Math.max(most, server.replicas), 0)
  return {
    engine: [...new Set(servers.map(({ engine }) => engine))].join(', '),
    survivesProcessKill: survives,
    survivesPowerLoss: survives && syncs.every((sync) => sync === 'always'),
    revocationBound: 0,
    settings: {
      'maxmemory-policy': said(servers.map(({ evictionPolicy }) => evictionPolicy)),
      appendonly: isAppending ? 'yes' : 'no',
      appendfsync: said(syncs.map((sync) => sync ?? 'unknown')),
      cluster: isCluster,
      replicas,
    },
    warnings: [
      ...NAMES.filter((name) => !servers.every(NEEDED[name])).map(
        (name) => `${name} is not what the promises need and was allowed by name: ${WHY[name]}`,
      ),
      ...(isAppending ? warningsOfSync(syncs) : []),
      ...(replicas > 0 ? [FAILOVER] : []),
      ...(isCluster ? [CLUSTER] : []),
    ],
  }
}

const FAILOVER =
  'replicas hear of a write after it was acknowledged: when one takes over, sessions that ended just before may stand ' +
  'again until a node that knows of it has noticed and ended them again, about a second later; logins of that moment may be lost'

const CLUSTER =
  'in a cluster, lists and figures are read from one server after the other and are not of one instant; while slots move ' +
  'from one server to another, the sessions in them cannot be told'

function warningsOfSync(syncs: readonly (string | null)[]): readonly string[] {
  if (syncs.every((sync) => sync === 'always')) return []
  return syncs.includes(null)
    ? [
        'the server does not say what appendfsync is; unless it is always, a loss of power may bring back sessions that ended just before',
      ]
    : [
        `appendfsync is ${said(syncs.map((sync) => sync ?? 'unknown'))}: a loss of power may bring back sessions that ended in the last seconds; set appendfsync always`,
      ]
}

function said(values: readonly string[]): string {
  return [...new Set(values)].join(', ')
}
