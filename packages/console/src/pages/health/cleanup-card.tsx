import { useState } from 'react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Button } from '../../ui/button.tsx'
import { RelativeTime } from '../../ui/relative-time.tsx'
import { Card } from '../overview/card.tsx'
import { Confirmation } from '../keys/confirmation.tsx'
import { counted, span } from './measures.ts'
import type { Health } from '../../api/types.ts'

interface Outcome {
  readonly ended: number
  readonly pruned: number
}

/** How the clean-up keeps up, and a way to have it now. */
export function CleanupCard({
  cleanup: { lastRunAt, lastResult, every, overdue },
}: {
  readonly cleanup: Health['cleanup']
}) {
  const [isAsking, setIsAsking] = useState(false)
  const queries = useQueryClient()
  const preview = useMutation({ mutationFn: () => cleanup({ dryRun: true }) })
  const run = useMutation({
    mutationFn: () => cleanup({}),
    onSuccess: async () => {
      setIsAsking(false)
      await queries.invalidateQueries()
    },
  })

  function ask(): void {
    run.reset()
    preview.mutate()
    setIsAsking(true)
  }

  return (
    <Card title="Clean-up" beside={`every ${span(every * 1_000)}`}>
      <p className="tabular-nums">
        {overdue === 0
          ? 'Nothing is overdue.'
          : `${counted(overdue, 'session')} overdue: refused already, and to be marked as ended.`}
      </p>
      <p className="mt-1 text-sm text-soft">
        {lastRunAt === null ? (
          'Has not run on this node since it started.'
        ) : (
          <>
            Last run <RelativeTime at={lastRunAt} />
            {lastResult !== null && `: ${told(lastResult)}`}
          </>
        )}
      </p>
      <div className="mt-4 flex min-h-9 flex-wrap items-center gap-x-4 gap-y-2">
        <Button onClick={ask}>Clean up now</Button>
        <p role="status" className="text-sm">
          {run.data !== undefined && `Done: ${told(run.data)}.`}
        </p>
      </div>
      <Confirmation
        isOpen={isAsking}
        onOpenChange={setIsAsking}
        title="Clean up now?"
        action="Clean up"
        isReady={preview.data !== undefined}
        isBusy={run.isPending}
        error={run.error ?? preview.error}
        onConfirm={() => run.mutate()}
      >
        <p aria-live="polite">{preview.data === undefined ? 'Counting…' : consequence(preview.data)}</p>
      </Confirmation>
    </Card>
  )
}

function cleanup(body: { readonly dryRun?: true }): Promise<Outcome> {
  return request<Outcome>('/admin/cleanup', { method: 'POST', body })
}

function told({ ended, pruned }: Outcome): string {
  return `${counted(ended, 'session')} ended, ${counted(pruned, 'old record')} deleted`
}

function consequence({ ended, pruned }: Outcome): string {
  if (ended === 0 && pruned === 0) return 'There is nothing to clean up.'
  return `${counted(ended, 'overdue session')} will be ended and ${counted(pruned, 'record')} past retention deleted. Nobody who may still be signed in is signed out. Deleted records do not come back.`
}
