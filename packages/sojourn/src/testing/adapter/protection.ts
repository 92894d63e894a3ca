import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { adapterCase, signIn } from './case.ts'
import type { AdapterCase } from './case.ts'
import { assertPrivate, assertProblem, assertUser, cookie, tokenOf } from './client.ts'
import { PASSWORD } from './site.ts'

/** What is refused, and what a client cannot talk a server into. */
export const protectionCases: readonly AdapterCase[] = [
  adapterCase('a route behind requireSession answers 401 to whoever is not signed in', async (trial) => {
    const answer = await trial.client.get(trial.at('/private'))
    assertProblem(answer, 401, 'unauthenticated')
    assertPrivate(answer)
    assertUser(await trial.client.get(trial.at('/private'), { token: await signIn(trial) }), 'ada')
  }),

  adapterCase('a route behind requireRecent asks for a new proof when the last one is too old', async (trial) => {
    const { client, at, clock } = trial
    assertProblem(await client.post(at('/danger')), 401, 'unauthenticated')
    const token = await signIn(trial)
    clock.advance('10m')
    assertUser(await client.post(at('/danger'), { token }), 'ada')
    clock.advance('1s')
    const late = await client.post(at('/danger'), { token })
    assertProblem(late, 403, 'reauth_required')
    equal((JSON.parse(late.text) as { readonly maxAge: number }).maxAge, 600)
    const proof = await client.post(at('/auth/reauthenticate'), { token, body: { password: PASSWORD } })
    assertUser(await client.post(at('/danger'), { token: tokenOf(proof) }), 'ada')
  }),

  adapterCase('a write that comes from another site is refused before the application sees it', async (trial) => {
    const { client, at, echoes } = trial
    const token = await signIn(trial)
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'https://app.example.com.evil.example' },
    ]) {
      const answer = await client.post(at('/echo'), { token, body: 'transfer', headers })
      assertProblem(answer, 403, 'cross_origin')
      assertPrivate(answer)
      const body = { username: 'eve', password: PASSWORD }
      assertProblem(await client.post(at('/auth/login'), { token, body, headers }), 403, 'cross_origin')
      assertUser(await client.get(at('/whoami'), { token, headers }), 'ada')
    }
    equal(echoes(), 0)
  }),

  adapterCase('a Host that the client made up changes nothing', async (trial) => {
    const { client, at } = trial
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }
    const body = { username: 'ada', password: PASSWORD }
    const honest = await client.post(at('/auth/login'), { body })
    const answer = await client.post(at('/auth/login'), { body, headers })
    equal(answer.status, 200)
    deepEqual(answer.headers.getSetCookie().map(attributes), honest.headers.getSetCookie().map(attributes))
    assertUser(await client.get(at('/whoami'), { token: tokenOf(answer), headers }), 'ada')
    const foreign = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'http://evil.example' }
    const write = await client.post(at('/echo'), { token: tokenOf(answer), body: 'x', headers: foreign })
    assertProblem(write, 403, 'cross_origin')
  }),

  adapterCase('the address of a client is not what it says in X-Forwarded-For', async (trial) => {
    const said = '203.0.113.9'
    const headers = { 'x-forwarded-for': said, forwarded: `for=${said}`, 'x-real-ip': said, 'client-ip': said }
    const body = { username: 'ada', password: PASSWORD }
    equal((await trial.client.post(trial.at('/auth/login'), { body, headers })).status, 200)
    const { sessions } = await trial.sessions.page({ limit: 1 })
    notEqual(sessions[0]?.device.ip, said)
  }),

  adapterCase('an answer stays private, whatever its handler says of caches', async (trial) => {
    for (const token of [undefined, await signIn(trial)]) {
      const answer = await trial.client.get(trial.at('/cached'), { token })
      equal(answer.status, 200)
      assertPrivate(answer)
      equal(answer.headers.get('vary')?.toLowerCase().includes('accept-encoding'), true, 'what it varied by stays')
      deepEqual(
        answer.headers.getSetCookie().map((line) => line.slice(0, 10)),
        ['theme=dark'],
      )
    }
  }),

  adapterCase('an answer that nothing was found for stays private, too', async (trial) => {
    const answer = await trial.client.get(trial.at('/nowhere'), { token: await signIn(trial) })
    equal(answer.status, 404)
    assertPrivate(answer)
    assertProblem(await trial.client.get(trial.at('/auth/nowhere')), 404, 'not_found')
  }),

  adapterCase('too many cookies are refused before anybody reads them', async (trial) => {
    const headers = { cookie: `${cookie(await signIn(trial))}; padding=${'a'.repeat(9_000)}` }
    assertProblem(await trial.client.get(trial.at('/whoami'), { headers }), 431, 'headers_too_large')
  }),
]

/** A `Set-Cookie` without its value. */
function attributes(line: string): string {
  return line.replace(/=[^;]*/, '')
}
