/**
 * What a user gets. Both packages are packed, installed into an empty folder and used there: every subpath is imported,
 * our declarations are checked by a strict compiler with nothing skipped, and the program is started. What the
 * program depends on comes from npm's cache, where `npm ci` left it, or else from the registry.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { packInto, withThisNode } from '../tools/pack.ts'
import { required } from './support/require.ts'

const WORKSPACE = resolve(import.meta.dirname, '..')

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const UNREACHABLE = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|TIMEDOUT|TIMEOUT/
const COMMANDS =
  'demo migrate adopt doctor user login logout validate list show revoke invalidate stats cleanup tail'.split(' ')

let folder: string
/** Why npm did not install, or null when it did. */
let refusal: string | null

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-exports-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const tarballs = packInto(folder).map(({ tarball }) => tarball)
  const typesOfNode = `@types/node@${manifestOf(WORKSPACE).devDependencies?.['@types/node']}`
  const install = ['install', '--prefer-offline', '--no-audit', '--ignore-scripts', '--fetch-retries=0']
  const { status, stderr } = run('npm', [...install, typesOfNode, ...tarballs])
  refusal = status === 0 ? null : stderr
}, 120_000)

beforeEach((context) => {
  if (refusal !== null && !UNREACHABLE.test(refusal)) throw new Error(refusal)
  required(context, 'npm registry, nor its packages in the cache of npm', refusal === null ? folder : null)
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the library, as it is published', () => {
  const subpaths = Object.keys(manifestOf(join(WORKSPACE, 'packages/sojourn')).exports)
  const modules = subpaths
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => `sojourn${subpath.slice(1)}`)

  test.each(modules)('%s can be imported, and required', (name) => {
    const program = `
      const names = Object.keys(await import('${name}')).filter((name) => name !== 'default' && name !== 'module.exports')
      const { createRequire } = await import('node:module')
      const required = Object.keys(createRequire(import.meta.url)('${name}'))
      console.log(names.length > 0 && names.every((name) => required.includes(name)))`
    expect(node(['--input-type=module', '--eval', program])).toEqual({ status: 0, stdout: 'true\n', stderr: '' })
  })

  test('nothing behind the export map can be imported', () => {
    const { stderr } = node(['--input-type=module', '--eval', `await import('sojourn/dist/core/manager.js')`])
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  test('a first program type-checks with every declaration of ours checked, and runs', () => {
    writeFileSync(join(folder, 'first-program.ts'), `${FIRST_PROGRAM}${modules.map(importOf).join('')}`)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: STRICT, files: ['first-program.ts'] }),
    )
    const compiled = run(join(WORKSPACE, 'node_modules/.bin/tsc'), ['--project', folder])
    expect(compiled).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(node(['first-program.ts'])).toEqual({ status: 0, stdout: 'true ada false\n', stderr: '' })
  })
})

describe('the program, as it is published', () => {
  test('starts and teaches its commands', () => {
    const { status, stdout, stderr } = sojourn(['--help'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ +${command}\\b`, 'm'))
  })

  test('does its first steps on a database that it makes', () => {
    const migrated = sojourn(['--database', 'sqlite:./app.db', 'migrate'])
    expect({ status: migrated.status, stderr: migrated.stderr }).toEqual({ status: 0, stderr: '' })
    const stats = sojourn(['--database', 'sqlite:./app.db', '--json', 'stats'])
    expect({ status: stats.status, stderr: stats.stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stats.stdout)).toMatchObject({ total: 0, active: 0 })
  })
})

const STRICT = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

const FIRST_PROGRAM = `
import { SessionManager } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'

const sessions = new SessionManager({ store: SqliteStore.open('first.db') })
const { session, token } = await sessions.create({ userId: '42', username: 'ada' })
const check = await sessions.validate(token)
await sessions.revoke({ id: session.id }, { reason: 'revoked', actor: 'ops:grace' })
const again = await sessions.validate(token)
console.log(check.ok, check.ok && check.session.username, again.ok)
// @ts-expect-error an id is no token
await sessions.end(session.id satisfies typeof token)
await sessions.close()
`

function importOf(name: string, index: number): string {
  return `import type * as m${index} from '${name}'\nexport type { m${index} }\n`
}

function manifestOf(path: string): Manifest {
  return JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest
}

function sojourn(options: readonly string[]): Ended {
  return run(join(folder, 'node_modules/.bin/sojourn'), options)
}

function node(options: readonly string[]): Ended {
  return run(process.execPath, options)
}

function run(command: string, options: readonly string[]): Ended {
  const env = { ...withThisNode(), NO_COLOR: '1', FORCE_COLOR: undefined }
  const { status, stdout, stderr } = spawnSync(command, options, { cwd: folder, encoding: 'utf8', env })
  return { status, stdout, stderr }
}
