import { createMiddleware } from 'hono/factory'
import type { Env } from './env.ts'
import type { ServiceSettings } from './service.ts'

/** Nothing but what we serve ourselves, and nothing at all inside anybody's frame. Scripts and styles are files, never text in a page. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "object-src 'none'",
  "frame-ancestors 'none'",
].join('; ')

const ON_EVERY_RESPONSE: readonly (readonly [name: string, value: string])[] = [
  ['content-security-policy', POLICY],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  // Not `no-referrer`: with that, browsers say `Origin: null` of our own forms, and those that send no
  // `Sec-Fetch-Site` could not sign in.
  ['referrer-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
]
const HTTPS_ONLY = ['strict-transport-security', 'max-age=31536000; includeSubDomains'] as const

/** Puts on every response what keeps browsers safe, and in no cache whatever does not say that it may be. */
export function responseHeaders({ baseUrl }: ServiceSettings) {
  const lines = baseUrl.startsWith('https:') ? [...ON_EVERY_RESPONSE, HTTPS_ONLY] : ON_EVERY_RESPONSE
  return createMiddleware<Env>(async (c, next) => {
    await next()
    const { headers } = c.res
    for (const [name, value] of lines) headers.set(name, value)
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  })
}
