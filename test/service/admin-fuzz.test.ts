/** Requests made from the OpenAPI document, right ones and wrong ones: every answer is in the document, and none is 500. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OpenApi } from '../support/openapi.ts'
import type { GeneratedRequest } from '../support/openapi.ts'
import { figure, found } from '../support/proof.ts'
import { RawConnection } from '../support/raw-connection.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { AdminClient } from './admin-client.ts'

/** How many requests; more by `SOJOURN_OPENAPI_FUZZ=1e7`. */
const REQUESTS = Number(process.env['SOJOURN_OPENAPI_FUZZ'] ?? 10_000)
/** The same requests again by `SOJOURN_OPENAPI_FUZZ_SEED`, as printed by a run that failed. */
const SEED = Number(process.env['SOJOURN_OPENAPI_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
/** So many requests and there is a new service: an old one has a long history, which is exported again and again. */
const LIFE = 4_000
const AT_ONCE = 8
/** How many are sent to the sessions and users there are, before there are new ones. */
const PIECE = 40
const HANG = 30_000

let opened: OpenService
let api: OpenApi

beforeAll(async () => {
  opened = await openService()
  const { body } = await new AdminClient(opened.url).get('/openapi.json')
  api = new OpenApi(body)
})
afterAll(() => opened?.close())

test('the document uses no word that this test does not understand', () => {
  expect(api.unknownKeywords()).toEqual([])
  expect(api.operations.length).toBeGreaterThan(30)
})

test(
  `${figure(REQUESTS)} requests made from the document: every answer is in it, none is 500, none hangs`,
  { timeout: 120_000 + REQUESTS * 20 },
  async () => {
    const statuses = new Map<string, number>()
    const wrong: string[] = []
    let ids: readonly string[] = []
    // Made once: it takes longer to make than a piece of requests does.
    const requests = api.requests(() => ids, TEXTS)
    for (let done = 0; done < REQUESTS && wrong.length === 0; done += PIECE) {
      if (done % LIFE === 0 && done > 0) await renewed()
      const arrangement = await arranged()
      ids = arrangement.ids
      const made = fc.sample(fc.tuple(requests, fc.constantFrom(...arrangement.credentials)), {
        numRuns: Math.min(PIECE, REQUESTS - done),
        seed: SEED + done,
      })
      const visitor = async (): Promise<void> => {
        for (let next = made.pop(); next !== undefined; next = made.pop()) {
          const [request, credential] = next
          const { status, mismatches } = await sent(request, credential)
          statuses.set(`${status}`, (statuses.get(`${status}`) ?? 0) + 1)
          for (const each of mismatches) wrong.push(`${request.method} ${request.target} ${request.body}: ${each}`)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, visitor))
    }
    const counts = [...statuses]
      .toSorted(([a], [b]) => Number(a) - Number(b))
      .map(([status, count]) => `${status}: ${figure(count)}`)
    found({
      claim: 'Every answer to a request made from the OpenAPI document is in that document',
      tried: `${figure(REQUESTS)} requests`,
      found: `${wrong.length} not in it, ${statuses.get('500') ?? 0} answered with 500, 0 hung, answers by status: ${counts.join(', ')}`,
      seed: SEED,
    })
    expect(wrong.slice(0, 5), `seed ${SEED}`).toEqual([])
    // That so many got this far says that the requests are worth sending.
    for (const status of ['200', '201', '204', '400', '401', '403', '404', '405', '409', '415']) {
      expect([status, statuses.has(status)]).toEqual([status, true])
    }
  },
)

test(
  `${figure(REQUESTS)} requests below /admin with headers and cookies that nobody sends: none is let through, none is 500`,
  { timeout: 120_000 + REQUESTS * 20 },
  async () => {
    const port = Number(new URL(opened.url).port)
    const paths = api.operations.map(({ path }) => path.replace('{id}', '1')).filter((path) => path.includes('/admin'))
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('Cookie', 'cookie', 'Authorization', 'Origin', 'Sec-Fetch-Site', 'Host'), VALUES),
      fc.tuple(fc.constantFrom('Content-Type', 'X-Forwarded-For', 'Last-Event-ID', 'Sojourn-Passive', 'X'), VALUES),
    )
    const request = fc.record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE', 'HEAD', 'PUT'),
      path: fc.constantFrom(...paths),
      lines: fc.array(line, { maxLength: 6 }),
    })
    const statuses = new Map<number, number>()
    const made = fc.sample(request, { numRuns: REQUESTS, seed: SEED })
    const visitor = async (): Promise<void> => {
      let connection = await RawConnection.open(port)
      for (let next = made.pop(); next !== undefined; next = made.pop()) {
        const { method, path, lines } = next
        const head = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...lines.map((pair) => pair.join(': '))]
        connection.write(`${head.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`)
        const answer = await connection.answer(method === 'HEAD')
        if (answer !== null) statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        const isOver = answer === null || answer.headers.get('connection') === 'close'
        if (!isOver) continue
        connection.destroy()
        connection = await RawConnection.open(port)
      }
      connection.destroy()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, visitor))
    const refused = [400, 401, 403, 404, 405, 408, 413, 415, 431]
    expect(
      [...statuses.keys()].filter((status) => !refused.includes(status)),
      `seed ${SEED}`,
    ).toEqual([])
    expect(statuses.get(401) ?? 0).toBeGreaterThan(REQUESTS / 4)
  },
)

