import { expect, test } from 'vitest'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, overflow } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

for (const form of FORMS) {
  test(`the overview can be used by everybody: ${form.name}`, async () => {
    await signIn('ada')
    const page = await site.open('/console/', form)
    await page.getByRole('listitem').filter({ hasText: 'Firefox on Linux · 192.0.2.7' }).waitFor()
    await page.getByRole('img', { name: /logins?, \d+ failed in the last 24 hours/ }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('a login made meanwhile appears by itself, with the device and the address, and is said aloud', async () => {
  const page = await site.open('/console/')
  await page.getByRole('button', { name: 'Live: pause updates' }).waitFor()
  await signIn('ada')
  await page.getByRole('listitem').filter({ hasText: 'ada' }).getByText('Firefox on Linux · 192.0.2.7').waitFor()
  await page.getByRole('status').filter({ hasText: 'New login: ada, Firefox on Linux' }).waitFor({ state: 'attached' })
})

test('a paused overview catches up when it goes on', async () => {
  const page = await site.open('/console/')
  await page.getByRole('button', { name: 'Live: pause updates' }).click()
  await page.getByRole('button', { name: 'Paused: resume updates' }).waitFor()
  await signIn('ada')
  await page.getByRole('button', { name: 'Paused: resume updates' }).click()
  await page.getByRole('listitem').filter({ hasText: 'ada' }).waitFor()
})

test('the chart says the same as a table, an hour a line', async () => {
  const page = await site.open('/console/')
  await page.getByText('The same as a table').click()
  const lines = page.getByRole('region', { name: 'Logins by the hour' }).getByRole('row')
  await lines.nth(24).waitFor()
  expect(await lines.count()).toBe(25)
})

test('when the store does not answer, the overview says so and offers to try again', async () => {
  const page = await site.open('/console/')
  site.service.store.faults = { isRefused: ({ method }) => method === 'list' }
  await page.reload()
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).first().waitFor()
  site.service.store.faults = {}
  await signIn('ada')
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).first().click()
  await page.getByRole('listitem').filter({ hasText: 'ada' }).waitFor()
})

async function signIn(username: string): Promise<void> {
  const device = { ip: '192.0.2.7', userAgent: FIREFOX }
  await site.service.sessions.create({ userId: `id-of-${username}`, username, device })
}
