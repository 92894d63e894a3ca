import type { ReactNode } from 'react'

export interface CardProps {
  readonly title: string
  /** A short remark next to the title. */
  readonly beside?: ReactNode
  /** Whether the contents reach the edges, as lists do. */
  readonly isFlush?: boolean
  readonly className?: string
  readonly children: ReactNode
}

/** One matter of a page, with its heading. */
export function Card({ title, beside, isFlush = false, className = '', children }: CardProps) {
  return (
    <section className={`min-w-0 rounded-xl border border-line bg-surface ${className}`}>
      <header className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 px-4 pt-4 pb-3">
        <h2 className="font-semibold">{title}</h2>
        <p className="text-sm text-soft tabular-nums">{beside}</p>
      </header>
      <div className={isFlush ? 'overflow-hidden rounded-b-xl border-t border-line' : 'px-4 pb-4'}>{children}</div>
    </section>
  )
}
