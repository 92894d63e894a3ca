import { readFileSync } from 'node:fs'
import { definePolicy, isSojournError } from 'sojourn'
import type { Duration, PolicyOptions } from 'sojourn'
import { rangeProblem } from './client-address.ts'
import { LOG_LEVELS } from './log.ts'
import type { LogLevel } from './log.ts'
import type { ServiceSettings } from './service.ts'

/** A setting: what it is for, and what its value looks like; none where the flag alone says it. */
export interface SettingInfo {
  readonly purpose: string
  readonly value?: string
}

/** Every setting. Each is a flag (`--base-url`), a variable (`$SOJOURN_BASE_URL`) and a key of the file (`baseUrl`). */
export const SETTINGS = {
  host: { value: 'address', purpose: 'the address to listen on (default: 127.0.0.1)' },
  port: { value: 'number', purpose: 'the port to listen on; 0 takes a free one (default: 3000)' },
  baseUrl: { value: 'url', purpose: 'the https origin that users see; required unless --development' },
  development: { purpose: 'plain http on this machine only; makes the database; lets everybody register' },
  trustedProxies: {
    value: 'ranges',
    purpose: 'addresses and CIDR ranges whose X-Forwarded-For is believed, with commas between (default: none)',
  },
  registration: {
    value: 'on|off',
    purpose: 'whether everybody may register (default: off; on with --development)',
  },
  metrics: {
    value: 'loopback|open|off',
    purpose: 'who may read /metrics: this machine, everybody, nobody (default: loopback)',
  },
  logLevel: { value: 'level', purpose: `${LOG_LEVELS.join(', ')} (default: info)` },
  cleanupEvery: { value: 'duration', purpose: 'how often what is overdue is ended (default: 10m)' },
  lease: {
    value: 'duration',
    purpose: 'on postgres and redis: how long a node may answer from its own memory (default: off, it asks each time)',
  },
  drain: {
    value: 'duration',
    purpose: 'how long requests are still taken after it was told to stop, so that load balancers notice (default: 0s)',
  },
  idleTimeout: { value: 'duration', purpose: 'a session not used for this long ends (default: 24h)' },
  absoluteLifetime: { value: 'duration', purpose: 'a session ends this long after the login (default: 30d)' },
  maxSessionsPerUser: { value: 'number', purpose: 'how many sessions a user may have at once; 0: any (default: 0)' },
  onExceed: { value: 'evict|deny', purpose: 'what a login beyond that does (default: evict)' },
  touchInterval: { value: 'duration', purpose: 'how often the use of a session is written at most (default: 1m)' },
  renewEvery: { value: 'duration', purpose: 'after how long a session gets a new secret (default: never)' },
  renewalOverlap: { value: 'duration', purpose: 'how long the old secret works beside it (default: 30s)' },
  retention: { value: 'duration', purpose: 'how long the record of an ended session is kept (default: 90d)' },
} as const satisfies Readonly<Record<string, SettingInfo>>

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS

/** Where settings are given. A flag goes before a variable, that before the file, that before the default. */
export interface SettingSources {
  /** By the names of the settings; `config` names the file. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly env: NodeJS.ProcessEnv
}

/** Everything that `sojourn serve` goes by. */
export interface ServeSettings {
  /** What the file says; a flag or a variable for all commands goes before it. Null where it says nothing. */
  readonly database: string | null
  /** The same for the database of the users, where sessions are in Redis. */
  readonly users: string | null
  readonly host: string
  readonly port: number
  readonly logLevel: LogLevel
  /** Null in development where nothing was said: the address that is listened on. */
  readonly baseUrl: string | null
  /** How long this node may answer from its own memory; null: never. */
  readonly lease: Duration | null
  /** How long requests are still taken when it is to stop, in milliseconds. */
  readonly drain: number
  /** 32 bytes that all nodes have in common, for renewals; null: each node draws its own. */
  readonly renewalKey: Uint8Array | null
  readonly service: Omit<ServiceSettings, 'baseUrl'>
}

/** What came of reading them: all mistakes at once, each a sentence that says where it is. */
export type SettingsOutcome =
  | { readonly ok: true; readonly settings: ServeSettings }
  | { readonly ok: false; readonly mistakes: readonly string[] }

const DEFAULTS = {
  host: '127.0.0.1',
  port: 3_000,
  metrics: 'loopback',
  logLevel: 'info',
  cleanupEvery: 600_000,
  drain: 0,
} as const
const PREFIX = 'SOJOURN_'
const CONFIG = `${PREFIX}CONFIG`
const RENEWAL_KEY = `${PREFIX}RENEWAL_KEY`
/** Understood elsewhere. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  CONFIG,
  `${PREFIX}DATABASE_URL`,
  `${PREFIX}USERS_URL`,
  RENEWAL_KEY,
])
/** What Kubernetes gives every container where there is a service of the name `sojourn`. Nobody's settings. */
const OF_KUBERNETES = /^SOJOURN_(?:SERVICE_|PORT_)/
const ADDRESS_OF_KUBERNETES = /^tcp:\/\//
const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/
const LOOPBACK_NAME = /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\])$/
const SHORTEST_CLEANUP = 1_000
/** Node's timers take no more: 24 days. */
const LONGEST_CLEANUP = 2_147_483_647
const SHORTEST_LEASE = 100
const LONGEST_LEASE = 60_000
const LONGEST_DRAIN = 600_000
const KEY_BYTES = 32

