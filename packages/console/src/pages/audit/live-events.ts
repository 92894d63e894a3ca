import { useEffect, useRef, useState } from 'react'
import type { AuditEvent } from '../../api/types.ts'

/** How the connection stands: `ended` means that the operator's own session is over. */
export type LiveStatus = 'connecting' | 'live' | 'paused' | 'ended'

export interface LiveOptions {
  readonly isOn: boolean
  /** Called with each event as it happens. */
  readonly onEvent: (event: AuditEvent) => void
  /** Called when events may have been missed, to load again what is shown. */
  readonly onGap: () => void
}

/** Events as they happen, over one connection that comes back by itself. */
export function useLiveEvents({ isOn, onEvent, onGap }: LiveOptions): LiveStatus {
  const [status, setStatus] = useState<LiveStatus>('connecting')
  const latest = useRef({ onEvent, onGap })
  useEffect(() => {
    latest.current = { onEvent, onGap }
  })

  useEffect(() => {
    if (!isOn) return
    const connection = new LiveConnection({
      onStatus: setStatus,
      onEvent: (event) => latest.current.onEvent(event),
      onGap: () => latest.current.onGap(),
    })
    return () => connection.close()
  }, [isOn])
  return isOn ? status : 'paused'
}

const STREAM = '/admin/events/stream'
const FIRST_WAIT = 1_000
const LONGEST_WAIT = 30_000

type Callbacks = Omit<LiveOptions, 'isOn'> & { readonly onStatus: (status: LiveStatus) => void }

/** A page that nobody looks at lets go of the stream: browsers allow only a few connections to a host. */
class LiveConnection {
  readonly #callbacks: Callbacks
  #source: EventSource | null = null
  #retry: ReturnType<typeof setTimeout> | undefined
  #wait = FIRST_WAIT
  #hasEnded = false

  constructor(callbacks: Callbacks) {
    this.#callbacks = callbacks
    document.addEventListener('visibilitychange', this.#follow)
    this.#follow()
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#follow)
    this.#letGo()
  }

  readonly #follow = (): void => {
    if (document.visibilityState === 'hidden') this.#letGo()
    else if (this.#source === null && !this.#hasEnded) this.#open()
  }

  #letGo(): void {
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#source = null
  }

  #open(): void {
    const { onStatus, onEvent, onGap } = this.#callbacks
    const source = new EventSource(STREAM)
    this.#source = source
    onStatus('connecting')
    // The browser's own reconnection says where it left off; a new stream begins now, and what was before is missing.
    let isNew = true
    source.addEventListener('open', () => {
      this.#wait = FIRST_WAIT
      onStatus('live')
      if (isNew) onGap()
      isNew = false
    })
    source.addEventListener('event', ({ data }: MessageEvent<string>) => onEvent(JSON.parse(data) as AuditEvent))
    source.addEventListener('end', () => {
      this.#hasEnded = true
      this.#letGo()
      onStatus('ended')
      onGap()
    })
    source.addEventListener('error', () => {
      onStatus('connecting')
      if (source.readyState === EventSource.CLOSED) this.#retryLater()
    })
  }

  /** After a refusal the browser gives up. */
  #retryLater(): void {
    this.#letGo()
    this.#retry = setTimeout(() => this.#follow(), this.#wait)
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT)
  }
}
