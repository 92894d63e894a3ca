import { parseArgs } from 'node:util'

/** The parts of the benchmark, in the order in which they run; `cleanup` uses the database of the parts before it up. */
export const PARTS = [
  'validate',
  'lists',
  'space',
  'http',
  'admin',
  'logins',
  'cleanup',
  'postgres',
  'redis',
  'cached',
] as const

export type Part = (typeof PARTS)[number]

/** The parts that start an engine of their own, or need none. */
export const WITHOUT_FILE: readonly Part[] = ['postgres', 'redis', 'cached']

export interface Options {
  readonly sizes: readonly number[]
  readonly parts: readonly Part[]
  /** Where the findings go as JSON, or null. */
  readonly json: string | null
  readonly isKept: boolean
}

export const USAGE = `npm run bench -- [options]
  --full              10^6 sessions as well
  --sizes 1e3,1e5     these sizes
  --only validate     these parts: ${PARTS.join(', ')}
  --json FILE         the findings as JSON, too
  --keep              leave the databases in the temporary folder
`

const DEFAULT_SIZES = [1e3, 1e5]
const FULL_SIZES = [1e3, 1e5, 1e6]

/** Throws, with a sentence, when an argument cannot be used. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      full: { type: 'boolean', default: false },
      sizes: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  return {
    sizes: values.sizes === undefined ? (values.full ? FULL_SIZES : DEFAULT_SIZES) : values.sizes.split(',').map(size),
    parts: values.only === undefined ? PARTS : values.only.split(',').map(part),
    json: values.json ?? null,
    isKept: values.keep,
  }
}

function size(text: string): number {
  const sessions = Number(text)
  if (Number.isInteger(sessions) && sessions >= 100 && sessions <= 1e7) return sessions
  throw new Error(`--sizes has '${text}'; give whole numbers from 100 to 1e7, as in 1e3,1e5`)
}

function part(text: string): Part {
  const known = PARTS.find((name) => name === text)
  if (known !== undefined) return known
  throw new Error(`--only has '${text}'; the parts are ${PARTS.join(', ')}`)
}
