import type { ReactNode } from 'react'
import { Button } from './button.tsx'

/** Why there is nothing to see, and what to do about it. */
export function EmptyState({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="px-4 py-14 text-center">
      <p className="font-semibold">{title}</p>
      <div className="mx-auto mt-1 max-w-md text-soft">{children}</div>
    </div>
  )
}

/** What went wrong, in a sentence, and a way to try again. */
export function ErrorState({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center justify-between gap-3 rounded-xl border border-danger bg-danger-tint px-4 py-3"
    >
      <p className="min-w-0">{error.message}</p>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  )
}
