import { pino } from 'pino'
import type { DestinationStream, Logger } from 'pino'

/** What is written at least: everything from this level up. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number]

const HIDDEN = '[redacted]'
/** As long as nothing but a secret, or what may pass for one. Session ids, at 36 characters, are shorter. */
const SECRET = /[\w%-]{40,}/g
const PATH_LIMIT = 200

/** Names under which a secret would come if somebody logged a whole object by mistake. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'newPassword',
  'currentPassword',
  'secret',
  'token',
])
/** What lies deeper in an object is not shown. */
const DEPTH = 5

/** A log of JSON lines: one event, one line, whatever is in it. Instants are UTC. */
export function createLog(level: LogLevel, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: (object) => shownOf(object, DEPTH) as typeof object },
      serializers: { err: errorForLog },
    },
    destination,
  )
}

/**
 * A path as it may stand in a log: without what could be the secret of a set-up link, or a token that somebody put
 * where none belongs, and not without end. Queries are no part of it.
 */
export function pathForLog(path: string): string {
  return withoutSecrets(path.replace(/^\/setup\/.*/, `/setup/${HIDDEN}`)).slice(0, PATH_LIMIT)
}

/** A line of the log, as far as a person is told of it. */
interface Line {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly method?: string
  readonly path?: string
  readonly status?: number
  readonly ms?: number
  readonly err?: { readonly message: string }
  readonly requestId?: string
}

/** Log lines for a person who looks on: time, what, and what there is to know about it. */
export function readable(write: (text: string) => void): DestinationStream {
  return {
    write(json: string) {
      const { level, time, msg, method, path, status, ms, err, requestId: _, ...more } = JSON.parse(json) as Line
      const sign = level === 'info' || level === 'debug' ? '' : `${level}: `
      const what = method === undefined ? msg : `${method} ${path ?? ''} ${status ?? ''} ${ms ?? ''} ms`
      const why = err === undefined ? '' : `: ${err.message}`
      const rest = method !== undefined || Object.keys(more).length === 0 ? '' : ` ${JSON.stringify(more)}`
      write(`${time.slice(11, 19)} ${sign}${what}${why}${rest}\n`)
    },
  }
}

/** What is kept of an error: enough to find it, and no property that somebody hung on to it. */
function errorForLog(error: unknown): object {
  if (!(error instanceof Error)) return { message: withoutSecrets(String(error)) }
  const { name, message, stack, cause } = error
  const code = 'code' in error ? { code: error.code } : {}
  return {
    type: name,
    message: withoutSecrets(message),
    ...code,
    ...(stack === undefined ? {} : { stack: withoutSecrets(stack) }),
    ...(cause === undefined ? {} : { cause: errorForLog(cause) }),
  }
}

/**
 * An object without what goes by the name of a secret. The log's own way of doing this takes ten times as long as the
 * request that is told of, because it asks for every name at every depth.
 */
function shownOf(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Error) return value
  if (depth === 0) return HIDDEN
  if (Array.isArray(value)) return value.map((each) => shownOf(each, depth - 1))
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, each]) => [name, SECRET_NAMES.has(name) ? HIDDEN : shownOf(each, depth - 1)]),
  )
}

function withoutSecrets(text: string): string {
  return text.replaceAll(SECRET, HIDDEN)
}
