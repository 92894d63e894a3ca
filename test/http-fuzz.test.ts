import { afterAll, beforeAll, expect, test } from 'vitest'
import { problem } from '../packages/sojourn/src/http/index.ts'
import type { ProblemCode } from '../packages/sojourn/src/http/index.ts'
import { Chance } from './support/chance.ts'
import { COOKIE, OTHER, PASSWORD, SITE } from './support/http-site.ts'
import { openHttpServer } from './support/http-server.ts'
import type { OpenHttpServer } from './support/http-server.ts'
import { figure, found } from './support/proof.ts'
import { RawConnection } from './support/raw-connection.ts'
import type { RawAnswer } from './support/raw-connection.ts'

/** How many requests; more by `SOJOURN_HTTP_FUZZ=1e7`. */
const REQUESTS = Number(process.env['SOJOURN_HTTP_FUZZ'] ?? 1e5)
/** The same requests again by `SOJOURN_HTTP_FUZZ_SEED`, as printed by a run that failed. */
const SEED = Number(process.env['SOJOURN_HTTP_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const CONNECTIONS = 8
/** Requests that are written before the first answer is read. */
const PIPELINED = 25

interface Made {
  readonly text: string
  readonly isHead: boolean
}

let server: OpenHttpServer

beforeAll(async () => {
  server = await openHttpServer({
    http: { bearer: true },
    application: ({ session }) => new Response(session?.username ?? 'nobody'),
  })
})
afterAll(async () => server?.close())

test(
  `${REQUESTS.toLocaleString('en')} mutated requests: none is answered with 500, none hangs, every refusal is a problem with a known code`,
  { timeout: 120_000 + REQUESTS * 5 },
  async () => {
    const counts = new Map<string, number>()
    let left = REQUESTS
    const visitor = async (number: number): Promise<void> => {
      const chance = new Chance(SEED + number)
      while (left > 0) {
        const count = Math.min(left, 1 + chance.below(PIPELINED))
        left -= count
        for (const seen of await converse(chance, count)) counts.set(seen, (counts.get(seen) ?? 0) + 1)
      }
    }
    try {
      await Promise.all(Array.from({ length: CONNECTIONS }, (_, number) => visitor(number)))
    } catch (error) {
      left = 0
      throw new Error(`with SOJOURN_HTTP_FUZZ_SEED=${SEED}: ${String(error)}`, { cause: error })
    }
    found({
      claim: 'No mutated request over a raw socket is answered with 500 or hangs',
      tried: `${figure(REQUESTS)} requests`,
      found: `${server.errors.length} answered with 500, 0 hung, answers by status: ${statuses(counts)}`,
      seed: SEED,
    })
    expect(server.errors, `seed ${SEED}`).toEqual([])
    // That so many got this far says that the requests are worth sending.
    for (const seen of ['200', '204', '400', '401', '403', '404', '405', '413', '415', '431']) {
      expect([seen, counts.has(seen)]).toEqual([seen, true])
    }
  },
)

test(
  'bytes that are no HTTP are turned away or hung up on, and never answered with 500',
  { timeout: 120_000 },
  async () => {
    const chance = new Chance(SEED)
    for (let round = 0; round < 1_000; round += 1) {
      const { isHead, text } = made(chance, await token())
      // What comes after an answer without a body could not be told from one.
      if (isHead) continue
      const connection = await RawConnection.open(server.port)
      connection.write(broken(chance, text))
      connection.end()
      for (;;) {
        const answer = await connection.answer()
        if (answer === null) break
        expect(answer.status, `seed ${SEED}, round ${round}`).toBeLessThan(500)
        if (answer.headers.has('content-type')) judge(answer, false)
      }
      connection.destroy()
    }
    expect(server.errors, `seed ${SEED}`).toEqual([])
  },
)

/** Sends requests in one go on one connection and answers with what came back: as many answers, in their order. */
async function converse(chance: Chance, count: number): Promise<readonly string[]> {
  const connection = await RawConnection.open(server.port)
  const current = await token()
  const requests = Array.from({ length: count }, () => made(chance, current))
  connection.write(requests.map(({ text }) => text).join(''))
  const seen: string[] = []
  for (const { isHead, text } of requests) {
    const answer = await connection.answer(isHead)
    try {
      if (answer === null) throw new Error('the server hung up')
      judge(answer, isHead)
    } catch (error) {
      throw new Error(`${String(error)}, after ${JSON.stringify(text.slice(0, 2_000))}`, { cause: error })
    }
    seen.push(String(answer.status))
  }
  connection.destroy()
  server.store.calls.length = 0
  return seen
}

function judge({ status, headers, body }: RawAnswer, isHead: boolean): void {
  if (status >= 500) throw new Error(`answered with ${status} ${body}`)
  if (status < 400) return
  if (headers.get('content-type') !== 'application/problem+json') throw new Error(`${status} is no problem`)
  if (headers.get('cache-control') !== 'no-store') throw new Error(`${status} may be kept by a cache`)
  if (isHead) return
  const said = JSON.parse(body) as { readonly code: ProblemCode; readonly status: number }
  // Throws for a code that is not in the table.
  if (problem(said.code).status !== status || said.status !== status) throw new Error(`${status} says ${body}`)
}

let kept = ''

/** A token that stands, as long as nobody has signed out with it. */
async function token(): Promise<string> {
  if (!(await server.sessions.validate(kept)).ok) {
    const { id, username } = (await server.auth.getUser('ada'))!
    kept = (await server.sessions.create({ userId: id, username })).token
  }
  return kept
}

const METHODS = ['GET', 'POST', 'DELETE', 'HEAD', 'PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']
const USUAL = {
  '/auth/register': 'POST',
  '/auth/login': 'POST',
  '/auth/logout': 'POST',
  '/auth/reauthenticate': 'POST',
  '/auth/password': 'POST',
  '/auth/session': 'GET',
  '/auth/sessions': 'GET',
  '/auth/sessions?limit=5': 'GET',
  '/auth/sessions/00000000-0000-7000-8000-000000000000': 'DELETE',
  '/auth/verify': 'GET',
  '/auth/verify/orders': 'POST',
  '/page': 'GET',
  '/': 'POST',
} as const satisfies Record<string, string>
const PATHS = Object.keys(USUAL) as (keyof typeof USUAL)[]
const PIECES = (
  '/ // /../ /./ %2e%2e %2F %5c \\ ; %00 % %zz ? & = # * @ : [ ] { | ^ " < %F0%9F%98%80 %ED ' +
  '?cursor= ?limit= limit=1&limit=2 ?__proto__=1'
).split(' ')
const JSON_TYPE = 'application/json'
const TYPES = (
  'application/json; charset=utf-8|application/json;charset=latin1|APPLICATION/JSON|text/plain|' +
  'application/x-www-form-urlencoded|multipart/form-data; boundary=x|application/json, text/html|'
).split('|')
const SITES = [
  'same-origin',
  'same-origin',
  'same-origin',
  'none',
  'same-site',
  'cross-site',
  'SAME-ORIGIN',
  '',
  'x,none',
]
const ORIGINS = [
  SITE,
  SITE,
  'null',
  'https://evil.example',
  `${SITE}.evil.example`,
  'http://app.example.com',
  `${SITE}/`,
  '://',
]
const NAMES = [
  'ada',
  'eve',
  'ADA ',
  'nobody',
  '',
  'x'.repeat(300),
  '\u0000',
  '\ud800',
  'a,b',
  '__proto__',
  '\u202e',
  42,
  null,
]
const PASSWORDS = [PASSWORD, OTHER, 'wrong', '', 'x'.repeat(5_000), '\ud800', 7, { a: 1 }, ['x'], true]
const OTHERS = [
  'x-forwarded-for: unknown, 1.2.3.4:99, "[::1]"',
  'x-forwarded-host: evil.example',
  'x-http-method-override: DELETE',
  'x-sojourn-user-id: mallory',
  'accept: */*;q=0.\xe9',
  'user-agent: \x80\xff<img onerror=1>',
  `user-agent: ${'x'.repeat(4_000)}`,
  'content-encoding: gzip',
  'range: bytes=0-1,5-',
  'if-none-match: *',
  'connection: keep-alive, cookie',
  'te: trailers',
  'cookie2: $Version=1',
]

/** A request that HTTP can carry, whatever the rest of it is. */
function made(chance: Chance, valid: string): Made {
  const path = chance.pick(PATHS)
  const method = chance.is(80) ? USUAL[path] : chance.pick(METHODS)
  const lines = [
    `${method} ${target(chance, path)} HTTP/1.1`,
    `host: ${chance.is(95) ? 'app.example.com' : 'evil.example'}`,
  ]
  if (chance.is(75)) lines.push(...cookies(chance, valid))
  if (chance.is(20)) lines.push(`authorization: ${credentials(chance, valid)}`)
  if (chance.is(80)) lines.push(`sec-fetch-site: ${chance.pick(SITES)}`)
  if (chance.is(40)) lines.push(`origin: ${chance.pick(ORIGINS)}`)
  for (let more = chance.below(4); more > 0; more -= 1) lines.push(chance.pick(OTHERS))
  const isWritten = method !== 'GET' && method !== 'HEAD' && method !== 'TRACE'
  const body = isWritten && chance.is(85) ? bodyOf(chance) : ''
  if (body !== '' || chance.is(20)) lines.push(`content-type: ${chance.is(80) ? JSON_TYPE : chance.pick(TYPES)}`)
  const isChunked = body !== '' && chance.is(15)
  lines.push(isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`)
  const sent = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body
  return { text: `${lines.join('\r\n')}\r\n\r\n${sent}`, isHead: method === 'HEAD' }
}

function target(chance: Chance, path: string): string {
  let changed = path
  while (chance.is(25)) changed = spliced(chance, changed, chance.pick(PIECES), chance.below(2))
  if (chance.is(1)) return chance.pick(['*', 'http://evil.example/auth/logout', `${SITE}/auth/session`])
  return changed.startsWith('/') ? changed : `/${changed}`
}

function cookies(chance: Chance, valid: string): readonly string[] {
  const pairs: string[] = []
  for (let count = chance.is(90) ? 1 : chance.below(4); count > 0; count -= 1) {
    const name = chance.is(90)
      ? COOKIE
      : chance.pick(['__host-http-sid', '%5F%5FHost-Http-sid', `${COOKIE} `, `"${COOKIE}"`])
    pairs.push(`${name}${chance.is(97) ? '=' : chance.pick(['', '==', ' = '])}${presented(chance, valid)}`)
  }
  if (chance.is(10))
    pairs.unshift(chance.pick(['theme=dark', '', '=', '=;=', ';', '\xff=\xfe', `x=${'y'.repeat(9_000)}`]))
  const joined = pairs.join(chance.pick(['; ', ';', ' ;\t']))
  return chance.is(90) ? [`cookie: ${joined}`] : pairs.map((pair) => `cookie: ${pair}`)
}

function credentials(chance: Chance, valid: string): string {
  return chance.pick(['Bearer ', 'bearer ', 'Bearer  ', 'Basic ', 'DPoP ', 'Bearer', '']) + presented(chance, valid)
}

/** What stands where a token should: often one that is good. */
function presented(chance: Chance, valid: string): string {
  if (chance.is(70)) return valid
  const noise = chance.pick(['', '.', '=', ' ', '%', '\xe9', 'A', '"', '~', 'x'.repeat(5_000)])
  return spliced(chance, valid, noise, chance.below(4))
}

function bodyOf(chance: Chance): string {
  if (chance.is(15)) return chance.pick(ODD_BODIES)
  const fields: Record<string, unknown> = {
    username: chance.pick(NAMES),
    password: chance.is(50) ? PASSWORD : chance.pick(PASSWORDS),
  }
  if (chance.is(15)) fields['mode'] = chance.pick(['cookie', 'token', 'x', 1])
  if (chance.is(15)) fields['remember'] = chance.pick([true, false, 'on', null])
  if (chance.is(10)) fields[chance.pick(['role', '__proto__', 'constructor', 'userId'])] = 'operator'
  const proof = { password: fields['password'] }
  const change = { currentPassword: PASSWORD, newPassword: chance.pick(PASSWORDS) }
  const text = JSON.stringify(chance.pick([fields, fields, proof, change]))
  return latin1(chance.is(85) ? text : spliced(chance, text, chance.pick(PIECES), chance.below(3)))
}

const ODD_BODIES = [
  '{',
  '[]',
  'null',
  '""',
  '{"a":1,"a":2}',
  '{"username":"ada","username":"eve"}',
  '{"username":"\\ud800","password":"\\udfff\\ud800 is no text"}',
  'username=ada&password=x',
  '--x\r\n\r\n--x--',
  '\0',
  '\xff\xfe{}',
  '\xef\xbb\xbf{}',
  '['.repeat(2_000),
  `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`,
  ' '.repeat(16_385),
]

/** Bytes that HTTP cannot carry, or that break off. */
function broken(chance: Chance, text: string): string {
  switch (chance.below(7)) {
    case 0:
      return text.slice(0, chance.below(text.length))
    case 1:
      return spliced(
        chance,
        text,
        chance.pick(['\0', '\r', '\n', '\r\n', '\r\n\r\n', ' ', '\t', ':', '\x7f']),
        chance.below(3),
      )
    case 2:
      return text.replace(
        /content-length: \d+/,
        chance.pick(['content-length: -1', 'content-length: 9e9', 'content-length: 1\r\ncontent-length: 2']),
      )
    case 3:
      return text.replace(/content-length: (\d+)/, 'content-length: $1\r\ntransfer-encoding: chunked')
    case 4:
      return text.replace('HTTP/1.1', chance.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'http/1.1', '']))
    case 5:
      return text.replace('host: ', `x-filler: ${'x'.repeat(20_000)}\r\nhost: `)
    default:
      return text.replace(/^\w+/, chance.pick(['CONNECT', 'get', 'GE T', '', '\xff', 'PRI']))
  }
}

function spliced(chance: Chance, text: string, piece: string, gone: number): string {
  const at = chance.below(text.length + 1)
  return text.slice(0, at) + piece + text.slice(at + gone)
}

/** UTF-8, a character for each byte. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function statuses(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted(([one], [other]) => one.localeCompare(other))
  return sorted.map(([status, count]) => `${status} × ${figure(count)}`).join(', ')
}
