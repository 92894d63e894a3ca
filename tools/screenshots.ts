/**
 * Takes pictures of every page, in light and dark, wide and narrow, of the service as it runs on a throw-away database
 * that looks lived in. `node tools/screenshots.ts [FOLDER]`, default `screenshots/`. The README's picture is one of them.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fillLifelike } from '../test/e2e/lifelike.ts'
import { takeScreenshots } from '../test/e2e/screenshots.ts'
import { openBrowser } from '../test/support/browser.ts'

const PROGRAM = 'packages/server/bin/sojourn.cjs'
const IN_README = 'docs/images/console.png'
const folder = process.argv[2] ?? 'screenshots'
const temporary = mkdtempSync(join(tmpdir(), 'sojourn-screenshots-'))
const served: ChildProcess[] = []

try {
  const lived = join(temporary, 'lived.db')
  await fillLifelike(lived, Date.now())
  const url = await serve(lived, /https?:\/\/[\w.[\]-]+:\d+/)
  // The set-up page is there only where there is no operator yet.
  const setup = await serve(join(temporary, 'empty.db'), /https?:\/\/\S+\/setup\/[\w-]+/)
  const browser = await openBrowser()
  if (browser === null) throw new Error('pictures need a browser; install Chromium')
  try {
    const onShot = (path: string): void => console.log(path)
    await takeScreenshots(browser, { url, setup, folder, onShot })
  } finally {
    await browser.close()
  }
  const picture = join(folder, 'console-sessions-light-wide.png')
  if (existsSync(picture)) {
    mkdirSync('docs/images', { recursive: true })
    copyFileSync(picture, IN_README)
    console.log(IN_README)
  }
} finally {
  for (const child of served) {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
  rmSync(temporary, { recursive: true, force: true })
}

/** Starts the service on a database, and answers with what it prints that looks like this. */
async function serve(database: string, wanted: RegExp): Promise<string> {
  const options = ['--database', `sqlite:${database}`, 'serve', '--development', '--port', '0']
  const child = spawn(process.execPath, [PROGRAM, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  served.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const found = wanted.exec(line)?.[0]
    if (found === undefined) continue
    child.stdout.resume()
    return found
  }
  throw new Error('the service has ended before it said where it is')
}
