import type { Page } from 'playwright-core'
import { beforeEach, expect, test } from 'vitest'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, outlastTheProof, overflow, stepUp } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

beforeEach(async () => {
  await site.service.auth.registerUser('ada', PASSWORD)
  await site.service.auth.registerUser('edsger', PASSWORD)
})

const PASSWORD = 'notes upon the analytical engine'
const DEVICE = { ip: '192.0.2.7', userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0' }

for (const form of FORMS) {
  test(`users can be found and looked at by everybody: ${form.name}`, async () => {
    await signIn('ada')
    const page = await site.open('/console/users', form)
    await row(page, 'edsger').waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
    await row(page, 'ada').getByRole('link').click()
    const drawer = page.getByRole('dialog', { name: 'ada' })
    await drawer.getByText('ada signed in from 192.0.2.7').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await drawer.getByRole('button', { name: 'Disable…' }).click()
    await page.getByRole('alertdialog', { name: 'Disable ada?' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.goto('/console/users?text=nobody-at-all')
    await page.getByText('Nobody matches the filter').waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('users are found as one types, and the address brings the search back', async () => {
  const page = await site.open('/console/users')
  await page.keyboard.press('/')
  await page.keyboard.type('eds')
  await page.waitForURL(/text=eds/)
  for (const visit of ['first', 'second']) {
    await row(page, 'edsger').waitFor()
    await row(page, 'ada').waitFor({ state: 'detached' })
    expect(await page.getByRole('searchbox').inputValue(), visit).toBe('eds')
    await page.reload()
  }
})

test('all sessions of a user end, with a reason', async () => {
  const first = await signIn('ada')
  const second = await signIn('ada')
  const page = await site.open('/console/users')
  await row(page, 'ada').getByRole('link').click()
  await page.getByRole('dialog', { name: 'ada' }).getByRole('button', { name: 'End all sessions…' }).click()
  const question = page.getByRole('alertdialog', { name: 'Sign ada out everywhere?' })
  await question.getByText('2 sessions end at once').waitFor()
  await question.getByLabel('Reason').fill('lost a phone')
  await question.getByRole('button', { name: 'End all sessions' }).click()
  await page.getByText('ada is signed out everywhere').waitFor()
  await page.getByRole('dialog', { name: 'ada' }).getByText('No device at the moment.').waitFor()
  for (const token of [first, second]) {
    expect(await site.service.sessions.validate(token)).toMatchObject({ ok: false })
  }
  const events = await site.service.sessions.events({ limit: 10 })
  expect(events.map(({ detail }) => detail)).toContain('lost a phone')
})

test('a user who is disabled cannot sign in, and undoing it lets them in again', async () => {
  const token = await signIn('ada')
  const page = await site.open('/console/users')
  await row(page, 'ada').getByRole('link').click()
  await page.getByRole('dialog', { name: 'ada' }).getByRole('button', { name: 'Disable…' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Disable' }).click()
  await page.getByText('ada is disabled').waitFor()
  expect(await site.service.sessions.validate(token)).toMatchObject({ ok: false })
  expect(await site.service.auth.loginUser('ada', PASSWORD, DEVICE)).toMatchObject({ ok: false })
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('ada is enabled again').first().waitFor()
  expect(await site.service.auth.loginUser('ada', PASSWORD, DEVICE)).toMatchObject({ ok: true })
})

test('ADM-4: a role is given after a proof of identity, and taken back', async () => {
  const page = await site.open('/console/users')
  await outlastTheProof(page, site)
  await row(page, 'edsger').waitFor()
  await row(page, 'edsger').getByRole('link').click()
  await page.getByRole('dialog', { name: 'edsger' }).getByRole('button', { name: 'Make operator…' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Make operator' }).click()
  await stepUp(page, site)
  await page.getByText('edsger is an operator').waitFor()
  expect((await site.service.auth.getUser('edsger'))?.role).toBe('operator')
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('edsger is what they were').waitFor()
  expect((await site.service.auth.getUser('edsger'))?.role).toBe('user')
})

test('nobody is offered to disable themselves, or to give away their own role', async () => {
  const page = await site.open('/console/users')
  await row(page, 'grace').getByRole('link').click()
  const drawer = page.getByRole('dialog', { name: 'grace' })
  await drawer.getByRole('button', { name: 'End all sessions…' }).waitFor()
  expect(await drawer.getByRole('button', { name: /Disable|operator/ }).count()).toBe(0)
})

test('one session of a user is ended from where the user is looked at', async () => {
  const token = await signIn('ada')
  const page = await site.open('/console/users')
  await row(page, 'ada').getByRole('link').click()
  await page.getByRole('dialog', { name: 'ada' }).getByRole('button', { name: 'End… Firefox on Linux' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'End 1 session' }).click()
  await page.getByText('1 session ended').waitFor()
  expect(await site.service.sessions.validate(token)).toMatchObject({ ok: false })
})

function row(page: Page, name: string) {
  return page.getByRole('row').filter({ hasText: name })
}

async function signIn(username: string) {
  const outcome = await site.service.auth.loginUser(username, PASSWORD, DEVICE)
  if (!outcome.ok) throw new Error(`${username} cannot sign in: ${outcome.reason}`)
  return outcome.token
}
