/**
 * Looks at both packages as a registry would receive them: publint and attw find nothing, the library needs nothing
 * at run time, and nothing is in them but what a user needs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { packInto } from './pack.ts'
import type { Packed } from './pack.ts'

interface Manifest {
  readonly bin?: object
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
}

const temporary = mkdtempSync(join(tmpdir(), 'sojourn-packages-'))
try {
  for (const packed of packInto(temporary)) {
    const problems = [...misplaced(packed), ...needless(packed), ...(await publishing(packed)), ...types(packed)]
    for (const problem of problems) console.error(`${packed.name}: ${problem}`)
    if (problems.length > 0) process.exitCode = 1
    else console.log(`${packed.name}: ${packed.files.length} files, as they should be`)
  }
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

/** Files that are missing from a package, and files that nobody needs there. */
function misplaced({ folder, files }: Packed): readonly string[] {
  const missing = ['LICENSE', 'README.md', 'package.json'].filter((file) => !files.includes(file))
  const surplus = files.filter((file) => !isExpected(file, folder))
  return [
    ...missing.map((file) => `${file} is missing`),
    ...surplus.map((file) => `${file} is packed; leave it out by "files", or build afresh if its source is gone`),
    ...(readFileSync('LICENSE', 'utf8') === readFileSync(join(folder, 'LICENSE'), 'utf8')
      ? []
      : ['LICENSE is not the one of the root; copy it']),
  ]
}

function isExpected(file: string, folder: string): boolean {
  if (['LICENSE', 'README.md', 'package.json'].includes(file)) return true
  if (/^bin\/[\w-]+\.cjs$/.test(file)) return true
  // What the service hands to browsers: the console as it was built, and the files of the pages as they are.
  if (/^(?:dist\/console|src\/service\/pages\/assets)\/.+\.(?:css|html|js|svg|woff2)$/.test(file)) return true
  const built = /^dist\/(.*?)(?:\.d\.ts|\.js)$/.exec(file)?.[1]
  if (built === undefined || built.endsWith('.test')) return false
  return ['.ts', '.tsx'].some((ending) => existsSync(join(folder, 'src', built + ending)))
}

/** What the library would pull in, which is nothing. */
function needless({ name, folder }: Packed): readonly string[] {
  const names = Object.keys(manifestOf(folder).dependencies ?? {})
  return name === 'sojourn' ? names.map((each) => `depends on ${each}; the library has no runtime dependency`) : []
}

async function publishing({ folder, tarball }: Packed): Promise<readonly string[]> {
  const bytes = readFileSync(tarball)
  const manifest = manifestOf(folder)
  const { messages } = await publint({ strict: true, pack: { tarball: new Uint8Array(bytes).buffer } })
  return messages.map(
    (message) => `publint: ${formatMessage(message, { ...manifest }, { color: false }) ?? message.code}`,
  )
}

/** A program without an import of its own has no types that could be wrong. */
function types({ folder, tarball }: Packed): readonly string[] {
  const { exports } = manifestOf(folder)
  if (Object.keys(exports).every((subpath) => subpath === './package.json')) return []
  const attw = spawnSync('attw', ['--profile', 'esm-only', '--no-emoji', tarball], { encoding: 'utf8' })
  return attw.status === 0 ? [] : [`attw: ${attw.error?.message ?? attw.stdout}`]
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
