/**
 * node examples/hono/main.ts
 *
 * `POST /auth/register` and `/auth/login` with {"username": …, "password": …}; then `/`, `/private` and `/secret` know who you are.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { requireRecent, requireSession, sojourn } from 'sojourn/hono'
import type { SojournVariables } from 'sojourn/hono'
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

const app = new Hono<{ Variables: SojournVariables }>()
app.use(sojourn(http))

app.get('/', (c) => c.text(`Hello, ${c.var.sojourn.session?.username ?? 'whoever you are'}`))
app.get('/private', requireSession, (c) => c.json({ username: c.var.sojourn.session?.username }))
app.get('/secret', requireRecent({ within: '10m' }), (c) => c.json({ answer: 42 }))

const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => {
  console.log(`http://localhost:${address.port}`)
})
process.once('SIGTERM', () => server.close(() => void sessions.close()))
