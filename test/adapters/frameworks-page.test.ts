/** The pieces of docs/FRAMEWORKS.md, each beside the one file that they all import. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/FRAMEWORKS.md'), 'utf8')
const PIECES = fenced('typescript').map((source) => ({
  name: /'sojourn\/(\w+)'/.exec(source)?.[1] ?? 'nothing of ours',
  source,
}))
const NEXT = fenced('tsx').map((source) => ({ path: /^\/\/ (\S+)/.exec(source)?.[1] ?? '', source }))

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-frameworks-'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'sojourn.ts'), fenced('ts')[0]!)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(PIECES)('the piece for $name runs', async ({ source }) => {
  const path = join(folder, 'piece.ts')
  writeFileSync(path, source)
  expect(await run(process.execPath, [path], { cwd: folder })).toEqual({ stdout: '', stderr: '' })
})

test.each(NEXT.filter(({ path }) => path.endsWith('.ts')))('$path is that of the example', ({ path, source }) => {
  const example = readFileSync(join(ROOT, 'examples/next', path), 'utf8')
  expect(`// ${path}\n${example}`).toBe(source)
})

test('there is a piece for every framework', () => {
  expect(new Set(PIECES.map(({ name }) => name))).toEqual(new Set(['express', 'fastify', 'hono', 'node', 'fetch']))
  expect(NEXT).toHaveLength(3)
})

function fenced(language: string): readonly string[] {
  return [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, source]) => source!)
}
