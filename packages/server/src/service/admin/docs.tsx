import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { answer } from 'sojourn/http'
import type { Env } from '../env.ts'
import { STYLE } from '../pages/asset-files.ts'
import { DocsPage } from './docs-page.tsx'
import type { Document } from './openapi.ts'

/** `/openapi.json` for programs and `/docs` for people: the same document. */
export function docsRoutes(document: Document): Hono<Env> {
  const html = rendered(document)
  const page = answer(200, null, [['content-type', 'text/html; charset=utf-8']]).headers
  return new Hono<Env>()
    .get('/openapi.json', () => answer(200, document))
    .get('/docs', async () => new Response(await html, { headers: page }))
    .get(PATH, (c) =>
      c.body(SHEET, 200, {
        'content-type': 'text/css; charset=utf-8',
        'cache-control': 'public, max-age=31536000, immutable',
      }),
    )
}

async function rendered(document: Document): Promise<string> {
  const page = Promise.resolve(<DocsPage document={document} style={PATH} />)
  return `<!doctype html>${await page}`
}

// One file: what all pages have, and what only this one needs. Its path changes whenever its content does.
const SHEET = STYLE.text + readFileSync(new URL('../../../src/service/pages/assets/docs.css', import.meta.url), 'utf8')
const PATH = `/assets/docs.${createHash('sha256').update(SHEET).digest('base64url').slice(0, 12)}.css`