/** Reads the settings from everywhere. Rejects nothing: what is wrong is part of the outcome. */
export function readSettings(sources: SettingSources): SettingsOutcome {
  const mistakes: string[] = []
  const given = new Given(sources, mistakes)
  const isDevelopment = given.read('development', flag) ?? false
  const host = given.read('host', address) ?? DEFAULTS.host
  const settings: ServeSettings = {
    database: given.readSecret('database', null, databaseUrl) ?? null,
    users: given.readSecret('users', null, databaseUrl) ?? null,
    host,
    port: given.read('port', port) ?? DEFAULTS.port,
    logLevel: given.read('logLevel', choice(...LOG_LEVELS)) ?? DEFAULTS.logLevel,
    baseUrl: given.read('baseUrl', isDevelopment ? developmentOrigin : origin) ?? null,
    lease: given.read('lease', leaseSpan) ?? null,
    drain: given.read('drain', drainSpan) ?? DEFAULTS.drain,
    renewalKey: given.readSecret('renewalKey', RENEWAL_KEY, key) ?? null,
    service: {
      isDevelopment,
      trustedProxies: given.read('trustedProxies', ranges) ?? [],
      registration: given.read('registration', flag) ?? isDevelopment,
      metrics: given.read('metrics', choice('loopback', 'open', 'off')) ?? DEFAULTS.metrics,
      cleanupEvery: given.read('cleanupEvery', cleanupSpan) ?? DEFAULTS.cleanupEvery,
      policy: policyFrom(given, mistakes),
    },
  }
  mistakes.push(...given.unknown(), ...contradictions(settings, given, sources.env))
  return mistakes.length === 0 ? { ok: true, settings } : { ok: false, mistakes }
}

/** What is given for a setting, and what a person calls the place. */
interface Found {
  readonly source: string
  readonly value: unknown
}

/** What is given for each setting, and by which name. Notes what cannot be used. */
class Given {
  readonly #flags: Readonly<Record<string, unknown>>
  readonly #env: NodeJS.ProcessEnv
  readonly #path: string | null
  readonly #file: Readonly<Record<string, unknown>>
  readonly #mistakes: string[]
  /** Keys that only the file has. */
  readonly #keys = new Set<string>()

  constructor({ flags, env }: SettingSources, mistakes: string[]) {
    this.#flags = flags
    this.#env = env
    this.#mistakes = mistakes
    const config = flags['config'] ?? env[CONFIG]
    this.#path = typeof config === 'string' && config !== '' ? config : null
    this.#file = this.#path === null ? {} : this.#readFile(this.#path)
  }

  /** The value of a setting; undefined where it is not given, or cannot be used, which is then noted. */
  read<T>(name: SettingName, reader: Reader<T>): T | undefined {
    const found = this.#find(name)
    return found === null ? undefined : this.#taken(found, reader)
  }

