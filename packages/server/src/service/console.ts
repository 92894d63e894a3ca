import { Hono } from 'hono'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { problem } from 'sojourn/http'
import type { Env } from './env.ts'

/** From the sources and from what is built this is the same folder. */
const FOLDER = fileURLToPath(new URL('../../dist/console/', import.meta.url))
const PREFIX = '/console/'
const PAGE = 'index.html'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.map': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
}
/** The build puts the hash of their content into the names of these. */
const HASHED = /^assets\//
const FOR_EVER = 'public, max-age=31536000, immutable'
const ASK_AGAIN = 'no-cache'

interface ConsoleFile {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The files of the console, as they were built. Anybody may have them: there is nothing in them, and what they ask for is
 * refused to who may not have it. Every path that is no file is a page of the console.
 */
export function consoleFiles(folder: string = FOLDER): Hono<Env> {
  // What is answered with is what was there at the start, found by its name: no path leads out of the folder.
  const files = readFiles(folder)
  return new Hono<Env>().get('/*', (c) => {
    const { path } = c.req
    if (!path.startsWith(PREFIX)) return c.redirect(PREFIX, 308)
    const name = path.slice(PREFIX.length)
    const file = files.get(name) ?? (extname(name) === '' ? files.get(PAGE) : undefined)
    if (file !== undefined) return c.body(file.bytes, 200, file.headers)
    return problem('not_found', files.size === 0 ? { detail: 'the console is not built; run npm run build' } : {})
  })
}

function readFiles(folder: string): ReadonlyMap<string, ConsoleFile> {
  if (!existsSync(folder)) return new Map()
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    entries.map(({ parentPath, name }) => {
      const path = `${parentPath}/${name}`
      const type = TYPES[extname(name)] ?? 'application/octet-stream'
      const place = path.slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, '')
      const headers = { 'content-type': type, 'cache-control': HASHED.test(place) ? FOR_EVER : ASK_AGAIN }
      return [place, { bytes: new Uint8Array(readFileSync(path)), headers }] as const
    }),
  )
}
