import { equal, notEqual } from 'node:assert/strict'
import { adapterCase, signIn } from './case.ts'
import type { AdapterCase } from './case.ts'
import { assertUser, newTokenOf, tokenOf } from './client.ts'
import type { Trial, TrialOptions } from './site.ts'

const HOURLY: TrialOptions = { policy: { renewEvery: '1h', renewalOverlap: '1m' } }

/** New secrets for sessions that go on. */
export const renewalCases: readonly AdapterCase[] = [
  adapterCase(
    'a session that is due gets a new token with the answer of the application',
    async (trial) => {
      const { old, renewed } = await renew(trial)
      notEqual(renewed, old)
      const answer = await trial.client.get(trial.at('/whoami'), { token: renewed })
      assertUser(answer, 'ada')
      equal(tokenOf(answer), undefined)
    },
    HOURLY,
  ),

  adapterCase(
    'a token that was replaced counts for a little while, and then no more',
    async (trial) => {
      const { old, renewed } = await renew(trial)
      assertUser(await trial.client.get(trial.at('/whoami'), { token: renewed }), 'ada')
      assertUser(await trial.client.get(trial.at('/whoami'), { token: old }), 'ada')
      trial.clock.advance('2m')
      assertUser(await trial.client.get(trial.at('/whoami'), { token: renewed }), 'ada')
      const late = await trial.client.get(trial.at('/whoami'), { token: old })
      assertUser(late, null)
      equal(tokenOf(late), undefined)
    },
    HOURLY,
  ),

  adapterCase(
    'a new token comes with a refusal, an error and the application’s own cookie, too',
    async (trial) => {
      const old = await signIn(trial)
      trial.clock.advance('1h')
      equal((await trial.client.post(trial.at('/danger'), { token: old })).status, 403)
      const thrown = newTokenOf(await trial.client.get(trial.at('/throws'), { token: old }))
      const answer = await trial.client.get(trial.at('/cached'), { token: old })
      equal(newTokenOf(answer), thrown)
      equal(answer.headers.getSetCookie().filter((line) => line.startsWith('theme=dark')).length, 1)
      assertUser(await trial.client.get(trial.at('/private'), { token: thrown }), 'ada')
    },
    HOURLY,
  ),
]

async function renew(trial: Trial): Promise<{ readonly old: string; readonly renewed: string }> {
  const old = await signIn(trial)
  trial.clock.advance('1h')
  const answer = await trial.client.get(trial.at('/whoami'), { token: old })
  assertUser(answer, 'ada')
  return { old, renewed: newTokenOf(answer) }
}
