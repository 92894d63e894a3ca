import { SojournError, shown } from './errors.ts'
import type { Attributes } from './session.ts'

const ATTRIBUTES_LIMIT = 4_096
const TEXT_LIMIT = 255

/**
 * Throws `invalid_argument` unless the value is a plain object with no other names than these: a misspelt name
 * would be a condition that nobody applies.
 */
export function assertNames(value: unknown, name: string, known: readonly string[]): asserts value is object {
  if (!isPlainObject(value)) {
    throw new SojournError('invalid_argument', `${name} is ${shown(value)}; give an object with ${known.join(', ')}`)
  }
  const unknown = Object.keys(value).find((each) => !known.includes(each))
  if (unknown !== undefined) {
    throw new SojournError(
      'invalid_argument',
      `${name} has no '${unknown.slice(0, 40)}'; it may have ${known.join(', ')}`,
    )
  }
}

/** Throws `invalid_argument` unless the value is a whole number from `least` to `most`. */
export function assertWhole(value: unknown, name: string, least: number, most: number): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
  throw new SojournError('invalid_argument', `${name} is ${shown(value)}; give a whole number from ${least} to ${most}`)
}

/** Throws `invalid_argument` unless the value is one of a closed list. */
export function assertOneOf<T extends string>(value: unknown, name: string, list: readonly T[]): asserts value is T {
  if (list.some((each) => each === value)) return
  throw new SojournError('invalid_argument', `${name} is ${shown(value)}; give one of ${list.join(', ')}`)
}

/** Milliseconds of an instant. Throws `invalid_argument` unless it is a `Date` that shows one. */
export function instantOf(value: unknown, name: string): number {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.getTime()
  throw new SojournError(
    'invalid_argument',
    `${name} is ${value instanceof Date ? 'no date' : shown(value)}; give a Date`,
  )
}

/** Throws `invalid_argument` unless the value is text of 1 to 255 characters that can be stored as it is. */
export function assertText(value: unknown, name: string): asserts value is string {
  const found =
    typeof value !== 'string'
      ? shown(value)
      : value === ''
        ? 'empty'
        : value.length > TEXT_LIMIT
          ? `${value.length} characters long`
          : null
  if (found !== null) {
    throw new SojournError('invalid_argument', `${name} is ${found}; give text of 1 to ${TEXT_LIMIT} characters`)
  }
  if (!(value as string).isWellFormed() || (value as string).includes('\0')) {
    throw new SojournError(
      'invalid_argument',
      `${name} contains characters that cannot be stored; give well-formed text`,
    )
  }
}

/** A copy of an application's attributes as they will be stored. Throws when they are not JSON or too large; never truncates. */
export function storedAttributes(attributes: Attributes | undefined): Attributes {
  if (attributes === undefined) return NO_ATTRIBUTES
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw new SojournError('invalid_argument', 'attributes is not an object; give an object of JSON values')
  }
  const text = asJson(attributes)
  const size = Buffer.byteLength(text)
  if (size > ATTRIBUTES_LIMIT) {
    throw new SojournError(
      'invalid_argument',
      `attributes take ${size} bytes as JSON; keep them to ${ATTRIBUTES_LIMIT}`,
    )
  }
  return parseAttributes(text)
}

/** Attributes from their stored text, frozen, so that no reader changes what another reads. */
export function parseAttributes(text: string): Attributes {
  return text === '{}' ? NO_ATTRIBUTES : (deepFreeze(JSON.parse(text)) as Attributes)
}

function asJson(attributes: Attributes): string {
  try {
    return JSON.stringify(attributes)
  } catch (cause) {
    throw new SojournError('invalid_argument', 'attributes hold what JSON cannot say; give plain values', { cause })
  }
}

const NO_ATTRIBUTES: Attributes = Object.freeze({})

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
