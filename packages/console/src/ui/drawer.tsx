import type { ReactNode } from 'react'
import { Dialog } from '@base-ui/react/dialog'
import { Icon } from './icons.tsx'

export interface DrawerProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly title: string
  /** A word next to the title. */
  readonly beside?: ReactNode
  /** What can be done with it; always in sight. */
  readonly actions?: ReactNode
  readonly children: ReactNode
}

/** A closer look at one thing of a list, at the side of it. Escape closes it. */
export function Drawer({ isOpen, onClose, title, beside, actions, children }: DrawerProps) {
  return (
    <Dialog.Root
      open={isOpen}
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 bg-black/40 transition-opacity duration-150 motion-reduce:transition-none data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Popup className="fixed inset-y-0 right-0 flex w-[min(32rem,100vw)] flex-col border-l border-line bg-surface shadow-xl transition-transform duration-150 outline-none motion-reduce:transition-none data-ending-style:translate-x-full data-starting-style:translate-x-full">
          <header className="flex items-center justify-between gap-3 border-b border-line py-3 pr-3 pl-6">
            <div className="flex min-w-0 flex-wrap items-center gap-x-3 gap-y-1">
              <Dialog.Title className="min-w-0 text-lg font-semibold wrap-anywhere">{title}</Dialog.Title>
              {beside}
            </div>
            <Dialog.Close
              aria-label="Close"
              className="flex size-9 flex-none cursor-pointer items-center justify-center rounded-lg text-soft hover:bg-sunken hover:text-text"
            >
              <Icon name="close" />
            </Dialog.Close>
          </header>
          <div className="min-h-0 grow overflow-y-auto overscroll-contain px-6 py-5">{children}</div>
          {actions !== undefined && (
            <footer className="flex flex-wrap gap-3 border-t border-line px-6 py-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
              {actions}
            </footer>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
