/**
 * node examples/fetch/main.ts
 *
 * `POST /auth/register` and `/auth/login` with {"username": …, "password": …}; then `/`, `/private` and `/secret` know who you are.
 */
import { serve } from '@hono/node-server'
import type { HttpBindings } from '@hono/node-server'
import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { requireRecent, requireSession, withSession } from 'sojourn/fetch'
import { SojournHttp } from 'sojourn/http'
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

const showName = requireSession((_request, { session }) => Response.json({ username: session.username }))
const showSecret = requireRecent({ within: '10m' }, () => Response.json({ answer: 42 }))

const handler = withSession<[platform: HttpBindings]>(
  http,
  (request, context) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/private') return showName(request, context)
    if (pathname === '/secret') return showSecret(request, context)
    return new Response(`Hello, ${context.session?.username ?? 'whoever you are'}`)
  },
  { clientAddress: (_request, { incoming }) => incoming.socket.remoteAddress },
)

// On Bun this is `Bun.serve({ fetch: handler })`, on Deno `Deno.serve(handler)`; Node needs somebody in between.
const server = serve(
  { fetch: (request, env) => handler(request, env as HttpBindings), port, hostname: '127.0.0.1' },
  (address) => {
    console.log(`http://localhost:${address.port}`)
  },
)
process.once('SIGTERM', () => server.close(() => void sessions.close()))
