/** /admin/events/stream: history as it happens, for as long as whoever looks on may. */
import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'
import { AdminClient, keyed, operatorOf } from './admin-client.ts'

/** Longer than any stream may take to end, and than a busy machine takes besides. */
const PATIENCE = 30_000
vi.setConfig({ testTimeout: 60_000 })

let opened: OpenService
let clock: FixedClock
let operator: AdminClient & { readonly token: string }
const streams: Stream[] = []

beforeEach(async () => {
  clock = new FixedClock(Date.now())
  opened = await openService({ clock })
  operator = await operatorOf(opened)
})
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.leave()
  await opened.close()
})

describe('a live stream', () => {
  test('tells what happens from now on, with the names of users', async () => {
    const stream = await open(operator)
    const { session } = await signIn('ada')
    expect(await stream.next()).toMatchObject({
      event: 'event',
      data: { type: 'session_created', sessionId: session.id, username: 'ada' },
    })
    await opened.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
    expect(await stream.next()).toMatchObject({ data: { type: 'session_ended', actor: 'operator:grace' } })
  })

  test('goes on where it left off, and misses and repeats nothing', async () => {
    const stream = await open(operator)
    await signIn('first')
    const { id } = await stream.next()
    stream.leave()
    const names = Array.from({ length: 1_200 }, (_, n) => `user-${n}`)
    for (const name of names) await signIn(name)
    const again = await open(operator, { 'last-event-id': id! })
    await signIn('last')
    const seen: (string | null)[] = []
    while (seen.at(-1) !== 'last') seen.push((await again.next()).data.username)
    expect(seen).toEqual([...names, 'last'])
  })

  test('is the same for several who look on, fed by one reading of the log', async () => {
    const several = await Promise.all([open(operator), open(operator), open(await keyed(opened, 'read'))])
    await Promise.all(several.map(() => signIn('ada')))
    for (const stream of several) {
      for (let n = 0; n < 3; n += 1) expect(await stream.next()).toMatchObject({ data: { username: 'ada' } })
    }
    const start = opened.store.calls.length
    await signIn('edsger')
    for (const stream of several) expect(await stream.next()).toMatchObject({ data: { username: 'edsger' } })
    const readings = opened.store.calls.slice(start).filter(({ method }) => method === 'changes')
    const own = opened.store.calls.slice(start).filter(({ method }) => method === 'get')
    expect(readings.length).toBeLessThanOrEqual(own.length + 8)
    expect((await operator.get('/admin/health')).body).toMatchObject({ connections: { streams: 3 } })
  })

  test('is refused with a cursor that no log gave out', async () => {
    const headers = { 'last-event-id': 'rubbish' }
    expect(await operator.get('/admin/events/stream', headers)).toMatchObject({ status: 400 })
    expect((await operator.get('/admin/events/stream', { 'last-event-id': '9'.repeat(300) })).status).toBe(400)
  })

  test('is begun by nobody who only asks whether it is there', async () => {
    const { status, headers } = await operator.send('HEAD', '/admin/events/stream')
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    expect((await operator.get('/admin/health')).body).toMatchObject({ connections: { streams: 0 } })
  })

  test('DOS: is one of ten at most for one operator, and another one has its own', async () => {
    for (let n = 0; n < 10; n += 1) await open(operator)
    const refused = await operator.get('/admin/events/stream')
    expect(refused).toMatchObject({ status: 429, body: { code: 'throttled' } })
    await open(await keyed(opened, 'read'))
    streams[0]!.leave()
    await vi.waitFor(async () => expect((await open(operator)).status).toBe(200), { timeout: PATIENCE })
  })
})

