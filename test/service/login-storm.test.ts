import { afterEach, beforeEach, expect, test } from 'vitest'
import { Argon2Hasher } from '../../packages/sojourn/src/auth/index.ts'
import { figure, found } from '../support/proof.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

/** Logins at once: some twenty times as many as there are places to hash in and to wait; more by `SOJOURN_STORM=5000`, fewer would be no storm. */
const LOGINS = Math.max(1_300, Number(process.env['SOJOURN_STORM'] ?? 0))
const QUIET = 500
const PASSWORD = 'correct horse battery staple'

let opened: OpenService

beforeEach(async () => {
  // So that each visitor has an address of their own and the throttle of one is not what stops the others.
  opened = await openService({ hasher: new Argon2Hasher(), settings: { trustedProxies: ['127.0.0.1'] } })
})
afterEach(() => opened.close())

test(
  'DOS-1: a storm of logins is answered to the last one, and nobody who is signed in is turned away meanwhile',
  { timeout: 120_000 + LOGINS * 100 },
  async () => {
    await opened.auth.registerUser('ada', PASSWORD)
    const { token } = await opened.sessions.create({ userId: 'edsger', username: 'edsger' })
    const quiet: number[] = []
    for (let n = 0; n < QUIET; n += 1) quiet.push(await visit(token))

    const over = new AbortController()
    const storm = Promise.all(Array.from({ length: LOGINS }, (_, number) => logIn(number))).finally(() => over.abort())
    const busy: number[] = []
    while (!over.signal.aborted) busy.push(await visit(token))
    const statuses = Map.groupBy(await storm, ({ status }) => status)

    // The right password, a place in the queue that did not come in time, or too many under one name: nothing else.
    expect(
      [...statuses.keys()].toSorted((a, b) => a - b).filter((status) => ![200, 429, 503].includes(status)),
    ).toEqual([])
    expect(statuses.get(200)?.length).toBeGreaterThan(0)
    const turnedAway = [...(statuses.get(429) ?? []), ...(statuses.get(503) ?? [])]
    expect(turnedAway.length).toBeGreaterThan(LOGINS / 2)
    expect(turnedAway.filter(({ retryAfter }) => !(Number(retryAfter) >= 1))).toEqual([])
    found({
      claim: 'A storm of logins turns away whom it must, and nobody who is signed in',
      tried: `${figure(LOGINS)} logins at once, ${figure(busy.length)} validations meanwhile`,
      found:
        `${[...statuses].map(([status, answers]) => `${status} × ${figure(answers.length)}`).join(', ')}; 0 validations refused; ` +
        `their 99th percentile ${p99(quiet)} quiet, ${p99(busy)} in the storm`,
    })
  },
)

/** One request of somebody who is signed in; answers with how long it took, in milliseconds. */
async function visit(token: string): Promise<number> {
  const start = performance.now()
  const { status } = await fetch(`${opened.url}/auth/verify`, { headers: { authorization: `Bearer ${token}` } })
  expect(status).toBe(200)
  return performance.now() - start
}

async function logIn(number: number): Promise<{ readonly status: number; readonly retryAfter: string | null }> {
  const response = await fetch(`${opened.url}/auth/login`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: opened.url,
      'x-forwarded-for': `198.${18 + (number >> 8)}.${number & 255}.7`,
    },
    body: JSON.stringify({ username: 'ada', password: PASSWORD, mode: 'token' }),
  })
  await response.body?.cancel()
  return { status: response.status, retryAfter: response.headers.get('retry-after') }
}

function p99(latencies: readonly number[]): string {
  const sorted = latencies.toSorted((a, b) => a - b)
  return `${(sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1)} ms`
}
