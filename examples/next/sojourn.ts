import { SessionManager } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { SojournHttp } from 'sojourn/http'
import { SqliteStore } from 'sojourn/sqlite'

const port = Number(process.env['PORT'] ?? 3000)
const store = SqliteStore.open(process.env['DATABASE'] ?? 'app.db', { migrate: true })
const sessions = new SessionManager({ store })
const auth = new AuthManager({ sessions, users: store.users })

export const http = new SojournHttp({
  sessions,
  auth,
  baseUrl: `http://localhost:${port}`,
  // On this machine only. In production leave it out, and give the https address that users see.
  development: { insecureLoopback: true },
})
