import type { Policy } from './policy.ts'
import type { EndReason } from './session.ts'
import type { SessionFilter } from './store.ts'

/** Sessions that time has ended, or that a clean-up ends, and as what. */
export interface Overdue {
  readonly where: SessionFilter
  readonly reason: EndReason
}

/**
 * What a clean-up ends, and as what. The margin is for notes of use that another process still holds: nobody
 * is ended who was here a moment ago. Without one this is all that does not stand at `now`.
 */
export function overdue(
  now: number,
  policy: Policy,
  olderThan: number | null,
  margin: number = policy.touchInterval,
): readonly Overdue[] {
  const steps: Overdue[] = [
    { where: { isEnded: false, endsBy: now, expiresBy: now }, reason: 'expired' },
    { where: { isEnded: false, authenticatedBy: now - policy.absoluteLifetime }, reason: 'expired' },
    { where: { isEnded: false, endsBy: now - margin }, reason: 'idle' },
    { where: { isEnded: false, accessedBy: now - policy.idleTimeout - margin }, reason: 'idle' },
  ]
  if (olderThan !== null) {
    const accessedBy = now - olderThan - Math.min(margin, Math.floor(olderThan / 10))
    steps.push({ where: { isEnded: false, accessedBy }, reason: 'cleanup' })
  }
  return steps
}
