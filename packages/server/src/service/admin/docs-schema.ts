/** What of a JSON Schema the page tells. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly enum?: readonly (string | null)[]
  readonly const?: string
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly default?: string | number | boolean
  readonly description?: string
}

/** One name of an object. */
export interface Field {
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly description: string
}

/** The names of an object, or, where it may be one of several, of each of them. What is no object has none. */
export function tableOf(schema: Schema): readonly { readonly title: string; readonly rows: readonly Field[] }[] {
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((each, place) => ({ title: place === 0 ? 'either' : 'or', rows: fieldsOf(each, '') }))
  }
  const rows = fieldsOf(schema, '')
  return [{ title: rows.length === 0 ? schemaText(schema) : '', rows }]
}

/** Names of objects inside are written with a dot. */
function fieldsOf({ properties = {}, required = [] }: Schema, before: string): readonly Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const field = {
      name: before + name,
      type: schemaText(schema),
      isRequired: required.includes(name),
      description: schema.description ?? '',
    }
    const inner = schema.properties === undefined ? schema.items : schema
    const prefix = schema.properties === undefined ? `${before}${name}[].` : `${before}${name}.`
    return [field, ...(inner?.properties === undefined ? [] : fieldsOf(inner, prefix))]
  })
}

/** What a value may be, in words: `text of 1 to 255 characters`, `list of AdminSession`, `EndReason or null`. */
export function schemaText(schema: Schema): string {
  const { $ref, anyOf, type } = schema
  if ($ref !== undefined) return $ref.slice($ref.lastIndexOf('/') + 1)
  if (anyOf !== undefined) return anyOf.map(schemaText).join(' or ')
  if (schema.const !== undefined) return schema.const
  const types = [type ?? []].flat()
  return types.length === 0 ? 'anything' : types.map((each) => typeText(each, schema)).join(' or ') + otherwise(schema)
}

/** The same of an answer: an object without a name of its own shows what it is made of. */
export function answerText(schema: Schema): string {
  if (schema.properties === undefined) return schemaText(schema)
  const fields = Object.entries(schema.properties).map(([name, each]) => `${name}: ${answerText(each)}`)
  return `{ ${fields.join(', ')} }`
}

function typeText(type: string, schema: Schema): string {
  if (type === 'null') return 'null'
  if (schema.enum !== undefined) return `one of ${schema.enum.filter((value) => value !== null).join(', ')}`
  if (type === 'array') return `list of ${schemaText(schema.items ?? {})}`
  if (type === 'integer' || type === 'number')
    return `${type === 'integer' ? 'whole number' : 'number'}${range(schema)}`
  if (type === 'boolean') return 'true or false'
  if (type === 'object') return objectText(schema)
  return schema.format === 'date-time' ? 'instant' : `text${length(schema)}`
}

function objectText({ properties, additionalProperties }: Schema): string {
  if (properties !== undefined) return 'object'
  return typeof additionalProperties === 'object' ? `object of ${schemaText(additionalProperties)}` : 'object'
}

function range({ minimum, maximum }: Schema): string {
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) return ` from ${minimum ?? 0} to ${maximum}`
  return minimum === undefined ? '' : ` from ${minimum}`
}

function length({ minLength, maxLength }: Schema): string {
  return maxLength === undefined ? '' : ` of ${minLength ?? 0} to ${maxLength} characters`
}

function otherwise({ default: value }: Schema): string {
  return value === undefined ? '' : ` (${String(value)} when left out)`
}
