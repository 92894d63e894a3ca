/** A latency as people read it: `12 µs`, `1.4 ms`, `2 s`. Three figures at most. */
export function latency(seconds: number): string {
  const [value, unit] =
    seconds < 0.000_999_5 ? [seconds * 1e6, 'µs'] : seconds < 0.999_5 ? [seconds * 1e3, 'ms'] : [seconds, 's']
  return `${FIGURES.format(value)} ${unit}`
}

const FIGURES = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** A span in its largest unit and, if not whole, the next: `3 days 4 hours`, `90 minutes` is `1 hour 30 minutes`. */
export function span(milliseconds: number): string {
  let rest = Math.max(0, Math.floor(milliseconds / 1_000))
  const parts: string[] = []
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ') || 'less than a second'
}

/** `1 session`, `1,204 sessions`. */
export function counted(count: number, noun: string): string {
  return `${COUNT.format(count)} ${noun}${count === 1 ? '' : 's'}`
}

const COUNT = new Intl.NumberFormat('en')
