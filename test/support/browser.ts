import { existsSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How large a window is: that of a laptop, and that of a small phone. */
export const SIZES = { wide: { width: 1_280, height: 800 }, narrow: { width: 360, height: 740 } } as const

/** How a visitor comes. Anything left out: light, wide, with JavaScript. */
export interface VisitOptions extends Omit<BrowserContextOptions, 'baseURL' | 'viewport'> {
  readonly size?: keyof typeof SIZES
}

/** Everything of one visitor: cookies, pages, and what was wrong with the pages. */
export interface Visit {
  readonly context: BrowserContext
  /** The first page, still empty. */
  readonly page: Page
  /**
   * What no page of ours may do: speak to another host, throw, log an error, break its content policy. That a request
   * was refused is no complaint. Expect it to be empty at the end of a test.
   */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

/** A browser with nothing in it, and nothing of it left behind. */
export interface OpenBrowser {
  /** A visitor of a site that nobody has seen there before, with a clock that shows UTC. */
  visit(url: string, options?: VisitOptions): Promise<Visit>
  close(): Promise<void>
}

/**
 * Starts Chromium with a folder of its own; null where the machine has none, which is for `required` to judge:
 *
 *     beforeAll(async () => { browser = await openBrowser() })
 *     beforeEach((context) => { required(context, 'chromium', browser) })
 *     afterAll(() => browser?.close())
 */
export async function openBrowser(): Promise<OpenBrowser | null> {
  if (!existsSync(CHROMIUM)) return null
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  return {
    visit: (url, options) => visit(browser, url, options),
    close: () => browser.close(),
  }
}

async function visit(browser: Browser, url: string, { size = 'wide', ...options }: VisitOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: SIZES[size],
    colorScheme: 'light',
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
    ...options,
  })
  const complaints: string[] = []
  const { origin } = new URL(url)
  context.on('request', (request) => {
    const to = new URL(request.url())
    if (to.origin !== origin && !NO_REQUEST.has(to.protocol)) complaints.push(`spoke to ${to.href}`)
  })
  context.on('console', (message) => {
    const text = message.text()
    if (message.type() === 'error' && !text.includes(REFUSED)) complaints.push(text)
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  return { context, page: await context.newPage(), complaints, close: () => context.close() }
}

/** Addresses whose contents are in the page already. */
const NO_REQUEST: ReadonlySet<string> = new Set(['data:', 'blob:', 'about:'])
/** The browser's note of an answer of 400 or more, among its errors. */
const REFUSED = 'the server responded with a status of'

/** What axe finds wrong with a page as it is at this moment, in words that say where. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, target }) => `${id}: ${help}: ${target.join(' ')}: ${html}`),
  )
}
