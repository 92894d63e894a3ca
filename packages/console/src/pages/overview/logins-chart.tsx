import { useMemo } from 'react'
import { BarChart } from '../../charts/bar-chart.tsx'
import type { LoginPoint } from '../../api/types.ts'

const COUNT = new Intl.NumberFormat('en')
const HOUR = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' })

/** Logins and failed ones, hour by hour; the same as a table for whoever prefers to read. */
export function LoginsChart({ points }: { readonly points: readonly LoginPoint[] }) {
  const starts = useMemo(() => points.map(({ at }) => Date.parse(at)), [points])
  const series = useMemo(
    () => [
      { name: 'Logins', colour: 'text-accent', values: points.map(({ logins }) => logins) },
      { name: 'Failed', colour: 'text-danger', values: points.map(({ failed }) => failed) },
    ],
    [points],
  )
  return (
    <>
      <BarChart summary={`${told(points)} in the last 24 hours, by the hour`} starts={starts} series={series} />
      <details className="mt-3 text-sm">
        <summary className="w-fit cursor-pointer rounded text-soft hover:text-text">The same as a table</summary>
        <div
          className="mt-2 max-h-64 overflow-y-auto rounded-lg border border-line"
          tabIndex={0}
          role="region"
          aria-label="Logins by the hour"
        >
          <table className="w-full text-left tabular-nums">
            <thead className="sticky top-0 bg-surface text-soft">
              <tr>
                <th scope="col" className="px-3 py-2 font-medium">
                  Hour from (UTC)
                </th>
                <th scope="col" className="px-3 py-2 text-right font-medium">
                  Logins
                </th>
                <th scope="col" className="px-3 py-2 text-right font-medium">
                  Failed
                </th>
              </tr>
            </thead>
            <tbody>
              {points.map(({ at, logins, failed }) => (
                <tr key={at} className="border-t border-line">
                  <th scope="row" className="px-3 py-1.5 font-normal">
                    <time dateTime={at}>{HOUR.format(Date.parse(at))}</time>
                  </th>
                  <td className="px-3 py-1.5 text-right">{COUNT.format(logins)}</td>
                  <td className="px-3 py-1.5 text-right">{COUNT.format(failed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  )
}

/** Over the whole chart: `1,204 logins, 31 failed`. */
export function told(points: readonly LoginPoint[]): string {
  const logins = points.reduce((sum, point) => sum + point.logins, 0)
  const failed = points.reduce((sum, point) => sum + point.failed, 0)
  return `${COUNT.format(logins)} ${logins === 1 ? 'login' : 'logins'}, ${COUNT.format(failed)} failed`
}
