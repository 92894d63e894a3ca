import { useEffect, useRef, useState } from 'react'
import { useMutation } from '@tanstack/react-query'
import { useMe } from '../../api/me.ts'
import { RequestError } from '../../api/problem.ts'
import { ReasonField } from '../../ui/reason-field.tsx'
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
      <ReasonField ref={field} isNeeded={isReasonNeeded} complaint={complaint} />
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

/** Everything that a filter shows spares who asks; what is picked by hand does not. */
function OwnSession({ doomed }: { readonly doomed: Doomed }) {
  const own = useMe().data?.session.id
  if (doomed.kind === 'shown') return <p className="mt-2 text-soft">Your own session is spared.</p>
  if (!doomed.sessions.some(({ id }) => id === own)) return null
  return <p className="mt-2 font-semibold">Your own session is among them: you will be signed out.</p>
}