  /** The value of what is or contains a secret: in the file, or in a variable where it has one; never a flag, and never shown. */
  readSecret<T>(name: string, variable: string | null, reader: Reader<T>): T | undefined {
    this.#keys.add(name)
    const inEnv = variable === null ? undefined : this.#env[variable]
    if (inEnv !== undefined && inEnv !== '') return this.#taken({ source: `$${variable}`, value: inEnv }, reader, true)
    return Object.hasOwn(this.#file, name)
      ? this.#taken({ source: this.#inFile(name), value: this.#file[name] }, reader, true)
      : undefined
  }

  /** How a person finds what is given for a setting, or how to give it. */
  sourceOf(name: SettingName): string {
    return this.#find(name)?.source ?? flagOf(name)
  }

  isGiven(name: SettingName): boolean {
    return this.#find(name) !== null
  }

  /** A sentence for everything that is no setting. Flags are the command line's to check. */
  unknown(): readonly string[] {
    const known = Object.keys(SETTINGS)
    const variables = new Set([...OTHER_VARIABLES, ...known.map(variableOf)])
    const inEnv = Object.keys(this.#env).filter(
      (name) => name.startsWith(PREFIX) && !variables.has(name) && !OF_KUBERNETES.test(name),
    )
    const inFile = Object.keys(this.#file).filter((name) => !known.includes(name) && !this.#keys.has(name))
    const names = known.join(', ')
    return [
      ...inEnv.map((name) => `$${name.slice(0, 60)} is no setting; the settings are ${names}`),
      ...inFile.map((name) => `${shown(name)} in '${String(this.#path)}' is no setting; the settings are ${names}`),
    ]
  }

  #taken<T>({ source, value }: Found, reader: Reader<T>, isSecret = false): T | undefined {
    const read = reader(value)
    if (!('problem' in read)) return read.value
    this.#mistakes.push(`${source} is ${isSecret ? 'not what it should be' : shown(value)}; ${read.problem}`)
    return undefined
  }

  #inFile(name: string): string {
    return `${name} in '${String(this.#path)}'`
  }

  #find(name: SettingName): Found | null {
    if (this.#flags[name] !== undefined) return { source: flagOf(name), value: this.#flags[name] }
    const variable = variableOf(name)
    const value = this.#env[variable]
    const isSetting = value !== undefined && value !== '' && !(name === 'port' && ADDRESS_OF_KUBERNETES.test(value))
    if (isSetting) return { source: `$${variable}`, value }
    return Object.hasOwn(this.#file, name) ? { source: this.#inFile(name), value: this.#file[name] } : null
  }

  #readFile(path: string): Readonly<Record<string, unknown>> {
    const problem = (what: string): object => {
      this.#mistakes.push(`the file of settings '${path}' ${what}`)
      return {}
    }
    return (readJson(path, problem) ?? problem('is no object; give one such as {"port": 3000}')) as Readonly<
      Record<string, unknown>
    >
  }
}

