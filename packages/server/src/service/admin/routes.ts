import { OpenAPIHono } from '@hono/zod-openapi'
import type { Env } from '../app.ts'
import type { Service } from '../service.ts'

/** Everything below `/admin`, and `/openapi.json` and `/docs`, which tell of it. */
export function adminRoutes(_service: Service): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>()
}
