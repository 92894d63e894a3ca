import { OpenAPIHono, z } from '@hono/zod-openapi'
import type { RouteConfig } from '@hono/zod-openapi'
import { answer, problem, readJsonValue } from 'sojourn/http'
import type { ProblemCode } from 'sojourn/http'
import type { Context } from 'hono'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { ACCESS, methodsAt, partsOf } from './access.ts'
import type { Access, Operation } from './access.ts'
import { OperatorGate } from './operator.ts'
import type { Caller } from './operator.ts'
import { Problem } from './schemas.ts'
import { queryOf } from './query.ts'

/** What an operation is, for whoever reads of it and for the checks before it. */
export interface Definition<Query extends z.ZodObject, Body extends z.ZodType, Answer extends z.ZodType> {
  readonly summary: string
  readonly description?: string
  readonly tag: Tag
  readonly query?: Query
  readonly body?: Body
  /** Whether the body may be left out, and is `{}` then. */
  readonly isBodyOptional?: true
  /** What it answers, as JSON; left out where it answers something else. */
  readonly answer?: Answer
  /** What it answers instead, by its type; left out where it answers nothing. */
  readonly types?: Readonly<Record<string, z.ZodType>>
  /** Default 200. */
  readonly status?: 200 | 201 | 204
  /** How else it may end, besides what every operation may. */
  readonly problems?: readonly ProblemCode[]
}

/** What an operation is about. */
export type Tag = 'Sessions' | 'Users' | 'History' | 'Figures' | 'Keys' | 'Upkeep'

/** A request that was let through, and what it says. */
export interface Call<Query, Body> {
  readonly caller: Caller
  /** The part of the path that names what it is about; empty where there is none. */
  readonly id: string
  readonly query: Query
  readonly body: Body
  readonly request: Request
}

/** The largest body: a thousand ids and what goes with them. */
const BODY_LIMIT = 65_536

/**
 * The routes below `/admin`. An operation can only be added by its line in the table of who may do what; it is let
 * through by the one gate, and described in the OpenAPI document by the very schemas that check its requests.
 */
export class AdminApi {
  readonly app = new OpenAPIHono<Env>()
  readonly #service: Service
  readonly #gate: OperatorGate

  constructor(service: Service) {
    this.#service = service
    this.#gate = new OperatorGate({
      http: service.operatorHttp,
      users: service.users,
      keys: service.keys,
      log: service.log,
    })
  }

  /** Adds an operation. What it answers is sent as JSON; a `Response` is sent as it is. */
  add<Query extends z.ZodObject, Body extends z.ZodType, Answer extends z.ZodType<object>>(
    operation: Operation,
    definition: Definition<Query, Body, Answer>,
    handle: (call: Call<z.output<Query>, z.output<Body>>) => Promise<z.output<Answer> | Response>,
  ): void {
    const { method, path } = partsOf(operation)
    this.app.openAPIRegistry.registerPath(described(operation, definition))
    this.app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), (c) =>
      this.#admitted(c, ACCESS[operation], async (caller) => {
        const request = c.req.raw
        const query = queryIn(request, definition.query)
        if (!query.ok) return query.response
        const body = await bodyIn(request, definition)
        if (!body.ok) return body.response
        const id = c.req.param('id') ?? ''
        const found = await handle({ caller, id, query: query.value, body: body.value, request })
        return found instanceof Response ? found : answer(definition.status ?? 200, found)
      }),
    )
  }

  /** Answers everything else below `/admin`. To be called when all operations were added. */
  close(): void {
    const nothing = (c: Context<Env>): Promise<Response> =>
      this.#admitted(c, null, async () => {
        const methods = methodsAt(c.req.path)
        if (methods.length === 0) return problem('not_found')
        return problem('method_not_allowed', { headers: [['allow', methods.join(', ')]] })
      })
    this.app.all('/admin', nothing)
    this.app.all('/admin/*', nothing)
  }

  async #admitted(
    c: Context<Env>,
    access: Access | null,
    handle: (caller: Caller) => Promise<Response>,
  ): Promise<Response> {
    try {
      const peer = { ip: c.var.ip, isPassive: c.req.header(PASSIVE) === '1' }
      const admission = await this.#gate.admit(c.req.raw, peer, access)
      if (!admission.ok) return admission.response
      const { caller } = admission
      const response = await handle(caller)
      if (caller.kind === 'operator') caller.context.applyTo(response.headers)
      return response
    } catch (error) {
      return this.#service.http.failure(error)
    }
  }
}

/** Says that a request is made by a page on its own and not by the person before it. */
const PASSIVE = 'sojourn-passive'

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly response: Response }

function queryIn<Query extends z.ZodObject>(request: Request, schema: Query | undefined): Read<z.output<Query>> {
  const parsed = (schema ?? NO_QUERY).safeParse(queryOf(request.url))
  return parsed.success ? { ok: true, value: parsed.data as z.output<Query> } : refused('invalid_request', parsed.error)
}

