import { randomUUID } from 'node:crypto'
import { callAfter } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'

/** What an engine has by which processes hear of each other. */
export interface HintLine {
  /** Says something to everybody who listens. */
  say(words: string): Promise<unknown>
  /** Begins to listen. */
  open(events: LineEvents): OpenLine
}

/** What somebody who listens is told. */
export interface LineEvents {
  /** Somebody has said something. */
  readonly heard: (words: string) => void
  /** Something may have been missed; from here on nothing is. */
  readonly missed: () => void
  /** Nothing will be heard any more. */
  readonly lost: () => void
}

/** A line on which somebody listens. */
export interface OpenLine {
  /** Fulfils when what is said from then on is heard. Rejects where that cannot be had now. */
  readonly isOpen: Promise<unknown>
  /** Stops listening and gives back what it took. Never rejects. */
  close(): Promise<void>
}

/** How soon a process may give another hint, in milliseconds. What happens meanwhile shares the next one. */
const SHORTEST_GAP = 20
/** For how long a line may be silent, in milliseconds. Then nothing reaches us on it, not even what we say ourselves. */
const LONGEST_SILENCE = 15_000
/** How long it takes until a line that was lost is opened again, in milliseconds. */
const PAUSE = 1_000

/** Gives hints to other processes and takes theirs. Nobody waits for one, and what goes wrong with them goes wrong silently. */
export class Hints {
  readonly #speaker: Speaker
  readonly #line: HintLine
  readonly #clock: Pick<Clock, 'after'>
  readonly #name = randomUUID()
  readonly #listeners = new Map<symbol, () => void>()
  #current: OpenLine | null = null
  #isHeard = false
  #cancel: () => void = nothing
  #isClosed = false

  constructor(line: HintLine, clock: Pick<Clock, 'after'> = {}) {
    this.#line = line
    this.#clock = clock
    this.#speaker = new Speaker(() => line.say(`news ${this.#name}`), clock)
  }

  /** Something has been committed that others ought to look at. */
  give(): void {
    if (!this.#isClosed) this.#speaker.speak()
  }

  /** Calls `hint` for each hint of another process, as `Store.listen` promises. Answers how to stop. */
  take(hint: () => void): () => Promise<void> {
    const key = Symbol('listener')
    this.#listeners.set(key, hint)
    if (this.#listeners.size === 1) this.#open()
    else hint()
    return async () => {
      if (this.#listeners.delete(key) && this.#listeners.size === 0) await this.#stop()
    }
  }

  /** Gives the hint that is due, if one is, and takes no more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    await Promise.all([this.#speaker.finish(), this.#stop()])
  }

  #open(): void {
    const ifCurrent = (task: () => void) => () => {
      if (this.#current === line) task()
    }
    const replace = ifCurrent(() => this.#replace())
    const line: OpenLine = this.#line.open({
      heard: (words) => ifCurrent(() => this.#hear(words))(),
      missed: ifCurrent(() => this.#tellAll()),
      lost: replace,
    })
    this.#current = line
    const begin = ifCurrent(() => {
      this.#tellAll()
      this.#tryOut()
    })
    line.isOpen.then(begin, replace)
  }

  #hear(words: string): void {
    this.#isHeard = true
    if (words.startsWith('news ') && !words.endsWith(this.#name)) this.#tellAll()
  }

  #tellAll(): void {
    for (const hint of this.#listeners.values()) hint()
  }

  /** A connection that a network has forgotten looks like one on which nobody speaks. So we speak ourselves. */
  #tryOut(): void {
    this.#isHeard = false
    this.#line.say(`trial ${this.#name}`).catch(nothing)
    this.#cancel = callAfter(this.#clock, LONGEST_SILENCE, () => (this.#isHeard ? this.#tryOut() : this.#replace()))
  }

  #replace(): void {
    void this.#stop()
    this.#cancel = callAfter(this.#clock, PAUSE, () => this.#open())
  }

  async #stop(): Promise<void> {
    this.#cancel()
    const line = this.#current
    this.#current = null
    await line?.close()
  }
}

/** Says the same thing again and again, but not more often than makes sense, and never twice for what happens in one turn of the event loop. */
class Speaker {
  readonly #say: () => Promise<unknown>
  readonly #clock: Pick<Clock, 'after'>
  #isDue = false
  #saying: Promise<void> | null = null
  #cancelRest: (() => void) | null = null

  constructor(say: () => Promise<unknown>, clock: Pick<Clock, 'after'>) {
    this.#say = say
    this.#clock = clock
  }

  speak(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#sayIfDue())
  }

  /** Fulfils when nothing is left to be said. */
  async finish(): Promise<void> {
    await this.#saying
    this.#rested()
    await this.#saying
    this.#cancelRest?.()
  }

  #sayIfDue(): void {
    if (!this.#isDue || this.#saying !== null || this.#cancelRest !== null) return
    this.#isDue = false
    this.#cancelRest = callAfter(this.#clock, SHORTEST_GAP, () => this.#rested())
    this.#saying = this.#sayOnce()
  }

  async #sayOnce(): Promise<void> {
    await this.#say().catch(nothing)
    this.#saying = null
    this.#sayIfDue()
  }

  #rested(): void {
    this.#cancelRest?.()
    this.#cancelRest = null
    this.#sayIfDue()
  }
}

function nothing(): void {}
