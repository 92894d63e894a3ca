import { useId, useState } from 'react'
import type { SubmitEvent } from 'react'
import { Dialog } from '@base-ui/react/dialog'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { Secret } from './secret.tsx'
import { DEFAULT_LIFETIME, LIFETIMES, SCOPES } from './scopes.ts'
import type { ApiKey, Scope } from '../../api/types.ts'

export interface NewKeyProps {
  readonly isOpen: boolean
  readonly onOpenChange: (isOpen: boolean) => void
}

interface Created {
  readonly key: ApiKey
  readonly secret: string
}

/** Makes a key and shows its secret, this once. */
export function NewKey({ isOpen, onOpenChange }: NewKeyProps) {
  const queries = useQueryClient()
  const create = useMutation({
    mutationFn: (body: { readonly name: string; readonly scopes: readonly Scope[]; readonly expiresIn: string }) =>
      request<Created>('/admin/keys', { method: 'POST', body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['keys'] }),
    // The secret is kept no longer than it is shown.
    gcTime: 0,
  })
  const created = create.data

  function change(open: boolean): void {
    onOpenChange(open)
    if (!open) create.reset()
  }

  return (
    <Dialog.Root
      open={isOpen}
      onOpenChange={(open, { reason, cancel }) => {
        // A stray click or key must not take away a secret that nobody can show again.
        if (!open && !create.isIdle && !create.isError && reason !== 'close-press') cancel()
        else change(open)
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 bg-black/40" />
        <Dialog.Popup className="fixed top-1/2 left-1/2 max-h-[calc(100dvh-2rem)] w-[min(32rem,calc(100vw-2rem))] -translate-1/2 overflow-y-auto rounded-xl border border-line bg-surface p-6 shadow-xl">
          <Dialog.Title className="text-lg font-semibold">
            {created === undefined ? 'Create a key' : `The key “${created.key.name}” is ready`}
          </Dialog.Title>
          {created === undefined ? (
            <KeyForm isBusy={create.isPending} error={create.error} onSubmit={create.mutate} />
          ) : (
            <Secret secret={created.secret} onDone={() => change(false)} />
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

interface KeyFormProps {
  readonly isBusy: boolean
  readonly error: Error | null
  readonly onSubmit: (key: { name: string; scopes: readonly Scope[]; expiresIn: string }) => void
}

function KeyForm({ isBusy, error, onSubmit }: KeyFormProps) {
  const id = useId()
  const [complaint, setComplaint] = useState<{ readonly field: 'name' | 'scopes'; readonly text: string } | null>(null)

  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const name = String(form.get('name')).trim()
    const scopes = form.getAll('scope') as Scope[]
    if (name === '') return complain('name', 'Give the key a name, so that you know it again.')
    if (scopes.length === 0) return complain('scopes', 'Choose at least one thing the key may do.')
    setComplaint(null)
    onSubmit({ name, scopes, expiresIn: String(form.get('expiresIn')) })
  }

  function complain(field: 'name' | 'scopes', text: string): void {
    setComplaint({ field, text })
    document.getElementById(field === 'name' ? `${id}-name` : `${id}-read`)?.focus()
  }

  const wrong = (field: 'name' | 'scopes') =>
    complaint?.field === field && (
      <p id={`${id}-${field}-wrong`} role="alert" className="mt-1 text-sm font-semibold text-danger">
        {complaint.text}
      </p>
    )
  return (
    <form onSubmit={submit} noValidate className="mt-4 space-y-5">
      <div>
        <label htmlFor={`${id}-name`} className="block font-semibold">
          Name
        </label>
        <p id={`${id}-name-hint`} className="text-sm text-soft">
          The program that will use it, such as “nightly report”. It appears in the audit trail.
        </p>
        <input
          id={`${id}-name`}
          name="name"
          maxLength={100}
          autoComplete="off"
          aria-describedby={`${id}-name-hint ${id}-name-wrong`}
          aria-invalid={complaint?.field === 'name'}
          className="mt-2 h-10 w-full rounded-lg border border-line-strong bg-field px-3"
        />
        {wrong('name')}
      </div>
      <fieldset aria-describedby={`${id}-scopes-wrong`}>
        <legend className="font-semibold">It may</legend>
        <div className="mt-2 space-y-2">
          {SCOPES.map(({ scope, means }) => (
            <label key={scope} className="flex cursor-pointer gap-3">
              <input
                id={`${id}-${scope}`}
                type="checkbox"
                name="scope"
                value={scope}
                defaultChecked={scope === 'read'}
                className="mt-0.5 size-5 flex-none accent-accent"
              />
              <span>
                <span className="font-medium">{scope}</span>
                <span className="block text-sm text-soft">{means}</span>
              </span>
            </label>
          ))}
        </div>
        {wrong('scopes')}
      </fieldset>
      <div>
        <label htmlFor={`${id}-lifetime`} className="block font-semibold">
          Good for
        </label>
        <select
          id={`${id}-lifetime`}
          name="expiresIn"
          defaultValue={DEFAULT_LIFETIME}
          className="mt-2 h-10 w-full rounded-lg border border-line-strong bg-field px-3"
        >
          {LIFETIMES.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </div>
      {error !== null && (
        <p role="alert" className="text-danger">
          {error.message}
        </p>
      )}
      <div className="flex flex-wrap justify-end gap-3">
        <Dialog.Close render={<Button>Cancel</Button>} />
        <Button type="submit" variant="primary" disabled={isBusy}>
          Create the key
        </Button>
      </div>
    </form>
  )
}
