import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** What came back for a request, as it was on the wire. */
export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

const HEAD_END = '\r\n\r\n'
/** No answer takes a thousandth of this, in milliseconds. */
const HANG = 60_000
const LAST_PIECE = '0\r\n\r\n'

/** A connection on which anything can be written, well-formed or not. */
export class RawConnection {
  readonly #socket: Socket
  #held = ''
  #isOver = false
  #wake = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#held += text
      this.#wake.resolve()
    })
    // A server may hang up in the middle of rubbish, and that is an answer, too.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isOver = true
      this.#wake.resolve()
    })
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  /** Characters up to U+00FF, each a byte. */
  write(text: string): void {
    if (!this.#isOver) this.#socket.write(text, 'latin1')
  }

  /** Says that nothing more will be written. */
  end(): void {
    this.#socket.end()
  }

  /** Hangs up at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /**
   * The next answer, or null when the server has hung up. `isHead` when it was asked for without its body. Rejects when
   * nothing comes for a minute.
   */
  async answer(isHead = false): Promise<RawAnswer | null> {
    for (;;) {
      const found = this.#take(isHead)
      if (found !== null) return found
      if (this.#isOver) return null
      const timer = setTimeout(() => this.#wake.reject(new Error('no answer')), HANG)
      await this.#wake.promise.finally(() => clearTimeout(timer))
      this.#wake = Promise.withResolvers()
    }
  }

  #take(isHead: boolean): RawAnswer | null {
    const end = this.#held.indexOf(HEAD_END)
    if (end === -1) return null
    const [first = '', ...lines] = this.#held.slice(0, end).split('\r\n')
    const headers = new Map(lines.map((line) => fieldOf(line)))
    const start = end + HEAD_END.length
    const length = isHead ? 0 : this.#lengthFrom(start, headers)
    if (length === null || this.#held.length < start + length) return null
    const body = this.#held.slice(start, start + length)
    this.#held = this.#held.slice(start + length)
    return { status: Number(first.split(' ')[1]), headers, body }
  }

  /** Null while that is not known. Our own answers say it; a few of Node's are an empty list of pieces. */
  #lengthFrom(start: number, headers: ReadonlyMap<string, string>): number | null {
    if (!headers.has('transfer-encoding')) return Number(headers.get('content-length') ?? 0)
    const end = this.#held.indexOf(LAST_PIECE, start)
    return end === -1 ? null : end + LAST_PIECE.length - start
  }
}

function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
