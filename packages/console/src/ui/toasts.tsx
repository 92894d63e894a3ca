import { Toast } from '@base-ui/react/toast'
import { Icon } from './icons.tsx'

/** Something that was done, and how to take it back. */
export interface Deed {
  readonly title: string
  readonly description?: string
  /** Absent where it cannot be undone. */
  readonly onUndo?: () => void
  /** It did not work. Stays until it is read. */
  readonly isFailure?: boolean
}

/** Tells of a deed at the edge of the page, for long enough to take it back. */
export function tell({ title, description, onUndo, isFailure = false }: Deed): void {
  const id = manager.add({
    title,
    description,
    type: isFailure ? 'failure' : 'success',
    timeout: isFailure ? 0 : onUndo === undefined ? 6_000 : 12_000,
    ...(onUndo !== undefined && {
      actionProps: {
        children: 'Undo',
        onClick: () => {
          manager.close(id)
          onUndo()
        },
      },
    }),
  })
}

const manager = Toast.createToastManager()

/** Where deeds are told. `F6` leads there. */
export function Toasts() {
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="fixed top-16 right-4 left-4 z-40 mx-auto flex max-w-96 flex-col gap-2 md:top-auto md:right-6 md:bottom-6 md:left-auto md:mx-0 md:w-96">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function List() {
  const { toasts } = Toast.useToastManager()
  return toasts.map((toast) => (
    <Toast.Root
      key={toast.id}
      toast={toast}
      className={`rounded-xl border bg-surface shadow-xl transition-opacity duration-150 data-ending-style:opacity-0 data-limited:hidden data-starting-style:opacity-0 ${toast.type === 'failure' ? 'border-danger' : 'border-line-strong'}`}
    >
      <Toast.Content className="flex items-center gap-3 py-3 pr-2 pl-4">
        <div className="min-w-0 grow">
          <Toast.Title render={<p />} className="font-semibold wrap-anywhere" />
          <Toast.Description className="text-sm text-soft" />
        </div>
        <Toast.Action className="min-h-9 cursor-pointer rounded-lg px-3 text-sm font-semibold text-accent hover:bg-sunken" />
        <button
          type="button"
          aria-label="Dismiss"
          onClick={() => manager.close(toast.id)}
          className="flex size-9 flex-none cursor-pointer items-center justify-center rounded-lg text-soft hover:bg-sunken hover:text-text"
        >
          <Icon name="close" className="size-4" />
        </button>
      </Toast.Content>
    </Toast.Root>
  ))
}
