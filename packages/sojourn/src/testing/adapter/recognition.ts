import { equal, match, notEqual, ok } from 'node:assert/strict'
import type { Faults } from '../faulty-store.ts'
import { adapterCase, signIn } from './case.ts'
import type { AdapterCase } from './case.ts'
import { assertPrivate, assertProblem, assertUser, cookie, newTokenOf, tokenOf } from './client.ts'
import { PASSWORD } from './site.ts'

const NEVER_GIVEN = `01890000-0000-7000-8000-000000000000.${'A'.repeat(43)}`

/** Who is asking: nobody, somebody, and those who pretend. */
export const recognitionCases: readonly AdapterCase[] = [
  adapterCase('nobody is nobody, and gets no cookie', async ({ client, at }) => {
    const answer = await client.get(at('/whoami'))
    assertUser(answer, null)
    assertPrivate(answer)
    equal(tokenOf(answer), undefined)
  }),

  adapterCase('signing in hands over one cookie that no script can read', async ({ client, at }) => {
    const answer = await client.post(at('/auth/login'), { body: { username: 'ada', password: PASSWORD } })
    equal(answer.status, 200)
    assertPrivate(answer)
    ok(!answer.text.includes(newTokenOf(answer)), 'the body says nothing of the token')
    match(answer.headers.getSetCookie()[0]!, /; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  }),

  adapterCase('a wrong password is answered with 401 and no cookie', async ({ client, at }) => {
    const answer = await client.post(at('/auth/login'), { body: { username: 'ada', password: 'wrong' } })
    assertProblem(answer, 401, 'invalid_credentials')
    equal(tokenOf(answer), undefined)
  }),

  adapterCase('who has signed in is recognised, without a new cookie', async (trial) => {
    const token = await signIn(trial)
    for (const path of ['/whoami', '/private']) {
      const answer = await trial.client.get(trial.at(path), { token })
      assertUser(answer, 'ada')
      equal(tokenOf(answer), undefined)
    }
    equal((await trial.client.get(trial.at('/auth/session'), { token })).status, 200)
  }),

  adapterCase('a request looks for its session once, guards and all', async (trial) => {
    const token = await signIn(trial)
    trial.store.calls.length = 0
    assertUser(await trial.client.get(trial.at('/private'), { token }), 'ada')
    equal(trial.store.calls.filter(({ method }) => method === 'get').length, 1)
  }),

  adapterCase('requests that arrive together do not get each other’s sessions', async (trial) => {
    const names = ['ada', 'eve']
    const tokens = [await signIn(trial, 'ada'), await signIn(trial, 'eve')]
    const count = 20
    trial.store.faults = { pause: allTogether(count) }
    const answers = await Promise.all(
      Array.from({ length: count }, (_, index) => trial.client.get(trial.at('/whoami'), { token: tokens[index % 2] })),
    )
    for (const [index, answer] of answers.entries()) assertUser(answer, names[index % 2]!)
  }),

  adapterCase('who has signed out is nobody with the same cookie, which is taken away', async (trial) => {
    const token = await signIn(trial)
    const answer = await trial.client.post(trial.at('/auth/logout'), { token })
    equal(answer.status, 204)
    equal(tokenOf(answer), '')
    const after = await trial.client.get(trial.at('/whoami'), { token })
    assertUser(after, null)
    assertPrivate(after)
    equal(tokenOf(after), '')
  }),

  adapterCase('a cookie that we never gave is worth nothing, and is taken away', async ({ client, at }) => {
    for (const token of [NEVER_GIVEN, 'rubbish', '']) {
      const answer = await client.get(at('/whoami'), { token })
      assertUser(answer, null)
      equal(tokenOf(answer), '')
    }
  }),

  adapterCase('a cookie that somebody planted does not survive signing in', async (trial) => {
    const planted = await signIn(trial, 'eve')
    const body = { username: 'ada', password: PASSWORD }
    const answer = await trial.client.post(trial.at('/auth/login'), { body, token: planted })
    const token = newTokenOf(answer)
    notEqual(token, planted)
    assertUser(await trial.client.get(trial.at('/whoami'), { token }), 'ada')
    assertUser(await trial.client.get(trial.at('/whoami'), { token: planted }), null)
  }),

  adapterCase('two cookies of our name are nobody, in one line and in two', async (trial) => {
    const [ada, eve] = [cookie(await signIn(trial, 'ada')), cookie(await signIn(trial, 'eve'))]
    for (const lines of [`${ada}; ${eve}`, [ada, eve], [eve, 'a=b', ada]]) {
      const answer = await trial.client.get(trial.at('/whoami'), { headers: { cookie: lines } })
      assertUser(answer, null)
      equal(tokenOf(answer), undefined)
    }
  }),

  adapterCase(
    'a token in the header counts, and together with one in a cookie is nobody',
    async (trial) => {
      const token = await signIn(trial)
      const authorization = `Bearer ${token}`
      assertUser(await trial.client.get(trial.at('/whoami'), { headers: { authorization } }), 'ada')
      assertUser(await trial.client.get(trial.at('/whoami'), { token, headers: { authorization } }), null)
    },
    { http: { bearer: true } },
  ),

  adapterCase('a token in the header counts for nothing where that is not switched on', async (trial) => {
    const headers = { authorization: `Bearer ${await signIn(trial)}` }
    assertUser(await trial.client.get(trial.at('/whoami'), { headers }), null)
  }),

  adapterCase(
    'everything works below a path that the application is mounted under',
    async (trial) => {
      const token = await signIn(trial)
      assertUser(await trial.client.get('/app/private', { token }), 'ada')
      equal((await trial.client.get('/app/auth/session', { token })).status, 200)
      equal((await trial.client.post('/app/echo', { token, body: 'hello' })).text, 'hello')
    },
    { mount: '/app' },
  ),
]

/** Holds back the first so many look-ups until all of them are there. */
function allTogether(count: number): NonNullable<Faults['pause']> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let waiting = 0
  return async ({ method }, when) => {
    if (method !== 'get' || when === 'after') return
    waiting += 1
    if (waiting === count) resolve()
    await promise
  }
}
