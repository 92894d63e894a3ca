import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import type { Env } from '../env.ts'

/** A file of ours that pages refer to. Its path changes whenever its content does, so that it is fetched once. */
export interface AssetFile {
  readonly path: string
  readonly type: string
  readonly text: string
}

// From the sources and from what is built this is the same folder: files that are served as they are need no build.
const FOLDER = new URL('../../../src/service/pages/assets/', import.meta.url)

export const STYLE = assetFile('pages', 'css', 'text/css; charset=utf-8')
export const SCRIPT = assetFile('pages', 'js', 'text/javascript; charset=utf-8')
export const MARK = assetFile('mark', 'svg', 'image/svg+xml')

/** Answers the paths of our files. */
export function assetRoutes(): Hono<Env> {
  const app = new Hono<Env>()
  for (const { path, type, text } of [STYLE, SCRIPT, MARK]) {
    const headers = { 'content-type': type, 'cache-control': FOR_EVER, 'x-content-type-options': 'nosniff' }
    app.get(path, (c) => c.body(text, 200, headers))
  }
  return app
}

const FOR_EVER = 'public, max-age=31536000, immutable'

function assetFile(name: string, extension: string, type: string): AssetFile {
  const text = readFileSync(new URL(`${name}.${extension}`, FOLDER), 'utf8')
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 12)
  return { path: `/assets/${name}.${hash}.${extension}`, type, text }
}
