import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { axeViolations, openBrowser } from '../support/browser.ts'
import type { OpenBrowser } from '../support/browser.ts'
import { required } from '../support/require.ts'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let browser: OpenBrowser | null = null
let opened: OpenService

beforeAll(async () => {
  opened = await openService()
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await opened.close()
})

test('the page has every operation of the document, and everything that is named leads somewhere', async () => {
  const document = (await (await fetch(`${opened.url}/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>
  }
  const html = await (await fetch(`${opened.url}/docs`)).text()
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods))
  expect(operations.length).toBeGreaterThan(30)
  for (const { operationId } of operations) expect(html).toContain(`id="${operationId}"`)
  const anchors = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
  expect(anchors.filter((id) => !html.includes(`id="${id}"`))).toEqual([])
  expect(html).not.toContain('<script')
})

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of ['wide', 'narrow'] as const) {
    test(`the page can be read by everybody: ${colorScheme}, ${size}`, async (context) => {
      const visit = await required(context, 'chromium', browser).visit(opened.url, { colorScheme, size })
      await visit.page.goto('/docs')
      await visit.page.getByRole('heading', { name: 'The HTTP interface' }).waitFor()
      expect(await axeViolations(visit.page)).toEqual([])
      const overflow = await visit.page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      expect(overflow).toBe(0)
      if (process.env['SOJOURN_SHOTS'])
        await visit.page.screenshot({ path: `${process.env['SOJOURN_SHOTS']}/docs-${colorScheme}-${size}.png` })
      await visit.close()
      expect(visit.complaints).toEqual([])
    })
  }
}
