import { z } from '@hono/zod-openapi'

/** One instant of a request, as a `Date`: ISO 8601 with a time zone. */
export const instantParameter = z
  .string()
  .max(40)
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/)
  .refine((text) => !Number.isNaN(Date.parse(text)), 'is no instant')
  .transform((text) => new Date(text))
  .openapi({ type: 'string', format: 'date-time' })

/** A whole number in a query. */
export function wholeParameter(least: number, most: number, otherwise?: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .pipe(z.int().min(least).max(most))
    .openapi({ type: 'integer', minimum: least, maximum: most, default: otherwise })
}

/** A parameter that may be given several times, each time one of a few words. */
export function severalOf<const Word extends string>(words: readonly [Word, ...Word[]]) {
  return z
    .union([z.enum(words).transform((word) => [word]), z.array(z.enum(words)).max(words.length * 2)])
    .openapi({ type: 'array', items: { type: 'string', enum: [...words] } })
}

/** Text to look for, or to compare with: as much as a store can be asked for. */
export const textParameter = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'contains characters that cannot be stored')

/** A query as an object: what is given once as text, what is given several times as a list. */
export function queryOf(url: string): Readonly<Record<string, string | readonly string[]>> {
  const query: Record<string, string | readonly string[]> = Object.create(null) as Record<string, string>
  const parameters = new URL(url).searchParams
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name)
    query[name] = values.length === 1 ? values[0]! : values
  }
  return query
}
