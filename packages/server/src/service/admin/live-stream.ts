/** Somebody who looks on. */
export interface Viewer {
  /** Whose streams are counted together. */
  readonly name: string
  /** Whether they may still look. Rejects when that cannot be told. */
  readonly isWelcome: () => Promise<boolean>
}

/** What may wait for a client that reads slowly, in bytes. */
const BUFFER = 262_144

/** One connection that shows history as it happens, in the form of server-sent events. */
export class LiveStream {
  readonly viewer: Viewer
  readonly body: ReadableStream<Uint8Array>
  readonly #encoder = new TextEncoder()
  readonly #onClose: (stream: LiveStream) => void
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #cursor: string

  constructor(viewer: Viewer, cursor: string, onClose: (stream: LiveStream) => void) {
    this.viewer = viewer
    this.#cursor = cursor
    this.#onClose = onClose
    this.body = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller
        },
        cancel: () => this.#forget(),
      },
      { highWaterMark: BUFFER, size: ({ byteLength }) => byteLength },
    )
    // Where it begins, so that a client that comes back can say where it left off.
    this.#write(`retry: 2000\nid: ${cursor}\n\n`)
  }

  /** How far in the log it is. */
  get cursor(): string {
    return this.#cursor
  }

  /** Whether its client takes more at the moment. */
  get hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0
  }

  /** Sends lines of history, each as JSON, and goes on to where they end. */
  send(events: readonly string[], cursor: string): void {
    this.#cursor = cursor
    if (events.length === 0) return
    const lines = events.map((event) => `event: event\ndata: ${event}\n`)
    this.#write(`${lines.join('\n')}id: ${cursor}\n\n`)
  }

  /** Keeps what stands between from taking the connection for dead. */
  beat(): void {
    if (this.hasRoom) this.#write(':\n\n')
  }

  /** Tells the client that it need not come back, and closes. */
  end(): void {
    this.#write('event: end\ndata: {}\n\n')
    this.close()
  }

  /** Closes. The client will try again. */
  close(): void {
    const controller = this.#controller
    this.#forget()
    controller?.close()
  }

  #write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text))
  }

  #forget(): void {
    if (this.#controller === null) return
    this.#controller = null
    this.#onClose(this)
  }
}
