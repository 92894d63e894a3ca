import { SojournError, shown } from './errors.ts'

/** A span of time: a number of seconds, or text such as `'90s'`, `'30m'`, `'1h30m'`, `'24h'`, `'30d'`, `'2w'`. */
export type Duration = number | string

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/
const PART = /(\d+(?:\.\d+)?)(ms|[smhdw])/g
/** A hundred years: long enough for any policy, short enough that no instant overflows a `Date`. */
const LONGEST = 36_525 * 86_400_000
/** The longest that a timer of the host waits, in milliseconds: more than 24 days. What was set for longer would come at once. */
export const LONGEST_WAIT = 2_147_483_647

/**
 * Milliseconds of a duration. `name` is what the person who must fix it calls the setting.
 * Throws `invalid_option` unless the value is a positive duration of at most a hundred years.
 */
export function milliseconds(value: Duration, name: string): number {
  const span = typeof value === 'number' ? value * 1_000 : parse(value)
  if (span === null || !Number.isFinite(span)) {
    throw new SojournError(
      'invalid_option',
      `${name} is ${shown(value)}; give a number of seconds or a duration such as '30m', '24h' or '30d'`,
    )
  }
  if (span < 1) {
    throw new SojournError('invalid_option', `${name} is ${shown(value)}; give a positive duration such as '30m'`)
  }
  if (span > LONGEST) {
    throw new SojournError('invalid_option', `${name} is ${shown(value)}; a hundred years is the longest duration`)
  }
  return Math.round(span)
}

/** `milliseconds` of how long something waits: at most 24 days. */
export function patience(value: Duration, name: string): number {
  const span = milliseconds(value, name)
  if (span <= LONGEST_WAIT) return span
  throw new SojournError('invalid_option', `${name} is ${shown(value)}; nothing can wait for more than '24d'`)
}

/** A duration as a person writes it: `'24h'`, `'1h30m'`, `'30d'`. */
export function formatDuration(span: number): string {
  let rest = Math.round(span)
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = MILLISECONDS[unit]!
    const whole = Math.floor(rest / size)
    if (whole > 0) text += `${whole}${unit}`
    rest -= whole * size
  }
  return text === '' ? '0s' : text
}

function parse(text: unknown): number | null {
  if (typeof text !== 'string' || text.length > 40 || !WHOLE.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * MILLISECONDS[unit!]!
  return total
}
