import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { axeViolations, openBrowser } from '../support/browser.ts'
import type { OpenBrowser, Visit, VisitOptions } from '../support/browser.ts'
import { required } from '../support/require.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

const PASSWORD = 'correct horse battery staple'
const OTHER = 'another long and unusual phrase'
const LAPTOP = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1'

// A browser takes its time on a machine that is busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let browser: OpenBrowser | null = null
let site: OpenService
let clock: FixedClock
let visits: Visit[]

beforeAll(async () => {
  browser = await openBrowser()
})
afterAll(() => browser?.close())

beforeEach(async (context) => {
  required(context, 'chromium', browser)
  visits = []
  clock = new FixedClock()
  site = await openService({ clock })
  await site.auth.registerUser('ada', PASSWORD)
})
afterEach(async () => {
  await Promise.all(visits.map((visit) => visit.close()))
  await site.close()
  expect(visits.flatMap(({ complaints }) => complaints)).toEqual([])
})

async function device(userAgent: string, options: VisitOptions = {}): Promise<Visit> {
  const visit = await browser!.visit(site.url, { userAgent, ...options })
  visit.context.setDefaultTimeout(60_000)
  visits.push(visit)
  return visit
}

async function signIn({ page }: Visit, password = PASSWORD): Promise<Page> {
  await page.goto('/login')
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Your devices' }).waitFor()
  return page
}

async function said(page: Page, text: string): Promise<void> {
  await page.getByText(text).waitFor()
}

