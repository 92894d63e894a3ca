import type { ReactNode } from 'react'

/** What is known, name by name. Null where it is not known, undefined where it does not apply. */
export function Facts({ facts }: { readonly facts: Readonly<Record<string, ReactNode>> }) {
  return (
    <dl className="space-y-2">
      {Object.entries(facts)
        .filter(([, fact]) => fact !== undefined)
        .map(([name, fact]) => (
          <div key={name} className="grid grid-cols-[8.5rem_minmax(0,1fr)] gap-x-4">
            <dt className="text-soft">{name}</dt>
            <dd className="min-w-0 wrap-anywhere tabular-nums">
              {fact ?? <span className="text-soft">not known</span>}
            </dd>
          </div>
        ))}
    </dl>
  )
}
