/**
 * A document that does not run is a rumour. Every ```ts block in the README and in docs/ is a whole program: it is
 * run as its reader would run it, with the built library, in an empty folder; and what its comments say it prints is compared.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { apiReference } from '../tools/api-reference.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const pages = [
  'README.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The programs of a page, each with the lines it says it prints. */
function programsOf(page: string): readonly { source: string; prints: readonly string[] }[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, source]) => ({
    source: source!,
    prints: promised(source!),
  }))
}

/** `console.log(…) // text` promises that text, up to a colon that begins an explanation; `// text` on lines of its own after a log, too. */
function promised(source: string): readonly string[] {
  const lines = source.split('\n')
  return lines.flatMap((line, at) => {
    const sameLine = /console\.log\(.*\) \/\/ (.*)$/.exec(line)?.[1]
    if (sameLine !== undefined) return [sameLine.replace(/: .*$/, (tail) => (sameLine.startsWith('{') ? tail : ''))]
    return /^\/\/ /.test(line) && lines.slice(0, at).some((before) => before.includes('console.log'))
      ? [line.slice(3)]
      : []
  })
}

async function output(source: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-docs-'))
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'program.ts'), source)
    const { stdout } = await run(process.execPath, ['program.ts'], { cwd: folder })
    return stdout.split('\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe.each(pages)('%s', (page) => {
  const programs = programsOf(page)
  test.each(programs.map((program, index) => ({ name: `program ${index + 1}`, ...program })))(
    '$name runs and prints what it says',
    async ({ source, prints }) => {
      const printed = await output(source)
      for (const line of prints) expect(printed).toContain(line)
    },
  )

  test('every link to a file of the project leads somewhere', () => {
    const text = readFileSync(join(root, page), 'utf8')
    const targets = [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target!)
    const missing = targets.filter((target) => {
      try {
        readdirSync(join(root, page, '..', target))
        return false
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'ENOTDIR'
      }
    })
    expect(missing).toEqual([])
  })
})

test('docs/API.md says what the docstrings say', () => {
  expect(readFileSync(join(root, 'docs/API.md'), 'utf8')).toBe(apiReference())
})
