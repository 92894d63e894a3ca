import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { makeMark, makeRecord } from '../../packages/sojourn/src/testing/records.ts'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, outlastTheProof, overflow, stepUp } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'

for (const form of FORMS) {
  test(`sessions can be found, looked at and ended by everybody: ${form.name}`, async () => {
    await signIn('ada')
    await signIn('edsger')
    const page = await site.open('/console/sessions', form)
    await row(page, 'ada').getByRole('checkbox').check()
    await page.getByRole('toolbar', { name: 'Selected sessions' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
    await page.getByRole('button', { name: 'End them…' }).click()
    await page.getByRole('alertdialog').getByText('It ends at once').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('alertdialog').waitFor({ state: 'detached' })
    await row(page, 'ada').getByRole('link').click()
    await page.getByRole('dialog').getByText('ada signed in from 192.0.2.7').waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.goto('/console/sessions?text=nobody%20at%20all&state=all')
    await page.getByText('Nothing matches the filter').waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('a search begins as one types, is in the address, and the address brings it back', async () => {
  for (const name of ['ada', 'edsger', 'barbara']) await signIn(name)
  const page = await site.open('/console/sessions')
  await page.keyboard.press('/')
  await page.keyboard.type('eds')
  await page.waitForURL(/text=eds/)
  for (const visit of ['first', 'second']) {
    await row(page, 'edsger').waitFor()
    await row(page, 'ada').waitFor({ state: 'detached' })
    await page.getByRole('status').getByText('1 active session', { exact: true }).waitFor()
    expect(await page.getByRole('searchbox').inputValue(), visit).toBe('eds')
    await page.reload()
  }
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await row(page, 'ada').waitFor()
  expect(new URL(page.url()).search).toBe('')
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.waitForURL(/text=eds/)
})

test('a text that many have is not counted to the end', async () => {
  const many = Array.from({ length: 10_001 }, () => makeRecord({ username: 'ada', createdAt: site.clock.now() }))
  await Promise.all(many.map((record) => site.service.sqlite.insert(record, { mark: makeMark() })))
  const page = await site.open('/console/sessions?text=ada&state=all')
  await page.getByRole('status').getByText('more than 10,000 sessions', { exact: true }).waitFor()
  await page.goto('/console/sessions?state=all')
  await page.getByRole('status').getByText('10,002 sessions', { exact: true }).waitFor()
})

test('filters and the order are in the address, too', async () => {
  const { session } = await signIn('ada')
  await signIn('edsger')
  await site.service.sessions.revoke({ id: session.id }, { actor: 'operator:grace' })
  const page = await site.open('/console/sessions')
  await page.getByLabel('State').selectOption('Ended')
  await page.waitForURL(/state=ended/)
  await row(page, 'ada').getByText('Ended by hand').waitFor()
  await row(page, 'edsger').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Last used' }).click()
  await page.waitForURL(/sort=lastAccessedAt/)
  await page.getByRole('columnheader', { name: 'Last used' }).and(page.locator('[aria-sort=descending]')).waitFor()
  await page.getByRole('button', { name: 'Last used' }).click()
  await page.waitForURL(/order=asc/)
  await page.reload()
  await page.getByRole('columnheader', { name: 'Last used' }).and(page.locator('[aria-sort=ascending]')).waitFor()
  expect(await page.getByRole('button', { name: 'End all shown…' }).isDisabled()).toBe(true)
})

test('ADM-4: what was selected ends, with the reason in its history, and not before the operator is known again', async () => {
  const doomed = [await signIn('ada'), await signIn('ada')]
  const spared = await signIn('edsger')
  const page = await site.open('/console/sessions?username=ada')
  await outlastTheProof(page, site)
  await page.getByRole('checkbox', { name: 'Select all that are loaded' }).check()
  await page.getByRole('button', { name: 'End them…' }).click()
  await stepUp(page, site)
  const dialog = page.getByRole('alertdialog', { name: 'End 2 sessions?' })
  await dialog.getByText('This cannot be undone').waitFor()
  await dialog.getByLabel('Reason').fill('left the company')
  await dialog.getByRole('button', { name: 'End 2 sessions' }).click()
  await page.getByText('2 sessions ended').waitFor()
  // They stay where they are, and say what has become of them.
  await row(page, 'ada').first().getByText('Ended by hand').waitFor()
  for (const { token } of doomed) expect(await site.service.sessions.validate(token)).toMatchObject({ ok: false })
  expect(await site.service.sessions.validate(spared.token)).toMatchObject({ ok: true })
  await row(page, 'ada').first().getByRole('link').click()
  await page.getByRole('dialog').getByText('grace ended ada’s session: left the company').waitFor()
})

test('who would rather not prove who they are ends nothing', async () => {
  const { token } = await signIn('ada')
  const page = await site.open('/console/sessions?username=ada')
  await outlastTheProof(page, site)
  await row(page, 'ada').getByRole('checkbox').check()
  await page.getByRole('button', { name: 'End them…' }).click()
  await page.getByLabel('Password').waitFor()
  await page.keyboard.press('Escape')
  // The dialog below is still there: the key was meant for the one above.
  await page.getByRole('alertdialog').getByText('Nothing was done').waitFor()
  expect(await site.service.sessions.validate(token)).toMatchObject({ ok: true })
})

test('everything that the filter shows ends, once a reason is given, and the operator’s own session does not', async () => {
  for (let n = 0; n < 3; n++) await signIn('ada')
  const page = await site.open('/console/sessions')
  await page.getByRole('status').getByText('4 active sessions').waitFor()
  await page.getByRole('button', { name: 'End all shown…' }).click()
  const dialog = page.getByRole('alertdialog', { name: 'End everything that the filter shows?' })
  await dialog.getByText('3 sessions end at once').waitFor()
  await dialog.getByRole('button', { name: 'End 3 sessions' }).click()
  await dialog.getByText('Give a reason').waitFor()
  expect(await site.service.sessions.count({ active: true })).toBe(4)
  await dialog.getByLabel('Reason').fill('a drill')
  await dialog.getByRole('button', { name: 'End 3 sessions' }).click()
  await page.getByText('3 sessions ended').waitFor()
  await page.getByRole('status').getByText('1 active session', { exact: true }).waitFor()
  await row(page, 'ada').first().waitFor({ state: 'detached' })
  await row(page, 'grace').waitFor()
})

test('when there are more than the operator has seen, none ends and the new number is shown', async () => {
  const { token } = await signIn('ada')
  const page = await site.open('/console/sessions?username=ada')
  await page.getByRole('button', { name: 'End all shown…' }).click()
  const dialog = page.getByRole('alertdialog')
  await dialog.getByLabel('Reason').fill('a drill')
  await dialog.getByText('It ends at once').waitFor()
  await signIn('ada')
  await dialog.getByRole('button', { name: 'End 1 session' }).click()
  await dialog.getByRole('alert').getByText('more of them now').waitFor()
  expect(await site.service.sessions.validate(token)).toMatchObject({ ok: true })
  await dialog.getByRole('button', { name: 'End 2 sessions' }).click()
  await page.getByText('2 sessions ended').waitFor()
})

test('a session is looked at closely: what is known, what has happened, and the end of it', async () => {
  const { session } = await site.service.sessions.create({
    userId: 'id-of-ada',
    username: 'ada',
    device: { ip: '192.0.2.7', userAgent: FIREFOX },
    attributes: { tenant: 'north' },
  })
  const page = await site.open('/console/sessions')
  await page.goto(`/console/sessions?session=${session.id}`)
  const drawer = page.getByRole('dialog', { name: 'ada' })
  for (const text of ['Firefox on Linux', '192.0.2.7', session.id, FIREFOX, '"tenant": "north"']) {
    await drawer.getByText(text).first().waitFor()
  }
  await drawer.getByRole('button', { name: 'End this session…' }).click()
  await page
    .getByRole('alertdialog', { name: 'End ada’s session?' })
    .getByRole('button', { name: 'End 1 session' })
    .click()
  await drawer.getByText('grace ended ada’s session').waitFor()
  await drawer.getByRole('button', { name: 'End this session…' }).waitFor({ state: 'detached' })
  await page.keyboard.press('Escape')
  await drawer.waitFor({ state: 'detached' })
  expect(new URL(page.url()).search).toBe('')
})

test('a session that ends elsewhere says so where it stands, and newcomers wait until they are asked for', async () => {
  const { session } = await signIn('ada')
  const page = await site.open('/console/sessions')
  await row(page, 'ada').getByText('Active').waitFor()
  // The stream begins when the page has it; what happens before is in the list.
  await expect.poll(() => streams(page)).toBe(1)
  await site.service.sessions.revoke({ id: session.id }, { actor: 'user' })
  await row(page, 'ada').getByText('Ended by hand').waitFor()
  await signIn('edsger')
  await page.getByRole('button', { name: 'Show 1 new' }).click()
  await row(page, 'edsger').waitFor()
  await row(page, 'ada').waitFor({ state: 'detached' })
})

test('rows are reached by keys, one after the other, selected and opened', async () => {
  for (let n = 0; n < 5; n++) await signIn(`user-${n}`)
  const page = await site.open('/console/sessions?text=user-')
  await page.getByRole('checkbox', { name: 'Select all that are loaded' }).focus()
  // The two headings that sort, the box of the first row, its name.
  for (let n = 0; n < 4; n++) await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.closest("[role=row]")?.ariaRowIndex')).toBe('2')
  expect(await page.evaluate('document.activeElement.tagName')).toBe('A')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.keyboard.press('Shift+ArrowDown')
  await page.keyboard.press('Shift+ArrowDown')
  await page.getByRole('toolbar').getByText('3 sessions selected').waitFor()
  const selected = await page.getByRole('row', { selected: true }).count()
  expect(selected).toBe(3)
  await page.keyboard.press('Home')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: /user-/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog', { name: /user-/ }).waitFor({ state: 'detached' })
  expect(await page.evaluate('document.activeElement.closest("[role=row]")?.ariaRowIndex')).toBe('2')
  await page.getByRole('button', { name: 'Clear', exact: true }).click()
  await page.getByRole('toolbar').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByRole('toolbar').getByText('3 sessions selected').waitFor()
})

test('however many rows there are, only those in sight are drawn, and the end is reached', async () => {
  for (let n = 0; n < 250; n++) await signIn(`user-${n}`)
  const page = await site.open('/console/sessions?text=user-')
  await page.getByRole('status').getByText('250 active sessions').waitFor()
  await page.locator('[data-main]').first().focus()
  const index = () => page.evaluate<string>('document.activeElement.closest("[role=row]")?.ariaRowIndex ?? ""')
  await expect
    .poll(
      async () => {
        await page.keyboard.press('End')
        return index()
      },
      { timeout: 60_000, interval: 200 },
    )
    .toBe('251')
  expect(await page.getByRole('row').count()).toBeLessThan(60)
  await page.keyboard.press('Home')
  await expect.poll(index).toBe('2')
})

test('when the store does not answer, the page says so and offers to try again', async () => {
  await signIn('ada')
  const page = await site.open('/console/sessions')
  site.service.store.faults = { isRefused: ({ method }) => method === 'list' }
  await page.reload()
  await page.getByRole('alert').getByText('cannot tell right now').waitFor()
  site.service.store.faults = {}
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click()
  await row(page, 'ada').waitFor()
})

test('VIEW-4: what a client calls itself is text and nothing else', async () => {
  const device = { ip: '192.0.2.7', userAgent: '<img src=x onerror=alert(1)>' }
  const { session } = await site.service.sessions.create({ userId: '1', username: '<b>ada</b>', device })
  const page = await site.open('/console/sessions')
  await page.goto(`/console/sessions?session=${session.id}`)
  await page.getByRole('dialog').getByText('<img src=x onerror=alert(1)>').first().waitFor()
  await page.getByRole('dialog', { name: '<b>ada</b>' }).waitFor()
  expect(await page.locator('img').count()).toBe(0)
})

function row(page: Page, name: string) {
  return page.getByRole('row').filter({ hasText: name })
}

async function signIn(username: string) {
  const device = { ip: '192.0.2.7', userAgent: FIREFOX }
  return site.service.sessions.create({ userId: `id-of-${username}`, username, device })
}

/** How many live streams the service has open. */
async function streams(page: Page): Promise<number> {
  const response = await page.request.get('/admin/health')
  const { connections } = (await response.json()) as { readonly connections: { readonly streams: number } }
  return connections.streams
}
