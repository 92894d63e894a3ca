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
  const isPast = at <= now
  // What is to come is told to the minute, or a whole day would be 23 hours as soon as it has begun.
  const seconds = isPast ? (now - at) / 1_000 : Math.round((at - now) / 60_000) * 60
  const unit = UNITS.find(([, size]) => seconds >= size)
  if (unit === undefined) return isPast ? 'just now' : 'within a minute'
  const [name, size] = unit
  const count = Math.floor(seconds / size)
  return RELATIVE.format(isPast ? -count : count, name)
}
