import type { LiveStatus } from './live-events.ts'

export interface LiveToggleProps {
  readonly status: LiveStatus
  readonly isOn: boolean
  readonly onChange: (isOn: boolean) => void
}

const WORDS: Readonly<Record<LiveStatus, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  paused: 'Paused',
  ended: 'Signed out',
}

const DOTS: Readonly<Record<LiveStatus, string>> = {
  connecting: 'bg-soft motion-safe:animate-pulse',
  live: 'bg-accent',
  paused: 'bg-soft',
  ended: 'bg-danger',
}

/** Whether what happens appears by itself, and the switch for it. Keeps its width whatever it says. */
export function LiveToggle({ status, isOn, onChange }: LiveToggleProps) {
  return (
    <button
      type="button"
      aria-label={`${WORDS[status]}: ${isOn ? 'pause updates' : 'resume updates'}`}
      onClick={() => onChange(!isOn)}
      title={isOn ? 'Pause live updates' : 'Show what happens as it happens'}
      className="inline-flex h-9 w-36 cursor-pointer items-center justify-center gap-2 rounded-lg border border-line-strong text-sm font-semibold hover:border-text"
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${DOTS[status]}`} />
      {WORDS[status]}
    </button>
  )
}
