import { useSyncExternalStore } from 'react'
import { relative } from './time-words.ts'

/** An instant in relative words that stay true as time goes; pointing at it tells the exact one, UTC. */
export function RelativeTime({ at }: { readonly at: string }) {
  const now = useSyncExternalStore(ticker.subscribe, ticker.now)
  return (
    <time dateTime={at} title={at}>
      {relative(Date.parse(at), now)}
    </time>
  )
}

const EVERY = 10_000

/** One timer for all times on the page, and none while there is no time to tell. */
class Ticker {
  readonly #listeners = new Set<() => void>()
  #timer: ReturnType<typeof setInterval> | undefined
  #now = Date.now()

  readonly now = (): number => this.#now

  readonly subscribe = (listener: () => void): (() => void) => {
    if (this.#listeners.size === 0) this.#start()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) clearInterval(this.#timer)
    }
  }

  #start(): void {
    this.#tick()
    this.#timer = setInterval(() => this.#tick(), EVERY)
  }

  #tick(): void {
    this.#now = Date.now()
    for (const listener of this.#listeners) listener()
  }
}

const ticker = new Ticker()
