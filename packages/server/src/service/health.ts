import { Hono } from 'hono'
import type { Env } from './app.ts'
import type { Service } from './service.ts'

/** `/healthz`, `/readyz` and `/metrics`. */
export function healthRoutes(_service: Service): Hono<Env> {
  return new Hono<Env>().get('/healthz', (c) => c.json({ status: 'ok' }))
}
