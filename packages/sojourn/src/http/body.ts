import { parseJson } from './json.ts'
import { problem } from './problem.ts'
import type { ProblemCode } from './problem.ts'

/** One value of a body: what it must be, and how it is read. Undefined stands for a value that is not that. */
export interface Field<T> {
  /** As in "`remember` must be true or false". */
  readonly expected: string
  readonly fromJson: (value: unknown) => T | undefined
  readonly fromForm: (text: string) => T | undefined
  /** What a body without the field says; without this, the field must be there. */
  readonly otherwise?: T
}

/** The fields a body may have, and no others. */
export type Fields = Readonly<Record<string, Field<unknown>>>

/** What a body with such fields says. */
export type BodyOf<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never }

/** What came of reading a body: its values, or the response that refuses it. */
export type BodyOutcome<F extends Fields> =
  | { readonly ok: true; readonly value: BodyOf<F> }
  | { readonly ok: false; readonly response: Response }

/** The largest body, in bytes, where nothing else is said. */
const LIMIT = 16_384
const JSON_TYPE = /^application\/json(?:; ?charset=utf-8)?$/
const FORM_TYPE = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/

/** Text, and nothing that could be made into text. */
export const textField: Field<string> = {
  expected: 'text',
  fromJson: (value) => (typeof value === 'string' ? value : undefined),
  fromForm: (value) => value,
}

/** Yes or no; a form says yes with `on`, as a checkbox does. */
export const flagField: Field<boolean> = {
  expected: 'true or false',
  fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
  fromForm: (value) => (value === 'on' ? true : undefined),
}

/** One of a few words. */
export function choiceField<const Word extends string>(...words: readonly Word[]): Field<Word> {
  const find = (value: unknown): Word | undefined => words.find((word) => word === value)
  return { expected: words.map((word) => `'${word}'`).join(' or '), fromJson: find, fromForm: find }
}

/** A field that may be left out, and what it then says. */
export function optionalField<T>(field: Field<T>, otherwise: T): Field<T> {
  return { ...field, otherwise }
}

/**
 * Reads a JSON object of at most 16 KiB that has these fields and no others, each of its type, none twice. The
 * content type must be `application/json`: no form of another site can send that.
 */
export async function readJson<F extends Fields>(request: Request, fields: F): Promise<BodyOutcome<F>> {
  const body = await readJsonValue(request)
  if (!body.ok) return body
  const { value } = body
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused('invalid_body')
  return pick(fields, new Map(Object.entries(value)), 'fromJson')
}

/**
 * Reads any JSON, for hosts that say themselves what must be in it: of `application/json`, at most `limit` bytes
 * (default 16 KiB), nested at most 8 deep, with no key twice in one object.
 */
export async function readJsonValue(
  request: Request,
  { limit = LIMIT }: { readonly limit?: number } = {},
): Promise<{ readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly response: Response }> {
  const read = await readText(request, JSON_TYPE, limit)
  if (!read.ok) return refused(read.code)
  const value = parseJson(read.text)
  return value === undefined ? refused('invalid_body') : { ok: true, value }
}

/** Reads what an HTML form sent, under the same limits: for pages that work without scripts. */
export async function readForm<F extends Fields>(request: Request, fields: F): Promise<BodyOutcome<F>> {
  const read = await readText(request, FORM_TYPE, LIMIT)
  if (!read.ok) return refused(read.code)
  const pairs = [...new URLSearchParams(read.text)]
  const values = new Map(pairs)
  return values.size === pairs.length ? pick(fields, values, 'fromForm') : refused('invalid_body')
}

function pick<F extends Fields>(
  fields: F,
  values: ReadonlyMap<string, unknown>,
  reading: 'fromJson' | 'fromForm',
): BodyOutcome<F> {
  for (const name of values.keys()) {
    if (!Object.hasOwn(fields, name)) {
      return refused('invalid_body', `the body may have ${Object.keys(fields).join(', ')} and nothing else`)
    }
  }
  const picked = new Map<string, unknown>()
  for (const [name, field] of Object.entries(fields)) {
    const value = values.has(name) ? valueOf(field, values.get(name), reading) : field.otherwise
    if (value === undefined) return refused('invalid_body', `${name} must be ${field.expected}`)
    picked.set(name, value)
  }
  return { ok: true, value: Object.fromEntries(picked) as BodyOf<F> }
}

function valueOf(field: Field<unknown>, value: unknown, reading: 'fromJson' | 'fromForm'): unknown {
  return reading === 'fromJson' ? field.fromJson(value) : field.fromForm(value as string)
}

async function readText(
  request: Request,
  type: RegExp,
  limit: number,
): Promise<{ readonly ok: true; readonly text: string } | { readonly ok: false; readonly code: ProblemCode }> {
  if (request.bodyUsed) {
    throw new TypeError('the body was read before sojourn/http saw the request; put it before what parses bodies')
  }
  const isRead = type.test(request.headers.get('content-type') ?? '') && !request.headers.has('content-encoding')
  if (!isRead) return { ok: false, code: 'unsupported_media_type' }
  if (Number(request.headers.get('content-length') ?? 0) > limit) return { ok: false, code: 'body_too_large' }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let size = 0
  let text = ''
  try {
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > limit) return { ok: false, code: 'body_too_large' }
      text += decoder.decode(chunk, { stream: true })
    }
    return { ok: true, text: text + decoder.decode() }
  } catch {
    // Bytes that are no text, or a client that went away in the middle.
    return { ok: false, code: 'invalid_body' }
  }
}

function refused(code: ProblemCode, detail?: string): { readonly ok: false; readonly response: Response } {
  return { ok: false, response: problem(code, { detail }) }
}
