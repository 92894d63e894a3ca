import type { ReactNode } from 'react'

export interface PageProps {
  readonly title: string
  /** What can be done with the page as a whole, next to its title. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A page with its heading, which is also its name in the browser. */
export function Page({ title, actions, children }: PageProps) {
  return (
    <div className="mx-auto max-w-7xl space-y-6 px-4 py-6 md:px-8 md:py-8">
      <title>{`${title} · Sojourn`}</title>
      <header className="flex min-h-9 flex-wrap items-center justify-between gap-3">
        <h1 tabIndex={-1} className="text-2xl font-semibold tracking-tight outline-none">
          {title}
        </h1>
        {actions !== undefined && <div className="flex flex-wrap items-center gap-3">{actions}</div>}
      </header>
      {children}
    </div>
  )
}