/** What may stand in a header, as bytes. */
const VALUES = fc.oneof(
  fc.string({ maxLength: 60 }).map(printable),
  fc.string({ unit: 'binary', maxLength: 60 }).map(printable),
  fc.constantFrom(
    'insecure-sid=',
    'insecure-sid=x; insecure-sid=y',
    '__Host-Http-sid=x',
    ';;;',
    '=',
    'a=b; c',
    'Bearer ',
    'Bearer sjk_',
    `Bearer sjk_${'0'.repeat(16)}.${'A'.repeat(43)}`,
    'bearer x',
    'Basic Og==',
    'null',
    'http://127.0.0.1',
    'https://evil.example',
    'same-origin',
    'cross-site',
    'none',
    '1',
    '\xff\xfe',
    'x'.repeat(9_000),
  ),
)

/** Bytes that a header may carry; what else there is would end it. */
function printable(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[\0\r\n]/g, '')
}

const TEXTS = ['grace', 'ada', 'user', 'Firefox', '192.0.2.1', '%', '_', "'", 'a compiler of her own making', 'é', '🔑']

async function renewed(): Promise<void> {
  await opened.close()
  opened = await openService()
}

/** Ids that there are, and whoever may ask: made anew, since what was asked before may have ended them. */
async function arranged() {
  const { service, auth, sessions } = opened
  await auth.registerUser('ada', 'notes upon the analytical engine')
  await auth.setRole('grace', 'operator')
  await auth.enableUser('grace')
  const [grace, ada] = [await auth.getUser('grace'), await auth.getUser('ada')]
  const made = await Promise.all(
    [grace, ada, ada].map((user) => sessions.tryCreate({ userId: user!.id, username: user!.username })),
  )
  const issued = made.filter((outcome) => outcome.ok)
  const key = await service.keys.create({
    name: 'everything',
    scopes: ['read', 'revoke', 'manage'],
    createdBy: 'operator:grace',
  })
  const cookies = issued.map(({ token }) => ({ cookie: `insecure-sid=${token}` }))
  return {
    ids: [...issued.map(({ session }) => session.id), grace!.id, ada!.id, key.key.id],
    credentials: [...cookies, cookies[0]!, cookies[0]!, { authorization: `Bearer ${key.secret}` }, {}],
  }
}

async function sent(request: GeneratedRequest, credential: Readonly<Record<string, string>>) {
  const { operation, method, target, body, type } = request
  const hasBody = method !== 'GET' && method !== 'HEAD' && body !== null
  const response = await fetch(opened.url + target, {
    method,
    headers: { ...credential, origin: opened.url, ...(type === null ? {} : { 'content-type': type }) },
    body: hasBody ? body : null,
    redirect: 'manual',
    signal: AbortSignal.timeout(HANG),
  })
  const { status, headers } = response
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true
  if (isStream) await response.body?.cancel()
  const text = isStream ? '' : await response.text()
  if (method === operation.method) {
    return { status, mismatches: api.mismatches(operation, status, headers.get('content-type'), text) }
  }
  // Another method: answered as HEAD is, or refused.
  const isKnown = method === 'HEAD' ? text === '' : [200, 401, 403, 404, 405].includes(status)
  return { status, mismatches: isKnown && status < 500 ? [] : [`${method} is answered with ${status}`] }
}
