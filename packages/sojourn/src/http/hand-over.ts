import type { Issued } from '../core/issued.ts'
import { answer } from './answer.ts'
import type { HeaderLines } from './answer.ts'
import type { Host } from './settings.ts'

/**
 * Hands a new token over: in the cookie, which no script reads, or in the body for a program that asked for it there,
 * and never in both.
 */
export function handOver(
  host: Host,
  via: 'cookie' | 'bearer',
  issued: Issued,
  body: object,
  lines: HeaderLines = [],
): Response {
  const { token, session } = issued
  if (via === 'bearer') return answer(200, { ...body, token }, lines)
  return answer(200, body, [...lines, ['set-cookie', host.cookie.write(token, session, host.sessions.now())]])
}

/**
 * Ends every session whose token a request presents: what was there before a login does not survive it, and of two
 * cookies none is left alone. Rejects when it cannot be told that they ended.
 */
export async function endPresented(host: Host, { headers }: Request): Promise<void> {
  const { cookies, bearer } = host.reader.present(headers)
  for (const token of [...cookies, bearer]) await host.sessions.end(token)
}

/** Takes the cookie away from a client that has sent one. */
export function withoutCookie(host: Host, { headers }: Request): HeaderLines {
  return host.cookie.read(headers).length === 0 ? [] : [['set-cookie', host.cookie.clear()]]
}

/** What a browser is told when its user has signed out: to forget the cookie, and what pages have stored. */
export function farewell(host: Host, request: Request): HeaderLines {
  const { cookies, bearer } = host.reader.present(request.headers)
  if (bearer !== null && cookies.length === 0) return []
  return [...withoutCookie(host, request), ['clear-site-data', '"cookies", "storage"']]
}
