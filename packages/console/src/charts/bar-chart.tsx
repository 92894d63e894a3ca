import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** What is counted, and how it is told from the others. */
export interface BarSeries {
  readonly name: string
  /** A class that sets the text colour; bars and legend take theirs from it, so they follow the theme. */
  readonly colour: string
  readonly values: readonly number[]
}

export interface BarChartProps {
  /** What the chart says in one sentence, for those who do not see it. */
  readonly summary: string
  /** When each span begins, in milliseconds since 1970, oldest first. All spans are equally long. */
  readonly starts: readonly number[]
  readonly series: readonly BarSeries[]
}

const HEIGHT = 224
const UTC_HOUR = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' })

/** Bars over time, those of one span side by side. Times are UTC; pointing at a span tells its figures below. */
export function BarChart({ summary, starts, series }: BarChartProps) {
  const frame = useRef<HTMLDivElement>(null)
  const legend = useRef<HTMLUListElement>(null)
  const chart = useRef<UPlot>(null)
  const [pointed, setPointed] = useState<number | null>(null)
  const names = series.map(({ name }) => name).join('\n')

  useLayoutEffect(() => {
    const host = frame.current
    if (host === null) return
    const swatches = [...(legend.current?.querySelectorAll('[data-swatch]') ?? [])]
    const plot = new UPlot(options(host, swatches, setPointed), undefined, host)
    chart.current = plot
    const sizes = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: HEIGHT }))
    sizes.observe(host)
    const stopWatching = onThemeChange(() => plot.redraw())
    return () => {
      stopWatching()
      sizes.disconnect()
      plot.destroy()
      chart.current = null
    }
  }, [names])

  useEffect(() => {
    chart.current?.setData([starts.map((at) => at / 1_000), ...series.map(({ values }) => [...values])])
  }, [starts, series, names])

  const at = pointed === null ? undefined : starts[pointed]
  return (
    <figure className="m-0">
      <div ref={frame} role="img" aria-label={summary} className="h-56 w-full overflow-hidden border-line text-soft" />
      <figcaption className="mt-3 flex flex-wrap items-center gap-x-5 gap-y-1 text-sm tabular-nums">
        <ul ref={legend} className="contents">
          {series.map(({ name, colour, values }) => (
            <li key={name} className="flex items-center gap-2">
              <span data-swatch="" className={`inline-block size-3 rounded-xs bg-current ${colour}`} />
              {name}
              <strong className="min-w-12 font-semibold">
                {pointed !== null && EXACT.format(values[pointed] ?? 0)}
              </strong>
            </li>
          ))}
        </ul>
        <span className="ml-auto text-soft" aria-hidden="true">
          {at === undefined ? 'Each bar is one hour, UTC' : `${UTC_HOUR.format(at)} UTC`}
        </span>
      </figcaption>
    </figure>
  )
}

/** Colours are read from the page whenever it is drawn: the canvas knows no classes. */
function options(host: Element, swatches: readonly Element[], onPoint: (index: number | null) => void): UPlot.Options {
  const text = () => getComputedStyle(host).color
  const line = () => getComputedStyle(host).borderTopColor
  const axis: UPlot.Axis = {
    stroke: text,
    font: '12px system-ui, sans-serif',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return {
    width: host.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { show: false } },
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? null)] },
    scales: {
      // Half a span to either side, so that the outer bars are whole.
      x: { range: ({ data: [times] }, min, max) => padded(times, min, max) },
      y: { range: (_, __, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        gap: 8,
        grid: { show: false },
        space: 56,
        values: (_, splits) => splits.map((at) => UTC_HOUR.format(at * 1_000)),
      },
      { ...axis, size: 44, incrs: WHOLE_STEPS, values: (_, splits) => splits.map((value) => COUNT.format(value)) },
    ],
    series: [
      {},
      ...swatches.map((swatch, place): UPlot.Series => {
        const colour = () => getComputedStyle(swatch).color
        const paths = UPlot.paths.bars?.({ size: [0.84 / swatches.length, 20], align: place === 0 ? -1 : 1, gap: 1 })
        return { stroke: colour, fill: colour, width: 0, points: { show: false }, ...(paths && { paths }) }
      }),
    ],
  }
}

const EXACT = new Intl.NumberFormat('en')
const COUNT = new Intl.NumberFormat('en', { notation: 'compact' })
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((step) => Array.from({ length: 7 }, (_, power) => step * 10 ** power))
  .sort((a, b) => a - b)

function padded(times: ArrayLike<number>, min: number, max: number): [number, number] {
  const half = times.length > 1 ? ((times[1] ?? 0) - (times[0] ?? 0)) / 2 : 1_800
  return [min - half, max + half]
}

/** The system may change between light and dark, or the reader may. Gives back what stops the watching. */
function onThemeChange(redraw: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const reader = new MutationObserver(redraw)
  system.addEventListener('change', redraw)
  reader.observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'data-theme', 'style'] })
  return () => {
    system.removeEventListener('change', redraw)
    reader.disconnect()
  }
}
