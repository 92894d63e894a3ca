import type { OpenAPIHono } from '@hono/zod-openapi'
import { DEFAULT_COOKIE } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { VERSION } from '../version.ts'
import type { AdminApi } from './api.ts'
import { describeAuth, describeHealth } from './auth-paths.ts'

/** The HTTP interface as OpenAPI 3.1 has it. */
export type Document = ReturnType<OpenAPIHono<Env>['getOpenAPI31Document']>

/** The document of everything that the service answers to programs. */
export function openApiDocument({ app }: AdminApi, service: Service): Document {
  const registry = app.openAPIRegistry
  describeAuth(registry, service)
  describeHealth(registry)
  registry.registerComponent('securitySchemes', 'cookie', {
    type: 'apiKey',
    in: 'cookie',
    name: service.settings.isDevelopment
      ? DEFAULT_COOKIE.name.replace('__Host-Http-', 'insecure-')
      : DEFAULT_COOKIE.name,
    description:
      'The session of a user who has signed in. A write with it must say in `Origin` where it comes from, as browsers do.',
  })
  registry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key of a program: `Authorization: Bearer sjk_…`. Never together with the cookie.',
  })
  registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description:
      'The token of a session, for programs that sign in with `mode` `token`. It opens nothing below /admin.',
  })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Sojourn',
      version: VERSION,
      description:
        'Who is signed in, since when, from where, and out for good. JSON in and out; instants are ISO 8601, UTC. What goes ' +
        'wrong is a problem as RFC 9457 has it, with a `code` that never changes. 401 means certainly not signed in, 503 ' +
        'that it cannot be told. A query, a body or a path says what is in this document and nothing else.',
    },
    servers: [{ url: service.settings.baseUrl }],
    tags: TAGS,
  })
}

const TAGS = [
  { name: 'For everybody', description: 'Signing in and out, and one’s own devices.' },
  { name: 'Sessions', description: 'Everybody’s sessions, for operators and programs.' },
  { name: 'Users', description: 'Who there is, and what they may do.' },
  { name: 'History', description: 'What happened, by page, as a file, and as it happens.' },
  { name: 'Figures', description: 'The installation in numbers.' },
  { name: 'Keys', description: 'Keys of programs: each with a name, scopes and an end.' },
  { name: 'Upkeep', description: 'Whether all is well, and cleaning up.' },
]
