import type { RedisClient, RedisSubscriber } from 'sojourn/redis'

/** A client of one server that can be connected anew. */
export interface Renewable extends RedisClient {
  connect(): Promise<unknown>
  destroy(): void
  duplicate(): RedisSubscriber
}

/**
 * The client, which is connected anew when an answer is overdue. A network that loses packets tells nobody: TCP tries
 * ever more rarely, so the old connection would work again long after the network does, or, where the server is another
 * one by then, not for a quarter of an hour. Whatever else waits on it is given up too, since answers come in order. Of a
 * double that listens nobody expects an answer: the store sees to that one itself.
 */
export function renewing(client: Renewable, patience: number): RedisClient {
  let connections = 1
  const renew = (connection: number): void => {
    if (connection !== connections) return
    connections += 1
    client.destroy()
    // It goes on trying by itself, and a client that is closed meanwhile needs no connection.
    client.connect().catch(() => {})
  }
  return {
    options: client.options,
    duplicate: () => client.duplicate(),
    async sendCommand(words, reading) {
      const timer = setTimeout(renew, patience, connections)
      try {
        return await client.sendCommand(words, reading)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
