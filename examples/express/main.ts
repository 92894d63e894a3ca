/**
 * node examples/express/main.ts
 *
 * `POST /auth/register` and `/auth/login` with {"username": …, "password": …}; then `/`, `/private` and `/secret` know who you are.
 */
import type { AddressInfo } from 'node:net'
import express from 'express'
import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { requireRecent, requireSession, sessionOf, sojourn } from 'sojourn/express'
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

const app = express()
app.use(sojourn(http))

app.get('/', (request, response) => {
  response.send(`Hello, ${sessionOf(request).session?.username ?? 'whoever you are'}`)
})
app.get('/private', requireSession, (request, response) => {
  response.json({ username: sessionOf(request).session?.username })
})
app.get('/secret', requireRecent({ within: '10m' }), (_, response) => {
  response.json({ answer: 42 })
})

const server = app.listen(port, '127.0.0.1', () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})
process.once('SIGTERM', () => server.close(() => void sessions.close()))
