import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { axeViolations } from '../support/browser.ts'
import { FORMS, openForEachTest, overflow } from './console-site.ts'
import type { ConsoleSite } from './console-site.ts'

let site: ConsoleSite

openForEachTest((opened) => (site = opened))

for (const form of FORMS) {
  test(`the frame and the help for keys can be used by everybody: ${form.name}`, async () => {
    const page = await site.open('/console/health', form)
    await page.getByRole('button', { name: 'Keys of the keyboard' }).click()
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.goto('/console/nowhere')
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
    expect(await overflow(page)).toBe(0)
  })
}

test('who is not signed in is taken to sign in, and then to the very page', async () => {
  const page = await site.open('/console/audit?type=session_created')
  expect(new URL(page.url()).pathname).toBe('/console/audit')
  expect(new URL(page.url()).search).toBe('?type=session_created')
})

test('whose session has ended is taken to sign in by the next thing they do, and comes back', async () => {
  const page = await site.open('/console/users?state=disabled')
  await site.service.auth.invalidateUserSessions('grace')
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByLabel('Username').waitFor()
  expect(new URL(page.url()).searchParams.get('next')).toBe('/console/keys')
})

test('who is no operator is told so, and where their own sessions are', async () => {
  await site.service.auth.registerUser('edsger', 'considered harmful to goto')
  await site.service.auth.setRole('edsger', 'operator')
  await site.service.auth.setRole('grace', 'user')
  const page = await site.open('/console/sessions')
  await page.getByRole('heading', { name: 'Not for you' }).waitFor()
  expect(await axeViolations(page)).toEqual([])
  await page.getByRole('main').getByRole('link', { name: 'your devices' }).click()
  await page.getByRole('heading', { name: 'Your devices' }).waitFor()
})

test('what cannot be told is not taken for a no, and can be tried again', async () => {
  const page = await site.open('/console/')
  site.service.store.faults = { isRefused: ({ method }) => method === 'count' }
  await page.reload()
  await page.getByRole('alert').getByText('cannot tell right now').first().waitFor()
  site.service.store.faults = {}
  await page.getByRole('button', { name: 'Try again' }).first().click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
})

test('TMO-9: a page that nobody is before any more does not keep its operator signed in', async () => {
  const page = await site.open('/console/')
  const isPassive = (wanted: boolean): Promise<unknown> =>
    page.waitForRequest((asked) => {
      const passive = asked.headers()['sojourn-passive'] === '1'
      return asked.url().endsWith('/admin/overview') && passive === wanted
    })
  await page.clock.install()
  await page.reload()
  await page.getByRole('heading', { level: 1 }).waitFor()
  const unattended = isPassive(true)
  await page.clock.fastForward('02:00')
  await page.clock.runFor('00:20')
  await unattended
  await page.mouse.move(200, 200)
  const attended = isPassive(false)
  await page.clock.runFor('00:20')
  await attended
})

test('keys lead everywhere', async () => {
  const page = await site.open('/console/')
  for (const [key, title] of [
    ['s', 'Sessions'],
    ['u', 'Users'],
    ['a', 'Audit'],
    ['h', 'Health'],
    ['k', 'Keys'],
    ['o', 'Overview'],
  ] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
    await expect.poll(() => page.title()).toBe(`${title} · Sojourn`)
  }
  await page.keyboard.press('/')
  await page.getByRole('searchbox', { name: 'Search sessions' }).waitFor()
  await expect.poll(() => focused(page)).toBe('Search sessions')
  await page.keyboard.type('?')
  expect(await page.getByRole('dialog').count()).toBe(0)
})

test('single keys can be switched off, for who speaks to their computer', async () => {
  const page = await site.open('/console/health')
  await page.keyboard.press('?')
  await page.getByRole('checkbox', { name: 'Single keys do something' }).uncheck()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.reload()
  await page.getByRole('heading', { name: 'Health' }).waitFor()
  await page.keyboard.press('?')
  await page.keyboard.press('g')
  await page.keyboard.press('k')
  expect(await page.getByRole('dialog').count()).toBe(0)
  expect(new URL(page.url()).pathname).toBe('/console/health')
})

test('the first thing that the Tab key reaches leads past the navigation', async () => {
  const page = await site.open('/console/users')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Skip to content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Search users')
})

test('the reader’s choice of light or dark outlasts a visit', async () => {
  const page = await site.open('/console/health', { colorScheme: 'light' })
  const light = await ground(page)
  await page.getByRole('button', { name: 'Appearance: as the system' }).click()
  await page.getByRole('button', { name: 'Appearance: light' }).click()
  await page.getByRole('button', { name: 'Appearance: dark' }).waitFor()
  expect(await ground(page)).not.toBe(light)
  await page.reload()
  await page.getByRole('button', { name: 'Appearance: dark' }).waitFor()
  expect(await ground(page)).not.toBe(light)
})

test('one can sign out from every page', async () => {
  const page = await site.open('/console/health')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.goto('/console/health')
  await page.getByLabel('Username').waitFor()
})

/** The name, or else the text, of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    `(document.activeElement.labels?.[0] ?? document.activeElement).textContent.replaceAll(/\\s+/g, ' ').trim().replace(/ ?\\/$/, '')`,
  )
}

function ground(page: Page): Promise<string> {
  return page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
}
