import { z } from '@hono/zod-openapi'
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import type { ProblemCode } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { problemResponses } from './api.ts'
import { wholeParameter } from './query.ts'
import { Role, instant } from './schemas.ts'

type Registry = OpenAPIHono<Env>['openAPIRegistry']

const nullableText = z.string().nullable()

const OwnSession = z
  .strictObject({
    id: z.string(),
    userId: z.string(),
    username: z.string(),
    createdAt: instant,
    authenticatedAt: instant,
    lastAccessedAt: instant,
    expiresAt: instant,
    endsAt: instant,
    isActive: z.boolean(),
    method: nullableText,
    device: z.strictObject({ ip: nullableText, userAgent: nullableText, label: z.string() }),
    current: z.boolean().openapi({ description: 'Whether it is the session that asks.' }),
  })
  .openapi('OwnSession', { description: 'A session as its own user sees it.' })

const OwnUser = z.strictObject({ id: z.string(), username: z.string(), role: Role.optional() }).openapi('OwnUser')

const username = z.string().openapi({ description: 'In any spelling.' })
const password = z.string().openapi({ format: 'password' })
const token = z
  .string()
  .optional()
  .openapi({ description: 'Only for a client that asked for a token, or that presented one.' })

/** What every one of these may end with. */
const ALWAYS = ['invalid_request', 'insecure_host', 'headers_too_large', 'overloaded', 'unavailable'] as const
const WRITES = [...ALWAYS, 'cross_origin'] as const
const BODIES = [...WRITES, 'invalid_body', 'body_too_large', 'unsupported_media_type'] as const
const PASSWORDS = [
  ...(['password_too_short', 'password_too_long', 'password_common', 'password_username'] as const),
  'password_malformed',
] as const
const SIGNED_IN = [{ cookie: [] }, { token: [] }]

/** The routes for everybody, which are answered outside Hono's own routing, as the OpenAPI document has them. */
export function describeAuth(registry: Registry, { http: { prefix }, settings }: Service): void {
  const add = (method: RouteConfig['method'], path: string, route: Described): void =>
    registry.registerPath(described(method, prefix + path, route))

  if (settings.registration) {
    add('post', '/register', {
      summary: 'Register',
      description: 'Adds a user and signs nobody in.',
      body: z.strictObject({ username, password }),
      answer: [201, z.strictObject({ user: OwnUser })],
      problems: [...BODIES, 'username_invalid', 'username_taken', ...PASSWORDS],
    })
  }
  add('post', '/login', {
    summary: 'Sign in',
    description:
      'A new session whatever was presented, and the end of what was. The session comes in the cookie, or with `mode` ' +
      '`token` in the body for a program. `remember` keeps the cookie when the browser closes.',
    body: z.strictObject({
      username,
      password,
      mode: z.enum(['cookie', 'token']).optional(),
      remember: z.boolean().optional(),
    }),
    answer: [200, z.strictObject({ user: OwnUser, session: OwnSession, token })],
    problems: [...BODIES, 'token_mode_off', 'invalid_credentials', 'session_limit', 'throttled'],
  })
  add('post', '/logout', {
    summary: 'Sign out',
    description: 'Ends the session before it answers, and may be repeated.',
    answer: [204, null],
    problems: WRITES,
    security: SIGNED_IN,
  })
  add('post', '/reauthenticate', {
    summary: 'Prove again who one is',
    description: 'The password again, and with it a new token for the same session; the old one is refused at once.',
    body: z.strictObject({ password }),
    answer: [200, z.strictObject({ session: OwnSession, token })],
    problems: [...BODIES, 'unauthenticated', 'wrong_password', 'throttled'],
    security: SIGNED_IN,
  })
  add('post', '/password', {
    summary: 'Change the password',
    description: 'Ends the user’s other sessions; this one goes on under a new token.',
    body: z.strictObject({ currentPassword: password, newPassword: password }),
    answer: [200, z.strictObject({ ended: z.int(), session: z.union([OwnSession, z.null()]), token })],
    problems: [...BODIES, 'unauthenticated', 'wrong_password', 'throttled', ...PASSWORDS],
    security: SIGNED_IN,
  })
  add('get', '/session', {
    summary: 'Who is asking, in which session',
    answer: [200, z.strictObject({ user: OwnUser, session: OwnSession })],
    problems: [...ALWAYS, 'unauthenticated'],
    security: SIGNED_IN,
  })
  add('get', '/sessions', {
    summary: 'The user’s own active sessions, newest first, by page',
    query: z.strictObject({
      limit: wholeParameter(1, 500, 50).optional(),
      cursor: z.string().optional().openapi({ description: '`next` of the page before.' }),
    }),
    answer: [200, z.strictObject({ sessions: z.array(OwnSession), next: nullableText })],
    problems: [...ALWAYS, 'unauthenticated'],
    security: SIGNED_IN,
  })
  add('delete', '/sessions', {
    summary: 'Sign out everywhere else',
    description: 'Needs a proof of identity of the last ten minutes.',
    answer: [200, z.strictObject({ ended: z.int() })],
    problems: [...WRITES, 'unauthenticated', 'reauth_required'],
    security: SIGNED_IN,
  })
  add('delete', '/sessions/{id}', {
    summary: 'Sign one device out',
    description: 'Any but the one that asks needs a proof of identity of the last ten minutes.',
    answer: [204, null],
    problems: [...WRITES, 'unauthenticated', 'reauth_required', 'not_found'],
    security: SIGNED_IN,
  })
  add('get', '/verify', {
    summary: 'Forward-auth, for reverse proxies',
    description:
      'By any method, and at every path below it: 200 with `x-sojourn-user-id`, `x-sojourn-username`, ' +
      '`x-sojourn-session-id` and `x-sojourn-role`, or 401, or 503 where it cannot be told.',
    answer: [200, null],
    problems: ['unauthenticated', 'unavailable'],
    security: SIGNED_IN,
  })
}

