const UNITS = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
const RELATIVE = new Intl.RelativeTimeFormat('en')
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium', timeZone: 'UTC' })

/** How long ago an instant is, as people say it. What is less than a minute away is `just now`. */
function relative(at: Date, now: number): string {
  const seconds = (now - at.getTime()) / 1_000
  const unit = UNITS.find(([, size]) => seconds >= size)
  return unit === undefined ? 'just now' : RELATIVE.format(-Math.floor(seconds / unit[1]), unit[0])
}

/** A span as people say it, never less than it is: `40 seconds`, `3 minutes`. */
export function span(seconds: number): string {
  const [count, unit] =
    seconds <= 90 ? [seconds, 'second'] : seconds <= 5_400 ? [seconds / 60, 'minute'] : [seconds / 3_600, 'hour']
  const whole = Math.max(1, Math.ceil(count))
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`
}

/** An instant in relative words; the exact time is what one sees when pointing at it. */
export function When({ at, now }: { readonly at: Date; readonly now: number }) {
  return (
    <time datetime={at.toISOString()} title={`${EXACT.format(at)} UTC`} data-relative>
      {relative(at, now)}
    </time>
  )
}
