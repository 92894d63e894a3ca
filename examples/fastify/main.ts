/**
 * node examples/fastify/main.ts
 *
 * `POST /auth/register` and `/auth/login` with {"username": …, "password": …}; then `/`, `/private` and `/secret` know who you are.
 */
import fastify from 'fastify'
import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { requireRecent, requireSession, sessionOf, sojourn } from 'sojourn/fastify'
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

const app = fastify()
await app.register(sojourn(http))
app.addHook('onClose', () => sessions.close())

app.get('/', (request, reply) => reply.send(`Hello, ${sessionOf(request).session?.username ?? 'whoever you are'}`))
app.get('/private', { preHandler: requireSession }, (request, reply) =>
  reply.send({ username: sessionOf(request).session?.username }),
)
app.get('/secret', { preHandler: requireRecent({ within: '10m' }) }, (_, reply) => reply.send({ answer: 42 }))

const address = await app.listen({ port, host: '127.0.0.1' })
console.log(address.replace('127.0.0.1', 'localhost'))
process.once('SIGTERM', () => void app.close())
