const UNITS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
const RELATIVE = new Intl.RelativeTimeFormat('en')

/** How far an instant is from now, as people say it: `3 hours ago`, `in 2 days`. Less than a minute ago is `just now`. */
export function relative(at: number, now: number): string {
  const seconds = Math.abs(now - at) / 1_000
  const isPast = at <= now
  const unit = UNITS.find(([, size]) => seconds >= size)
  if (unit === undefined) return isPast ? 'just now' : 'within a minute'
  const [name, size] = unit
  const count = Math.floor(seconds / size)
  return RELATIVE.format(isPast ? -count : count, name)
}
