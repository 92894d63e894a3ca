import type { ReactNode } from 'react'
import { AlertDialog } from '@base-ui/react/alert-dialog'
import { Button } from '../../ui/button.tsx'

export interface ConfirmationProps {
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
  readonly title: string
  /** What the button says that does it. */
  readonly action: string
  readonly isReady?: boolean
  readonly isBusy: boolean
  readonly error: Error | null
  readonly onConfirm: () => void
  /** What will happen, and whether it can be undone. */
  readonly children: ReactNode
}

/** Asks once more before something that cannot be undone. The safe answer has the focus. */
export function Confirmation(props: ConfirmationProps) {
  const { isOpen, onOpenChange, title, action, isReady = true, isBusy, error, onConfirm, children } = props
  return (
    <AlertDialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 bg-black/40" />
        <AlertDialog.Popup className="fixed top-1/2 left-1/2 w-[min(28rem,calc(100vw-2rem))] -translate-1/2 rounded-xl border border-line bg-surface p-6 shadow-xl">
          <AlertDialog.Title className="text-lg font-semibold">{title}</AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="mt-2">
            {children}
          </AlertDialog.Description>
          {error !== null && (
            <p role="alert" className="mt-3 text-danger">
              {error.message}
            </p>
          )}
          <div className="mt-6 flex flex-wrap justify-end gap-3">
            <AlertDialog.Close render={<Button>Cancel</Button>} />
            <Button variant="danger" disabled={!isReady || isBusy} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
