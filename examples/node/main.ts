/**
 * node examples/node/main.ts
 *
 * `POST /auth/register` and `/auth/login` with {"username": …, "password": …}; then `/`, `/private` and `/secret` know who you are.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { SojournHttp } from 'sojourn/http'
import { requireRecent, requireSession, withSession } from 'sojourn/node'
import { SqliteStore } from 'sojourn/sqlite'

const port = Number(process.env['PORT'] ?? 3000)
const store = SqliteStore.open(process.env['DATABASE'] ?? ':memory:', { migrate: true })
const sessions = new SessionManager({ store })
const auth = new AuthManager({ sessions, users: store.users })
const http = new SojournHttp({
  sessions,
  auth,
  baseUrl: `http://localhost:${port}`,
  // On this machine only. In production leave it out, and give the https address that users see.
  development: { insecureLoopback: true },
})

const showName = requireSession((_incoming, outgoing, { session }) => {
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end(JSON.stringify({ username: session.username }))
})
const showSecret = requireRecent({ within: '10m' }, (_incoming, outgoing) => {
  outgoing.setHeader('content-type', 'application/json')
  outgoing.end('{"answer":42}')
})

const server = createServer(
  withSession(http, (incoming, outgoing, context) => {
    if (incoming.url === '/private') return showName(incoming, outgoing, context)
    if (incoming.url === '/secret') return showSecret(incoming, outgoing, context)
    outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
    outgoing.end(`Hello, ${context.session?.username ?? 'whoever you are'}`)
    return undefined
  }),
)
server.listen(port, '127.0.0.1', () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})
process.once('SIGTERM', () => server.close(() => void sessions.close()))
