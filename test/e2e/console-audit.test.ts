import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, overflow } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

for (const form of FORMS) {
  test(`the audit can be used by everybody: ${form.name}`, async () => {
    await site.service.auth.loginUser('grace', 'a wrong guess', { ip: '192.0.2.66' })
    const page = await site.open('/console/audit', form)
    const guess = page.getByText('Somebody failed to sign in as grace from 192.0.2.66: wrong password')
    await guess.click()
    await page.getByText('login_failed').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.getByRole('button', { name: /^Events/ }).click()
    await page.getByRole('checkbox', { name: 'Failed to sign in' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('an event is told in plain words as it happens', async () => {
  const page = await site.open('/console/audit')
  await page.getByRole('button', { name: 'Live: pause updates' }).waitFor()
  const { session } = await signIn('ada')
  await page.getByText('ada signed in from 192.0.2.7').waitFor()
  await site.service.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
  await page.getByText('grace ended ada’s session: revoked').waitFor()
})

test('a filter is in the address, and the address brings it back', async () => {
  const { session } = await signIn('ada')
  await signIn('edsger')
  await site.service.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
  const page = await site.open('/console/audit')
  await page.getByRole('button', { name: /^Events/ }).click()
  await page.getByRole('checkbox', { name: 'Session ended' }).check()
  await page.keyboard.press('Escape')
  await page.getByLabel('User').fill(session.userId)
  await page.getByLabel('User').press('Enter')
  await page.waitForURL(/userId=/)
  for (const visit of ['first', 'second']) {
    await page.getByText('grace ended ada’s session').waitFor()
    // What was shown before stays until there is something else to show.
    await expect.poll(() => page.getByText('signed in').count(), { message: visit }).toBe(0)
    await page.reload()
  }
  await page.getByRole('button', { name: 'Show everything' }).click()
  await page.getByText('edsger signed in').waitFor()
  expect(new URL(page.url()).search).toBe('')
})

test('older events are fetched when asked for, without one twice', async () => {
  for (let n = 0; n < 130; n++) await signIn(`user-${n}`)
  const page = await site.open('/console/audit?type=session_created')
  const rows = page.getByRole('region', { name: 'Events' }).getByRole('listitem')
  await rows.nth(99).waitFor()
  expect(await rows.count()).toBe(100)
  await page.getByRole('button', { name: 'Show older ones' }).click()
  await rows.nth(130).waitFor()
  // Rows far from the window have text, and none that is laid out.
  const told = await rows.allTextContents()
  expect(new Set(told.map((text) => text.split(' signed in')[0])).size).toBe(131)
  await page.getByText('That is all there is.').waitFor()
})

test('an export has what the filter shows, and nothing else', async () => {
  const { session } = await signIn('ada')
  await signIn('edsger')
  await site.service.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
  const page = await site.open(`/console/audit?sessionId=${session.id}`)
  await page.getByText('grace ended ada’s session').waitFor()
  const events = JSON.parse(await exported(page, 'JSON')) as readonly { type: string; sessionId: string }[]
  expect(events).toMatchObject([
    { type: 'session_ended', sessionId: session.id },
    { type: 'session_created', sessionId: session.id },
  ])
  const [header, ...lines] = (await exported(page, 'CSV')).trim().split(/\r?\n/)
  expect(header).toContain('position')
  expect(lines.map((line) => line.includes(session.id))).toEqual([true, true])
})

test('what people type as names is text and nothing else', async () => {
  await signIn('<img src=x onerror=alert(1)>')
  const page = await site.open('/console/audit')
  await page.getByText('<img src=x onerror=alert(1)> signed in').waitFor()
  expect(await page.locator('img').count()).toBe(0)
})

async function signIn(username: string) {
  const device = { ip: '192.0.2.7', userAgent: 'curl/8.5.0' }
  return site.service.sessions.create({ userId: `id-of-${username}`, username, device })
}

async function exported(page: Page, format: 'CSV' | 'JSON'): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: format }).click(),
  ])
  return readFile(await download.path(), 'utf8')
}
