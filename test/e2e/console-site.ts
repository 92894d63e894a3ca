import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'
import { openBrowser, SIZES } from '../support/browser.ts'
import type { OpenBrowser, Visit, VisitOptions } from '../support/browser.ts'
import { required } from '../support/require.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

/** How the console is looked at. */
export const FORMS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  (Object.keys(SIZES) as (keyof typeof SIZES)[]).map((size) => ({
    name: `${colorScheme}, ${size}`,
    colorScheme,
    size,
  })),
)

/** A service with its console, and an operator who has just signed in. */
export interface ConsoleSite {
  readonly service: OpenService
  /** The service's; it begins at this moment and stands. */
  readonly clock: FixedClock
  /** A page of the console, in a browser of its own. */
  open(path: string, options?: VisitOptions): Promise<Page>
  /** What was wrong with the pages that were opened. Expect it to be empty. */
  close(): Promise<readonly string[]>
}

/** Opens a console for each test of the file that calls this. What was wrong with a page fails its test. */
export function openForEachTest(use: (site: ConsoleSite) => void): void {
  // A browser takes its time on a machine that is busy.
  vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })
  let browser: OpenBrowser | null = null
  let site: ConsoleSite

  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser?.close())

  beforeEach(async (context) => {
    site = await openConsole(required(context, 'chromium', browser))
    use(site)
  })
  afterEach(async () => {
    expect(await site.close()).toEqual([])
  })
}

/** Opens a service for `browser` to visit. */
async function openConsole(browser: OpenBrowser): Promise<ConsoleSite> {
  const clock = new FixedClock(Date.now())
  const service = await openService({ clock })
  const visits: Visit[] = []
  return {
    service,
    clock,
    async open(path, options = {}) {
      const visit = await browser.visit(service.url, { acceptDownloads: true, ...options })
      visits.push(visit)
      visit.context.setDefaultTimeout(60_000)
      const { page } = visit
      await page.goto(path)
      await page.getByLabel('Username').fill(service.operator.username)
      await page.getByLabel('Password', { exact: true }).fill(service.operator.password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' })
      return page
    },
    async close() {
      await Promise.all(visits.map((visit) => visit.close()))
      await service.close()
      return visits.flatMap(({ complaints }) => complaints)
    },
  }
}

/** By how many pixels a page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** Proves again who one is, where that is asked for. */
export async function stepUp(page: Page, site: ConsoleSite): Promise<void> {
  await page.getByLabel('Password').fill(site.service.operator.password)
  await page.keyboard.press('Enter')
}

/**
 * Lets more than the ten minutes pass for which a proof of identity is fresh, with a use of the page in between: an
 * operator who does nothing for as long is signed out.
 */
export async function outlastTheProof(page: Page, site: ConsoleSite): Promise<void> {
  site.clock.advance('9m')
  const isUsed = page.waitForResponse((answer) => answer.ok() && answer.request().resourceType() === 'fetch')
  await Promise.all([isUsed, page.reload()])
  site.clock.advance('2m')
}
