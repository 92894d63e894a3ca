/**
 * Who may import whom, and what may not be written where. Each rule is here because of what breaks without it.
 *
 * - *core imports only itself*, and of Node only crypto, util and timers/promises: what decides whether a session
 *   lives can be read, tested and moved without an engine, a file or a network.
 * - *auth imports core*: signing in is a layer above sessions; an application with its own login leaves it out.
 * - *stores import core, and of auth only types*: a store keeps users, it knows nothing of passwords.
 * - *adopt imports core and auth*: a reader of a foreign system makes our records and must know which password hashes
 *   we can verify; where they go is any store's business.
 * - *testing imports core, auth, http and the memory store, and nobody imports testing*: the contract of adapters needs a
 *   whole site to try them on; what is published for tests does not end up in a program.
 * - *http imports core and auth; adapters import http and core*: the rules of cookies and origins are written once.
 * - *the program imports the library by its public subpaths*: what it needs, anybody can have.
 * - *the console imports neither*: it speaks HTTP, like every other client.
 * - *no cycles*: a file can be understood with those it imports, and those end somewhere.
 * - *the library has no runtime dependency*: nobody else's release can break a login. Drivers that a user may bring
 *   are optional peers, imported late.
 * - *no clock and no dice in the library*: time is handed in (`core/clock.ts` is where it comes from), so that a host's
 *   wall clock decides nothing and tests need not wait; chance comes from the operating system's generator.
 * - *no upsert*: nothing after `insert` inserts, or a logged-out session comes back.
 * - *one entry of the export map is one file*: the folder listing is the public API.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, withoutComments } from './support/imports.ts'
import type { Import } from './support/imports.ts'

interface Area {
  /** Folders or files of the same package whose values and types it may import; its own folder always. */
  readonly may: readonly string[]
  /** Folders of the same package of which it may import types. */
  readonly types?: readonly string[]
  /** Modules of Node it may import. Left out: any. */
  readonly node?: readonly string[]
  /** Packages it may import, and what is below them; of ours only what is named. */
  readonly packages?: readonly string[]
  /** Packages it may import late only, since they may not be installed. */
  readonly late?: readonly string[]
}

const LIBRARY = manifest('packages/sojourn')
const PROGRAM = manifest('packages/server')
const LIBRARY_SUBPATHS = Object.keys(LIBRARY.exports).map((subpath) => subpath.replace(/^\./, 'sojourn'))
const CONSOLE = manifest('packages/console')
const FOR_THE_PROGRAM = [...LIBRARY_SUBPATHS, ...Object.keys(PROGRAM.dependencies ?? {})]
const TABLE: Readonly<Record<string, Area>> = {
  'packages/sojourn/src/index.ts': { may: ['core'], node: [] },
  'packages/sojourn/src/core': { may: [], node: ['node:crypto', 'node:util', 'node:timers/promises'] },
  'packages/sojourn/src/auth': { may: ['core'], late: Object.keys(LIBRARY.peerDependencies ?? {}) },
  'packages/sojourn/src/stores': { may: ['core'], types: ['auth'] },
  'packages/sojourn/src/adopt': { may: ['core', 'auth'] },
  'packages/sojourn/src/testing': { may: ['core', 'auth', 'http', 'stores/memory.ts'] },
  'packages/sojourn/src/http': { may: ['core', 'auth'], node: [] },
  'packages/sojourn/src/adapters': { may: ['core', 'http'] },
  'packages/server/src/cli': { may: ['service'], packages: FOR_THE_PROGRAM },
  'packages/server/src/service': { may: [], packages: FOR_THE_PROGRAM },
  'packages/console/src': { may: [], node: [], packages: Object.keys(CONSOLE.devDependencies ?? {}) },
}

/** Where a clock may be read or a timer set, and what for. */
const EXCEPTIONS: Readonly<Record<string, RegExp>> = {
  // Where time comes from.
  'packages/sojourn/src/core/clock.ts': /./,
  // Pauses while another process holds the lock; decides nothing about a session.
  'packages/sojourn/src/stores/sqlite/writer.ts': /^setTimeout$/,
  // Leaves others time between two writes to the index of texts; decides nothing about a session.
  'packages/sojourn/src/stores/sqlite/search.ts': /^setTimeout$/,
  // Gives a call up that the server does not answer, and destroys its connection; decides nothing about a session.
  'packages/sojourn/src/stores/postgres/engine.ts': /^setTimeout$/,
  // Gives up a call whose answer does not come; decides nothing about a session.
  'packages/sojourn/src/stores/redis/connection.ts': /^setTimeout$/,
  // When to ask next whether another server has taken over; decides nothing about a session.
  'packages/sojourn/src/stores/redis/watch.ts': /^setTimeout$/,
}
const CLOCKS_AND_DICE =
  /\bDate\.now\b|\bDate\(\s*\)|\bMath\.random\b|\bperformance\b|\bhrtime\b|\bset(?:Timeout|Interval)\b/g
