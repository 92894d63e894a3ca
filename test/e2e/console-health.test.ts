import { expect, test } from 'vitest'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, overflow } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

for (const form of FORMS) {
  test(`the health page can be used by everybody: ${form.name}`, async () => {
    const page = await site.open('/console/health', form)
    await page.getByRole('heading', { name: 'Survives a loss of power' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
    await page.getByRole('button', { name: 'Clean up now' }).click()
    await page.getByRole('alertdialog').getByText('There is nothing to clean up').waitFor()
    expect(await axeViolations(page)).toEqual([])
  })
}

test('a promise that is not kept is the first thing on the page', async () => {
  const page = await site.open('/console/health')
  // The service of these tests keeps sessions in memory.
  await page
    .getByRole('region', { name: /things? to look at/ })
    .getByText('gone when it stops')
    .waitFor()
})

test('a clean-up says what it will do, and does it when told to', async () => {
  await old(3)
  const page = await site.open('/console/health')
  await page.getByText('3 sessions overdue').waitFor()
  await page.getByRole('button', { name: 'Clean up now' }).click()
  await page.getByRole('alertdialog').getByText('3 overdue sessions will be ended').waitFor()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Clean up' }).click()
  await page.getByRole('status').getByText('Done: 3 sessions ended').waitFor()
  await page.getByText('Nothing is overdue').waitFor()
})

test('a clean-up that is called off does nothing', async () => {
  await old(1)
  const page = await site.open('/console/health')
  await page.getByRole('button', { name: 'Clean up now' }).click()
  await page.getByRole('alertdialog').getByText('1 overdue session will be ended').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('1 session overdue').waitFor()
})

/** Sessions that nobody has used for days, and that nothing has marked as ended. */
async function old(count: number): Promise<void> {
  const clock = new FixedClock(site.clock.now() - 3 * 86_400_000)
  const before = new SessionManager({ store: site.service.sqlite, clock })
  for (let n = 0; n < count; n++) await before.create({ userId: `${n}`, username: `user-${n}` })
}
