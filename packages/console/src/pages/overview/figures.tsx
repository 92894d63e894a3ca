import type { Overview } from '../../api/types.ts'

const COUNT = new Intl.NumberFormat('en')

const FIGURES: readonly {
  readonly name: string
  readonly means: string
  readonly of: (overview: Overview) => number
}[] = [
  { name: 'Active sessions', means: 'standing right now', of: ({ active }) => active },
  { name: 'Users online', means: 'with an active session', of: ({ usersOnline }) => usersOnline },
  { name: 'Created today', means: 'since midnight UTC', of: ({ createdToday }) => createdToday },
  { name: 'Sessions in all', means: 'with the ended ones', of: ({ total }) => total },
]

/** The four numbers that an operator looks at first. They keep their place while they load and change. */
export function Figures({ overview }: { readonly overview: Overview | undefined }) {
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-4" aria-busy={overview === undefined}>
      {FIGURES.map(({ name, means, of }) => (
        <div key={name} className="rounded-xl border border-line bg-surface p-4">
          <dt className="text-sm text-soft">{name}</dt>
          <dd className="mt-1 text-xl sm:text-2xl font-semibold tracking-tight tabular-nums">
            {overview === undefined ? <span className="text-soft">–</span> : COUNT.format(of(overview))}
            <span className="block text-xs font-normal tracking-normal text-soft">{means}</span>
          </dd>
        </div>
      ))}
    </dl>
  )
}
