import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuthManager } from '../../packages/sojourn/src/auth/index.ts'
import type { Clock } from '../../packages/sojourn/src/core/clock.ts'
import type { PolicyOptions } from '../../packages/sojourn/src/core/policy.ts'
import { SojournHttp, problem } from '../../packages/sojourn/src/http/index.ts'
import type { RequestSession, SojournHttpOptions } from '../../packages/sojourn/src/http/index.ts'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import { FaultyStore } from '../../packages/sojourn/src/testing/index.ts'
import { PASSWORD, PLAIN, SITE } from './http-site.ts'

export interface HttpServerOptions {
  readonly clock?: Clock
  readonly policy?: PolicyOptions
  readonly http?: Partial<SojournHttpOptions>
  /** Shown the headers of every request. */
  readonly onRequest?: (headers: IncomingMessage['headers']) => void
  /** What answers where no route does. Default: 200 and the username, or 401. */
  readonly application?: (context: RequestSession) => Response | Promise<Response>
}

/** Sessions on SQLite behind `node:http` on a free port of the loopback address, with Ada and Eve for users. */
export async function openHttpServer({
  clock,
  policy,
  http: options,
  onRequest = () => {},
  application = whoIsIt,
}: HttpServerOptions = {}) {
  const sqlite = SqliteStore.open(':memory:', { migrate: true })
  const store = new FaultyStore(sqlite)
  const sessions = new SessionManager({ store, policy, ...(clock === undefined ? {} : { clock }) })
  const auth = new AuthManager({ sessions, users: sqlite.users, hasher: PLAIN })
  const errors: unknown[] = []
  const http = new SojournHttp({
    sessions,
    auth,
    baseUrl: SITE,
    onError: (error) => errors.push(error),
    ...options,
  })
  for (const username of ['ada', 'eve']) await auth.registerUser(username, PASSWORD)
  // So that limits of ours are met before Node's.
  const server = createServer({ maxHeaderSize: 65_536 }, (incoming, outgoing) => {
    onRequest(incoming.headers)
    void serve(incoming, outgoing)
  })

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming)
    if (body === null) return
    const request = requestOf(incoming, body)
    if (request === null) return send(problem('invalid_request'), outgoing)
    const entry = await http.enter(request, { ip: incoming.socket.remoteAddress ?? null })
    if (entry.response !== null) return send(entry.response, outgoing)
    const response = await application(entry.context)
    entry.context.applyTo(response.headers)
    return send(response, outgoing)
  }

  const port = await listening(server)
  return {
    port,
    store,
    sessions,
    auth,
    errors,
    async close(): Promise<void> {
      await closed(server)
      await sessions.close()
    },
  }
}

export type OpenHttpServer = Awaited<ReturnType<typeof openHttpServer>>

/** Listens on a free port of the loopback address and says which. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Stops listening and hangs up on everybody. */
export async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise((done) => server.close(done))
}

/** Null where the client went away in the middle. */
async function bodyOf(incoming: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  } catch {
    return null
  }
}

/** Null for what cannot be a `Request`, such as TRACE, or a target that is no path. */
function requestOf(incoming: IncomingMessage, body: Buffer): Request | null {
  const { method = 'GET', url = '', headers: sent } = incoming
  if (!url.startsWith('/')) return null
  try {
    const headers = new Headers()
    for (const [name, values = []] of Object.entries(incoming.headersDistinct)) {
      // Several lines of cookies are one list with semicolons, as in Node's `headers`.
      if (name === 'cookie') headers.set(name, sent.cookie ?? '')
      else for (const value of values) headers.append(name, value)
    }
    const hasBody = method !== 'GET' && method !== 'HEAD' && body.length > 0
    return new Request(SITE + url, { method, headers, body: hasBody ? body : null })
  } catch {
    return null
  }
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer())
  if (response.status !== 204) outgoing.setHeader('content-length', body.length)
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value)
  outgoing.statusCode = response.status
  outgoing.end(body)
}

function whoIsIt({ session }: RequestSession): Response {
  return session === null ? new Response(null, { status: 401 }) : new Response(session.username)
}
