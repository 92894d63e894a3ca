import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { AdminApi } from './api.ts'
import { cleanupRoutes } from './cleanup.ts'
import { docsRoutes } from './docs.tsx'
import { eventRoutes } from './events.ts'
import { healthRoutes } from './health.ts'
import { keyRoutes } from './keys.ts'
import { LiveEvents } from './live-events.ts'
import { meRoutes } from './me.ts'
import { openApiDocument } from './openapi.ts'
import { overviewRoutes } from './overview.ts'
import { sessionRoutes } from './sessions.ts'
import { streamRoutes } from './stream.ts'
import { userRoutes } from './users.ts'

/** Everything below `/admin`, and `/openapi.json` and `/docs`, which tell of it. */
export function adminRoutes(service: Service): OpenAPIHono<Env> {
  const { sessions, users, log } = service
  const api = new AdminApi(service)
  const live = new LiveEvents({ sessions, users, log, isReady: () => service.isReady })
  meRoutes(api, service)
  sessionRoutes(api, service)
  userRoutes(api, service)
  overviewRoutes(api, service)
  healthRoutes(api, service, live)
  eventRoutes(api, service)
  streamRoutes(api, service, live)
  cleanupRoutes(api, service)
  keyRoutes(api, service)
  api.close()
  api.app.route('/', docsRoutes(openApiDocument(api, service)))
  return api.app
}
