import { useId, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { SubmitEvent } from 'react'
import { createPortal } from 'react-dom'
import { request } from '../api/client.ts'
import { useMe } from '../api/me.ts'
import { RequestError } from '../api/problem.ts'
import { proofDesk } from '../api/proof.ts'
import { Button } from '../ui/button.tsx'

/** Asks for the password whenever a request needs a recent proof of identity. */
export function StepUp() {
  const isAsked = useSyncExternalStore(proofDesk.subscribe, proofDesk.isAsked)
  return isAsked && createPortal(<Proof />, document.body)
}

/** The browser's own dialog: it lies above every other, also above the one that asked. */
function Proof() {
  const id = useId()
  const dialog = useRef<HTMLDialogElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const [complaint, setComplaint] = useState<string | null>(null)
  const [isBusy, setIsBusy] = useState(false)
  const me = useMe()
  useLayoutEffect(() => {
    const shown = dialog.current
    shown?.showModal()
    field.current?.focus()
    // Closing gives the focus back to where it was; merely going away does not.
    return () => shown?.close()
  }, [])

  async function submit(event: SubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault()
    const password = field.current?.value ?? ''
    if (password === '') return complain('Enter your password.')
    setIsBusy(true)
    try {
      await request('/auth/reauthenticate', { method: 'POST', body: { password } })
      proofDesk.settle(true)
    } catch (error) {
      setIsBusy(false)
      complain(error instanceof RequestError ? error.message : 'That did not work. Try again.')
    }
  }

  function complain(text: string): void {
    setComplaint(text)
    field.current?.select()
    field.current?.focus()
  }

  return (
    <dialog
      ref={dialog}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-why`}
      onCancel={(event) => {
        event.preventDefault()
        proofDesk.settle(false)
      }}
      // The dialog below must not take this Escape for its own.
      onKeyDown={(event) => event.stopPropagation()}
      className="m-auto w-[min(26rem,calc(100vw-2rem))] rounded-xl border border-line bg-surface p-6 text-text shadow-xl backdrop:bg-black/40"
    >
      <h2 id={`${id}-title`} className="text-lg font-semibold">
        Show that it is you
      </h2>
      <p id={`${id}-why`} className="mt-2 text-soft">
        This cannot be done with a session that somebody may have found open. It is good for the next ten minutes.
      </p>
      <form onSubmit={(event) => void submit(event)} noValidate className="mt-4">
        {/* So that a keeper of passwords knows whose is meant. */}
        <input type="text" autoComplete="username" value={me.data?.user.username ?? ''} readOnly hidden />
        <label htmlFor={`${id}-field`} className="block font-semibold">
          Password
        </label>
        <input
          ref={field}
          id={`${id}-field`}
          type="password"
          autoComplete="current-password"
          aria-invalid={complaint !== null}
          aria-describedby={`${id}-wrong`}
          className="mt-2 h-10 w-full rounded-lg border border-line-strong bg-field px-3 focus-visible:rounded-lg"
        />
        <p id={`${id}-wrong`} role="alert" className="mt-1 min-h-5 text-sm font-semibold text-danger">
          {complaint}
        </p>
        <div className="mt-3 flex flex-wrap justify-end gap-3">
          <Button onClick={() => proofDesk.settle(false)}>Cancel</Button>
          <Button type="submit" variant="primary" disabled={isBusy}>
            Go on
          </Button>
        </div>
      </form>
    </dialog>
  )
}
