import { useState } from 'react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { Page } from '../../ui/page.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { EmptyState, ErrorState } from '../../ui/states.tsx'
import { Confirmation } from './confirmation.tsx'
import { NewKey } from './new-key.tsx'
import type { ApiKey } from '../../api/types.ts'

/** The keys by which programs use the interface for operators. */
export function KeysPage() {
  const keys = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => request<{ keys: readonly ApiKey[] }>('/admin/keys', { signal }),
  })
  const [isCreating, setIsCreating] = useState(false)
  const [doomed, setDoomed] = useState<ApiKey | null>(null)
  return (
    <Page
      title="Keys"
      actions={
        <Button variant="primary" onClick={() => setIsCreating(true)}>
          Create a key
        </Button>
      }
    >
      <p className="text-soft">
        A key lets a program use the HTTP interface in its own name. Give each program its own, with the least it needs.
      </p>
      {keys.error !== null && <ErrorState error={keys.error} onRetry={() => void keys.refetch()} />}
      {keys.data === undefined && keys.error === null && (
        <div aria-busy="true" className="h-40 rounded-xl border border-line bg-surface" />
      )}
      {keys.data?.keys.length === 0 && (
        <div className="rounded-xl border border-line bg-surface">
          <EmptyState title="No keys yet">
            Create one when a script, a monitor or another program needs access.
          </EmptyState>
        </div>
      )}
      {keys.data !== undefined && keys.data.keys.length > 0 && (
        <ul className="divide-y divide-line rounded-xl border border-line bg-surface">
          {keys.data.keys.map((key) => (
            <KeyRow key={key.id} apiKey={key} now={keys.dataUpdatedAt} onRevoke={() => setDoomed(key)} />
          ))}
        </ul>
      )}
      <NewKey isOpen={isCreating} onOpenChange={setIsCreating} />
      <Revocation apiKey={doomed} onClose={() => setDoomed(null)} />
    </Page>
  )
}

function KeyRow({
  apiKey,
  now,
  onRevoke,
}: {
  readonly apiKey: ApiKey
  readonly now: number
  readonly onRevoke: () => void
}) {
  const { id, name, scopes, createdAt, createdBy, lastUsedAt } = apiKey
  const state = stateOf(apiKey, now)
  return (
    <li className="grid gap-x-6 gap-y-2 p-4 sm:grid-cols-[1fr_auto] sm:items-center">
      <div className="min-w-0">
        <h2 className={`font-semibold wrap-anywhere ${state === 'good' || state === 'ending' ? '' : 'text-soft'}`}>
          {name}
        </h2>
        <p className="mt-1 flex flex-wrap gap-x-3 gap-y-1 text-sm text-soft">
          <code>sjk_{id}</code>
          {scopes.map((scope) => (
            <span key={scope} className="rounded-full bg-sunken px-2 text-text">
              {scope}
            </span>
          ))}
        </p>
        <p className="mt-1 text-sm text-soft">
          Created by {createdBy} <RelativeTime at={createdAt} /> ·{' '}
          {lastUsedAt === null ? (
            'never used'
          ) : (
            <>
              last used <RelativeTime at={lastUsedAt} />
            </>
          )}{' '}
          · <Ending apiKey={apiKey} state={state} />
        </p>
      </div>
      {(state === 'good' || state === 'ending') && (
        <Button onClick={onRevoke} className="w-fit">
          Revoke<span className="sr-only"> {name}</span>
        </Button>
      )}
    </li>
  )
}

type State = 'good' | 'ending' | 'expired' | 'revoked'
const SOON = 14 * 86_400_000

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): State {
  if (revokedAt !== null) return 'revoked'
  const left = Date.parse(expiresAt) - now
  return left <= 0 ? 'expired' : left < SOON ? 'ending' : 'good'
}

function Ending({ apiKey: { revokedAt, expiresAt }, state }: { readonly apiKey: ApiKey; readonly state: State }) {
  if (revokedAt !== null) {
    return (
      <strong className="font-semibold text-danger">
        revoked <RelativeTime at={revokedAt} />
      </strong>
    )
  }
  const isOver = state === 'expired'
  return (
    <span className={state === 'good' ? '' : 'font-semibold text-danger'}>
      {isOver ? 'expired' : 'expires'} <RelativeTime at={expiresAt} />
    </span>
  )
}

function Revocation({ apiKey, onClose }: { readonly apiKey: ApiKey | null; readonly onClose: () => void }) {
  const queries = useQueryClient()
  const revoke = useMutation({
    mutationFn: (id: string) => request(`/admin/keys/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSuccess: async () => {
      onClose()
      await queries.invalidateQueries({ queryKey: ['keys'] })
    },
  })
  // While the dialog fades it still says whose key it was about.
  const [shown, setShown] = useState(apiKey)
  if (apiKey !== null && apiKey !== shown) setShown(apiKey)
  return (
    <Confirmation
      isOpen={apiKey !== null}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose()
        revoke.reset()
      }}
      title={`Revoke the key “${shown?.name ?? ''}”?`}
      action="Revoke"
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => shown !== null && revoke.mutate(shown.id)}
    >
      The program that uses it is refused from its very next request. This cannot be undone.
    </Confirmation>
  )
}
