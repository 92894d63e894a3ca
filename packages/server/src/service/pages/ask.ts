import type { Context } from 'hono'
import { problem } from 'sojourn/http'
import type { Entry, HeaderLines } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import type { Problem } from './problem-words.ts'

/** A call of one of the routes below `/auth`. */
export interface Call {
  readonly method: 'POST' | 'DELETE'
  readonly path: string
  readonly body?: object
  /** The cookie to call with, where an answer has just set another one than the browser sent. */
  readonly cookie?: string
}

/** What came of it, and the headers of the answer that are meant for the browser. */
export type Answer =
  | { readonly ok: true; readonly lines: HeaderLines }
  | { readonly ok: false; readonly problem: Problem; readonly lines: HeaderLines }

/** What the request says of who sent it, from where. */
const PASSED_ON = ['authorization', 'cookie', 'origin', 'sec-fetch-site', 'user-agent']
const MEANT_FOR_BROWSERS = ['set-cookie', 'clear-site-data', 'retry-after']

/**
 * Calls a route below `/auth` in the name of whoever sent the form. Where it came from, how often it was tried, which
 * cookie it gets: all of that is decided there and nowhere else.
 */
export async function ask(service: Service, c: Context<Env>, call: Call): Promise<Answer> {
  const headers = new Headers()
  for (const name of PASSED_ON) {
    const value = c.req.header(name)
    if (value !== undefined) headers.set(name, value)
  }
  if (call.cookie !== undefined) headers.set('cookie', call.cookie)
  if (call.body !== undefined) headers.set('content-type', 'application/json')
  const body = call.body === undefined ? null : JSON.stringify(call.body)
  const request = new Request(new URL(service.http.prefix + call.path, c.req.url), {
    method: call.method,
    headers,
    body,
  })
  const response = (await service.http.handle(request, { ip: c.var.ip })) ?? problem('not_found')
  const lines = [...response.headers].filter(([name]) => MEANT_FOR_BROWSERS.includes(name))
  return response.ok ? { ok: true, lines } : { ok: false, problem: await problemIn(response), lines }
}

/** The session of a request for a page, or the problem that stands in the way of any. */
export function enter(service: Service, c: Context<Env>): Promise<Entry> {
  return service.http.enter(c.req.raw, { ip: c.var.ip })
}

/** The problem that a response of `sojourn/http` tells of. */
export async function problemIn(response: Response): Promise<Problem> {
  return (await response.json()) as Problem
}

/** The cookie that an answer has handed over, as a browser sends it back. */
export function cookieIn({ lines }: Answer): string | undefined {
  return lines.find(([name]) => name === 'set-cookie')?.[1].split(';', 1)[0]
}