for (const javaScriptEnabled of [false, true]) {
  test(`the whole story of two devices, with JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const phone = await device(PHONE, { javaScriptEnabled })
    const onPhone = await signIn(phone)
    clock.advance('2h')

    const { page: laptop } = await device(LAPTOP, { javaScriptEnabled })
    await laptop.goto('/')
    await laptop.getByLabel('Username').fill('ada')
    await laptop.getByLabel('Password', { exact: true }).fill('a wrong guess')
    await laptop.getByRole('button', { name: 'Sign in' }).click()
    await laptop.getByRole('alert').getByText('do not go together').waitFor()
    expect(await laptop.getByLabel('Username').inputValue()).toBe('ada')
    expect(await laptop.getByLabel('Password', { exact: true }).inputValue()).toBe('')
    await laptop.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await laptop.getByRole('button', { name: 'Sign in' }).click()

    await laptop.getByRole('listitem').filter({ hasText: 'This device' }).getByText('Firefox on Linux').waitFor()
    const other = laptop.getByRole('listitem').filter({ hasText: '2 hours ago' })
    await other.getByRole('heading', { name: 'Safari on iPhone' }).waitFor()
    await said(laptop, 'A wrong password was tried')

    await other.getByRole('button', { name: 'Sign out Safari on iPhone' }).click()
    await said(laptop, 'That device is signed out.')
    await said(laptop, 'You signed out Safari on iPhone from another device')
    await onPhone.reload()
    await said(onPhone, 'You are no longer signed in here.')

    const again = await signIn(phone)
    clock.advance('11m')
    await laptop.reload()
    await laptop.getByText('Sign out everywhere else').click()
    await laptop.getByRole('button', { name: 'Sign out the other device' }).click()
    await said(laptop, 'Give it again to sign out everywhere else.')
    await laptop.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await laptop.getByRole('button', { name: 'Confirm and sign out' }).click()
    await said(laptop, 'You are signed out everywhere else.')
    await again.reload()
    await said(again, 'You are no longer signed in here.')

    await laptop.getByRole('link', { name: 'Password', exact: true }).click()
    await laptop.getByLabel('Current password').fill(PASSWORD)
    await laptop.getByLabel('New password').fill(OTHER)
    await laptop.getByRole('button', { name: 'Change password' }).click()
    await said(laptop, 'Your password is changed')
    await signIn(phone, OTHER)

    await laptop.getByRole('banner').getByRole('button', { name: 'Sign out' }).click()
    await said(laptop, 'You are signed out on this device.')
    await laptop.goto('/')
    await laptop.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
}

test('with JavaScript a device is signed out without leaving the page, and the reader is told', async () => {
  await signIn(await device(PHONE))
  const page = await signIn(await device(LAPTOP))
  await page.evaluate('globalThis.isStillHere = true')
  await page.getByRole('button', { name: 'Sign out Safari on iPhone' }).click()
  await said(page, 'That device is signed out.')
  expect(await page.evaluate('globalThis.isStillHere')).toBe(true)
  expect(await page.evaluate('document.activeElement.textContent')).toBe('That device is signed out.')
  expect(page.url()).toBe(`${site.url}/`)
  expect(await page.getByRole('heading', { name: 'Safari on iPhone' }).count()).toBe(0)
})

test('a form that is clicked twice is sent once', async () => {
  const { page } = await device(LAPTOP)
  await page.goto('/login')
  let sent = 0
  page.on('request', (request) => {
    if (request.method() === 'POST') sent += 1
  })
  await page.getByLabel('Username').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.evaluate("for (let clicks = 0; clicks < 2; clicks++) document.querySelector('button.main').click()")
  await page.getByRole('heading', { name: 'Your devices' }).waitFor()
  expect(sent).toBe(1)
})

test('a password is shown to whoever asks, and hidden again before it is sent', async () => {
  const { page } = await device(LAPTOP)
  await page.goto('/login')
  await page.getByLabel('Username').fill('ada')
  const field = page.getByLabel('Password', { exact: true })
  await field.fill(PASSWORD)
  expect(await field.getAttribute('type')).toBe('password')
  const button = page.getByRole('button', { name: 'Show password' })
  await button.click()
  expect(await field.getAttribute('type')).toBe('text')
  await page.getByRole('button', { name: 'Hide password', pressed: true }).click()
  expect(await field.getAttribute('type')).toBe('password')
  await button.click()
  await page.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
  await page.getByRole('button', { name: 'Sign in' }).click()
  expect(await field.getAttribute('type')).toBe('password')
})

test('without JavaScript there is no button that does nothing', async () => {
  const { page } = await device(LAPTOP, { javaScriptEnabled: false })
  await page.goto('/login')
  expect(await page.getByRole('button').allTextContents()).toEqual(['Sign in'])
})

test('how long ago something was goes on being true while one looks at it', async () => {
  const page = await signIn(await device(LAPTOP))
  const used = page.getByRole('listitem').filter({ hasText: 'This device' }).getByText('just now').first()
  await used.waitFor()
  await page.clock.install()
  await page.reload()
  await page.clock.fastForward('05:00')
  await page.getByRole('listitem').filter({ hasText: 'This device' }).getByText('5 minutes ago').first().waitFor()
})

test('the keyboard alone is enough', async () => {
  await signIn(await device(PHONE))
  const { page } = await device(LAPTOP)
  await page.goto('/')
  // The page begins in its first field.
  await untilFocused(page, 'username')
  await page.keyboard.type('ada')
  await page.keyboard.press('Tab')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Your devices' }).waitFor()

  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Skip to content')
  await page.keyboard.press('Enter')
  await tabTo(page, 'Sign out Safari on iPhone')
  await page.keyboard.press('Enter')
  await said(page, 'That device is signed out.')

  await signIn(await device(PHONE))
  await page.reload()
  await tabTo(page, 'Sign out everywhere else')
  await page.keyboard.press('Enter')
  await tabTo(page, 'Sign out the other device')
  await page.keyboard.press('Enter')
  await said(page, 'You are signed out everywhere else.')

  await page.goto('/password')
  await untilFocused(page, 'password')
  await page.keyboard.type('a wrong guess')
  await tabTo(page, 'newPassword')
  await page.keyboard.type(OTHER)
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  // The reader is taken to what went wrong, and from there to the field.
  await untilFocused(page, 'That did not work')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await untilFocused(page, 'password')
  await page.keyboard.type(PASSWORD)
  await tabTo(page, 'newPassword')
  await page.keyboard.type(OTHER)
  await page.keyboard.press('Enter')
  await said(page, 'Your password is changed')
})

/** What the keyboard is on: the text of it, or the name of a field. */
async function focused(page: Page): Promise<string> {
  return await page.evaluate('document.activeElement.textContent.trim() || document.activeElement.name || ""')
}

/** A page takes its focus a moment after it has loaded, and what is typed before is lost. */
async function untilFocused(page: Page, text: string): Promise<void> {
  await expect.poll(() => focused(page)).toContain(text)
}

async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab')
    if ((await focused(page)) === text) return
  }
  throw new Error(`the keyboard does not get to '${text}'`)
}

/** What is left of 640 px at a zoom of 200 %. */
const ZOOMED = { width: 320, height: 400 }

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of ['wide', 'narrow', 'zoomed'] as const) {
    test(`axe finds nothing on any page, and nothing sticks out: ${colorScheme}, ${size}`, async () => {
      await site.auth.setRole('ada', 'operator')
      await site.auth.loginUser('ada', PASSWORD, { userAgent: PHONE, ip: '2001:db8:85a3:1234:5678:8a2e:370:7334' })
      const visit = await device(LAPTOP, { colorScheme, size: size === 'wide' ? 'wide' : 'narrow' })
      const { page } = visit
      if (size === 'zoomed') await page.setViewportSize(ZOOMED)
      for (const path of ['/login', '/register', '/setup/used', '/login?done=over']) await examine(page, path)
      await page.goto('/register')
      await page.getByLabel('Username').fill('ada')
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
      await page.getByRole('button', { name: 'Create account' }).click()
      await page.getByRole('alert').waitFor()
      await examine(page)
      await signIn(visit)
      for (const path of ['/password', '/confirm?end=others', '/?cursor=rubbish', '/?done=ended']) {
        await examine(page, path)
      }
      await page.getByText('Sign out everywhere else').click()
      await examine(page)
    })
  }
}

test('axe finds nothing on the set-up page, which leads to the console', async () => {
  await site.auth.setRole(site.operator.username, 'user')
  const { page } = await device(LAPTOP)
  await examine(page, `/setup/${await site.service.setup.open()}`)
  await page.getByLabel('Username').fill('hedy')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create the first operator' }).click()
  await page.waitForURL('**/console/')
})

async function examine(page: Page, path?: string): Promise<void> {
  if (path !== undefined) await page.goto(path)
  expect(await axeViolations(page)).toEqual([])
  const sticksOut = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
  expect({ page: page.url(), sticksOut }).toEqual({ page: page.url(), sticksOut: false })
}
