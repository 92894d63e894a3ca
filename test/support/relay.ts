import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** An address that leads to one server or another: what a name in front of a pair of servers is. */
export interface Relay {
  readonly url: string
  /** From now on leads to another port; whoever is connected loses the connection. */
  leadTo(port: number): void
  close(): Promise<void>
}

/** Starts a relay for the Redis protocol. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let target = port
  const server = createServer((inward) => {
    const outward = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const disconnect = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (other) => {
      target = other
      disconnect()
    },
    close: async () => {
      disconnect()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
