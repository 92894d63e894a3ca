import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { Hono } from 'hono'
import { SessionManager } from 'sojourn'
import { sessionOf, sojourn } from 'sojourn/hono'
import { SojournHttp } from 'sojourn/http'
import { withSession } from 'sojourn/node'
import { SqliteStore } from 'sojourn/sqlite'
import { listen } from '../packages/server/src/service/listener.ts'
import { comparison, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { inTurn, sampleTokens } from './fixture.ts'
import { interleave, spread } from './harness.ts'
import type { Plan, Side } from './harness.ts'
import type { Order } from './http-load.ts'

/** 0.85 of the requests a second is so much of the time for one. */
const AT_MOST = 1 / 0.85
const SAMPLE = 4_000
const PLAN: Plan = { operations: 8_000, rounds: 11, warmUp: 2 }

/** The same server twice. */
interface Pair {
  readonly subject: string
  /** The ports of the server that asks who it is, and of the one that does not. */
  readonly ports: readonly [ours: number, raw: number]
}

/** Requests of signed-in users beside the same requests to the same server without sessions. */
export async function measureHttp(file: string, size: number): Promise<readonly Finding[]> {
  const sessions = new SessionManager({ store: SqliteStore.open(file) })
  const http = new SojournHttp({ sessions, baseUrl: 'https://app.example.com' })
  const load = fork(new URL('./http-load.ts', import.meta.url), { execArgv: [] })
  const next = inTurn(sampleTokens(file, size, Math.min(size, SAMPLE)))
  const pairs: readonly Pair[] = [
    { subject: 'request, node:http, a line of JSON', ports: await onNode(http, () => HELLO) },
    { subject: 'request, Hono, a line of JSON', ports: await onHono(http, () => HELLO) },
    { subject: 'request, Hono, a row of its own', ports: await onHono(http, pageOfRows(file, 1)) },
    { subject: 'request, Hono, 50 rows of its own', ports: await onHono(http, pageOfRows(file, 50)) },
  ]
  const findings: Finding[] = []
  for (const { subject, ports } of pairs) {
    const busy: number[] = []
    const [ours, raw] = ports
    const sides = [ours, raw].map((port): Side => () => async () => {
      const before = process.cpuUsage()
      const start = performance.now()
      load.send({ port, requests: PLAN.operations, tokens: next(PLAN.operations) } satisfies Order)
      const [right] = (await once(load, 'message')) as [number]
      const { user, system } = process.cpuUsage(before)
      if (port === raw) busy.push((user + system) / 10 / (performance.now() - start))
      return right
    })
    findings.push(comparison(size, subject, await interleave(sides, PLAN), AT_MOST))
    findings.push(figure(size, `${subject}: how busy the server was without sessions`, spread(busy).median, '%'))
  }
  load.disconnect()
  // The servers go with the process.
  setImmediate(() => process.exit())
  return findings
}

const HELLO = { hello: 'world' }

async function onNode(http: SojournHttp, page: () => object): Promise<[number, number]> {
  const write = (outgoing: Parameters<RequestListener>[1]): void => {
    const text = JSON.stringify(page())
    outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    outgoing.end(text)
  }
  const ours = withSession(http, (_, outgoing, { session }) => {
    if (session === null) throw new Error('every request has a session')
    write(outgoing)
  })
  return [await listening(ours), await listening((_, outgoing) => write(outgoing))]
}

async function onHono(http: SojournHttp, page: () => object): Promise<[number, number]> {
  const ours = new Hono()
  ours.use(sojourn(http))
  ours.get('/page', (c) => (sessionOf(c).session === null ? c.body(null, 401) : c.json(page())))
  const raw = new Hono()
  raw.get('/page', (c) => c.json(page()))
  const ports = await Promise.all([ours, raw].map((app) => listen(app.fetch, { host: '127.0.0.1', port: 0 })))
  return [ports[0]!.port, ports[1]!.port]
}

async function listening(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** What a small application does for a page: one query, a list. */
function pageOfRows(file: string, count: number): () => object {
  const query = new DatabaseSync(file, { readOnly: true }).prepare(
    'SELECT session_id, username, created_at, ip_address FROM sojourn_sessions ORDER BY created_at DESC LIMIT ?',
  )
  return () => query.all(count)
}
