import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TcpProxy } from './support/tcp-proxy.ts'

describe('a proxy that stands between', () => {
  let echo: Server
  let proxy: TcpProxy
  let client: Client
  const heard: string[] = []

  beforeEach(async () => {
    heard.length = 0
    echo = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (piece) => {
        heard.push(String(piece))
        socket.write(piece)
      })
    })
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    proxy = await TcpProxy.open({ port: (echo.address() as AddressInfo).port })
    client = new Client(proxy.port)
  })
  afterEach(async () => {
    client.socket.destroy()
    await proxy[Symbol.asyncDispose]()
    echo.close()
  })

  test('lets through what is sent, both ways', async () => {
    client.socket.write('hello')
    await until(() => client.received === 'hello')
    expect(proxy.connections).toBe(1)
  })

  test('swallows what goes to the server, until it is told to let it through', async () => {
    client.socket.write('one ')
    await until(() => client.received === 'one ')
    proxy.faults = { blackholes: ['up'] }
    client.socket.write('two')
    await someTurns()
    expect(heard).toEqual(['one '])
    proxy.faults = {}
    await until(() => client.received === 'one two')
    expect(client.end).toBeNull()
  })

  test('swallows what goes to the client, though the server has heard it', async () => {
    proxy.faults = { blackholes: ['down'] }
    client.socket.write('hello')
    await until(() => heard.length === 1)
    await someTurns()
    expect(client.received).toBe('')
    proxy.faults = {}
    await until(() => client.received === 'hello')
  })

  test('takes its time', async () => {
    proxy.faults = { delay: 20 }
    client.socket.write('hello')
    await until(() => client.received === 'hello')
  })

  test.each([
    ['close', 'closed'],
    ['reset', 'ECONNRESET'],
  ] as const)('cuts every connection by a %s', async (how, end) => {
    client.socket.write('hello')
    await until(() => client.received === 'hello')
    proxy.cut(how)
    await until(() => client.end !== null)
    expect([client.end, proxy.connections]).toEqual([end, 0])
  })

  test('cuts a connection in the middle of an answer', async () => {
    proxy.faults = { cutAfter: 3 }
    client.socket.write('hello')
    await until(() => client.end !== null)
    expect(client.received).toBe('hel')
  })

  test('turns new connections away', async () => {
    proxy.faults = { isRefusing: true }
    const second = new Client(proxy.port)
    await until(() => second.end !== null)
    expect(heard).toEqual([])
  })

  test('leads new connections elsewhere, and leaves those that are there', async () => {
    client.socket.write('here')
    await until(() => client.received === 'here')
    const other = createServer((socket) => socket.end('elsewhere')).listen(0, '127.0.0.1')
    await once(other, 'listening')
    proxy.leadTo({ port: (other.address() as AddressInfo).port })
    const second = new Client(proxy.port)
    await until(() => second.received === 'elsewhere')
    client.socket.write(' still')
    await until(() => client.received === 'here still')
    other.close()
  })

  test('closes with the server', async () => {
    client.socket.write('hello')
    await until(() => client.received === 'hello')
    client.socket.end()
    await until(() => proxy.connections === 0)
  })
})

class Client {
  readonly socket: Socket
  received = ''
  /** How the connection ended, if it has. */
  end: string | null = null

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (piece) => (this.received += String(piece)))
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.end = error.code ?? 'failed'))
    this.socket.on('close', () => (this.end ??= 'closed'))
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it has not come to pass within 5 s')
    await new Promise(setImmediate)
  }
}

/** Long enough for what is not held up. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate)
}
