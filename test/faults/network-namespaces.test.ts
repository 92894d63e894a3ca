/**
 * Engine and node on hosts of their own, and between them a real network that loses packets and says nothing: TCP would
 * wait for minutes. What a proxy cannot show is shown here; that every history is right is shown where there is one.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Workplace } from '../cli/support/program.ts'
import { OtherProcess } from '../sqlite/support/process.ts'
import { NetworkOfNamespaces } from '../support/network-namespaces.ts'
import type { Direction, Host, Obstacle } from '../support/network-namespaces.ts'
import { NETWORKED_ENGINES } from '../support/networked-engines.ts'
import { until } from '../support/nodes.ts'
import { startPostgres } from '../support/postgres.ts'
import { found } from '../support/proof.ts'
import { startRedis } from '../support/redis.ts'
import { required } from '../support/require.ts'
import type { Question, Urls } from './support/node-of-a-network.ts'

const PROGRAM = fileURLToPath(new URL('support/node-of-a-network.ts', import.meta.url))
const BOUND = 1_000
const LEASE = `${BOUND}ms`
/** Long enough for whatever happens by itself, and far shorter than TCP takes to give up. */
const PATIENCE = { timeout: 100_000 }
const BOTH_WAYS = ['to the engine', 'to the node'] as const
const CUTS: readonly (readonly [Obstacle, readonly Direction[]])[] = [
  ['silence', BOTH_WAYS],
  ['silence', ['to the engine']],
  ['silence', ['to the node']],
  ['refusal', BOTH_WAYS],
]

interface Engine {
  readonly urls: Urls
  kill(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

let network: NetworkOfNamespaces | null = null
beforeAll(() => {
  network = NetworkOfNamespaces.open()
})
afterAll(() => network?.[Symbol.dispose]())

describe.each(NETWORKED_ENGINES)('between $name and a node', ({ name, program, needs }) => {
  let place: Workplace
  let engine: Engine
  /** On the host of the engine, which nothing cuts off from it. */
  let near: OtherProcess<Question>
  let way: NetworkOfNamespaces

  beforeAll(async () => {
    if (needs === null || network === null) return
    way = network
    place = new Workplace()
    engine = await (name === 'Redis' ? redisOn(way.engine, place) : postgresOn(way.engine))
    near = await nodeOn(way.engine, engine)
  })
  beforeEach((context) => {
    required(context, program, needs)
    required(context, 'network namespaces (root on Linux, with iproute2)', network)
  })
  afterAll(async () => {
    await near?.[Symbol.asyncDispose]()
    await engine?.close()
    place?.[Symbol.dispose]()
  })

  test.each(CUTS)(
    '%s %j: a strict node cannot tell, and then goes on, on new connections',
    PATIENCE,
    async (...cut) => {
      const [obstacle, directions] = cut
      await using far = await nodeOn(way.node, engine)
      const [ended, kept] = [await logIn(far), await logIn(far)]
      const before = way.connections
      way.cut(directions, obstacle)
      try {
        expect(await near.ask({ ask: 'end', token: ended })).toBe(true)
        const answers = [far.ask({ ask: 'log in' }), ...[ended, kept].map((token) => validate(far, token))]
        expect(await Promise.all(answers)).toEqual(answers.map(() => 'store_unavailable'))
      } finally {
        way.heal()
      }
      await isBack(far, kept)
      expect(await validate(far, ended)).toBe('ended')
      expect(await validate(near, await logIn(far))).toBe('in')
      await until('what hung to be given up', async () => !way.connections.some((each) => before.includes(each)))
    },
  )

  test(
    'an engine that loses its power meanwhile leaves half-open connections, which are replaced',
    PATIENCE,
    async () => {
      await using far = await nodeOn(way.node, engine)
      const [ended, kept] = [await logIn(far), await logIn(far)]
      const before = way.connections
      way.cut(BOTH_WAYS)
      try {
        expect(await near.ask({ ask: 'end', token: ended })).toBe(true)
        await engine.kill()
        await engine.start()
      } finally {
        way.heal()
      }
      await isBack(far, kept)
      await isBack(near, kept)
      expect(await validate(far, ended)).toBe('ended')
      expect(way.connections.some((each) => before.includes(each))).toBe(false)
    },
  )

  test.each([[BOTH_WAYS], [['to the node']]] as const)(
    'cut off %j: a node with a lease lets in until it is over, and revives nothing',
    PATIENCE,
    async (directions) => {
      await using far = await nodeOn(way.node, engine, LEASE)
      const [ended, kept] = [await logIn(far), await logIn(far)]
      const { latest, last } = await outlast(far, ended, directions)
      found({
        claim: `${name}, cached (lease 1 s), in network namespaces: nobody is let in after the lease though every packet is lost`,
        tried: `lost ${directions.join(' and ')}, a session that is ended meanwhile`,
        found: `let in for ${latest.toFixed(0)} ms, and then "cannot tell"`,
      })
      expect(latest).toBeLessThanOrEqual(BOUND)
      expect(last).toBe('store_unavailable')
      await isBack(far, kept)
      // It was used under the lease; the note of that is late.
      await far.ask({ ask: 'flush' })
      for (const node of [far, near]) expect(await validate(node, ended)).toBe('ended')
    },
  )

  test('a lease that is longer than was said is found out', PATIENCE, async () => {
    await using far = await nodeOn(way.node, engine, '1m')
    const { latest } = await outlast(far, await logIn(far), BOTH_WAYS)
    expect(latest).toBeGreaterThan(BOUND)
  })

  /** Ends a session elsewhere while a node is cut off: how long after that it was let in last, and what was said at last. */
  async function outlast(far: OtherProcess<Question>, token: string, directions: readonly Direction[]) {
    expect(await validate(far, token)).toBe('in')
    way.cut(directions)
    try {
      expect(await near.ask({ ask: 'end', token })).toBe(true)
      const end = performance.now()
      let latest = 0
      let last: unknown
      for (let since = 0; since < 2 * BOUND; since = performance.now() - end) {
        last = await validate(far, token)
        if (last === 'in') latest = since
      }
      return { latest, last }
    } finally {
      way.heal()
    }
  }
})

async function nodeOn(host: Host, { urls }: Engine, lease?: string): Promise<OtherProcess<Question>> {
  const node = new OtherProcess<Question>(PROGRAM, host.under())
  expect(await node.ask({ ask: 'open', urls, deadline: '2s', lease })).toBe('opened')
  return node
}

async function logIn(node: OtherProcess<Question>): Promise<string> {
  const token = String(await node.ask({ ask: 'log in' }))
  expect(await validate(node, token)).toBe('in')
  return token
}

function validate(node: OtherProcess<Question>, token: string): Promise<unknown> {
  return node.ask({ ask: 'validate', token })
}

/** A session that stands is never refused, however long it takes until somebody can tell. */
async function isBack(node: OtherProcess<Question>, token: string): Promise<void> {
  await until('the node to have its engine back', async () => {
    const answer = await validate(node, token)
    expect(['in', 'store_unavailable']).toContain(answer)
    return answer === 'in'
  })
}

async function postgresOn(host: Host): Promise<Engine> {
  const server = await startPostgres([], host)
  const { user = '', database = '' } = await server.createDatabase()
  return {
    urls: { database: `postgres://${user}@${host.address}/${database}` },
    kill: async () => server.process?.kill(),
    start: async () => server.process?.start(),
    close: () => server.close(),
  }
}

async function redisOn(host: Host, place: Workplace): Promise<Engine> {
  const server = await startRedis({}, host)
  return Object.assign(server, { urls: { database: server.url, users: `sqlite:${place.folder}/users.db` } })
}
