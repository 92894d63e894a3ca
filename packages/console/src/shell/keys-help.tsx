import { Dialog } from '@base-ui/react/dialog'
import { Button } from '../ui/button.tsx'
import { PLACES } from './places.ts'
import type { Shortcuts } from './shortcuts.ts'

export interface KeysHelpProps {
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly shortcuts: Shortcuts
}

const EVERYWHERE: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['/'], 'Search'],
  [['?'], 'Show these keys'],
  [['Esc'], 'Close, or empty the search'],
  ...PLACES.map(({ key, name }) => [['g', key], `Go to ${name}`] as const),
]

const IN_LISTS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [['↑', '↓'], 'Row by row'],
  [['Page ↑', 'Page ↓'], 'Screen by screen'],
  [['Home', 'End'], 'First and last row that is loaded'],
  [['Enter'], 'Open'],
  [['Space'], 'Select or not'],
  [['Shift', '↑ ↓'], 'Select several'],
]

/** What can be done without a mouse. */
export function KeysHelp({ isOpen, onOpenChange, shortcuts }: KeysHelpProps) {
  return (
    <Dialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 max-h-[calc(100dvh-2rem)] w-[min(40rem,calc(100vw-2rem))] -translate-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-6 shadow-xl">
          <Dialog.Title className="text-lg font-semibold">Keys</Dialog.Title>
          <div className="mt-4 grid gap-x-10 gap-y-6 sm:grid-cols-2">
            <Keys title="Everywhere" keys={EVERYWHERE} />
            <Keys title="In lists" keys={IN_LISTS} />
          </div>
          <div className="mt-6 flex flex-wrap items-center justify-between gap-3 border-t border-line pt-4">
            <label className="flex min-h-9 cursor-pointer items-center gap-3">
              <input
                type="checkbox"
                className="size-5 accent-accent"
                checked={shortcuts.areOn}
                onChange={({ target }) => shortcuts.setAreOn(target.checked)}
              />
              Single keys do something
            </label>
            <Dialog.Close render={<Button>Close</Button>} />
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function Keys({
  title,
  keys,
}: {
  readonly title: string
  readonly keys: readonly (readonly [keys: readonly string[], does: string])[]
}) {
  return (
    <section>
      <h3 className="text-sm font-semibold text-soft">{title}</h3>
      <dl className="mt-2 space-y-2">
        {keys.map(([names, does]) => (
          <div key={does} className="flex items-baseline justify-between gap-4">
            <dt>{does}</dt>
            <dd className="flex flex-none gap-1">
              {names.map((name) => (
                <kbd
                  key={name}
                  className="min-w-6 rounded-md border border-line bg-sunken px-1.5 text-center font-sans text-sm leading-6"
                >
                  {name}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
