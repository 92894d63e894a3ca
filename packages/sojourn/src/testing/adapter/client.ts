import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { DEFAULT_COOKIE } from '../../http/cookie.ts'

/** What is sent besides method and path. */
export interface Sent {
  /** JSON unless it is text. */
  readonly body?: unknown
  /** Sends the body without saying how long it will be. */
  readonly isChunked?: boolean
  /** The token in our cookie. */
  readonly token?: string | undefined
  /** Several values for one name are several lines. */
  readonly headers?: Readonly<Record<string, string | string[]>>
}

/** An answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const COOKIE = DEFAULT_COOKIE.name
/** What a page of the site itself sends with every request. */
const OWN = { 'sec-fetch-site': 'same-origin', 'user-agent': 'Firefox/140.0' }

/** Speaks HTTP with a server, and keeps nothing but the connection between one request and the next. */
export class Client {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true })

  constructor(url: string) {
    this.#url = url
  }

  async get(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send('GET', path, sent)
  }

  async post(path: string, sent: Sent = {}): Promise<Answer> {
    return this.send('POST', path, sent)
  }

  async send(method: string, path: string, { body, isChunked = false, token, headers }: Sent): Promise<Answer> {
    const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const type = typeof body === 'string' ? 'text/plain' : 'application/json'
    const asked = request(this.#url + path, {
      method,
      agent: this.#agent,
      headers: {
        ...OWN,
        ...(content === undefined ? {} : { 'content-type': type }),
        ...(content === undefined || isChunked ? {} : { 'content-length': String(Buffer.byteLength(content)) }),
        ...(token === undefined ? {} : { cookie: cookie(token) }),
        ...headers,
      },
    })
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>
    asked.end(content)
    const [response] = await answered
    const lines = new Headers()
    for (const [name, values = []] of Object.entries(response.headersDistinct)) {
      for (const value of values) lines.append(name, value)
    }
    return { status: response.statusCode ?? 0, headers: lines, text: await text(response) }
  }

  /** Begins to send a body and goes away in the middle of it. */
  async breakOff(path: string): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(this.#url).port) })
    await once(socket, 'connect')
    const head = [`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Sec-Fetch-Site: same-origin', 'Content-Length: 1000']
    await new Promise<void>((sent) =>
      socket.write(`${[...head, 'Content-Type: application/json'].join('\r\n')}\r\n\r\n{"username":`, () => sent()),
    )
    socket.destroy()
    await once(socket, 'close')
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The header that carries a token. */
export function cookie(token: string): string {
  return `${COOKIE}=${token}`
}

/** The token that an answer puts into our cookie; empty where it takes the cookie away, undefined where it says nothing. */
export function tokenOf({ headers }: Answer): string | undefined {
  const ours = headers.getSetCookie().filter((line) => line.startsWith(`${COOKIE}=`))
  ok(ours.length < 2, `our cookie is set once, and not ${ours.length} times`)
  return ours[0]?.slice(COOKIE.length + 1).replace(/;.*$/, '')
}

/** The same, where there must be one. */
export function newTokenOf(answer: Answer): string {
  const token = tokenOf(answer)
  ok(token !== undefined && token !== '', `the answer hands over a token; its status is ${answer.status}`)
  return token
}

/** Fails unless an answer of the application says who is asking, or with null that nobody is. */
export function assertUser(answer: Answer, username: string | null): void {
  deepEqual([answer.status, parsed(answer)], [200, { username }])
}

/** Fails unless an answer is a problem with this status and code. */
export function assertProblem(answer: Answer, status: number, code: string): void {
  const { code: told } = parsed(answer) as { readonly code?: unknown }
  deepEqual([answer.status, told], [status, code])
  equal(answer.headers.get('content-type'), 'application/problem+json')
}

/** Fails if a cache could keep an answer, or show it to somebody else. */
export function assertPrivate({ headers }: Answer): void {
  equal(headers.get('cache-control'), 'no-store', 'no cache keeps the answer')
  const vary = (headers.get('vary') ?? '').toLowerCase().split(/, */)
  ok(vary.includes('cookie') || vary.includes('*'), 'the answer varies by cookie')
}

function parsed({ text: body }: Answer): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
