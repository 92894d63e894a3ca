import { Hono } from 'hono'
import type { HttpBindings } from '@hono/node-server'
import { adminRoutes } from './admin/routes.ts'
import { consoleFiles } from './console.ts'
import { healthRoutes } from './health.ts'
import { pageRoutes } from './pages/routes.tsx'
import { clientAddress } from './client-address.ts'
import type { Service } from './service.ts'

/** What every handler finds beside the request. */
export interface Env {
  /** Absent where a test hands in a `Request` without a socket. */
  readonly Bindings: Partial<HttpBindings>
  readonly Variables: {
    /** The client's address: the socket's, or what trusted proxies say it is. */
    ip: string | null
    /** Also on the response and in the log, to find the one by the other. */
    requestId: string
  }
}

/** The whole service as one function from requests to responses. */
export function createApp(service: Service): Hono<Env> {
  const app = new Hono<Env>()
  app.use(clientAddress(service.settings.trustedProxies))
  app.all('/auth/*', async (c) => (await service.http.handle(c.req.raw, { ip: c.var.ip })) ?? c.notFound())
  app.route('/', healthRoutes(service))
  app.route('/', adminRoutes(service))
  app.route('/console', consoleFiles())
  app.route('/', pageRoutes(service))
  return app
}