/** The object in a file, what `problem` answers where it cannot be read, or null where it is something else. */
function readJson(path: string, problem: (what: string) => object): object | null {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    return problem(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); name one that can`)
  }
  try {
    const value: unknown = JSON.parse(content)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return problem('is not JSON; give an object such as {"port": 3000}')
  }
}

/** Reads a value as somebody typed it or as it stands in the file, or says what to give instead. */
type Reader<T> = (value: unknown) => { readonly value: T } | { readonly problem: string }

const address: Reader<string> = (value) =>
  typeof value === 'string' && value !== '' ? { value } : { problem: 'give an address such as 127.0.0.1' }

const databaseUrl: Reader<string> = (value) =>
  typeof value === 'string' && value !== '' ? { value } : { problem: "give a URL such as 'sqlite:./sojourn.db'" }

const flag: Reader<boolean> = (value) => {
  if (value === true || value === 'on' || value === 'true') return { value: true }
  if (value === false || value === 'off' || value === 'false') return { value: false }
  return { problem: 'give on or off' }
}

const port: Reader<number> = (value) => {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65_535
    ? { value: number }
    : { problem: 'give a whole number from 0 to 65535' }
}

const count: Reader<number> = (value) => {
  const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
    ? { value: number }
    : { problem: 'give a whole number, or 0 for any' }
}

function choice<const Word extends string>(...words: readonly Word[]): Reader<Word> {
  return (value) => {
    const word = words.find((each) => each === value)
    return word === undefined
      ? { problem: `give ${words.join(', ').replace(/, (?=[^,]*$)/, ' or ')}` }
      : { value: word }
  }
}

const ranges: Reader<readonly string[]> = (value) => {
  const list = typeof value === 'string' ? value.split(',').map((range) => range.trim()) : value
  if (!Array.isArray(list) || !list.every((range) => typeof range === 'string')) {
    return { problem: 'give a list of addresses and ranges such as 10.0.0.7 or 10.0.0.0/8' }
  }
  const problem = list.map(rangeProblem).find((found) => found !== null)
  return problem === undefined ? { value: list } : { problem: `in it ${problem}` }
}

const duration: Reader<Duration> = (value) =>
  millisecondsOf(value) === null
    ? { problem: "give a duration such as '30m', '24h' or '30d'" }
    : { value: value as Duration }

const cleanupSpan = span(SHORTEST_CLEANUP, LONGEST_CLEANUP, "give a duration from '1s' to '24d'")
const leaseWithin = span(SHORTEST_LEASE, LONGEST_LEASE, "give a duration from '100ms' to '1m', or leave it out")
/** As it was given: the library reads it as it reads every duration. */
const leaseSpan: Reader<Duration> = (value) => {
  const read = leaseWithin(value)
  return 'problem' in read ? read : { value: value as Duration }
}
/** The one span that may be none: it is then as if nothing was said. */
const drainSpan: Reader<number> = (value) =>
  value === 0 || value === '0' || value === '0s'
    ? { value: 0 }
    : span(1, LONGEST_DRAIN, "give a duration up to '10m'")(value)

function span(shortest: number, longest: number, problem: string): Reader<number> {
  return (value) => {
    const milliseconds = millisecondsOf(value)
    return milliseconds !== null && milliseconds >= shortest && milliseconds <= longest
      ? { value: milliseconds }
      : { problem }
  }
}

const key: Reader<Uint8Array> = (value) => {
  const bytes = typeof value === 'string' && /^[\w-]{43}=?$/.test(value) ? Buffer.from(value, 'base64url') : null
  return bytes?.length === KEY_BYTES
    ? { value: bytes }
    : { problem: `give ${KEY_BYTES} random bytes in base64url, as 'openssl rand -base64 32 | tr +/ -_' prints them` }
}

const origin: Reader<string> = (value) => {
  const url = originOf(value)
  return url?.protocol === 'https:'
    ? { value: url.origin }
    : { problem: "give the https origin that users see, such as 'https://id.example.com'" }
}

const developmentOrigin: Reader<string> = (value) => {
  const url = originOf(value)
  return url?.protocol === 'http:' && LOOPBACK_NAME.test(url.hostname)
    ? { value: url.origin }
    : { problem: "with --development give an address of this machine, such as 'http://localhost:3000', or none" }
}

function originOf(value: unknown): URL | null {
  const url = typeof value === 'string' ? URL.parse(value) : null
  return url !== null && url.href === `${url.origin}/` ? url : null
}

/** By the library's own reading of durations, as it reads every span of a policy; null for what is none. */
export function millisecondsOf(value: unknown): number | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null
  try {
    return definePolicy({ retention: value }).retention
  } catch {
    return null
  }
}

function policyFrom(given: Given, mistakes: string[]): PolicyOptions {
  const before = mistakes.length
  const policy = present<PolicyOptions>({
    idleTimeout: given.read('idleTimeout', duration),
    absoluteLifetime: given.read('absoluteLifetime', duration),
    maxSessionsPerUser: given.read('maxSessionsPerUser', count),
    onExceed: given.read('onExceed', choice('evict', 'deny')),
    touchInterval: given.read('touchInterval', duration),
    renewEvery: given.read('renewEvery', duration),
    renewalOverlap: given.read('renewalOverlap', duration),
    retention: given.read('retention', duration),
  })
  // What one setting says against another shows only where each can be used.
  if (mistakes.length === before) mistakes.push(...policyProblem(policy))
  return policy
}

function policyProblem(policy: PolicyOptions): readonly string[] {
  try {
    definePolicy(policy)
    return []
  } catch (error) {
    if (!isSojournError(error)) throw error
    return [error.message.replaceAll('policy.', '')]
  }
}

function present<Values extends object>(values: { readonly [Key in keyof Values]: Values[Key] | undefined }): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Values
}

/** What is wrong with settings that are right one by one. */
function contradictions(settings: ServeSettings, given: Given, env: NodeJS.ProcessEnv): readonly string[] {
  const { isDevelopment } = settings.service
  const found: string[] = []
  if (isDevelopment && !LOOPBACK_HOST.test(settings.host)) {
    found.push(
      `${given.sourceOf('host')} is ${shown(settings.host)} and --development is for this machine only; give 127.0.0.1, or an https baseUrl instead of --development`,
    )
  }
  if (isDevelopment && env['NODE_ENV'] === 'production') {
    found.push('$NODE_ENV is production and --development is given; take one of them out')
  }
  if (!isDevelopment && !given.isGiven('baseUrl')) {
    found.push(
      'baseUrl is missing; give the https origin that users see (--base-url https://id.example.com), or --development to try it on this machine',
    )
  }
  return found
}

/** `--base-url` of `baseUrl`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `SOJOURN_BASE_URL` of `baseUrl`. */
export function variableOf(name: string): string {
  return PREFIX + name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 60)}'`
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}
