import type { Child } from 'hono/jsx'
import type { Complaint, FieldName } from './problem-words.ts'

/** What there is to say about a form that was sent and did not work; null on the first visit. */
export type FormState = Complaint | null

interface FieldProps {
  readonly name: FieldName
  readonly label: string
  readonly complaint: FormState
  readonly autocomplete: string
  readonly value?: string
  /** What is asked for, said before it is got wrong. */
  readonly hint?: Child
  /** Where there is nothing else to do first on the page. */
  readonly isFirst?: boolean
}

/** A field with its label, what is asked for, and what was wrong with it. */
export function Field({ name, label, complaint, autocomplete, value, hint, isFirst }: FieldProps) {
  const isSecret = name !== 'username'
  const isWrong = complaint?.field === name
  const described = [hint === undefined ? '' : `${name}-hint`, isWrong ? `${name}-error` : ''].join(' ').trim()
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      {isWrong && (
        <p class="error" id={`${name}-error`}>
          {complaint.text}
        </p>
      )}
      <div class="entry">
        <input
          id={name}
          name={name}
          type={isSecret ? 'password' : 'text'}
          value={value}
          autocomplete={autocomplete}
          required
          aria-invalid={isWrong ? 'true' : undefined}
          aria-describedby={described === '' ? undefined : described}
          autofocus={isFirst === true && complaint === null}
          {...PLAIN_TEXT}
        />
        {isSecret && (
          <button class="reveal" type="button" aria-controls={name} aria-pressed="false" hidden>
            Show<span class="unseen"> {label.toLowerCase()}</span>
          </button>
        )}
      </div>
    </div>
  )
}

/** What no form field for names and secrets wants a keyboard to do. */
const PLAIN_TEXT = { autocapitalize: 'none', autocorrect: 'off' } as const

/** What went wrong, in front of the form, where the reader is taken. */
export function ErrorSummary({ complaint }: { readonly complaint: FormState }) {
  if (complaint === null) return null
  return (
    <div class="summary" role="alert" tabindex={-1} autofocus>
      <h2>That did not work</h2>
      <p>{complaint.field === null ? complaint.text : <a href={`#${complaint.field}`}>{complaint.text}</a>}</p>
    </div>
  )
}

/** Tells password managers whose password it is, where nobody has to type the name. */
export function WhoseField({ username }: { readonly username: string }) {
  return <input type="text" value={username} autocomplete="username" aria-label="Username" readonly hidden />
}

/** Where to go on to, carried along by a form. */
export function NextField({ next }: { readonly next: string | null }) {
  return next === null ? null : <input type="hidden" name="next" value={next} />
}
