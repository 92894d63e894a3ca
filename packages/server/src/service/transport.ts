import { createMiddleware } from 'hono/factory'
import { problem } from 'sojourn/http'
import type { Env } from './env.ts'
import { canonicalAddress } from './client-address.ts'
import type { TrustedProxies } from './client-address.ts'
import type { ServiceSettings } from './service.ts'

/** What is asked over the network inside, and says nothing of anybody. */
const HARMLESS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

const FORWARD_AUTH = /^\/auth\/verify(?:\/|$)/

const UNKNOWN_PROXY =
  'this service is reached under https; where a proxy speaks for it, name the proxy in the setting trustedProxies'
const NOT_ENCRYPTED = 'the proxy says that this came over plain http; send it over https'

/**
 * Refuses what came over plain http, rather than sending it to https: a secret in it has been seen already. We speak
 * plain http with what is in front of us, so who that is has to be known: this very machine, or a trusted proxy that
 * does not say otherwise.
 */
export function encrypted({ isDevelopment }: ServiceSettings, proxies: TrustedProxies) {
  return createMiddleware<Env>(async (c, next) => {
    if (isDevelopment || HARMLESS.has(c.req.path)) return next()
    const socketAddress = c.env?.incoming?.socket.remoteAddress
    const peer = socketAddress === undefined ? null : canonicalAddress(socketAddress)
    const isTrusted = peer !== null && proxies.includes(peer)
    if (peer !== null && !isTrusted && !isLoopbackAddress(peer)) return refused(c.req.path, UNKNOWN_PROXY)
    // Several proxies write one after the other; the nearest one's word is the last.
    const scheme = c.req.header('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase()
    return isTrusted && scheme === 'http' ? refused(c.req.path, NOT_ENCRYPTED) : next()
  })
}

/** Whether an address, in the spelling of `canonicalAddress`, is of this very machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** Whether a proxy asks for forward-auth: with the headers of somebody else's request, without its body, for yes, 401 or 503. */
export function isForwardAuth(path: string): boolean {
  return FORWARD_AUTH.test(path)
}

function refused(path: string, detail: string): Response {
  return problem(isForwardAuth(path) ? 'unauthenticated' : 'insecure_host', { detail })
}