/** `/healthz`, `/readyz` and `/metrics`, as the OpenAPI document has them. */
export function describeHealth(registry: Registry): void {
  const unavailable = z.strictObject({ status: z.literal('unavailable'), reasons: z.array(z.string()) })
  registry.registerPath({
    ...described('get', '/healthz', {
      summary: 'Whether the process lives',
      tag: 'Upkeep',
      answer: [200, z.strictObject({ status: z.literal('ok') })],
      problems: [],
    }),
  })
  const ready = described('get', '/readyz', {
    summary: 'Whether to send it requests',
    tag: 'Upkeep',
    answer: [200, z.strictObject({ status: z.literal('ready') })],
    problems: [],
  })
  registry.registerPath({
    ...ready,
    responses: {
      ...ready.responses,
      503: { description: 'Not now, and why.', content: { 'application/json': { schema: unavailable } } },
    },
  })
  registry.registerPath({
    ...described('get', '/metrics', {
      summary: 'Figures for Prometheus',
      description: 'For this machine only, unless the service is told otherwise.',
      tag: 'Upkeep',
      answer: [200, null],
      problems: ['not_found'],
    }),
    responses: {
      200: { description: 'As asked for.', content: { 'text/plain': { schema: z.string() } } },
      ...problemResponses(['not_found']),
    },
  })
}

interface Described {
  readonly summary: string
  readonly description?: string
  readonly tag?: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly answer: readonly [status: 200 | 201 | 204, schema: z.ZodType | null]
  readonly problems: readonly ProblemCode[]
  readonly security?: RouteConfig['security']
}

function described(method: RouteConfig['method'], path: string, route: Described): RouteConfig {
  const { summary, description, tag = 'For everybody', query, body, answer, problems, security = [] } = route
  const [status, schema] = answer
  const content = schema === null ? {} : { content: { 'application/json': { schema } } }
  return {
    method,
    path,
    operationId: method + path.replaceAll(/\W+(\w?)/g, (_, letter: string) => letter.toUpperCase()),
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security,
    request: {
      ...(path.includes('{id}') ? { params: z.object({ id: z.string() }) } : {}),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body: { required: true, content: { 'application/json': { schema: body } } } }),
    },
    responses: {
      [status]: { description: schema === null ? 'Done.' : 'As asked for.', ...content },
      ...problemResponses(problems),
    },
  }
}
