import { afterEach, beforeEach, expect, test } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

let site: OpenService
let clock: FixedClock

beforeEach(async () => {
  clock = new FixedClock()
  site = await openService({ clock })
})
afterEach(() => site.close())

async function asked(path: string): Promise<readonly [status: number, body: unknown]> {
  const response = await fetch(site.url + path)
  return [response.status, await response.json()]
}

test('a service whose store answers is ready', async () => {
  expect(await asked('/healthz')).toEqual([200, { status: 'ok' }])
  expect(await asked('/readyz')).toEqual([200, { status: 'ready' }])
})

test('a service whose store fails lives and is not ready, and says no more than that', async () => {
  site.store.faults = { isRefused: () => true }
  expect(await asked('/healthz')).toEqual([200, { status: 'ok' }])
  expect(await asked('/readyz')).toEqual([503, { status: 'unavailable', reasons: ['the store does not answer'] }])
  site.store.faults = {}
  expect(await asked('/readyz')).toEqual([200, { status: 'ready' }])
})

test('a store that says nothing for two seconds does not answer', async () => {
  const asking = Promise.withResolvers<void>()
  const silence = Promise.withResolvers<void>()
  site.store.faults = {
    pause: async () => {
      asking.resolve()
      await silence.promise
    },
  }
  const answer = asked('/readyz')
  await asking.promise
  clock.advance('2s')
  expect(await answer).toEqual([503, { status: 'unavailable', reasons: ['the store does not answer'] }])
  silence.resolve()
})

test('a service that is asked to stop is no longer ready, and goes on answering', async () => {
  site.service.stop()
  expect(await asked('/healthz')).toEqual([200, { status: 'ok' }])
  expect(await asked('/readyz')).toEqual([503, { status: 'unavailable', reasons: ['the service is stopping'] }])
  expect((await fetch(`${site.url}/login`)).status).toBe(200)
  expect(site.service.stopping.aborted).toBe(true)
})
