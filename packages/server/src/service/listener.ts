import { serve } from '@hono/node-server'
import { Server } from 'node:http'
import type { ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Something that answers requests, as Hono does. */
export type Fetch = Parameters<typeof serve>[0]['fetch']

/** Where to listen, and how long anybody may take. Spans in milliseconds. */
export interface ListenOptions extends Partial<ListenerLimits> {
  readonly host: string
  readonly port: number
}

/** What keeps slow clients from holding what others need. */
export interface ListenerLimits {
  /** From the beginning of a connection, or of a further request on it, to the end of the headers. Default 10 s. */
  readonly headersTimeout: number
  /** To the end of the body. Default 30 s. */
  readonly requestTimeout: number
  /** How long a connection may stand without a request. Longer than load balancers let theirs stand. Default 65 s. */
  readonly keepAliveTimeout: number
  /** How long a connection may stand still in the middle of an answer. Default 2 min. */
  readonly stillTimeout: number
  /** How often that is looked at. Default 1 s. */
  readonly checkEvery: number
  /** The most connections at once; further ones are turned away. Default 10,000. */
  readonly maxConnections: number
  /** The most that is read of headers, in bytes. Default 16 KiB. */
  readonly maxHeaderSize: number
  /** How long what is under way may take when the listener closes. Default 10 s. */
  readonly grace: number
  /** How long a connection on which nothing is under way may still send something when the listener closes. Default 250 ms. */
  readonly lull: number
}

const LIMITS: ListenerLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  stillTimeout: 120_000,
  checkEvery: 1_000,
  maxConnections: 10_000,
  maxHeaderSize: 16_384,
  grace: 10_000,
  lull: 250,
}

/** A listening server. */
export interface Listener {
  readonly port: number
  /**
   * Takes no new connection, lets what is under way finish for a while, then closes what is left. Before that requests are
   * taken for so many milliseconds as ever, but each answer says that its connection closes. Default 0.
   */
  close(drain?: number): Promise<void>
}

/** Listens. Port 0 takes a free one. Rejects when the address cannot be listened on. */
export async function listen(fetch: Fetch, { host, port, ...given }: ListenOptions): Promise<Listener> {
  const limits = { ...LIMITS, ...given }
  const listening = Promise.withResolvers<AddressInfo>()
  const server = serve({ fetch, hostname: host, port, serverOptions: serverOptions(limits) }, listening.resolve)
  server.once('error', listening.reject)
  if (!(server instanceof Server)) throw new TypeError('plain HTTP/1.1 is listened for, and nothing else')
  limitConnections(server, limits)
  const close = closing(server, limits)
  const address = await listening.promise
  return { port: address.port, close }
}

function serverOptions(limits: ListenerLimits) {
  return {
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkEvery,
    maxHeaderSize: limits.maxHeaderSize,
  }
}

function limitConnections(server: Server, limits: ListenerLimits): void {
  server.maxConnections = limits.maxConnections
  server.timeout = limits.stillTimeout
  // Node would silently leave out those beyond 2,000, `Origin` perhaps among them; their size is limited anyway.
  server.maxHeadersCount = 0
}

/**
 * How to close a server. By itself it would wait for every connection that somebody has opened and says nothing on, as
 * browsers do ahead of time.
 */
function closing(server: Server, { grace, lull }: ListenerLimits): (drain?: number) => Promise<void> {
  /** What is under way on each connection. */
  const connections = new Map<Socket, Set<ServerResponse>>()
  let isClosing = false
  server.on('connection', (socket: Socket) => {
    connections.set(socket, new Set())
    socket.once('close', () => connections.delete(socket))
  })
  server.prependListener('request', ({ socket }, response) => {
    if (isClosing) response.shouldKeepAlive = false
    const underWay = connections.get(socket)
    underWay?.add(response)
    response.once('close', () => {
      underWay?.delete(response)
      if (isClosing && underWay?.size === 0) socket.destroySoon()
    })
  })
  return async (drain = 0) => {
    isClosing = true
    for (const underWay of connections.values()) {
      for (const response of underWay) if (!response.headersSent) response.shouldKeepAlive = false
    }
    if (drain > 0) await pause(drain)
    // Not that of HTTP, which closes what is kept alive at once.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
    // A proxy may have sent a request, on a connection from before, that nobody has read yet. It is answered all the same.
    const late = setTimeout(() => {
      for (const [socket, underWay] of connections) if (underWay.size === 0) socket.destroy()
    }, lull)
    const timer = setTimeout(() => server.closeAllConnections(), grace)
    await closed
    clearTimeout(late)
    clearTimeout(timer)
    // It is closed already; this stops its looking for slow connections.
    server.close(() => {})
  }
}