async function bodyIn<Body extends z.ZodType>(
  request: Request,
  { body, isBodyOptional }: { readonly body?: Body; readonly isBodyOptional?: true },
): Promise<Read<z.output<Body>>> {
  if (body === undefined) return { ok: true, value: undefined as z.output<Body> }
  const isLeftOut = isBodyOptional === true && !hasBody(request.headers)
  const read = isLeftOut ? ({ ok: true, value: {} } as const) : await readJsonValue(request, { limit: BODY_LIMIT })
  if (!read.ok) return read
  const parsed = body.safeParse(read.value)
  return parsed.success ? { ok: true, value: parsed.data } : refused('invalid_body', parsed.error)
}

const NO_QUERY = z.strictObject({})

function hasBody(headers: Headers): boolean {
  return (
    headers.has('content-type') || headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0'
  )
}

/** Names where it is wrong and never repeats what was sent. */
function refused(code: ProblemCode, { issues: [issue] }: z.ZodError): { ok: false; response: Response } {
  return { ok: false, response: problem(code, { detail: issue === undefined ? undefined : sentenceOf(issue) }) }
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.')
  const where = place === '' ? 'it' : /^[\w.]{1,80}$/.test(place) ? place : 'a value'
  if (issue.code === 'unrecognized_keys') return `${where} has a name that is not known here`
  if (issue.code === 'invalid_type') return `${where} must be ${issue.expected}, given once`
  if (issue.code === 'too_big') return `${where} must be at most ${issue.maximum}`
  if (issue.code === 'too_small') return `${where} must be at least ${issue.minimum}`
  return `${where} is not what it may be; see /docs`
}

/** What every operation may end with. */
const ALWAYS: readonly ProblemCode[] = [
  ...([
    'invalid_request',
    'unauthenticated',
    'forbidden',
    'insufficient_scope',
    'cross_origin',
    'insecure_host',
  ] as const),
  ...(['headers_too_large', 'overloaded', 'unavailable'] as const),
]

/** An operation as the OpenAPI document has it. */
function described(operation: Operation, definition: Definition<z.ZodObject, z.ZodType, z.ZodType>): RouteConfig {
  const { method, path } = partsOf(operation)
  const { scope, isRecent }: Access = ACCESS[operation]
  const { summary, description, tag, query, body, isBodyOptional } = definition
  const proof = isRecent === true ? 'An operator needs a proof of identity of the last ten minutes.' : undefined
  return {
    method: METHODS[method],
    path,
    operationId: operationId(operation),
    summary,
    description: [description, `A key needs the scope \`${scope}\`.`, proof].filter(isGiven).join(' '),
    tags: [tag],
    security: [{ cookie: [] }, { key: [] }],
    request: {
      ...(path.includes('{id}') ? { params: z.object({ id: z.string() }) } : {}),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined
        ? {}
        : { body: { required: isBodyOptional !== true, content: { 'application/json': { schema: body } } } }),
    },
    responses: { ...success(definition), ...problemResponses(problemsOf(definition, ACCESS[operation])) },
  }
}

function problemsOf(
  { body, problems = [] }: Definition<z.ZodObject, z.ZodType, z.ZodType>,
  { isRecent }: Access,
): readonly ProblemCode[] {
  return [
    ...ALWAYS,
    ...(isRecent === true ? (['reauth_required'] as const) : []),
    ...(body === undefined ? [] : (['invalid_body', 'body_too_large', 'unsupported_media_type'] as const)),
    ...problems,
  ]
}

function success(definition: Definition<z.ZodObject, z.ZodType, z.ZodType>): Responses {
  const { status = 200, answer: schema, types } = definition
  if (schema !== undefined) {
    return { [status]: { description: 'As asked for.', content: { 'application/json': { schema } } } }
  }
  const content = Object.fromEntries(Object.entries(types ?? {}).map(([type, each]) => [type, { schema: each }]))
  return { [status]: types === undefined ? { description: 'Done.' } : { description: 'As asked for.', content } }
}

/** A response for each status, with the codes it may have. */
export function problemResponses(codes: readonly ProblemCode[]): Responses {
  const byStatus = Map.groupBy(codes, (code) => problem(code).status)
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .map(([status, those]) => [
        status,
        {
          description: [...new Set(those)].map((code) => `\`${code}\``).join(', '),
          content: { 'application/problem+json': { schema: Problem } },
        },
      ]),
  )
}

type Responses = RouteConfig['responses']

const METHODS = { GET: 'get', POST: 'post', DELETE: 'delete' } as const

/** `getSessionsById` of `GET /admin/sessions/{id}`. */
function operationId(operation: Operation): string {
  const { method, path } = partsOf(operation)
  const words = path.replace('/admin/', '').replaceAll('{id}', 'by-id').split(/[/-]/)
  return METHODS[method] + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined
}
