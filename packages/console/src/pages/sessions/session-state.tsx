import { stateOf } from './filter.ts'
import type { AdminSession } from '../../api/types.ts'

/** Where a session stands, in a word and a sign. */
export function SessionState({ session }: { readonly session: AdminSession }) {
  const { isActive, endReason } = session
  const isWorrying = endReason === 'token_reuse'
  return (
    <span className={`inline-flex max-w-full items-center gap-2 text-sm ${isActive ? '' : 'text-soft'}`}>
      <span
        aria-hidden="true"
        className={`size-2 flex-none rounded-full ${isActive ? 'bg-accent' : isWorrying ? 'bg-danger' : 'border border-line-strong'}`}
      />
      <span className={`truncate ${isWorrying ? 'font-semibold text-danger' : ''}`} title={stateOf(session)}>
        {stateOf(session)}
      </span>
    </span>
  )
}
