import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { listen } from '../../packages/server/src/service/listener.ts'
import type { Listener, ListenerLimits } from '../../packages/server/src/service/listener.ts'
import { RawConnection } from '../support/raw-connection.ts'

/** Short enough that a slow client is seen to be turned away. */
const IMPATIENT = { headersTimeout: 100, requestTimeout: 200, keepAliveTimeout: 100, checkEvery: 20 } as const
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

let listener: Listener | null = null

afterEach(async () => {
  await listener?.close()
  listener = null
})

async function open(
  limits: Partial<ListenerLimits> = {},
  answer: (request: Request) => Promise<Response> = async () => new Response('here'),
): Promise<number> {
  listener = await listen(answer, { host: '127.0.0.1', port: 0, ...limits })
  return listener.port
}

/** Connects, and counts the bytes that come. */
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  return socket
}

/** Fulfilled when the other end has let go, in whatever way. */
function closedBy(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))
}

describe('DOS-5: a client cannot hold a connection', () => {
  test('by saying nothing', async () => {
    const socket = await dial(await open(IMPATIENT))
    await closedBy(socket)
  })

  test('by sending its headers one by one for ever', async () => {
    const socket = await dial(await open(IMPATIENT))
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    const dripping = setInterval(() => socket.write('X-More: 1\r\n'), 10)
    await closedBy(socket).finally(() => clearInterval(dripping))
  })

  test('by sending its body byte by byte for ever', async () => {
    const port = await open(IMPATIENT, async () => new Response('late'))
    const socket = await dial(port)
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n')
    const dripping = setInterval(() => socket.write('x'), 10)
    await closedBy(socket).finally(() => clearInterval(dripping))
  })

  test('by keeping it alive for nothing', async () => {
    const socket = await dial(await open(IMPATIENT))
    socket.write(GET)
    await closedBy(socket)
  })

  test('by no longer reading in the middle of an answer', async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000_000)),
    })
    const port = await open({ ...IMPATIENT, stillTimeout: 200 }, async () => new Response(endless))
    const socket = await dial(port)
    socket.pause()
    socket.write(GET)
    // A paused socket does not hear that it was closed; writing to it does.
    const asking = setInterval(() => socket.write('x'), 20)
    await closedBy(socket).finally(() => clearInterval(asking))
  })
})

test('DOS-5: who comes when all connections are taken is turned away, and the others go on', async () => {
  const port = await open({ maxConnections: 2 })
  const [first, second] = [await RawConnection.open(port), await RawConnection.open(port)]
  const third = await dial(port)
  await closedBy(third)
  for (const connection of [first, second]) {
    connection.write(GET)
    expect(await connection.answer()).toMatchObject({ status: 200 })
    connection.destroy()
  }
})

test('INP-1: headers larger than 16 KiB are refused, and as many as fit are all read', async () => {
  let seen = 0
  listener = await listen(
    async (request: Request) => {
      seen = [...request.headers.keys()].filter((name) => name.startsWith('h')).length
      return new Response('here')
    },
    { host: '127.0.0.1', port: 0 },
  )
  const ask = async (headers: string): Promise<number | undefined> => {
    const connection = await RawConnection.open(listener?.port ?? 0)
    connection.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
    const answer = await connection.answer()
    connection.destroy()
    return answer?.status
  }
  expect(await ask(`X-Large: ${'x'.repeat(16_384)}\r\n`)).toBe(431)
  expect(await ask(`X-Large: ${'x'.repeat(15_000)}\r\n`)).toBe(200)
  const many = Array.from({ length: 2_100 }, (_, number) => `h${number.toString(36)}:\r\n`).join('')
  expect(many.length).toBeLessThan(16_000)
  expect(await ask(many)).toBe(200)
  expect(seen).toBe(2_101)
})

describe('closing', () => {
  test('lets what is under way finish, takes nothing new, and does not wait for connections kept alive', async () => {
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<Response>()
    const port = await open({ keepAliveTimeout: 600_000 }, async ({ url }) => {
      if (!url.endsWith('/slow')) return new Response('here')
      reached.resolve()
      return released.promise
    })
    const silent = await dial(port)
    const idle = await dial(port)
    idle.write(GET)
    await once(idle, 'data')
    const busy = await RawConnection.open(port)
    busy.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await reached.promise
    const closed = listener?.close()
    await Promise.all([closedBy(silent), closedBy(idle)])
    const late = connect(port, '127.0.0.1')
    const [refusal] = (await once(late, 'error')) as [NodeJS.ErrnoException]
    expect(refusal.code).toBe('ECONNREFUSED')
    released.resolve(new Response('finished'))
    const answer = await busy.answer()
    expect(answer).toMatchObject({ status: 200, body: 'finished' })
    expect(answer?.headers.get('connection')).toBe('close')
    await closed
  })

  test('answers what a proxy has sent already, on connections new and old, and says that they close', async () => {
    const port = await open({ keepAliveTimeout: 600_000, lull: 10_000 })
    const [silent, idle] = [await RawConnection.open(port), await RawConnection.open(port)]
    idle.write(GET)
    expect((await idle.answer())?.headers.get('connection')).not.toBe('close')
    const closed = listener?.close()
    for (const connection of [silent, idle]) {
      connection.write(GET)
      const answer = await connection.answer()
      expect([answer?.status, answer?.headers.get('connection')]).toEqual([200, 'close'])
    }
    await closed
  })

  test('takes new connections while it drains, so that a load balancer has time to notice', async () => {
    const port = await open({ keepAliveTimeout: 600_000 })
    let isClosed = false
    const closed = listener?.close(1_000).then(() => (isClosed = true))
    const late = await RawConnection.open(port)
    late.write(GET)
    const answer = await late.answer()
    expect([answer?.status, answer?.headers.get('connection'), isClosed]).toEqual([200, 'close', false])
    await closed
  })

  test('lets an answer that has begun end, too', async () => {
    const begun = Promise.withResolvers<ReadableStreamDefaultController>()
    const port = await open({ keepAliveTimeout: 600_000 }, async () => {
      const body = new ReadableStream({ start: (controller) => begun.resolve(controller) })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    })
    const response = await fetch(`http://127.0.0.1:${port}/`)
    const controller = await begun.promise
    controller.enqueue(new TextEncoder().encode('half '))
    const closed = listener?.close()
    controller.enqueue(new TextEncoder().encode('and half'))
    controller.close()
    expect(await response.text()).toBe('half and half')
    await closed
  })

  test('does not wait for ever', async () => {
    const port = await open({ grace: 50 }, () => new Promise<Response>(() => {}))
    const socket = await dial(port)
    socket.write(GET)
    await listener?.close()
    await closedBy(socket)
  })
})

test('a port that is taken is a rejection', async () => {
  const port = await open()
  const second = listen(() => new Response('here'), { host: '127.0.0.1', port })
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
