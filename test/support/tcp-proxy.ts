import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, NetConnectOpts, Server, Socket } from 'node:net'

/** What goes wrong on the way, for the connections there are and those to come. Anything left out does not. */
export interface TcpFaults {
  /** Directions in which nothing gets through and nobody is told: `up` to the server, `down` to the client. What is sent meanwhile waits. */
  readonly blackholes?: readonly Direction[] | undefined
  /** Milliseconds that each piece waits, in either direction. */
  readonly delay?: number | undefined
  /** New connections are closed as soon as they are made. */
  readonly isRefusing?: boolean | undefined
  /** Both ends are cut off once so many bytes have gone to the client through one connection. */
  readonly cutAfter?: number | undefined
}

/** Which way bytes go. */
export type Direction = 'up' | 'down'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** Whether the server is reached by the path of a socket. */
  readonly isLocal: boolean
}

/** Stands between clients and a server that speaks over TCP, and does to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #target: NetConnectOpts
  #faults: TcpFaults = {}
  /** Called when the faults change: whoever waits looks again. */
  #waiting: (() => void)[] = []

  /** Listens on a free port of this machine. The target is a port, of this machine unless a host is given, or the path of a socket. */
  static async open(target: NetConnectOpts): Promise<TcpProxy> {
    const proxy = new TcpProxy(target)
    proxy.#listener.listen(0, '127.0.0.1')
    await once(proxy.#listener, 'listening')
    return proxy
  }

  private constructor(target: NetConnectOpts) {
    this.#target = target
    this.#listener = createServer((client) => {
      if (this.#faults.isRefusing === true) client.destroy()
      else this.#join(client)
    })
  }

  /** Where clients connect to. */
  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#pairs.size
  }

  get faults(): TcpFaults {
    return this.#faults
  }

  set faults(faults: TcpFaults) {
    this.#faults = faults
    const waiting = this.#waiting
    this.#waiting = []
    for (const look of waiting) look()
  }

  /** From now on new connections lead elsewhere; those there are stay. */
  leadTo(target: NetConnectOpts): void {
    this.#target = target
  }

  /** Closes every connection there is: properly, or by a reset. */
  cut(how: 'close' | 'reset' = 'close'): void {
    for (const pair of this.#pairs) this.#cutOff(pair, how)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults = {}
    this.cut('reset')
    this.#listener.close()
    await once(this.#listener, 'close')
  }

  #join(client: Socket): void {
    const target = this.#target
    const isLocal = 'path' in target
    const server = connect(isLocal ? target : { host: '127.0.0.1', ...target })
    const pair = { client, server, isLocal }
    this.#pairs.add(pair)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', ignore)
      socket.on('close', () => this.#cutOff(pair, 'close'))
    }
    void this.#carry(client, server, 'up', pair)
    void this.#carry(server, client, 'down', pair)
  }

  async #carry(from: Socket, to: Socket, direction: Direction, pair: Pair): Promise<void> {
    let carried = 0
    try {
      for await (const piece of from as AsyncIterable<Buffer>) {
        await this.#pass(direction)
        const left = direction === 'down' ? (this.#faults.cutAfter ?? Infinity) - carried : Infinity
        carried += piece.length
        if (!to.destroyed) to.write(piece.subarray(0, Math.max(0, left)))
        if (piece.length >= left) this.#cutOff(pair, 'close')
      }
      await this.#pass(direction)
      to.end()
    } catch {
      this.#cutOff(pair, 'reset')
    }
  }

  /** Fulfils when something may get through. */
  async #pass(direction: Direction): Promise<void> {
    while (this.#faults.blackholes?.includes(direction) === true) {
      await new Promise<void>((look) => this.#waiting.push(look))
    }
    const { delay = 0 } = this.#faults
    if (delay > 0) await new Promise((go) => setTimeout(go, delay))
  }

  #cutOff(pair: Pair, how: 'close' | 'reset'): void {
    this.#pairs.delete(pair)
    for (const socket of [pair.client, pair.server]) {
      if (how === 'close') socket.destroySoon()
      // The socket of a path knows no reset.
      else if (socket === pair.server && pair.isLocal) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
}

function ignore(): void {}
