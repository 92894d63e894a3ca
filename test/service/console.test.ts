import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { consoleFiles } from '../../packages/server/src/service/console.ts'

let folder: string
let app: Hono

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-console-'))
  mkdirSync(join(folder, 'built/assets'), { recursive: true })
  writeFileSync(join(folder, 'secret.txt'), 'a secret beside the console')
  writeFileSync(join(folder, 'built/index.html'), '<!doctype html><title>console</title>')
  writeFileSync(join(folder, 'built/assets/index-abc123.js'), 'start()')
  writeFileSync(join(folder, 'built/assets/index-abc123.css'), 'body{}')
  writeFileSync(join(folder, 'built/mark.svg'), '<svg/>')
  app = new Hono().route('/console', consoleFiles(join(folder, 'built/')))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([
  ['/console/', 'text/html; charset=utf-8', 'no-cache'],
  ['/console/sessions', 'text/html; charset=utf-8', 'no-cache'],
  ['/console/sessions/019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071', 'text/html; charset=utf-8', 'no-cache'],
  ['/console/assets/index-abc123.js', 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable'],
  ['/console/assets/index-abc123.css', 'text/css; charset=utf-8', 'public, max-age=31536000, immutable'],
  ['/console/mark.svg', 'image/svg+xml', 'no-cache'],
])('%s is %s, kept %s', async (path, type, kept) => {
  const response = await app.request(path)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe(type)
  expect(response.headers.get('cache-control')).toBe(kept)
})

test('a page of the console is the one page there is', async () => {
  expect(await (await app.request('/console/keys')).text()).toBe('<!doctype html><title>console</title>')
})

test('without the slash at its end it leads to the console', async () => {
  const response = await app.request('/console')
  expect([response.status, response.headers.get('location')]).toEqual([308, '/console/'])
})

test.each([
  '/console/assets/missing.js',
  '/console/missing.css',
  '/console/../secret.txt',
  '/console/%2e%2e/secret.txt',
  '/console/..%2fsecret.txt',
  '/console/..%5csecret.txt',
  '/console/assets/../../secret.txt',
  '/console//etc/passwd.txt',
  '/console/\u0000secret.txt',
])('%s is nothing, and leads nowhere', async (path) => {
  const response = await app.request(path)
  expect(response.status).toBe(404)
  expect(await response.text()).not.toContain('a secret')
})

test('where it is not built, that is said', async () => {
  const unbuilt = new Hono().route('/console', consoleFiles(join(folder, 'nothing/')))
  const response = await unbuilt.request('/console/')
  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining('npm run build') })
})
