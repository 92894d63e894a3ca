import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'

/** The part of JSON Schema that our document uses. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

/** One operation of a document. */
export interface Operation {
  readonly method: string
  readonly path: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly body: { readonly schema: Schema; readonly isRequired: boolean } | null
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

/** A request that a document describes, or one that is nearly so. */
export interface GeneratedRequest {
  readonly operation: Operation
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly body: string | null
  readonly type: string | null
}

/** An operation as it stands in a document. */
interface Described extends Pick<Operation, 'responses'> {
  readonly parameters?: Operation['parameters']
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
}

/** A published document: what may be asked, and what is answered. */
export class OpenApi {
  readonly operations: readonly Operation[]
  readonly #schemas: Readonly<Record<string, Schema>>
  /** What is not in here is not checked, so it must not be in the document. */
  static readonly #KEYWORDS = new Set(
    (
      '$ref type format enum const items anyOf properties required additionalProperties minimum maximum minLength ' +
      'maxLength minItems maxItems pattern description example default'
    ).split(' '),
  )

  constructor(document: unknown) {
    const { paths, components } = document as {
      paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
      components: { schemas: Readonly<Record<string, Schema>> }
    }
    this.#schemas = components.schemas
    this.operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        parameters: operation.parameters ?? [],
        body: bodyOf(operation),
        responses: operation.responses,
      })),
    )
  }

  /** Keywords in the document that `violations` does not understand. */
  unknownKeywords(): readonly string[] {
    const found = new Set<string>()
    const look = (schema: Schema): void => {
      for (const name of Object.keys(schema)) if (!OpenApi.#KEYWORDS.has(name)) found.add(name)
      const { items, anyOf = [], properties = {}, additionalProperties } = schema
      const inner = [items, ...anyOf, ...Object.values(properties), additionalProperties]
      for (const each of inner) if (typeof each === 'object') look(each)
    }
    for (const schema of Object.values(this.#schemas)) look(schema)
    for (const { parameters, body, responses } of this.operations) {
      for (const { schema } of parameters) look(schema)
      if (body !== null) look(body.schema)
      for (const { content = {} } of Object.values(responses))
        for (const { schema } of Object.values(content)) look(schema)
    }
    return [...found]
  }

  /** Where an answer is not what the document says; nothing where it is. */
  mismatches({ responses }: Operation, status: number, type: string | null, body: string): readonly string[] {
    const response = responses[String(status)]
    if (response === undefined) return [`status ${status} is not in the document`]
    const bare = type?.split(';')[0] ?? null
    const content = response.content ?? {}
    if (Object.keys(content).length === 0) return body === '' ? [] : ['there is a body, and none in the document']
    const schema = bare === null ? undefined : content[bare]?.schema
    if (schema === undefined) return [`the type ${bare} is not in the document for ${status}`]
    return /json$/.test(bare ?? '') ? this.violations(JSON.parse(body), schema) : []
  }

  /** Where a value is not what a schema says. */
  violations(value: unknown, schema: Schema, place = '$'): readonly string[] {
    const { $ref, anyOf, type, enum: words, items, properties = {}, required = [], additionalProperties } = schema
    if ($ref !== undefined) return this.violations(value, this.#named($ref), place)
    if (anyOf !== undefined) {
      const each = anyOf.map((one) => this.violations(value, one, place))
      return each.some((found) => found.length === 0) ? [] : [`${place}: ${each.map((found) => found[0]).join(' or ')}`]
    }
    if (type !== undefined && ![type].flat().some((one) => isOfType(value, one))) {
      return [`${place} is ${JSON.stringify(value)?.slice(0, 60)}, no ${[type].flat().join(' or ')}`]
    }
    if (words !== undefined && !words.includes(value)) return [`${place} is none of ${words.join(', ')}`]
    if (schema.const !== undefined && value !== schema.const) return [`${place} is not ${String(schema.const)}`]
    if (typeof value === 'string') return textViolations(value, schema, place)
    if (typeof value === 'number') {
      const isWithin = value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity)
      return isWithin ? [] : [`${place} is ${value}`]
    }
    if (Array.isArray(value)) return value.flatMap((each, n) => this.violations(each, items ?? {}, `${place}[${n}]`))
    if (typeof value !== 'object' || value === null) return []
    const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${place}.${name} is missing`)
    return Object.entries(value).reduce<readonly string[]>((found, [name, each]) => {
      const own = properties[name] ?? (typeof additionalProperties === 'object' ? additionalProperties : null)
      if (own !== null) return [...found, ...this.violations(each, own, `${place}.${name}`)]
      return additionalProperties === false ? [...found, `${place}.${name} is not in the document`] : found
    }, missing)
  }

  /**
   * Requests for every operation: mostly as the document has them, some a little wrong. `ids` says, whenever a request
   * is made, what is worth naming in a path.
   */
  requests(ids: () => readonly string[], texts: readonly string[]): Arbitrary<GeneratedRequest> {
    const id = fc.nat().map((number) => ids()[number % ids().length]!)
    return fc.oneof(...this.operations.map((operation) => this.#request(operation, id, texts)))
  }

  #request(operation: Operation, id: Arbitrary<string>, texts: readonly string[]): Arbitrary<GeneratedRequest> {
    const { method, path, parameters, body } = operation
    const query = parameters.filter((parameter) => parameter.in === 'query')
    const rightQuery = fc.tuple(
      ...query.map(({ name, schema, required }) => {
        const right = this.#values(schema, texts).map((value) =>
          [value].flat().map((one) => [name, String(one)] as const),
        )
        return required === true ? right : fc.option(right, { nil: [], freq: 2 })
      }),
    )
    const wrongQuery = fc.array(
      fc.tuple(fc.constantFrom(...query.map(({ name }) => name), 'x', '__proto__'), RUBBISH),
      {
        maxLength: 3,
      },
    )
    const rightBody =
      body === null ? fc.constant(null) : this.#values(body.schema, texts).map((value) => JSON.stringify(value))
    return fc.record({
      operation: fc.constant(operation),
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant(method) },
        fc.constantFrom('HEAD', 'PUT', 'PATCH', 'OPTIONS'),
      ),
      target: fc
        .tuple(
          fc.oneof({ weight: 5, arbitrary: id }, RUBBISH),
          fc.oneof({ weight: 6, arbitrary: rightQuery.map((pairs) => pairs.flat()) }, wrongQuery),
        )
        .map(([name, pairs]) => targetOf(path, name, pairs)),
      body:
        body === null
          ? fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, fc.constant('{}'))
          : fc.oneof(
              { weight: 8, arbitrary: rightBody },
              rightBody.chain((text) => broken(text ?? '')),
              fc.json(),
              fc.constant(null),
            ),
      type: fc.oneof(
        { weight: 25, arbitrary: fc.constant(body === null ? null : 'application/json') },
        fc.constantFrom('text/plain', 'application/json; charset=utf-8', 'application/x-www-form-urlencoded', null),
      ),
    })
  }

  /** Values that a schema allows. */
  #values(schema: Schema, texts: readonly string[]): Arbitrary<unknown> {
    const { $ref, anyOf, enum: words, items, properties, required = [] } = schema
    if ($ref !== undefined) return this.#values(this.#named($ref), texts)
    if (anyOf !== undefined) return fc.oneof(...anyOf.map((each) => this.#values(each, texts)))
    if (words !== undefined) return fc.constantFrom(...words)
    if (schema.const !== undefined) return fc.constant(schema.const)
    const [type = 'string'] = [schema.type ?? []].flat()
    switch (type) {
      case 'boolean':
        return fc.boolean()
      case 'integer':
      case 'number':
        return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 2_000, 9_000_000) })
      case 'array':
        return fc.array(this.#values(items ?? {}, texts), { minLength: schema.minItems ?? 0, maxLength: 4 })
      case 'object':
        return fc.record(
          Object.fromEntries(Object.entries(properties ?? {}).map(([name, each]) => [name, this.#values(each, texts)])),
          { requiredKeys: [...required] },
        )
      default:
        return textsOf(schema, texts)
    }
  }

  #named(reference: string): Schema {
    const schema = this.#schemas[reference.slice(reference.lastIndexOf('/') + 1)]
    if (schema === undefined) throw new Error(`${reference} leads nowhere`)
    return schema
  }
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const RUBBISH = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed()),
  fc.constantFrom('', '..', '../..', '%00', '\0', "' OR 1=1 --", '[object Object]', '9'.repeat(400), '0', '-1', 'null'),
)

function textsOf(
  { format, pattern, minLength = 0, maxLength = 60 }: Schema,
  texts: readonly string[],
): Arbitrary<string> {
  if (format === 'date-time') {
    const [min, max] = [new Date('2020-01-01T00:00:00Z'), new Date('2035-01-01T00:00:00Z')]
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString())
  }
  const known = texts.filter((text) => text.length >= minLength && text.length <= maxLength)
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength })
  return fc.oneof(fc.constantFrom(...known), fc.string({ minLength, maxLength }))
}

function bodyOf({ requestBody }: Described): Operation['body'] {
  const schema = requestBody?.content['application/json']?.schema
  return schema === undefined ? null : { schema, isRequired: requestBody?.required === true }
}

/** A JSON text with something cut out, put in, or exchanged. */
function broken(text: string): Arbitrary<string> {
  return fc
    .tuple(fc.nat(Math.max(0, text.length)), fc.nat(4), fc.constantFrom('', '"', '{', 'null', '\0', ',', '1e999', 'é'))
    .map(([at, length, inserted]) => text.slice(0, at) + inserted + text.slice(at + length))
}

function targetOf(path: string, id: string, pairs: readonly (readonly [string, string])[]): string {
  const query = new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value])).toString()
  // Nothing and a dot are no part of a path: it would be that of another operation.
  const place = path.replace('{id}', id === '' || id === '.' ? `${id}%20` : encodeURIComponent(id))
  return query === '' ? place : `${place}?${query}`
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}

function textViolations(value: string, { minLength, maxLength, pattern, format }: Schema, place: string) {
  const found: string[] = []
  if (minLength !== undefined && value.length < minLength) found.push(`${place} is too short`)
  if (maxLength !== undefined && value.length > maxLength) found.push(`${place} is too long`)
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) found.push(`${place} does not match ${pattern}`)
  if (format === 'date-time' && !INSTANT.test(value)) found.push(`${place} is '${value.slice(0, 40)}', no instant`)
  return found
}