const UPSERTS = /\bON\s+CONFLICT\b|\b(?:INSERT|UPDATE)\s+OR\b|\b(?:REPLACE|MERGE)\s+INTO\b|\bON\s+DUPLICATE\s+KEY\b/gi

/** A source file, by its path from the root of the workspace. */
interface Source {
  readonly path: string
  readonly text: string
}

const SOURCES: readonly Source[] = globSync('packages/*/src/**/*.{ts,tsx}', { cwd: root() })
  .filter((path) => !/\.test\.tsx?$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(root(), path), 'utf8') }))

describe('the sources', () => {
  test('there are some', () => {
    expect(SOURCES.length).toBeGreaterThan(20)
  })

  test('import only what the table allows', () => {
    expect(SOURCES.flatMap(forbiddenImports)).toEqual([])
  })

  test('import no file that imports them', () => {
    expect(cycles(SOURCES)).toEqual([])
  })

  test('read no clock and throw no dice in the library', () => {
    expect(SOURCES.flatMap(clocksAndDice)).toEqual([])
  })

  test('contain no upsert', () => {
    expect(SOURCES.flatMap(upserts)).toEqual([])
  })
})

describe('the packages', () => {
  test('the library has no runtime dependency, and every peer is optional', () => {
    const { dependencies, optionalDependencies, peerDependencies = {}, peerDependenciesMeta = {} } = LIBRARY
    expect({ dependencies, optionalDependencies }).toEqual({})
    expect(Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)).toEqual([])
  })

  test('every entry of the export map is one file', () => {
    for (const [subpath, target] of Object.entries(LIBRARY.exports)) {
      if (subpath === './package.json') continue
      const source = sourceOf(target)
      expect(target, subpath).toEqual({ types: `./dist/${source}.d.ts`, default: `./dist/${source}.js` })
      expect(existsSync(join(root(), `packages/sojourn/src/${source}.ts`)), `${subpath} is src/${source}.ts`).toBe(true)
    }
  })

  test('the type checker reads the source of an export where the tests do', () => {
    const { compilerOptions } = json('tsconfig.json') as { compilerOptions: { paths: Record<string, string[]> } }
    for (const [subpath, target] of Object.entries(LIBRARY.exports)) {
      if (subpath === './package.json' || subpath === '.') continue
      const candidates = compilerOptions.paths['sojourn/*']?.map((path) => path.replace('*', subpath.slice(2))) ?? []
      const chosen = candidates.find((path) => existsSync(join(root(), path)))
      expect(chosen, subpath).toBe(`./packages/sojourn/src/${sourceOf(target)}.ts`)
    }
  })

  test('everything names the same Node', () => {
    const workspace = manifest('.')
    expect([LIBRARY.engines, PROGRAM.engines]).toEqual([workspace.engines, workspace.engines])
    const pinned = readFileSync(join(root(), '.node-version'), 'utf8').trim()
    expect(new Set(Object.values(workspace.optionalDependencies ?? {}))).toEqual(new Set([pinned]))
  })
})

