import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { SIZES } from '../support/browser.ts'
import type { OpenBrowser } from '../support/browser.ts'
import { VIEWERS } from './lifelike.ts'

/** A page to look at. */
interface Shot {
  readonly name: string
  readonly path: string
  readonly viewer: keyof typeof VIEWERS | null
  /** What to do on the page before the picture is taken. */
  readonly prepare?: (page: Page) => Promise<void>
}

/** What a picture is taken of. */
export interface Scene {
  readonly url: string
  /** A set-up link that is still open. */
  readonly setup: string
  readonly folder: string
  /** Told of each file as it is written. */
  readonly onShot?: (path: string) => void
}

const SCHEMES = ['light', 'dark'] as const

/** Takes a picture of every page, in light and dark, wide and narrow. */
export async function takeScreenshots(browser: OpenBrowser, { url, setup, folder, onShot }: Scene): Promise<void> {
  await mkdir(folder, { recursive: true })
  const shots: readonly Shot[] = [...SHOTS, { name: 'setup', path: setup, viewer: null }]
  for (const viewer of [null, 'user', 'operator'] as const) {
    const storageState = viewer === null ? {} : await signedIn(browser, url, viewer)
    for (const colorScheme of SCHEMES) {
      for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
        const visit = await browser.visit(url, { colorScheme, size, ...storageState })
        for (const { name, path, prepare } of shots.filter((shot) => shot.viewer === viewer)) {
          const page = await visit.context.newPage()
          await page.goto(path)
          await settled(page)
          await prepare?.(page)
          await settled(page)
          const file = join(folder, `${name}-${colorScheme}-${size}.png`)
          await page.screenshot({ path: file, fullPage: viewer !== 'operator' })
          onShot?.(file)
          await page.close()
        }
        await visit.close()
      }
    }
  }
}

const SHOTS: readonly Shot[] = [
  { name: 'login', path: '/login', viewer: null },
  { name: 'login-refused', path: '/login', viewer: null, prepare: guessWrong },
  { name: 'register', path: '/register', viewer: null },
  { name: 'setup-gone', path: '/setup/used', viewer: null },
  { name: 'devices', path: '/', viewer: 'user' },
  { name: 'devices-others', path: '/', viewer: 'user', prepare: (page) => page.locator('summary').click() },
  { name: 'password', path: '/password', viewer: 'user' },
  { name: 'confirm', path: '/confirm?end=others', viewer: 'user' },
  { name: 'console-overview', path: '/console/', viewer: 'operator' },
  { name: 'console-sessions', path: '/console/sessions', viewer: 'operator' },
  { name: 'console-session', path: '/console/sessions', viewer: 'operator', prepare: openFirstRow },
  { name: 'console-users', path: '/console/users', viewer: 'operator' },
  { name: 'console-audit', path: '/console/audit', viewer: 'operator' },
  { name: 'console-health', path: '/console/health', viewer: 'operator' },
  { name: 'console-keys', path: '/console/keys', viewer: 'operator' },
]

/** The cookies of a viewer who has signed in, for the visits that follow. */
async function signedIn(browser: OpenBrowser, url: string, viewer: keyof typeof VIEWERS) {
  const { page, context, close } = await browser.visit(url)
  await page.goto('/login')
  await page.getByLabel('Username').fill(VIEWERS[viewer].username)
  await page.getByLabel('Password', { exact: true }).fill(VIEWERS[viewer].password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${url}/`)
  const storageState = await context.storageState()
  await close()
  return { storageState }
}

async function guessWrong(page: Page): Promise<void> {
  await page.getByLabel('Username').fill('somebody')
  await page.getByLabel('Password', { exact: true }).fill('a wrong guess')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
}

async function openFirstRow(page: Page): Promise<void> {
  await page.getByRole('row').nth(1).getByRole('link').or(page.getByRole('row').nth(1)).first().click()
  await page.getByRole('dialog').waitFor()
}

/** Waits until nothing is being loaded. The console's live feed is a request that never ends, so not for silence. */
async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('load')
  await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
}
