import { serve } from '@hono/node-server'
import type { AddressInfo } from 'node:net'

/** Something that answers requests, as Hono does. */
export type Fetch = Parameters<typeof serve>[0]['fetch']

/** A listening server. */
export interface Listener {
  readonly port: number
  /** Takes no new connection, lets what is under way finish for a while, then closes what is left. */
  close(): Promise<void>
}

/** Listens. Port 0 takes a free one. Rejects when the address cannot be listened on. */
export async function listen(fetch: Fetch, { host, port }: { host: string; port: number }): Promise<Listener> {
  const listening = Promise.withResolvers<AddressInfo>()
  const server = serve({ fetch, hostname: host, port }, listening.resolve)
  server.once('error', listening.reject)
  const address = await listening.promise
  return {
    port: address.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
