import { useEffect, useId, useRef, useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useMe } from '../../api/me.ts'
import { RequestError } from '../../api/problem.ts'
import { tell } from '../../ui/toasts.tsx'
import { counted } from '../health/measures.ts'
import { Confirmation } from '../keys/confirmation.tsx'
import { end, preview } from './revocation.ts'
import type { Doomed } from './revocation.ts'
import type { AdminSession } from '../../api/types.ts'

export interface EndingProps {
  /** Null where nothing is to end. */
  readonly doomed: Doomed | null
  readonly onClose: () => void
  /** Called when they have ended. */
  readonly onDone: (doomed: Doomed) => void
}

/** Ends sessions, once the operator has seen how many and has said so again. */
export function Ending({ doomed, onClose, onDone }: EndingProps) {
  // While the dialog fades it still says what it was about.
  const [shown, setShown] = useState(doomed)
  if (doomed !== null && doomed !== shown) setShown(doomed)
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const [complaint, setComplaint] = useState<string | null>(null)
  const look = useMutation({ mutationFn: preview })
  const deed = useMutation({
    mutationFn: ({ what, ...seen }: { what: Doomed; confirmed: number; reason: string }) => end(what, seen),
    onSuccess: (count, { what }) => {
      tell({ title: `${counted(count, 'session')} ended`, description: 'Whoever used them is signed out.' })
      onDone(what)
      onClose()
    },
    onError: (error, { what }) => {
      if (error instanceof RequestError && error.code === 'count_changed') look.mutate(what)
    },
  })
  const { mutate: lookAt } = look
  const { reset } = deed
  useEffect(() => {
    if (doomed === null) return
    reset()
    setComplaint(null)
    lookAt(doomed)
  }, [doomed, lookAt, reset])

  const count = look.data
  const isReasonNeeded = shown?.kind === 'shown'

  function confirm(): void {
    const reason = field.current?.value.trim() ?? ''
    if (isReasonNeeded && reason === '') {
      setComplaint('Give a reason: somebody will ask for it.')
      field.current?.focus()
      return
    }
    setComplaint(null)
    if (shown !== null && count !== undefined) deed.mutate({ what: shown, confirmed: count, reason })
  }

  return (
    <Confirmation
      isOpen={doomed !== null}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose()
      }}
      title={shown === null ? '' : titleOf(shown)}
      action={count === undefined || count === 0 ? 'End them' : `End ${counted(count, 'session')}`}
      isReady={count !== undefined && count > 0}
      isBusy={deed.isPending || look.isPending}
      error={deed.error ?? look.error}
      onConfirm={confirm}
    >
      {shown?.kind === 'picked' && <Names sessions={shown.sessions} />}
      <p aria-live="polite" className="mt-2">
        {count === undefined ? 'Counting…' : consequence(count)}
      </p>
      {shown !== null && <OwnSession doomed={shown} />}
      <label htmlFor={`${id}-reason`} className="mt-4 block font-semibold">
        Reason{!isReasonNeeded && <span className="font-normal text-soft"> (may be left out)</span>}
      </label>
      <p id={`${id}-hint`} className="text-sm text-soft">
        Kept in the audit trail for whoever asks why.
      </p>
      <input
        ref={field}
        id={`${id}-reason`}
        maxLength={200}
        autoComplete="off"
        aria-required={isReasonNeeded}
        aria-invalid={complaint !== null}
        aria-describedby={`${id}-hint ${id}-wrong`}
        onKeyDown={({ key }) => {
          if (key === 'Enter' && count !== undefined && count > 0 && !deed.isPending) confirm()
        }}
        className="mt-2 h-10 w-full rounded-lg border border-line-strong bg-field px-3 focus-visible:rounded-lg"
      />
      <p id={`${id}-wrong`} role="alert" className="mt-1 text-sm font-semibold text-danger">
        {complaint}
      </p>
    </Confirmation>
  )
}

function titleOf(doomed: Doomed): string {
  if (doomed.kind === 'shown') return 'End everything that the filter shows?'
  const [first] = doomed.sessions
  return doomed.sessions.length === 1 && first !== undefined
    ? `End ${first.username}’s session?`
    : `End ${counted(doomed.sessions.length, 'session')}?`
}

function consequence(count: number): string {
  if (count === 0) return 'None of them stands any more. There is nothing to end.'
  const [ending, used] = count === 1 ? ['It ends', 'it'] : [`${counted(count, 'session')} end`, 'them']
  return `${ending} at once. This cannot be undone: whoever uses ${used} has to sign in again.`
}

const NAMED = 4

function Names({ sessions }: { readonly sessions: readonly AdminSession[] }) {
  return (
    <ul className="space-y-1 text-sm text-soft">
      {sessions.slice(0, NAMED).map(({ id, username, device }) => (
        <li key={id} className="wrap-anywhere">
          <span className="font-medium text-text">{username}</span>, {device.label}
          {device.ip !== null && `, ${device.ip}`}
        </li>
      ))}
      {sessions.length > NAMED && <li>and {sessions.length - NAMED} more</li>}
    </ul>
  )
}

function OwnSession({ doomed }: { readonly doomed: Doomed }) {
  const own = useMe().data?.session.id
  if (doomed.kind === 'picked' && !doomed.sessions.some(({ id }) => id === own)) return null
  return (
    <p className="mt-2 font-semibold">
      {doomed.kind === 'picked'
        ? 'Your own session is among them: you will be signed out.'
        : 'If your own session is among them, you are signed out, too.'}
    </p>
  )
}
