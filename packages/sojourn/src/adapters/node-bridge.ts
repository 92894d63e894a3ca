import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { problem } from '../http/index.ts'
import type { Entry, Peer, RequestSession, SojournHttp } from '../http/index.ts'

/** What Node knows of a request and its response. */
export interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** The methods that `Request` takes and knows by this spelling. Any other is for it to judge. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Takes a request of Node to `SojournHttp.enter`. `target` is the path and query the client asked for, before anything was cut
 * off it. Where the request goes on, its response will carry what the session has to say, whoever writes it.
 */
export async function arrive(
  http: SojournHttp,
  { incoming, outgoing }: Exchange,
  peer: Peer,
  target = '',
): Promise<Entry> {
  const request = glance(http, incoming, target) ?? (await requestOf(http, incoming, target))
  if (request === null) return { response: problem('invalid_request'), context: null }
  const entry = await http.enter(request, peer)
  if (entry.context !== null) carry(entry.context, outgoing)
  return entry
}

/** Sends a response of ours, which is small and has a body of text or none. */
export async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const body = await response.text()
  for (const name of new Set(response.headers.keys())) outgoing.setHeader(name, valueOf(response.headers, name))
  outgoing.writeHead(response.status)
  outgoing.end(body)
}

/** Null for what cannot be a `Request`: a target that is no path, or a method that `Request` does not take. */
async function requestOf(http: SojournHttp, incoming: IncomingMessage, target: string): Promise<Request | null> {
  const { method = '' } = incoming
  if (!target.startsWith('/')) return null
  const body = method === 'GET' || method === 'HEAD' ? null : bodyOf(incoming)
  try {
    const request = new Request(urlOf(http, target), { method, headers: headersOf(incoming), body, duplex: 'half' })
    // So that whoever wants to read it is told that it is too late, rather than finding nothing.
    if (incoming.readableDidRead) await request.body?.cancel()
    return request
  } catch {
    return null
  }
}

/** Never with the Host header, which is the client's to choose. */
function urlOf({ origin }: SojournHttp, target: string): string {
  return origin + target
}

/**
 * As much of a request as it takes to find its session, for all those that are not for our routes: to make a whole
 * `Request` takes longer than everything else that is done for one. Null for the others.
 */
function glance(http: SojournHttp, { method = '', rawHeaders }: IncomingMessage, target: string): Request | null {
  if (!target.startsWith('/') || target.includes(http.prefix) || !METHODS.has(method)) return null
  const get = (name: string): string | null => {
    let found: string | null = null
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const line = rawHeaders[at]!
      if (line.length !== name.length || line.toLowerCase() !== name) continue
      const value = rawHeaders[at + 1]!
      found = found === null ? value : `${found}${name === 'cookie' ? '; ' : ', '}${value}`
    }
    return found
  }
  return { method, url: urlOf(http, target), headers: { get } } as unknown as Request
}

/** Every line, so that what was sent twice is seen twice. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (!name.startsWith(':')) headers.append(name, rawHeaders[at + 1]!)
  }
  return headers
}

/** Reads nothing until somebody asks: the body is the application's, except on our routes. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = incoming.iterator({ destroyOnReturn: false })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = (await chunks.next()) as IteratorResult<Uint8Array, undefined>
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await chunks.return?.()
        // The rest of what was too long is let go by, so that the connection can be used again.
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

/**
 * Puts the headers of the session on a response at the last moment, when nobody can take them off again: frameworks clear
 * headers before they answer an error, and handlers have ideas of their own about caches.
 */
function carry(context: RequestSession, outgoing: ServerResponse): void {
  const writeHead = outgoing.writeHead.bind(outgoing) as (
    status: number,
    message?: string,
    lines?: OutgoingHttpHeaders,
  ) => ServerResponse
  outgoing.writeHead = (status: number, ...rest: readonly unknown[]): ServerResponse => {
    const message = rest.find((each) => typeof each === 'string')
    const lines = rest.find((each) => typeof each === 'object' && each !== null)
    const whole = together(context, outgoing, lines)
    if (whole !== null) return writeHead(status, message, whole)
    setLines(outgoing, lines)
    for (const [name, value] of merged(context, outgoing)) outgoing.setHeader(name, value)
    return writeHead(status, message)
  }
}

/**
 * All headers of a response in one object where that is simple, which Node writes fastest: nothing was set beforehand,
 * and what is given now says nothing under the names of the session's. Null where more has to be thought about.
 */
function together(context: RequestSession, outgoing: ServerResponse, lines: object = {}): OutgoingHttpHeaders | null {
  if (Array.isArray(lines) || outgoing.getHeaderNames().length > 0) return null
  const whole: OutgoingHttpHeaders = { ...lines }
  for (const [name, value] of context.headers) {
    for (const given in lines) if (given.length === name.length && given.toLowerCase() === name) return null
    whole[name] = value
  }
  return whole
}

/** The headers of the session, together with what the response has said under the same names. */
function merged(context: RequestSession, outgoing: ServerResponse): readonly (readonly [string, string | string[]])[] {
  const names = [...new Set(context.headers.map(([name]) => name))]
  if (!names.some((name) => outgoing.hasHeader(name))) return context.headers
  const headers = new Headers()
  for (const name of names) {
    for (const value of [outgoing.getHeader(name) ?? []].flat()) headers.append(name, String(value))
  }
  context.applyTo(headers)
  return names.map((name) => [name, valueOf(headers, name)])
}

/** Sets the headers that were given to `writeHead`, in any of the forms it takes. */
function setLines(outgoing: ServerResponse, lines: object = {}): void {
  if (!Array.isArray(lines)) {
    for (const [name, value] of Object.entries(lines))
      if (value !== undefined) outgoing.setHeader(name, value as string)
    return
  }
  const flat = lines.flat(1) as string[]
  const names = flat.filter((_, at) => at % 2 === 0)
  for (const name of names) outgoing.removeHeader(name)
  for (const [at, name] of names.entries()) outgoing.appendHeader(name, flat[at * 2 + 1]!)
}

function valueOf(headers: Headers, name: string): string | string[] {
  return name === 'set-cookie' ? headers.getSetCookie() : (headers.get(name) ?? '')
}
