import { useId } from 'react'
import type { RefObject } from 'react'

export interface ReasonFieldProps {
  readonly ref: RefObject<HTMLInputElement | null>
  readonly isNeeded?: boolean
  /** What is wrong with it, in a sentence. */
  readonly complaint?: string | null
}

/** Why something is done, in the operator's own words. */
export function ReasonField({ ref, isNeeded = false, complaint = null }: ReasonFieldProps) {
  const id = useId()
  return (
    <div className="mt-4">
      <label htmlFor={id} className="block font-semibold">
        Reason{!isNeeded && <span className="font-normal text-soft"> (may be left out)</span>}
      </label>
      <p id={`${id}-hint`} className="text-sm text-soft">
        Kept in the audit trail for whoever asks why.
      </p>
      <input
        ref={ref}
        id={id}
        maxLength={200}
        autoComplete="off"
        aria-required={isNeeded}
        aria-invalid={complaint !== null}
        aria-describedby={`${id}-hint ${id}-wrong`}
        className="mt-2 h-10 w-full rounded-lg border border-line-strong bg-field px-3 focus-visible:rounded-lg"
      />
      <p id={`${id}-wrong`} role="alert" className="mt-1 text-sm font-semibold text-danger">
        {complaint}
      </p>
    </div>
  )
}