describe('the rules bite', () => {
  test.each([
    ['core imports a store', 'sojourn/src/core', `import { A } from '../stores/memory.ts'`],
    ['core imports types of auth', 'sojourn/src/core', `import type { A } from '../auth/users.ts'`],
    ['core imports the file system', 'sojourn/src/core', `import { readFileSync } from 'node:fs'`],
    ['core imports late', 'sojourn/src/core', `  const fs = await import('node:fs')`],
    ['core imports a type on the way', 'sojourn/src/core', `let a: import('../auth/users.ts').User`],
    ['core imports for the effect', 'sojourn/src/core', `import '../auth/users.ts'`],
    ['core imports everything', 'sojourn/src/core', `import * as users from '../auth/users.ts'`],
    ['core re-exports everything', 'sojourn/src/core', `export * from '../auth/users.ts'`],
    ['core imports over several lines', 'sojourn/src/core', `import {\n  A,\n  B,\n} from "../auth/users.ts"`],
    ['a store imports values of auth', 'sojourn/src/stores', `import { viewUser } from '../auth/users.ts'`],
    ['a store re-exports values of auth', 'sojourn/src/stores', `export { viewUser } from '../auth/users.ts'`],
    ['a store imports a driver', 'sojourn/src/stores', `import type { Pool } from 'pg'`],
    ['a store imports testing', 'sojourn/src/stores', `import { A } from '../testing/index.ts'`],
    ['auth imports a store', 'sojourn/src/auth', `import { A } from '../stores/memory.ts'`],
    ['auth cannot do without a peer', 'sojourn/src/auth', `import { hash } from '@node-rs/argon2'`],
    ['adopt imports an engine of ours', 'sojourn/src/adopt', `import { A } from '../stores/sqlite.ts'`],
    ['testing imports another store', 'sojourn/src/testing', `import { A } from '../stores/sqlite.ts'`],
    ['the library imports itself by name', 'sojourn/src/auth', `import { A } from 'sojourn'`],
    ['the program reaches into the library', 'server/src/cli', `import { A } from '../../../sojourn/src/core/x.ts'`],
    ['the program uses what is not public', 'server/src/cli', `import { A } from 'sojourn/core/policy'`],
    ['the program uses what it does not declare', 'server/src/cli', `import { A } from 'knip'`],
    ['the console imports the library', 'console/src', `import { A } from 'sojourn'`],
    ['the console uses what it does not declare', 'console/src', `import { A } from 'react-query'`],
    ['the console imports Node', 'console/src', `import { join } from 'node:path'`],
  ])('%s', (_, folder, text) => {
    const specifier = /['"](.+)['"]/.exec(text)?.[1]
    expect(forbiddenImports({ path: `packages/${folder}/x.ts`, text })).toEqual([
      expect.stringContaining(`'${specifier}'`),
    ])
  })

  test('a folder without a line in the table', () => {
    expect(forbiddenImports({ path: 'packages/sojourn/src/new/x.ts', text: '' })).toHaveLength(1)
  })

  test('what is allowed is let through, and a comment is no import', () => {
    const allowed = [
      { path: 'packages/sojourn/src/stores/x.ts', text: `import type { UserRecord } from '../auth/users.ts'` },
      { path: 'packages/sojourn/src/auth/x.ts', text: `  return await import('@node-rs/argon2')` },
      { path: 'packages/sojourn/src/testing/x.ts', text: `import { A } from '../stores/memory.ts'` },
      { path: 'packages/sojourn/src/core/x.ts', text: `/**\nimport { A } from 'sojourn'\n*/\n// import('pg')` },
      { path: 'packages/server/src/cli/x.ts', text: `import { SessionManager } from 'sojourn'` },
    ]
    expect(allowed.flatMap(forbiddenImports)).toEqual([])
  })

  test('a cycle of three, though it is of types only', () => {
    const circle = [
      { path: 'packages/sojourn/src/core/a.ts', text: `import type { B } from './b.ts'` },
      { path: 'packages/sojourn/src/core/b.ts', text: `import { C } from '../core/c.ts'` },
      { path: 'packages/sojourn/src/core/c.ts', text: `export type { A } from './a.ts'` },
    ]
    expect(cycles(circle)).toEqual([expect.stringContaining('a.ts → packages/sojourn/src/core/b.ts → ')])
  })

  test.each([
    'Date.now()',
    'new Date()',
    'new Date( )',
    'Date()',
    'Math.random()',
    'performance.now()',
    'process.hrtime.bigint()',
    'setTimeout(task, 5)',
    `import { setTimeout } from 'node:timers/promises'`,
    'setInterval(task, 5)',
  ])('a clock or dice: %s', (text) => {
    expect(clocksAndDice({ path: 'packages/sojourn/src/stores/x.ts', text })).toHaveLength(1)
    expect(clocksAndDice({ path: 'packages/sojourn/src/core/x.ts', text })).toHaveLength(1)
  })

  test('an instant that was handed in is no clock, and core/clock.ts may read one', () => {
    const text = 'new Date(now); Date.parse(text); clock.now() // not Date.now()'
    expect(clocksAndDice({ path: 'packages/sojourn/src/core/x.ts', text })).toEqual([])
    expect(clocksAndDice({ path: 'packages/sojourn/src/core/clock.ts', text: 'Date.now()' })).toEqual([])
  })

  test.each([
    'INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1',
    'insert or ignore into t values (1)',
    'INSERT OR REPLACE INTO t',
    'REPLACE INTO t VALUES (1)',
    'MERGE INTO t USING s',
    'INSERT INTO t VALUES (1) ON DUPLICATE\n KEY UPDATE a = 1',
  ])('an upsert: %s', (sql) => {
    expect(upserts({ path: 'packages/server/src/cli/x.ts', text: `const sql = \`${sql}\`` })).not.toEqual([])
  })
})

function forbiddenImports({ path, text }: Source): readonly string[] {
  const areaPath = Object.keys(TABLE).find((each) => path === each || path.startsWith(`${each}/`))
  const area = areaPath === undefined ? undefined : TABLE[areaPath]
  if (areaPath === undefined || area === undefined) return [`${path}: give the folder a line in the table of this test`]
  return importsOf(text)
    .filter((each) => !isAllowed(each, path, areaPath, area))
    .map(({ specifier, kind }) => `${path}: may not import '${specifier}' (${kind})`)
}

function isAllowed({ specifier, kind }: Import, path: string, areaPath: string, area: Area): boolean {
  if (isBuiltin(specifier)) return specifier.startsWith('node:') && (area.node?.includes(specifier) ?? true)
  if (!specifier.startsWith('.')) {
    const isOf = (each: string): boolean => specifier === each || (!isOurs(each) && specifier.startsWith(`${each}/`))
    return area.packages?.some(isOf) === true || (kind === 'late' && area.late?.includes(specifier) === true)
  }
  if (!/\.tsx?$/.test(specifier)) return false
  const target = posix.join(dirname(path), specifier)
  const sources = /^packages\/[^/]+\/src/.exec(path)?.[0] ?? ''
  const isUnder = (folder: string): boolean => target === folder || target.startsWith(`${folder}/`)
  if (isUnder(areaPath) || area.may.some((each) => isUnder(`${sources}/${each}`))) return true
  return kind === 'type' && area.types?.some((each) => isUnder(`${sources}/${each}`)) === true
}

/** Of our own packages nothing may be imported but what is named; of others whatever they offer. */
function isOurs(specifier: string): boolean {
  return /^(?:sojourn|@sojourn)(?:\/|$)/.test(specifier)
}

/** Each cycle once, as the files along it. */
function cycles(sources: readonly Source[]): readonly string[] {
  const imports = new Map(sources.map(({ path, text }) => [path, neighbours(path, text)]))
  const settled = new Set<string>()
  const found: string[] = []
  const follow = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) found.push([...trail.slice(start), path].join(' → '))
    if (start !== -1 || settled.has(path)) return
    for (const next of imports.get(path) ?? []) follow(next, [...trail, path])
    settled.add(path)
  }
  for (const { path } of sources) follow(path, [])
  return found
}

function neighbours(path: string, text: string): readonly string[] {
  return importsOf(text)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => posix.join(dirname(path), specifier))
}

function clocksAndDice({ path, text }: Source): readonly string[] {
  if (!path.startsWith('packages/sojourn/src/')) return []
  return [...withoutComments(text).matchAll(CLOCKS_AND_DICE)]
    .filter(([found]) => EXCEPTIONS[path]?.test(found) !== true)
    .map(([found]) => `${path}: ${found}; take the instant as an argument`)
}

function upserts({ path, text }: Source): readonly string[] {
  return [...withoutComments(text).matchAll(UPSERTS)].map(
    ([found]) => `${path}: ${found}; make it conditional on what stands`,
  )
}

interface Manifest {
  readonly engines: object
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

function manifest(folder: string): Manifest {
  return json(`${folder}/package.json`) as Manifest
}

/** `stores/sqlite` of an entry that points to `./dist/stores/sqlite.js`. */
function sourceOf(target: unknown): string {
  return /^\.\/dist\/(.*)\.js$/.exec((target as { readonly default: string }).default)?.[1] ?? ''
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(join(root(), path), 'utf8'))
}

function root(): string {
  return resolve(import.meta.dirname, '..')
}
