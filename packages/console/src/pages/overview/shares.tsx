import type { Share } from '../../api/types.ts'

const PERCENT = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0 })
const SHOWN = 6

/** Who has how much of the whole, the largest first; what is small is told in one line together. */
export function Shares({ name: title, shares }: { readonly name: string; readonly shares: readonly Share[] }) {
  const whole = shares.reduce((sum, { count }) => sum + count, 0)
  return (
    <section>
      <h3 className="mb-2 text-sm font-semibold">{title}</h3>
      <ul className="space-y-3">
        {gathered(shares).map(({ name, count }) => (
          <li key={name}>
            <div className="flex justify-between gap-4 text-sm">
              <span className="min-w-0 truncate" title={name}>
                {name}
              </span>
              <span className="text-soft tabular-nums">{PERCENT.format(count / whole)}</span>
            </div>
            <div className="mt-1 h-2 rounded-full bg-sunken" aria-hidden="true">
              <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * count) / whole}%` }} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  )
}

function gathered(shares: readonly Share[]): readonly Share[] {
  if (shares.length <= SHOWN) return shares
  const rest = shares.slice(SHOWN - 1).reduce((sum, { count }) => sum + count, 0)
  return [...shares.slice(0, SHOWN - 1), { name: 'Others', count: rest }]
}
