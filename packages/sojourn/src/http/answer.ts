/** Headers to add to a response, in their order. */
export type HeaderLines = readonly (readonly [name: string, value: string])[]

/**
 * On everything that reads, sets or clears a session: no cache keeps it, and a cache that keeps it nevertheless does
 * not show it to anybody else.
 */
export const NO_STORE = ['cache-control', 'no-store'] as const
const VARY = 'Cookie, Authorization, Sec-Fetch-Site, Origin'

/** A response of ours: JSON unless the body is null, in no cache, and never taken for anything but what it says it is. */
export function answer(status: number, body: object | null, lines: HeaderLines = []): Response {
  const headers = new Headers()
  addLines(headers, [NO_STORE, ['vary', VARY], ['x-content-type-options', 'nosniff']])
  if (body !== null) headers.set('content-type', 'application/json')
  addLines(headers, lines)
  return new Response(body === null ? null : JSON.stringify(body), { status, headers })
}

/** Adds lines to headers. `Vary` grows; everything else takes the place of what was there, a cookie that of its namesake. */
export function addLines(headers: Headers, lines: HeaderLines): void {
  for (const [name, value] of lines) {
    if (name === 'set-cookie') setCookie(headers, value)
    else if (name === 'vary' && headers.has(name)) headers.set(name, union(headers.get(name) ?? '', value))
    else headers.set(name, value)
  }
}

/** Whether headers already say something about the cookie of a `Set-Cookie` line. */
export function setsCookieOf(line: string, headers: Headers): boolean {
  return headers.getSetCookie().some((other) => nameIn(other) === nameIn(line))
}

function setCookie(headers: Headers, line: string): void {
  const others = headers.getSetCookie().filter((other) => nameIn(other) !== nameIn(line))
  headers.delete('set-cookie')
  for (const each of [...others, line]) headers.append('set-cookie', each)
}

function nameIn(line: string): string {
  return line.slice(0, line.indexOf('='))
}

function union(...lists: readonly string[]): string {
  const names = lists.flatMap((list) => list.split(',')).map((name) => name.trim())
  return [...new Set(names)].filter((name) => name !== '').join(', ')
}