describe('REV-8: a live stream ends', () => {
  test('when the session of its viewer is revoked', async () => {
    const stream = await open(operator)
    await opened.sessions.revoke({ where: { userId: await idOf('grace') } })
    expect(await stream.rest()).toContain('event: end')
  })

  test('when its viewer signs out', async () => {
    const stream = await open(operator)
    await operator.post('/auth/logout')
    expect(await stream.rest()).toContain('event: end')
  })

  test('when its viewer is an operator no more', async () => {
    const stream = await open(operator)
    await opened.auth.setRole('grace', 'user')
    expect(await stream.rest()).toContain('event: end')
  })

  test('when its viewer is disabled', async () => {
    const stream = await open(operator)
    await opened.auth.disableUser('grace')
    expect(await stream.rest()).toContain('event: end')
  })

  test('when the session of its viewer was not used for ten minutes: to look on is no use of it', async () => {
    const stream = await open(operator)
    clock.advance('9m')
    await signIn('ada')
    expect(await stream.next()).toMatchObject({ event: 'event' })
    clock.advance('61s')
    expect(await stream.rest()).toContain('event: end')
  })

  test('when its key is revoked, and when its key is over', async () => {
    const [revoked, over] = [await keyed(opened, 'read'), await keyed(opened, 'read')]
    const [first, second] = [await open(revoked), await open(over)]
    await opened.service.keys.revoke(revoked.issued.key.id)
    expect(await first.rest()).toContain('event: end')
    clock.set(over.issued.key.expiresAt)
    expect(await second.rest()).toContain('event: end')
  })

  test('and shows nothing of what happened after that', async () => {
    const stream = await open(operator)
    await opened.sessions.revoke({ where: { userId: await idOf('grace') } })
    await signIn('ada')
    expect(await stream.rest()).not.toContain('"username":"ada"')
  })

  test('for one, and goes on for the others', async () => {
    const other = await operatorOf(opened)
    const [ended, stays] = [await open(operator), await open(other)]
    await operator.post('/auth/logout')
    expect(await ended.rest()).toContain('event: end')
    await signIn('ada')
    let seen = await stays.next()
    while (seen.data.username !== 'ada') seen = await stays.next()
    expect(seen).toMatchObject({ data: { type: 'session_created' } })
  })
})

test('a viewer who proves again who they are looks on under the new token, and nothing takes it for a theft', async () => {
  const stream = await open(operator)
  clock.advance('5m')
  const proof = await operator.post('/auth/reauthenticate', { password: opened.operator.password })
  const renewed = new AdminClient(opened.url, { cookie: proof.headers.getSetCookie()[0]!.split(';')[0]! })
  expect(await stream.next()).toMatchObject({ data: { type: 'session_renewed' } })
  clock.advance('5m')
  await signIn('ada')
  expect(await stream.next()).toMatchObject({ data: { username: 'ada' } })
  expect((await renewed.get('/admin/me')).status).toBe(200)
})

test('STO-9: while the store does not answer a stream is closed without the word that it is over', async () => {
  const stream = await open(operator)
  opened.store.faults = { isRefused: ({ method }) => method === 'changes' }
  expect(await stream.rest()).not.toContain('event: end')
  opened.store.faults = {}
  expect((await open(operator)).status).toBe(200)
})

test('a stream is closed when the service stops', async () => {
  const stream = await open(operator)
  opened.service.stop()
  expect(await stream.rest()).not.toContain('event: end')
})

interface Sent {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: { readonly username: string | null; readonly type: string }
}

/** What a browser's EventSource sees. */
class Stream {
  readonly status: number
  readonly #response: IncomingMessage
  readonly #pieces: AsyncIterator<string, undefined>
  #text = ''

  constructor(response: IncomingMessage) {
    this.status = response.statusCode ?? 0
    this.#response = response.setEncoding('utf8')
    this.#pieces = response[Symbol.asyncIterator]()
  }

  /** The next event, not counting what only says where the stream stands. */
  async next(): Promise<Sent> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end === -1) {
        const { value } = await this.#pieces.next()
        if (value === undefined) throw new Error('the stream has ended')
        this.#text += value
        continue
      }
      const lines = this.#text.slice(0, end).split('\n')
      this.#text = this.#text.slice(end + 2)
      const of = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const data = of('data')
      if (data !== undefined) return { id: of('id'), event: of('event'), data: JSON.parse(data) as Sent['data'] }
    }
  }

  /** Everything that is sent until the stream ends by itself. */
  async rest(): Promise<string> {
    let text = this.#text
    for (;;) {
      const { value } = await this.#pieces.next()
      if (value === undefined) return text
      text += value
    }
  }

  leave(): void {
    this.#response.destroy()
  }
}

async function open(client: AdminClient, headers: Readonly<Record<string, string>> = {}): Promise<Stream> {
  const request = get(`${opened.url}/admin/events/stream`, {
    agent: false,
    headers: { ...client.credential, ...headers },
    signal: AbortSignal.timeout(PATIENCE),
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  request.on('error', () => {})
  const stream = new Stream(response)
  streams.push(stream)
  return stream
}

async function signIn(username: string) {
  return opened.sessions.create({ userId: `id-of-${username}`, username })
}

async function idOf(name: string): Promise<string> {
  return (await opened.auth.getUser(name))!.id
}
