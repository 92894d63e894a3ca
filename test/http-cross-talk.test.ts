import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { FixedClock } from '../packages/sojourn/src/testing/index.ts'
import { Chance } from './support/chance.ts'
import { COOKIE } from './support/http-site.ts'
import { openHttpServer } from './support/http-server.ts'
import type { OpenHttpServer } from './support/http-server.ts'
import { figure, found } from './support/proof.ts'
import { RawConnection } from './support/raw-connection.ts'

/** How many requests; others by `SOJOURN_CROSS_TALK=1e6`. */
const REQUESTS = Number(process.env['SOJOURN_CROSS_TALK'] ?? 2e5)
const SEED = Number(process.env['SOJOURN_CROSS_TALK_SEED'] ?? Date.now() % 2 ** 31)
const USERS = 64
/** Requests of one user that are under way on one connection. */
const PIPELINED = 40

interface Visitor {
  readonly username: string
  readonly id: string
  token: string
  connection: RawConnection
}

let server: OpenHttpServer

afterEach(async () => server?.close())

test(
  `in ${REQUESTS.toLocaleString('en')} requests of ${USERS} users at once, with hang-ups at random, nobody is answered as somebody else`,
  { timeout: 120_000 + REQUESTS * 5 },
  async () => {
    const clock = new FixedClock()
    const waiting = new Chance(SEED)
    // So that validations overlap, and answers are written in another order than requests are read.
    const letOthersGoFirst = async (): Promise<void> => {
      for (let turns = waiting.below(3); turns > 0; turns -= 1) await nextTurn()
    }
    server = await openHttpServer({
      clock,
      policy: { renewEvery: '1m', idleTimeout: '29d' },
      application: async (context) => {
        await letOthersGoFirst()
        return new Response(`${context.session?.id} ${context.session?.username}`)
      },
    })
    server.store.faults = { pause: letOthersGoFirst }
    let left = REQUESTS
    let answered = 0
    let renewed = 0
    const visits = Array.from({ length: USERS }, async (_, number) => {
      const chance = new Chance(SEED + number)
      const visitor = await signIn(`user ${number}`)
      while (left > 0) {
        const count = Math.min(left, 1 + chance.below(PIPELINED))
        left -= count
        const outcome = await visit(visitor, count, chance)
        answered += outcome.answered
        renewed += outcome.renewed
        if (chance.is(1)) clock.advance('1m')
        server.store.calls.length = 0
      }
      visitor.connection.destroy()
    })
    await Promise.all(visits).catch((error: unknown) => {
      left = 0
      throw new Error(`with SOJOURN_CROSS_TALK_SEED=${SEED}: ${String(error)}`, { cause: error })
    })
    found({
      claim: 'Nobody is answered as somebody else, whoever hangs up',
      tried: `${figure(REQUESTS)} requests of ${USERS} users at once, ${figure(renewed)} renewals, ${figure(REQUESTS - answered)} hang-ups`,
      found: '0 answers crossed',
      seed: SEED,
    })
    expect(server.errors).toEqual([])
    // Hang-ups and renewals are what this is about, so there were some of both.
    expect(answered).toBeLessThan(REQUESTS)
    expect(answered).toBeGreaterThan(REQUESTS / 2)
    expect(renewed).toBeGreaterThan(0)
  },
)

async function signIn(username: string): Promise<Visitor> {
  const { session, token } = await server.sessions.create({ userId: `id of ${username}`, username })
  return { username, id: session.id, token, connection: await RawConnection.open(server.port) }
}

/** Asks in one go, sometimes without staying for all of the answers, and looks whom each of them takes us for. */
async function visit(
  visitor: Visitor,
  count: number,
  chance: Chance,
): Promise<{ readonly answered: number; readonly renewed: number }> {
  const { connection } = visitor
  const paths = Array.from({ length: count }, () => chance.pick(['/page', '/page', '/auth/session', '/auth/verify']))
  const request = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nhost: app.example.com\r\ncookie: ${COOKIE}=${visitor.token}\r\n\r\n`
  connection.write(paths.map(request).join(''))
  const stays = chance.is(15) ? chance.below(count) : count
  let renewed = 0
  for (const path of paths.slice(0, stays)) {
    const answer = await connection.answer()
    const said = answer === null ? 'nothing' : answer.body + [...answer.headers].join(' ')
    if (answer?.status !== 200 || !said.includes(visitor.id) || !namesOnly(visitor.username, said)) {
      throw new Error(`${visitor.username} was told at ${path}: ${answer?.status} ${said}`)
    }
    const [, cookie] = /^__Host-Http-sid=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '') ?? []
    if (cookie === undefined) continue
    if (!cookie.startsWith(visitor.id)) throw new Error(`${visitor.username} was given the cookie of somebody else`)
    visitor.token = cookie
    renewed += 1
  }
  if (stays < count) {
    connection.destroy()
    visitor.connection = await RawConnection.open(server.port)
  }
  return { answered: stays, renewed }
}

/** Whether a text names this user and no other. */
function namesOnly(username: string, text: string): boolean {
  const names = decodeURIComponent(text).match(/user \d+/g) ?? []
  return names.length > 0 && names.every((name) => name === username)
}
