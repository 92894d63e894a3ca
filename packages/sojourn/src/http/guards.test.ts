import { expect, test } from 'vitest'
import { COOKIE, openAdas, request } from '../../../../test/support/http-site.ts'
import { requireRecent, requireSession } from './guards.ts'
import type { RequestSession } from './request-session.ts'

const WITHIN = { within: '10m' } as const

test('a request with a session passes, one without is told that it has none and that no cache may keep it', async () => {
  const { here, nobody } = await asks()
  expect(requireSession(await here())).toBe(null)
  const refusal = requireSession(await nobody())
  expect(refusal?.status).toBe(401)
  expect(refusal?.headers.get('cache-control')).toBe('no-store')
  expect(await refusal?.json()).toMatchObject({ code: 'unauthenticated' })
})

test('a refused cookie is cleared by the guard itself', async () => {
  const { http } = await openAdas()
  const context = await http.read(request('GET', '/', { headers: { cookie: `${COOKIE}=rubbish` } }))
  expect(requireSession(context)?.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')])
})

test('STEP-2: a proof is recent for exactly as long as the guard says', async () => {
  const { clock, here } = await asks()
  const signedInAt = clock.now()
  clock.set(signedInAt + 600_000)
  expect(requireRecent(await here(), WITHIN)).toBe(null)
  clock.set(signedInAt + 600_001)
  const refusal = requireRecent(await here(), WITHIN)
  expect(refusal?.status).toBe(403)
  expect(await refusal?.json()).toMatchObject({ code: 'reauth_required', maxAge: 600 })
})

test('TMO-7: use does not make a proof recent', async () => {
  const { clock, here } = await asks()
  for (let minute = 0; minute < 60; minute += 1) {
    clock.advance('1m')
    await here()
  }
  expect(requireRecent(await here(), WITHIN)?.status).toBe(403)
})

test('who is not signed in is told so first', async () => {
  const { nobody } = await asks()
  expect(requireRecent(await nobody(), WITHIN)?.status).toBe(401)
})

test('a span that is none is a mistake of the caller, signed in or not', async () => {
  const { nobody } = await asks()
  const context = await nobody()
  expect(() => requireRecent(context, { within: 'soon' })).toThrow('within')
})

async function asks() {
  const { http, clock, browser } = await openAdas()
  const here = (): Promise<RequestSession> =>
    http.read(request('GET', '/', { headers: { cookie: `${COOKIE}=${browser.token}` } }))
  const nobody = (): Promise<RequestSession> => http.read(request('GET', '/'))
  return { clock, here, nobody }
}
