import type { EventType, SessionEvent, SessionManager } from 'sojourn'
import type { Logger } from 'pino'
import { LiveStream } from './live-stream.ts'
import type { Viewer } from './live-stream.ts'
import { eventViews } from './views.ts'
import type { Names } from './views.ts'

/** What the streams are fed from. */
export interface LiveParts extends Names {
  readonly sessions: SessionManager
  readonly log: Logger
  /** False from the moment the service is asked to stop. */
  readonly isReady: () => boolean
}

/** How often the log is read while anybody looks on, in milliseconds. */
const READ_EVERY = 250
/** After so many readings every viewer is looked at again. */
const CHECK_EVERY = 4
/** After so many, something is sent to those who have heard nothing. */
const BEAT_EVERY = 60
/** A client that has taken nothing for so many readings is let go. */
const PATIENCE = 240
/** Lines of history at once. */
const PIECE = 500
const STREAMS_OF_ONE = 10
const STREAMS_IN_ALL = 200

/** What may take away from somebody what they were allowed to see. */
const ENDINGS: readonly EventType[] = [
  ...(['session_ended', 'user_sessions_ended', 'user_deleted', 'user_disabled'] as const),
  ...(['role_changed', 'password_changed', 'key_revoked'] as const),
]

/**
 * History as it happens, for everybody who looks on. Streams that are equally far are fed by one reading of the log. A
 * stream ends when its viewer is no longer welcome, which is looked at every second and whenever history tells of an
 * end; a client that reads slowly is waited for, and let go when it takes nothing for a minute.
 */
export class LiveEvents {
  readonly #parts: LiveParts
  readonly #streams = new Set<LiveStream>()
  /** For how many readings in a row a stream had no room. */
  readonly #stalled = new WeakMap<LiveStream, number>()
  #timer: ReturnType<typeof setTimeout> | null = null
  #readings = 0

  constructor(parts: LiveParts) {
    this.#parts = parts
  }

  /** How many look on. */
  get size(): number {
    return this.#streams.size
  }

  /** Whether there is room for one more stream of this viewer. */
  hasRoom(name: string): boolean {
    const own = [...this.#streams].filter(({ viewer }) => viewer.name === name)
    return own.length < STREAMS_OF_ONE && this.#streams.size < STREAMS_IN_ALL
  }

  /**
   * A stream of what happens from now on, or since a cursor of the log. Rejects when the log cannot be read, and with
   * `invalid_argument` for a cursor that it has not given out.
   */
  async open(viewer: Viewer, since: string | null): Promise<ReadableStream<Uint8Array>> {
    const { cursor } = await this.#parts.sessions.changes(since ?? 'end', 1)
    const stream = new LiveStream(viewer, since ?? cursor, (closed) => this.#streams.delete(closed))
    this.#streams.add(stream)
    this.#readLater()
    return stream.body
  }

  #readLater(): void {
    if (this.#timer !== null || this.#streams.size === 0) return
    this.#timer = setTimeout(() => void this.#read(), READ_EVERY).unref()
  }

  async #read(): Promise<void> {
    try {
      if (this.#parts.isReady()) await this.#follow()
      else this.#closeAll()
    } catch (error) {
      // Nobody is shown anything while it cannot be told what they may see; clients come back by themselves.
      this.#parts.log.error({ err: error }, 'the live events could not be read')
      this.#closeAll()
    }
    this.#timer = null
    this.#readLater()
  }

  async #follow(): Promise<void> {
    this.#readings += 1
    const readers = [...this.#streams].filter((stream) => this.#isReading(stream))
    const groups = [...Map.groupBy(readers, ({ cursor }) => cursor)]
    const pieces = await Promise.all(
      groups.map(async ([cursor, streams]) => ({ streams, ...(await this.#parts.sessions.changes(cursor, PIECE)) })),
    )
    const hasEnding = pieces.some(({ events }) => events.some(({ type }) => ENDINGS.includes(type)))
    if (hasEnding || this.#readings % CHECK_EVERY === 0) await this.#turnAway()
    for (const { streams, events, cursor } of pieces) {
      const lines = await this.#linesOf(events)
      for (const stream of streams) stream.send(lines, cursor)
    }
    if (this.#readings % BEAT_EVERY === 0) for (const stream of this.#streams) stream.beat()
  }

  #isReading(stream: LiveStream): boolean {
    const stalled = stream.hasRoom ? 0 : (this.#stalled.get(stream) ?? 0) + 1
    this.#stalled.set(stream, stalled)
    if (stalled > PATIENCE) stream.close()
    return stalled === 0
  }

  async #turnAway(): Promise<void> {
    await Promise.all(
      [...this.#streams].map(async (stream) => {
        if (!(await stream.viewer.isWelcome())) stream.end()
      }),
    )
  }

  async #linesOf(events: readonly SessionEvent[]): Promise<readonly string[]> {
    return (await eventViews(events, this.#parts)).map((event) => JSON.stringify(event))
  }

  #closeAll(): void {
    this.#streams.forEach((stream) => stream.close())
  }
}
