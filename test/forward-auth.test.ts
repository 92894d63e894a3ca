import { readFileSync } from 'node:fs'
import { createServer, request as ask } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixedClock } from '../packages/sojourn/src/testing/index.ts'
import { COOKIE, PASSWORD, SITE } from './support/http-site.ts'
import { closed, listening, openHttpServer } from './support/http-server.ts'
import type { OpenHttpServer } from './support/http-server.ts'
import { nginxPath, startNginx } from './support/nginx.ts'
import type { Nginx } from './support/nginx.ts'
import { required } from './support/require.ts'

const DOCUMENT = new URL('../docs/FORWARD_AUTH.md', import.meta.url)
const IDENTITY = ['x-sojourn-user-id', 'x-sojourn-username', 'x-sojourn-session-id', 'x-sojourn-role'] as const
const PAGE = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

let clock: FixedClock
let sojourn: OpenHttpServer
let application: Server
let applicationPort: number
/** The headers of what reached Sojourn. */
let asked: IncomingHttpHeaders[]
/** What reached the application. */
let reached: { readonly path: string; readonly method: string; readonly headers: IncomingHttpHeaders }[]
let nginx: Nginx | null

beforeEach(async (context) => {
  required(context, 'nginx', nginxPath)
  clock = new FixedClock()
  asked = []
  const onRequest = (headers: IncomingHttpHeaders): unknown => asked.push(headers)
  sojourn = await openHttpServer({ clock, policy: { renewEvery: '1h' }, onRequest })
  reached = []
  application = createServer((incoming, outgoing) => {
    const { url = '', method = '', headers } = incoming
    reached.push({ path: url, method, headers })
    const who = IDENTITY.map((name) => headers[name] ?? '-').join(' ')
    // As careless as applications are: everything may be kept for a minute.
    outgoing.setHeader('cache-control', 'public, max-age=60')
    if (url.startsWith('/broken')) outgoing.statusCode = 500
    outgoing.end(`page for ${who}`)
  })
  applicationPort = await listening(application)
  nginx = null
})

afterEach(async () => {
  await nginx?.close()
  if (application !== undefined) await closed(application)
  await sojourn?.close()
})

