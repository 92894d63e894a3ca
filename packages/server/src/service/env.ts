import type { HttpBindings } from '@hono/node-server'

/** What every handler finds beside the request. */
export interface Env {
  /** Absent where a test hands in a `Request` without a socket. */
  readonly Bindings: Partial<HttpBindings>
  readonly Variables: {
    /** The client's address: the socket's, or what trusted proxies say it is. */
    ip: string | null
    /** Also on the response and in the log, to find the one by the other. */
    requestId: string
  }
}
