import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, outlastTheProof, overflow, stepUp } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

for (const form of FORMS) {
  test(`the keys can be managed by everybody: ${form.name}`, async () => {
    const page = await site.open('/console/keys', form)
    await page.getByText('No keys yet').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByRole('button', { name: 'Create the key' }).click()
    await page.getByText('Give the key a name').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await create(page, 'nightly report')
    expect(await axeViolations(page)).toEqual([])
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('heading', { name: 'nightly report' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('a key is created, works, is revoked, and no longer works', async () => {
  const page = await site.open('/console/keys')
  await page.getByRole('button', { name: 'Create a key' }).click()
  const secret = await create(page, 'nightly report')
  expect(await statusWith(secret)).toBe(200)
  await page.getByRole('button', { name: 'I have kept it' }).click()

  await page.getByRole('button', { name: 'Revoke nightly report' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('listitem').filter({ hasText: 'nightly report' }).getByText('revoked').waitFor()
  expect(await statusWith(secret)).toBe(401)
})

test('the secret of a key is shown once, and neither a stray key nor a click takes it away before', async () => {
  const page = await site.open('/console/keys')
  await page.getByRole('button', { name: 'Create a key' }).click()
  const secret = await create(page, 'nightly report')
  await page.keyboard.press('Escape')
  await page.mouse.click(2, 2)
  await page.getByText(secret).waitFor()
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await page.getByText(secret).waitFor({ state: 'detached' })
  await page.reload()
  await page.getByRole('heading', { name: 'nightly report' }).waitFor()
  expect(await page.content()).not.toContain(secret.split('.')[1])
})

test('ADM-4: a session that is not fresh proves again who it is before it creates a key', async () => {
  const page = await site.open('/console/keys')
  await outlastTheProof(page, site)
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByLabel('Name').fill('nightly report')
  await page.getByRole('button', { name: 'Create the key' }).click()
  await stepUp(page, site)
  await page.getByText('Copy it now.').waitFor()
})

async function create(page: Page, name: string): Promise<string> {
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByRole('button', { name: 'Create the key' }).click()
  return page.getByLabel('Secret of the key').innerText()
}

async function statusWith(secret: string): Promise<number> {
  const { status } = await fetch(`${site.service.url}/admin/sessions`, {
    headers: { authorization: `Bearer ${secret}` },
  })
  return status
}