describe('behind nginx, configured as docs/FORWARD_AUTH.md has it', () => {
  test('HDR-1: two users behind a cache that keeps whatever it may never see each other’s page', async () => {
    await start()
    const [ada, eve] = [await signIn('ada'), await signIn('eve')]
    for (let round = 0; round < 20; round += 1) {
      for (const [username, token] of round % 3 === 0 ? [eve, ada] : [ada, eve]) {
        const page = await get('/inbox', { cookie: `${COOKIE}=${token}` })
        expect([page.status, page.text.split(' ')[3]]).toEqual([200, username])
        expect(page.headers['cache-control']).toBe('no-store')
      }
    }
    const nobody = await get('/inbox')
    expect([nobody.status, nobody.text.includes('page for')]).toEqual([401, false])
    // Neither is what the one was refused kept for the other.
    expect((await get('/inbox', { cookie: `${COOKIE}=${ada[1]}` })).status).toBe(200)
  })

  test('HDR-1: without its no-store the same cache shows one user the page of another, so the test can tell', async () => {
    await start((text) =>
      without(text, 'add_header Cache-Control no-store always;', 'proxy_hide_header Cache-Control;'),
    )
    const [ada, eve] = [await signIn('ada'), await signIn('eve')]
    await get('/inbox', { cookie: `${COOKIE}=${ada[1]}` })
    expect((await get('/inbox', { cookie: `${COOKIE}=${eve[1]}` })).text).toContain(' ada ')
  })

  test('HDR-1, HDR-2: a public page is kept for everybody, names nobody and carries no cookie', async () => {
    await start()
    const [, token] = await signIn('ada')
    clock.advance('2h')
    for (const [headers, cached] of [
      [{ cookie: `${COOKIE}=${token}` }, 'MISS'],
      [{ cookie: `${COOKIE}=${token}` }, 'HIT'],
      [{}, 'HIT'],
    ] as const) {
      const page = await get('/public/news', headers)
      expect([page.status, page.text, page.headers['x-cache']]).toEqual([200, 'page for - - - -', cached])
      expect(page.headers['set-cookie']).toBe(undefined)
    }
  })

  test('REV-1: after signing out the very next request is refused', async () => {
    await start()
    const [, token] = await signIn('ada')
    const cookie = `${COOKIE}=${token}`
    expect((await get('/inbox', { cookie })).status).toBe(200)
    await sojourn.sessions.end(token)
    const refused = await get('/inbox', { cookie })
    expect([refused.status, refused.text.includes('page for')]).toEqual([401, false])
    expect(refused.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-Http-sid=;.*Max-Age=0/)])
  })

  test('a person who is not signed in is taken to the sign-in page and told the way back; a program is not', async () => {
    await start()
    const page = await get('/inbox?page=2', PAGE)
    expect([page.status, page.headers.location]).toEqual([303, '/login?next=/inbox?page=2'])
    expect(page.headers['cache-control']).toBe('no-store')
    for (const path of ['//evil.example/x', '/%0d%0aset-cookie:%20x=y', '/\\evil.example']) {
      const { status, headers } = await get(path, PAGE)
      expect([status, headers.location, headers['set-cookie']]).toEqual([303, `/login?next=${path}`, undefined])
    }
    expect((await get('/inbox', { accept: 'application/json' })).status).toBe(401)
    expect((await send('POST', '/inbox', PAGE)).status).toBe(401)
    expect(reached).toEqual([])
  })

  test('STO-9: while the store is down nobody gets in, nobody is signed out, and the answer is 503', async () => {
    await start()
    const [, token] = await signIn('ada')
    const cookie = `${COOKIE}=${token}`
    sojourn.store.faults = { isRefused: () => true }
    for (const headers of [{ cookie }, { cookie, ...PAGE }]) {
      const answer = await get('/inbox', headers)
      expect([answer.status, answer.text.includes('page for')]).toEqual([503, false])
      expect([answer.headers['set-cookie'], answer.headers['cache-control']]).toEqual([undefined, 'no-store'])
    }
    sojourn.store.faults = {}
    expect((await get('/inbox', { cookie })).status).toBe(200)
    expect(reached).toHaveLength(1)
  })

  test('STO-9: without Sojourn there is no page for anybody, and what is public stays', async () => {
    await start()
    const [, token] = await signIn('ada')
    await sojourn.close()
    const answer = await get('/inbox', { cookie: `${COOKIE}=${token}` })
    expect([answer.status, answer.headers['set-cookie'], reached]).toEqual([503, undefined, []])
    expect((await get('/public/news')).status).toBe(200)
  })

  test('NET-1: who a client claims to be, and from where, reaches nobody', async () => {
    await start()
    const [, token] = await signIn('eve')
    const cookie = `${COOKIE}=${token}`
    const claims = Object.fromEntries(
      [...IDENTITY, 'x-sojourn-role ', 'x_sojourn_role', 'x_sojourn_user_id'].map((name) => [name.trim(), 'operator']),
    )
    const { id } = (await sojourn.auth.getUser('eve'))!
    const answers = [
      await get('/inbox', { cookie, ...claims, 'x-forwarded-for': '203.0.113.9', connection: 'x-sojourn-user-id' }),
      await get('/inbox', { cookie, connection: 'close, x-sojourn-username, x-sojourn-role' }),
    ]
    for (const { text } of answers) expect(text).toBe(`page for ${id} eve ${token.slice(0, 36)} user`)
    expect((await get('/public/news', claims)).text).toBe('page for - - - -')
    expect((await get('/inbox', claims)).status).toBe(401)
    for (const { headers } of reached) expect(JSON.stringify(headers)).not.toContain('operator')
    for (const headers of asked) expect(headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  test('NET-1: without the lines that overwrite them the claims get through, so the test can tell', async () => {
    await start((text) => without(text, 'proxy_set_header X-Sojourn-User-Id    $sojourn_user_id;'))
    const [, token] = await signIn('eve')
    const { text } = await get('/inbox', { cookie: `${COOKIE}=${token}`, 'x-sojourn-user-id': 'mallory' })
    expect(text).toContain('page for mallory')
  })

  test('FIX-5: a secret renewed by the question reaches the browser, and no cache', async () => {
    await start()
    const [, token] = await signIn('ada')
    clock.advance('1h')
    const page = await get('/inbox', { cookie: `${COOKIE}=${token}` })
    const [renewed] = page.headers['set-cookie']!
    expect(page.text).toContain(' ada ')
    expect(renewed).toMatch(/^__Host-Http-sid=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
    const next = await get('/inbox', { cookie: renewed!.split(';')[0]! })
    expect([next.status, next.text.split(' ')[3]]).toEqual([200, 'ada'])
  })

  test('HDR-2: a cookie that did not change is not sent again', async () => {
    await start()
    const [, token] = await signIn('ada')
    for (let visit = 0; visit < 20; visit += 1) {
      expect((await get('/inbox', { cookie: `${COOKIE}=${token}` })).headers['set-cookie']).toBe(undefined)
    }
  })

  test('CSR-3: a write is let through to the application with its body, and none of Sojourn’s routes with it', async () => {
    await start()
    const [, token] = await signIn('ada')
    const headers = { cookie: `${COOKIE}=${token}`, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await send('POST', '/orders', headers, 'a book')).status).toBe(200)
    expect(reached.at(-1)).toMatchObject({ method: 'POST', path: '/orders', headers: { 'content-length': '6' } })
    for (const path of ['/auth/logout', '/x/../auth/logout', '/auth/verify/../logout', '/%61uth/logout']) {
      expect([path, (await send('POST', path, headers)).status]).toEqual([path, 403])
    }
    expect((await get('/inbox', headers)).status).toBe(200)
    // The path of the question is for nginx alone.
    expect((await get('/.sojourn/verify', headers)).status).toBe(404)
  })

  test('an error of the application is its own', async () => {
    await start()
    const [, token] = await signIn('ada')
    const answer = await get('/broken', { cookie: `${COOKIE}=${token}` })
    expect([answer.status, answer.text.includes(' ada ')]).toEqual([500, true])
  })

  test('a name that is long and far from ASCII arrives whole', async () => {
    await start()
    const username = '力'.repeat(254)
    const userId = '鋼'.repeat(255)
    const { token } = await sojourn.sessions.create({ userId, username })
    const { status } = await get('/inbox', { cookie: `${COOKIE}=${token}` })
    expect(status).toBe(200)
    expect(decodeURIComponent(String(reached.at(-1)?.headers['x-sojourn-username']))).toBe(username)
    expect(decodeURIComponent(String(reached.at(-1)?.headers['x-sojourn-user-id']))).toBe(userId)
  })
})

/** A cache in front that keeps whatever `Cache-Control` lets it, and the documented configuration behind it. */
async function start(change = (text: string) => text): Promise<void> {
  nginx = await startNginx(
    2,
    ([edge, gate]) => `
      proxy_cache_path TEMPORARY_FOLDER/cache keys_zone=pages:1m;
      server {
        listen 127.0.0.1:${edge};
        location / {
          proxy_pass http://127.0.0.1:${gate};
          proxy_http_version 1.1;
          proxy_pass_request_headers on;
          proxy_cache pages;
          proxy_cache_key $request_uri;
          proxy_cache_valid any 1m;
          proxy_ignore_headers Vary;
          add_header X-Cache $upstream_cache_status always;
        }
      }
      ${change(documented(gate!))}
    `,
  )
}

/** The configuration of the document, for the addresses of this test. */
function documented(port: number): string {
  const [, text] = /```nginx\n([\s\S]*?)```/.exec(readFileSync(DOCUMENT, 'utf8'))!
  const here = {
    'server 127.0.0.1:3000;': `server 127.0.0.1:${sojourn.port};`,
    'server 127.0.0.1:8080;': `server 127.0.0.1:${applicationPort};`,
    'listen 443 ssl;': `listen 127.0.0.1:${port};`,
    'ssl_certificate     /etc/ssl/app.example.com.pem;': '',
    'ssl_certificate_key /etc/ssl/app.example.com.key;': '',
  }
  return Object.entries(here).reduce((done, [there, mine]) => {
    if (done.split(there).length !== 2) throw new Error(`the document must say '${there}' once`)
    return done.replace(there, mine)
  }, text!)
}

function without(text: string, ...lines: readonly string[]): string {
  for (const line of lines) if (!text.includes(line)) throw new Error(`the document does not say '${line}'`)
  return lines.reduce((rest, line) => rest.replaceAll(line, ''), text)
}

/** Signs in through the proxies, as a browser does. */
async function signIn(username: string): Promise<readonly [username: string, token: string]> {
  const headers = { 'content-type': 'application/json', origin: SITE }
  const answer = await send('POST', '/auth/login', headers, JSON.stringify({ username, password: PASSWORD }))
  const [, token] = /^__Host-Http-sid=([^;]+)/.exec(answer.headers['set-cookie']?.[0] ?? '') ?? []
  if (token === undefined) throw new Error(`sign-in was answered with ${answer.status}`)
  return [username, token]
}

function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return send('GET', path, headers)
}

function send(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const own = { host: 'app.example.com', ...(body === undefined ? {} : { 'content-length': String(body.length) }) }
  const sent = ask({ port: nginx!.ports[0], method, path, headers: { ...own, ...headers } }, (incoming) => {
    let text = ''
    incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    incoming.on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, text }))
    incoming.on('error', reject)
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}
