import { useRef, useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useMe } from '../../api/me.ts'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { ReasonField } from '../../ui/reason-field.tsx'
import { tell } from '../../ui/toasts.tsx'
import { counted } from '../health/measures.ts'
import { Confirmation } from '../keys/confirmation.tsx'
import type { AdminUser } from '../../api/types.ts'

type Deed = 'disable' | 'end' | 'promote' | 'demote'

/** What can be done with a user. What cannot be undone says so first; what can, offers to afterwards. */
export function UserDeeds({ user }: { readonly user: AdminUser }) {
  const [asked, setAsked] = useState<Deed | null>(null)
  const isSelf = useMe().data?.user.id === user.id
  const change = useChange(user)
  return (
    <>
      <Button variant="danger" disabled={user.activeSessions === 0} onClick={() => setAsked('end')}>
        End all sessions…
      </Button>
      {user.isDisabled ? (
        <Button disabled={change.isBusy} onClick={change.enable}>
          Enable
        </Button>
      ) : (
        !isSelf && <Button onClick={() => setAsked('disable')}>Disable…</Button>
      )}
      {!isSelf && (
        <Button onClick={() => setAsked(user.role === 'operator' ? 'demote' : 'promote')}>
          {user.role === 'operator' ? 'No longer operator…' : 'Make operator…'}
        </Button>
      )}
      <Question deed={asked} user={user} isSelf={isSelf} onClose={() => setAsked(null)} />
    </>
  )
}

interface QuestionProps {
  readonly deed: Deed | null
  readonly user: AdminUser
  readonly isSelf: boolean
  readonly onClose: () => void
}

function Question({ deed, user, isSelf, onClose }: QuestionProps) {
  const change = useChange(user)
  // While the dialog fades it still says what it was about.
  const [shown, setShown] = useState<Deed>('end')
  if (deed !== null && deed !== shown) setShown(deed)
  const field = useRef<HTMLInputElement>(null)
  const { title, action, consequence } = QUESTIONS[shown](user)
  return (
    <Confirmation
      isOpen={deed !== null}
      onOpenChange={(isOpen) => {
        if (isOpen) return
        change.reset()
        onClose()
      }}
      title={title}
      action={action}
      isBusy={change.isBusy}
      error={change.error}
      onConfirm={() => {
        if (shown === 'end') change.end(field.current?.value.trim() ?? '', onClose)
        else change[shown](onClose)
      }}
    >
      <p>{consequence}</p>
      {isSelf && shown === 'end' && <p className="mt-2 text-soft">This is you: the session you are in is spared.</p>}
      {shown === 'end' && <ReasonField ref={field} />}
    </Confirmation>
  )
}

const QUESTIONS: Readonly<
  Record<Deed, (user: AdminUser) => { readonly title: string; readonly action: string; readonly consequence: string }>
> = {
  end: ({ username, activeSessions }) => ({
    title: `Sign ${username} out everywhere?`,
    action: 'End all sessions',
    consequence: `${counted(activeSessions, 'session')} ${activeSessions === 1 ? 'ends' : 'end'} at once, and so does a login that is on its way. This cannot be undone: they have to sign in again.`,
  }),
  disable: ({ username, activeSessions }) => ({
    title: `Disable ${username}?`,
    action: 'Disable',
    consequence: `They cannot sign in until somebody enables them again. ${activeSessions === 0 ? '' : `${counted(activeSessions, 'session')} ${activeSessions === 1 ? 'ends' : 'end'} at once, and stays ended when they are enabled.`}`,
  }),
  promote: ({ username }) => ({
    title: `Make ${username} an operator?`,
    action: 'Make operator',
    consequence:
      'They see everybody’s sessions, can end them, and can make others operators. It holds from their next request.',
  }),
  demote: ({ username }) => ({
    title: `Take the role of operator from ${username}?`,
    action: 'Take it away',
    consequence: 'They lose the console at once, and their sessions end: they have to sign in again.',
  }),
}

/** The deeds themselves. Each tells what was done, and how to take it back where that is possible. */
function useChange(user: AdminUser) {
  const queries = useQueryClient()
  const mutation = useMutation({
    mutationFn: ({ path, body }: { readonly path: string; readonly body?: object | undefined }) =>
      request<{ readonly count?: number } | undefined>(`/admin/users/${encodeURIComponent(user.id)}/${path}`, {
        method: 'POST',
        body,
      }),
    onSuccess: () => refresh(),
  })

  async function refresh(): Promise<void> {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['users'] }),
      queries.invalidateQueries({ queryKey: ['sessions'] }),
    ])
  }

  /** Taking something back happens long after the dialog is gone, so what goes wrong is told like the deed. */
  function undo(path: string, done: string, body?: object): () => void {
    return () => {
      request(`/admin/users/${encodeURIComponent(user.id)}/${path}`, { method: 'POST', body })
        .then(() => tell({ title: done }))
        .catch((error: unknown) =>
          tell({ title: `${user.username} is as before`, description: messageOf(error), isFailure: true }),
        )
        .finally(() => void refresh())
    }
  }

  const { username } = user
  return {
    isBusy: mutation.isPending,
    error: mutation.error,
    reset: mutation.reset,
    end: (reason: string, onDone: () => void) =>
      mutation.mutate(
        { path: 'revoke', body: reason === '' ? {} : { reason } },
        {
          onSuccess: (answer) => {
            tell({
              title: `${username} is signed out everywhere`,
              description: `${counted(answer?.count ?? 0, 'session')} ended.`,
            })
            onDone()
          },
        },
      ),
    disable: (onDone: () => void) =>
      mutation.mutate(
        { path: 'disable' },
        {
          onSuccess: () => {
            const description = 'Undo lets them sign in again; ended sessions stay ended.'
            tell({
              title: `${username} is disabled`,
              description,
              onUndo: undo('enable', `${username} is enabled again`),
            })
            onDone()
          },
        },
      ),
    enable: () =>
      mutation.mutate(
        { path: 'enable' },
        {
          onSuccess: () =>
            tell({ title: `${username} may sign in again`, onUndo: undo('disable', `${username} is disabled again`) }),
          onError: (error) =>
            tell({ title: `${username} is still disabled`, description: error.message, isFailure: true }),
        },
      ),
    promote: (onDone: () => void) => setRole('operator', `${username} is an operator`, onDone),
    demote: (onDone: () => void) => setRole('user', `${username} is no longer an operator`, onDone),
  }

  function setRole(role: AdminUser['role'], title: string, onDone: () => void): void {
    mutation.mutate(
      { path: 'role', body: { role } },
      {
        onSuccess: () => {
          tell({ title, onUndo: undo('role', `${user.username} is what they were`, { role: user.role }) })
          onDone()
        },
      },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'That did not work. Try again.'
}
