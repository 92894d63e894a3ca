import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** What the load is told: to send so many requests to a port, with these tokens in turn. */
export interface Order {
  readonly port: number
  readonly requests: number
  readonly tokens: readonly string[]
}

/** Requests under way at any moment, each on a connection of its own. */
const CONNECTIONS = 64
const HEADERS = [
  'host: app.example.com',
  'user-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36',
  'accept: text/html,application/xhtml+xml',
  'accept-language: en',
  'accept-encoding: gzip, br',
  'sec-fetch-site: same-origin',
].join('\r\n')

const connections = new Map<number, readonly Socket[]>()

process.on('message', (order: Order) => {
  send(order).then(
    (right) => process.send?.(right),
    (error: unknown) => {
      throw error
    },
  )
})

/**
 * Sends requests as fast as they are answered, and answers with how many came back as 200. Much less work than a server
 * has with them, so that the server is what is measured: nothing is parsed but the status, since every answer comes in
 * one piece.
 */
async function send({ port, requests, tokens }: Order): Promise<number> {
  const sockets = connections.get(port) ?? (await open(port))
  connections.set(port, sockets)
  const done = Promise.withResolvers<number>()
  let sent = 0
  let answered = 0
  let right = 0
  const next = (socket: Socket): void => {
    if (sent === requests) return
    const token = tokens[sent % tokens.length]!
    sent += 1
    socket.write(`GET /page HTTP/1.1\r\n${HEADERS}\r\ncookie: theme=dark; __Host-Http-sid=${token}\r\n\r\n`, 'latin1')
  }
  for (const socket of sockets) {
    socket.removeAllListeners('data')
    socket.on('data', (answer: Buffer) => {
      // 'HTTP/1.1 200'; a longer answer may come in several pieces, of which the first begins like that.
      if (answer.toString('latin1', 0, 9) !== 'HTTP/1.1 ') return
      if (answer.toString('latin1', 9, 12) === '200') right += 1
      answered += 1
      next(socket)
      if (answered === requests) done.resolve(right)
    })
    next(socket)
  }
  return done.promise
}

function open(port: number): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from({ length: CONNECTIONS }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<Socket>()
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
      socket.on('error', reject)
      return promise
    }),
  )
}
