import { resolve } from 'node:path'
import { wrongUsage } from './failure.ts'

/** Where `sojourn` looks when nothing is said. */
export const DEFAULT_DATABASE_URL = 'sqlite:./sojourn.db'

/** The path that SQLite knows a database in memory by. */
export const IN_MEMORY = ':memory:'

/** A database URL, understood. None of its messages repeats the URL, which may have a password in it. */
export type DatabaseUrl = SqliteUrl | PostgresUrl | RedisUrl

/** A file. */
export interface SqliteUrl {
  readonly kind: 'sqlite'
  /** An absolute path, or `:memory:`. */
  readonly place: string
  readonly hasPassword: false
}

/** What every database has that is reached over a network. */
interface NetworkUrl {
  /** The URL without its password and its settings: fit to be shown. */
  readonly place: string
  readonly hasPassword: boolean
  /** Settings after `?` that are ours; `deadline`, `allow-unsafe` and `hints` on every engine. */
  readonly settings: Readonly<Record<string, string>>
}

/** A PostgreSQL database. */
export interface PostgresUrl extends NetworkUrl {
  readonly kind: 'postgres'
  /** The URL for the driver, without our settings. */
  readonly connection: string
}

/** A Redis or Valkey server, or a cluster of them. */
export interface RedisUrl extends NetworkUrl {
  readonly kind: 'redis'
  readonly isCluster: boolean
  readonly isEncrypted: boolean
  /** `host:port` each; one, and in a cluster those to ask first. */
  readonly nodes: readonly string[]
  readonly username: string | null
  readonly password: string | null
  /** The number of the database; 0 in a cluster. */
  readonly number: number
}

const SCHEME = /^([a-z][a-z0-9+.-]+):/i
const KINDS = "'sqlite:./sojourn.db', 'postgres://user@host/database' or 'redis://host:6379'"
const OURS = {
  postgres: ['deadline', 'allow-unsafe', 'hints', 'pool', 'prepare'],
  redis: ['deadline', 'allow-unsafe', 'hints', 'prefix'],
} as const
const REDIS = /^(rediss?)(\+cluster)?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/(\d{0,4}))?(?:\?([^#]*))?$/i
const HOST = /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i
const REDIS_PORT = 6_379

/** Understands a database URL, or says in one sentence what to give instead. */
export function databaseUrl(url: string): DatabaseUrl {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'postgres':
    case 'postgresql':
      return postgresUrl(url)
    case 'redis':
    case 'rediss':
    case 'redis+cluster':
    case 'rediss+cluster':
      return redisUrl(url)
    case undefined:
    case 'sqlite':
      return { kind: 'sqlite', place: databasePath(url), hasPassword: false }
    default:
      throw wrongUsage(`databases of the kind '${scheme}:' are not known to this release; give ${KINDS}`)
  }
}

/** The file a database URL names, as an absolute path, or `:memory:`. Takes `sqlite:./x.db`, `sqlite:///abs/x.db`, `sqlite::memory:` and plain paths. */
export function databasePath(url: string): string {
  if (url === '' || url.includes('\0'))
    throw wrongUsage(`the database URL is empty; give one such as '${DEFAULT_DATABASE_URL}'`)
  if (url === IN_MEMORY) return IN_MEMORY
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return resolve(url)
  if (scheme !== 'sqlite') {
    throw wrongUsage(
      `a database of the kind '${scheme}:' is no file; give the file of one such as '${DEFAULT_DATABASE_URL}'`,
    )
  }
  const path = url.slice('sqlite:'.length).replace(/^\/\//, '')
  if (path === IN_MEMORY) return IN_MEMORY
  if (path === '') throw wrongUsage(`the database URL names no file; give one such as '${DEFAULT_DATABASE_URL}'`)
  if (path.includes('?'))
    throw wrongUsage("the database URL has settings after '?', which are not understood; give the file alone")
  return resolve(path)
}

function postgresUrl(url: string): PostgresUrl {
  const parsed = URL.parse(url)
  if (parsed === null || parsed.pathname.length < 2 || !isDecodable(url)) {
    throw wrongUsage("the postgres URL is not understood; give one such as 'postgres://user@host:5432/database'")
  }
  const settings = takeSettings(parsed.searchParams, OURS.postgres)
  const hasPassword = parsed.password !== '' || [...parsed.searchParams.keys()].some((name) => /passw/i.test(name))
  const user = parsed.username === '' ? '' : `${parsed.username}@`
  const place = `postgres://${user}${parsed.host}${parsed.pathname}`
  return { kind: 'postgres', place, hasPassword, settings, connection: parsed.href }
}

function redisUrl(url: string): RedisUrl {
  const [, scheme = '', cluster, credentials, hosts = '', number = '', search = ''] = REDIS.exec(url) ?? []
  const nodes = hosts.split(',')
  if (!nodes.every((node) => HOST.test(node)) || !isDecodable(url)) {
    throw wrongUsage(
      "the redis URL is not understood; give one such as 'redis://host:6379/0', or 'redis+cluster://host:6379,other:6379' for a cluster",
    )
  }
  const isCluster = cluster !== undefined
  if (!isCluster && nodes.length > 1) {
    throw wrongUsage('the redis URL names several hosts; begin it with redis+cluster:// where they are one cluster')
  }
  if (isCluster && number !== '' && number !== '0') {
    throw wrongUsage(
      `the redis URL asks for database ${number}, and a cluster has only database 0; leave the number out`,
    )
  }
  const given = new URLSearchParams(search)
  const settings = takeSettings(given, OURS.redis)
  const [unknown] = [...given.keys()]
  if (unknown !== undefined) {
    throw wrongUsage(
      `the redis URL has a setting after '?' that is not understood; the settings are ${OURS.redis.join(', ')}`,
    )
  }
  const [username = '', ...password] = (credentials ?? '').split(':').map(decodeURIComponent)
  const shown = nodes.map((node) => (/:\d+$/.test(node) ? node : `${node}:${REDIS_PORT}`))
  const user = username === '' ? '' : `${encodeURIComponent(username)}@`
  const path = number === '' || number === '0' ? '' : `/${number}`
  return {
    kind: 'redis',
    place: `${scheme.toLowerCase()}${isCluster ? '+cluster' : ''}://${user}${shown.join(',')}${path}`,
    hasPassword: password.length > 0,
    settings,
    isCluster,
    isEncrypted: scheme.toLowerCase() === 'rediss',
    nodes: shown,
    username: username === '' ? null : username,
    password: password.length === 0 ? null : password.join(':'),
    number: Number(number),
  }
}

/** Takes what is ours out of the settings of a URL; what is left is the driver's. */
function takeSettings(given: URLSearchParams, ours: readonly string[]): Readonly<Record<string, string>> {
  const taken: Record<string, string> = {}
  for (const name of ours) {
    const value = given.get(name)
    if (value !== null) taken[name] = value
    given.delete(name)
  }
  return taken
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}
