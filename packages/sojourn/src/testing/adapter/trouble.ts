import { equal, ok } from 'node:assert/strict'
import { adapterCase, signIn } from './case.ts'
import type { AdapterCase } from './case.ts'
import { assertPrivate, assertProblem, assertUser, tokenOf } from './client.ts'
import { PASSWORD } from './site.ts'

const LONG = JSON.stringify({ username: 'ada', password: 'a'.repeat(20_000) })
const JSON_TYPE = { 'content-type': 'application/json' }

/** What goes wrong, and whose bodies are whose. */
export const troubleCases: readonly AdapterCase[] = [
  adapterCase('an error in the application is an answer of 500 that no cache keeps', async (trial) => {
    const token = await signIn(trial)
    const answer = await trial.client.get(trial.at('/throws'), { token })
    equal(answer.status, 500)
    assertPrivate(answer)
    equal(tokenOf(answer), undefined)
    assertUser(await trial.client.get(trial.at('/whoami'), { token }), 'ada')
  }),

  adapterCase('a store that does not answer is 503, and the client keeps its cookie', async (trial) => {
    const { client, at, store, echoes } = trial
    const token = await signIn(trial)
    store.faults = { isRefused: () => true }
    for (const answer of [
      await client.get(at('/whoami'), { token }),
      await client.get(at('/private'), { token }),
      await client.get(at('/auth/session'), { token }),
      await client.post(at('/auth/logout'), { token }),
      await client.post(at('/echo'), { token, body: 'hello' }),
    ]) {
      assertProblem(answer, 503, 'unavailable')
      assertPrivate(answer)
      equal(tokenOf(answer), undefined)
    }
    equal(echoes(), 0)
    assertUser(await client.get(at('/whoami')), null)
    store.faults = {}
    assertUser(await client.get(at('/private'), { token }), 'ada')
  }),

  adapterCase('the body of a request is the application’s', async (trial) => {
    const token = await signIn(trial)
    const long = 'ä'.repeat(50_000)
    for (const sent of [{ body: 'hello' }, { body: long }, { body: long, isChunked: true }, { body: '' }]) {
      // The query only looks like a route of ours.
      for (const path of ['/echo', '/echo?next=/auth/login']) {
        const answer = await trial.client.post(trial.at(path), { ...sent, token })
        equal(answer.status, 200)
        ok(
          answer.text === sent.body,
          `the body comes back; ${answer.text.length} of ${sent.body.length} characters did`,
        )
      }
    }
  }),

  adapterCase('a body that is too long for our routes is refused, and the next request is answered', async (trial) => {
    const { client, at } = trial
    for (const isChunked of [false, true]) {
      const answer = await client.post(at('/auth/login'), { body: LONG, headers: JSON_TYPE, isChunked })
      assertProblem(answer, 413, 'body_too_large')
      equal(tokenOf(answer), undefined)
      assertUser(await client.get(at('/whoami'), { token: await signIn(trial) }), 'ada')
    }
  }),

  adapterCase('a body that is no login is refused with what is wrong with it', async ({ client, at }) => {
    assertProblem(await client.post(at('/auth/login'), { body: '{}', headers: JSON_TYPE }), 400, 'invalid_body')
    assertProblem(await client.post(at('/auth/login'), { body: 'x' }), 415, 'unsupported_media_type')
    assertProblem(await client.post(at('/auth/login'), {}), 415, 'unsupported_media_type')
  }),

  adapterCase('a client that goes away in the middle of its body harms nobody', async (trial) => {
    const { client, at } = trial
    for (let round = 0; round < 5; round += 1) {
      for (const path of ['/auth/login', '/echo', '/auth/nowhere']) await client.breakOff(at(path))
      const body = { username: 'ada', password: PASSWORD }
      equal((await client.post(at('/auth/login'), { body })).status, 200)
    }
  }),
]
